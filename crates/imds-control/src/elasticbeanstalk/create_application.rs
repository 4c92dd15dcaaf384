//! `CreateApplication`: a name that versions and environments are under.

use imds_store::record::Batch;
use imds_store::record::environment::Lifecycle;

use super::{application, constraint, tags, update_application_resource_lifecycle as lifecycle};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let mut new = application::new(call, name);
    new.description = constraint::description(params)?.unwrap_or_default().to_owned();
    new.tags = tags::read(params, "Tags")?;
    new.lifecycle =
        lifecycle::changed(&params.under("ResourceLifecycleConfig"), &Lifecycle::default(), call.account)?;
    if application::get(call, name)?.is_some() {
        return Err(Error::invalid_value(format!("Application {name} already exists.")));
    }
    let mut batch = Batch::default();
    application::create(call, &new, &mut batch)?;
    Ok(Outcome { batch, body: application::told(call, &new)? })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, signed, text};

    #[tokio::test]
    async fn what_clients_send() {
        let door = door();
        for (form, name) in [
            ("ApplicationName=app1", "app1"),
            (
                "ApplicationName=ebapp&Tags=&Description=Application+created+from+the+EB+CLI+using+%22eb+init%22",
                "ebapp",
            ),
            ("ApplicationName=tfapp&Description=", "tfapp"),
            (
                "ApplicationName=My+application+%C3%A9&Tags.member.1.Key=a&Tags.member.1.Value=",
                "My application é",
            ),
        ] {
            let (status, document) = beanstalk(&door, &format!("Action=CreateApplication&{form}")).await;
            assert_eq!(
                (status, text(&document, "ApplicationName")),
                (StatusCode::OK, Some(name)),
                "{document}"
            );
            let arn = format!("arn:aws:elasticbeanstalk:us-east-1:123456789012:application/{name}");
            assert_eq!(text(&document, "ApplicationArn"), Some(&*arn));
            assert!(document.contains("<ConfigurationTemplates></ConfigurationTemplates>"), "{document}");
            assert!(text(&document, "DateCreated").unwrap().ends_with('Z'));
        }
        let (_, document) =
            beanstalk(&door, "Action=DescribeApplications&ApplicationNames.member.1=ebapp").await;
        let description = "Application created from the EB CLI using &quot;eb init&quot;";
        assert_eq!(text(&document, "Description"), Some(description));
        // Names are a region's.
        let form = "Action=CreateApplication&ApplicationName=app1&Version=2010-12-01";
        assert_eq!(signed(&door, "eu-west-1", "elasticbeanstalk", form).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app1").await;
        let many: String = (1..=51).map(|n| format!("&Tags.member.{n}.Key=k{n}")).collect();
        for (form, code) in [
            ("ApplicationName=app1".to_owned(), "InvalidParameterValue"),
            (String::new(), "MissingParameter"),
            ("ApplicationName=".to_owned(), "MissingParameter"),
            ("ApplicationName=a%2Fb".to_owned(), "InvalidParameterValue"),
            (format!("ApplicationName={}", "x".repeat(101)), "ValidationError"),
            (format!("ApplicationName=new&Description={}", "x".repeat(201)), "ValidationError"),
            ("ApplicationName=new&Tags.member.1.Value=x".to_owned(), "MissingParameter"),
            ("ApplicationName=new&Tags.member.1.Key=aws%3Ax".to_owned(), "InvalidParameterValue"),
            (
                "ApplicationName=new&Tags.member.1.Key=elasticbeanstalk%3Ax".to_owned(),
                "InvalidParameterValue",
            ),
            (format!("ApplicationName=new{many}"), "TooManyTagsException"),
            (
                "ApplicationName=new&ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.MaxCount=5"
                    .to_owned(),
                "InvalidParameterValue",
            ),
        ] {
            let (status, document) = beanstalk(&door, &format!("Action=CreateApplication&{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        let (_, document) = beanstalk(&door, "Action=CreateApplication&ApplicationName=app1").await;
        assert_eq!(text(&document, "Message"), Some("Application app1 already exists."));
        let (_, document) = beanstalk(&door, "Action=DescribeApplications").await;
        assert_eq!(document.matches("<ApplicationName>").count(), 1, "{document}");
    }
}
