//! `UpdateApplicationResourceLifecycle`: what becomes of old versions.

use imds_core::id::AccountId;
use imds_store::record::environment::{Lifecycle, LifecycleRule};
use imds_store::record::{Application, Batch};

use super::{application, constraint};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let found = application::find(call, name)?;
    let given = params.under("ResourceLifecycleConfig");
    let mut new = found.record.clone();
    new.lifecycle = changed(&given, &found.record.lifecycle, call.account)?;
    new.updated = call.now;
    let mut batch = Batch::default();
    batch.replace(&Application::record_name(call.region, name), &found, &new);
    let mut xml = Xml::query();
    xml.text("ApplicationName", name);
    application::write_lifecycle(&mut xml, &new.lifecycle);
    Ok(Outcome { batch, body: xml })
}

/// What is kept of `ResourceLifecycleConfig`: what is left out stays.
///
/// # Errors
/// When a rule is none, or nobody has a role to follow it with.
pub(crate) fn changed(given: &Params, old: &Lifecycle, account: &AccountId) -> Result<Lifecycle, Error> {
    let role = given.text("ServiceRole").map(str::to_owned).or_else(|| old.service_role.clone());
    let rules = given.under("VersionLifecycleConfig");
    let new = Lifecycle {
        most: rule(&rules.under("MaxCountRule"), "MaxCount", 200, 1_000)?.or(old.most),
        days: rule(&rules.under("MaxAgeRule"), "MaxAgeInDays", 180, 36_500)?.or(old.days),
        service_role: role,
    };
    if !rules.is_empty() && new.service_role.is_none() {
        // The words are [assumed].
        return Err(Error::invalid_value(format!(
            "ServiceRole is required in ResourceLifecycleConfig; name a role, such as \
             arn:aws:iam::{account}:role/aws-elasticbeanstalk-service-role"
        )));
    }
    Ok(new)
}

fn rule(given: &Params, limit: &str, default: u32, most: u32) -> Result<Option<LifecycleRule>, Error> {
    if given.is_empty() {
        return Ok(None);
    }
    Ok(Some(LifecycleRule {
        is_enabled: given.flag("Enabled")?.unwrap_or_default(),
        limit: constraint::number(given, limit, 1, most)?.unwrap_or(default),
        deletes_source: given.flag("DeleteSourceFromS3")?.unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    const UPDATE: &str =
        "Action=UpdateApplicationResourceLifecycle&ApplicationName=a&ResourceLifecycleConfig";

    #[tokio::test]
    async fn rules_are_kept_and_told_both() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        // As Terraform sends it.
        let form = format!(
            "{UPDATE}.ServiceRole=role&ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.MaxCount=2\
             &ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.Enabled=true\
             &ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.DeleteSourceFromS3=true\
             &ResourceLifecycleConfig.VersionLifecycleConfig.MaxAgeRule.Enabled=false"
        );
        let rules = "<VersionLifecycleConfig><MaxCountRule><Enabled>true</Enabled><MaxCount>2</MaxCount>\
                     <DeleteSourceFromS3>true</DeleteSourceFromS3></MaxCountRule><MaxAgeRule><Enabled>false</Enabled>\
                     <MaxAgeInDays>180</MaxAgeInDays><DeleteSourceFromS3>false</DeleteSourceFromS3></MaxAgeRule>";
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        assert!(document.contains(rules), "{document}");
        // What is left out stays.
        let (status, document) = beanstalk(&door, &format!("{UPDATE}.ServiceRole=other")).await;
        assert_eq!((status, text(&document, "ServiceRole")), (StatusCode::OK, Some("other")));
        assert!(document.contains(rules), "{document}");
        // Versions beyond the limit go, the oldest first.
        for label in ["v1", "v2", "v3"] {
            let form = format!("Action=CreateApplicationVersion&ApplicationName=a&VersionLabel={label}");
            assert_eq!(beanstalk(&door, &form).await.0, StatusCode::OK);
        }
        let (_, document) = beanstalk(&door, "Action=DescribeApplications").await;
        assert!(
            document.contains("<Versions><member>v3</member><member>v2</member></Versions>"),
            "{document}"
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        for (form, code) in [
            (".VersionLifecycleConfig.MaxCountRule.Enabled=true", "InvalidParameterValue"),
            (
                ".ServiceRole=r&ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.MaxCount=0",
                "ValidationError",
            ),
            (
                ".ServiceRole=r&ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.MaxCount=1001",
                "ValidationError",
            ),
            (
                ".ServiceRole=r&ResourceLifecycleConfig.VersionLifecycleConfig.MaxAgeRule.Enabled=maybe",
                "InvalidParameterValue",
            ),
        ] {
            let (status, document) = beanstalk(&door, &format!("{UPDATE}{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        let unknown = UPDATE.replace("=a&", "=x&");
        assert_eq!(beanstalk(&door, &unknown).await.0, StatusCode::BAD_REQUEST);
    }
}
