//! `DescribeApplicationVersions`: those of an application or of all, those with these labels or all.

use super::page::{self, Order};
use super::version;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let labels = params.list("VersionLabels.member");
    let mut all = version::all(call, params.text("ApplicationName"))?;
    all.retain(|found| labels.is_empty() || labels.contains(&&*found.record.label));
    // The newest first.
    let (versions, next) = page::page(params, all, Order::Down, |found| {
        let version = &found.record;
        format!("{:020}/{}/{}", version.created.as_millisecond(), version.application, version.label)
    })?;
    let mut xml = Xml::query();
    xml.list("ApplicationVersions", &versions, |xml, found| version::write(xml, call, &found.record));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, signed, text};

    #[tokio::test]
    async fn by_application_by_label_and_page_by_page() {
        let door = door();
        for (application, label) in [("a", "v1"), ("a", "v2"), ("ab", "v1")] {
            let form = format!(
                "Action=CreateApplicationVersion&ApplicationName={application}&VersionLabel={label}\
                 &AutoCreateApplication=true"
            );
            assert_eq!(beanstalk(&door, &form).await.0, StatusCode::OK);
        }
        let describe = "Action=DescribeApplicationVersions";
        for (form, expected) in [
            ("", 3),
            ("&ApplicationName=a", 2),
            ("&ApplicationName=x", 0),
            ("&VersionLabels.member.1=v1", 2),
            ("&ApplicationName=a&VersionLabels.member.1=v2&VersionLabels.member.2=none", 1),
            ("&VersionLabels=", 3),
            ("&MaxRecords=2", 2),
        ] {
            let (status, document) = beanstalk(&door, &format!("{describe}{form}")).await;
            let found = document.matches("<VersionLabel>").count();
            assert_eq!((status, found), (StatusCode::OK, expected), "{form} {document}");
        }
        let (_, document) = beanstalk(&door, &format!("{describe}&MaxRecords=2")).await;
        let token = text(&document, "NextToken").unwrap();
        let (_, document) = beanstalk(&door, &format!("{describe}&MaxRecords=2&NextToken={token}")).await;
        assert_eq!(document.matches("<VersionLabel>").count(), 1);
        let elsewhere = format!("{describe}&Version=2010-12-01");
        let (_, document) = signed(&door, "eu-west-1", "elasticbeanstalk", &elsewhere).await;
        assert!(document.contains("<ApplicationVersions></ApplicationVersions>"), "{document}");
    }
}
