//! An environment as `DescribeEnvironments` tells it.

use anyhow::Context as _;
use serde::Serialize;

use super::{is_id, pages};
use crate::admin::{Admin, Element, Error, Form};

/// What is shown of an environment; as JSON, under Elastic Beanstalk's own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Description {
    pub(super) environment_name: String,
    /// `e-…`
    pub(super) environment_id: String,
    pub(super) application_name: String,
    /// `Ready`
    pub(super) status: String,
    /// A colour.
    pub(super) health: String,
    pub(super) solution_stack_name: Option<String>,
    pub(super) version_label: Option<String>,
    #[serde(rename = "CNAME")]
    pub(super) cname: Option<String>,
    pub(super) date_created: String,
    pub(super) date_updated: String,
}

impl Description {
    fn of(member: &Element) -> Self {
        let text = |path| member.text(path).unwrap_or_default().to_owned();
        let option = |path| member.text(path).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            environment_name: text("EnvironmentName"),
            environment_id: text("EnvironmentId"),
            application_name: text("ApplicationName"),
            status: text("Status"),
            health: text("Health"),
            solution_stack_name: option("SolutionStackName"),
            version_label: option("VersionLabel"),
            cname: option("CNAME"),
            date_created: text("DateCreated"),
            date_updated: text("DateUpdated"),
        }
    }

    /// Is it gone, and only shown for a while?
    pub(super) fn is_terminated(&self) -> bool {
        self.status == "Terminated"
    }
}

/// The environments that a question to `DescribeEnvironments` is answered with.
pub(super) fn describe(admin: &Admin, form: &Form) -> Result<Vec<Description>, Error> {
    let pages = pages(admin, "DescribeEnvironments", form)?;
    Ok(pages.iter().flat_map(|page| page.result.members("Environments")).map(Description::of).collect())
}

/// The environment of a name, or an id. Of those that had the name it is the one that is there, else the last one.
pub(super) fn find(admin: &Admin, name: &str) -> anyhow::Result<Description> {
    let by = if is_id(name) { "EnvironmentIds.member" } else { "EnvironmentNames.member" };
    let found = describe(admin, &Form::default().list(by, [name]))?;
    newest(found).with_context(|| {
        format!(
            "there is no environment `{name}` in {}; `imds environment list` shows those of the region, --region chooses \
             another",
            admin.region()
        )
    })
}

fn newest(found: Vec<Description>) -> Option<Description> {
    found.into_iter().max_by(|one, other| {
        let rank = |one: &Description| (!one.is_terminated(), one.date_created.clone());
        rank(one).cmp(&rank(other))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two environments of an answer of `DescribeEnvironments`.
    const TWO: &str = "<DescribeEnvironmentsResult><Environments><member><EnvironmentName>shop-dev</EnvironmentName>\
        <EnvironmentId>e-abcdefgh12</EnvironmentId><ApplicationName>shop</ApplicationName><VersionLabel>Sample Application\
        </VersionLabel><SolutionStackName>64bit Amazon Linux 2023 v4.7.0 running Python 3.11</SolutionStackName>\
        <CNAME>shop-dev.us-east-1.elasticbeanstalk.com</CNAME><DateCreated>2026-11-24T12:00:00.000Z</DateCreated>\
        <DateUpdated>2026-11-24T12:00:02.000Z</DateUpdated><Status>Ready</Status><Health>Green</Health></member><member>\
        <EnvironmentName>shop-dev</EnvironmentName><EnvironmentId>e-zbcdefgh12</EnvironmentId><ApplicationName>shop\
        </ApplicationName><DateCreated>2026-11-25T12:00:00.000Z</DateCreated><DateUpdated>2026-11-25T12:00:02.000Z</DateUpdated>\
        <Status>Terminated</Status><Health>Grey</Health></member></Environments></DescribeEnvironmentsResult>";

    pub(in super::super) fn two() -> Vec<Description> {
        Element::parse(TWO).unwrap().members("Environments").map(Description::of).collect()
    }

    #[test]
    fn one_that_is_there_comes_before_those_that_were() {
        let mut all = two();
        assert_eq!(newest(all.clone()).unwrap().environment_id, "e-abcdefgh12");
        all[0].status = "Terminated".into();
        assert_eq!(newest(all).unwrap().environment_id, "e-zbcdefgh12");
        assert_eq!(newest(Vec::new()), None);
    }
}
