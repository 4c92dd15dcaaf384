//! `CreateApplicationVersion`: a label for what environments run. Its source is named, and never read.

use imds_core::environment::Severity;
use imds_store::record::environment::LifecycleRule;
use imds_store::record::{Application, ApplicationVersion, Batch};

use super::{application, constraint, event, tags, version};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let label = constraint::need(params, "VersionLabel", 1, 100)?;
    let creates_application = params.flag("AutoCreateApplication")?.unwrap_or_default();
    let new = ApplicationVersion {
        application: name.to_owned(),
        label: label.to_owned(),
        description: constraint::description(params)?.unwrap_or_default().to_owned(),
        source: source(params)?,
        is_processed: params.flag("Process")?.unwrap_or_default(),
        created: call.now,
        updated: call.now,
        tags: tags::read(params, "Tags")?,
    };
    let mut batch = Batch::default();
    let application = match application::get(call, name)? {
        Some(found) => {
            // An application that goes takes its versions along.
            batch.expect(&Application::record_name(call.region, name), Some(&found));
            found.record
        }
        None if creates_application => {
            let application = application::new(call, name);
            application::create(call, &application, &mut batch)?;
            application
        }
        None => return Err(application::unknown(name)),
    };
    if version::get(call, name, label)?.is_some() {
        // `eb` goes by the first and the last words.
        return Err(Error::invalid_value(format!("Application Version {label} already exists.")));
    }
    batch.create(&ApplicationVersion::record_name(call.region, name, label), &new);
    let message = format!("Created new Application Version: {label}");
    event::tell_of_application(call, name, &mut batch, Severity::Info, message)?;
    expire(call, &application, &mut batch)?;
    Ok(Outcome { batch, body: version::told(call, &new) })
}

/// Bucket and key of the source; the sample application has none.
fn source(params: &Params) -> Result<Option<(String, String)>, Error> {
    let bundle = params.under("SourceBundle");
    if bundle.is_empty() {
        return Ok(None);
    }
    let (bucket, key) =
        (constraint::need(&bundle, "S3Bucket", 1, 255)?, constraint::need(&bundle, "S3Key", 1, 1_024)?);
    Ok(Some((bucket.to_owned(), key.to_owned())))
}

/// Deletes versions that the application does not keep any longer, now that there is one more. What an environment runs
/// or is to run stays.
fn expire(call: &Call<'_>, application: &Application, batch: &mut Batch) -> Result<(), Error> {
    let enabled = |rule: Option<LifecycleRule>| rule.filter(|rule| rule.is_enabled);
    let (most, days) = (enabled(application.lifecycle.most), enabled(application.lifecycle.days));
    if most.is_none() && days.is_none() {
        return Ok(());
    }
    let used = version::used(call, &application.name)?;
    let mut versions = version::all(call, Some(&application.name))?;
    versions.sort_by_key(|found| std::cmp::Reverse(found.record.created));
    for (place, found) in versions.iter().enumerate() {
        // The new one comes before all of these.
        let is_too_many = most.is_some_and(|rule| place + 2 > rule.limit as usize);
        let age = call.now.as_second() - found.record.created.as_second();
        let is_too_old = days.is_some_and(|rule| age > i64::from(rule.limit) * 86_400);
        if (is_too_many || is_too_old) && !used.contains(&*found.record.label) {
            version::delete(call, found, batch)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    const CREATE: &str = "Action=CreateApplicationVersion";

    #[tokio::test]
    async fn what_clients_send() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=ebapp").await;
        // As `eb create --sample` sends it.
        let form = format!("{CREATE}&ApplicationName=ebapp&VersionLabel=Sample+Application&Process=false");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!((status, text(&document, "VersionLabel")), (StatusCode::OK, Some("Sample Application")));
        assert_eq!(text(&document, "Status"), Some("Unprocessed"));
        let arn =
            "arn:aws:elasticbeanstalk:us-east-1:123456789012:applicationversion/ebapp/Sample Application";
        assert_eq!(text(&document, "ApplicationVersionArn"), Some(arn));
        // And the second time.
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(
            (status, text(&document, "Code")),
            (StatusCode::BAD_REQUEST, Some("InvalidParameterValue"))
        );
        let message = "Application Version Sample Application already exists.";
        assert_eq!(text(&document, "Message"), Some(message));
        // As the AWS CLI does.
        let form = format!(
            "{CREATE}&ApplicationName=new&VersionLabel=v%2F1&SourceBundle.S3Bucket=b&SourceBundle.S3Key=k%2Fx.zip\
             &AutoCreateApplication=true&Process=true&Description=d"
        );
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!((status, text(&document, "S3Key")), (StatusCode::OK, Some("k/x.zip")));
        assert_eq!(
            (text(&document, "Status"), text(&document, "Description")),
            (Some("Processed"), Some("d"))
        );
        let (_, document) =
            beanstalk(&door, "Action=DescribeApplications&ApplicationNames.member.1=new").await;
        assert!(document.contains("<Versions><member>v/1</member></Versions>"), "{document}");
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        for (form, message) in [
            ("ApplicationName=x&VersionLabel=v", "No Application named 'x' found."),
            (
                "ApplicationName=x&VersionLabel=v&AutoCreateApplication=false",
                "No Application named 'x' found.",
            ),
            ("ApplicationName=a", "The request must contain the parameter VersionLabel"),
            (
                "ApplicationName=a&VersionLabel=v&SourceBundle.S3Bucket=b",
                "The request must contain the parameter SourceBundle.S3Key",
            ),
            (
                "ApplicationName=a&VersionLabel=v&Process=maybe",
                "Invalid value 'maybe' for Process. It must be 'true' or 'false'.",
            ),
        ] {
            let (status, document) = beanstalk(&door, &format!("{CREATE}&{form}")).await;
            assert_eq!((status, text(&document, "Message")), (StatusCode::BAD_REQUEST, Some(message)));
        }
        assert!(door.store.list("application-version/").unwrap().is_empty());
    }
}
