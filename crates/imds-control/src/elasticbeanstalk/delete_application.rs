//! `DeleteApplication`: an application with its versions and templates, and with its environments if that is forced.

use imds_core::Timestamp;
use imds_core::environment::Severity;
use imds_store::record::{Application, Batch, Environment};

use super::terminate_environment::MOST_FOLLOWERS;
use super::{application, constraint, environment, event, terminate_environment};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let is_forced = params.flag("TerminateEnvByForce")?.unwrap_or_default();
    let mut found = application::find(call, name)?;
    let environments = environment::of_application(call, name)?;
    let mut batch = Batch::default();
    if environments.is_empty() {
        // Who has asked before waits for the same event.
        found.record.deletions.push(call.request_id.to_owned());
        application::delete(call, &found, &mut batch)?;
        return Ok(Outcome { batch, body: Xml::query() });
    }
    if !is_forced {
        // The words are AWS's, the code is the one of its model.
        return Err(Error::new(
            "OperationInProgressFailure",
            format!(
                "Unable to delete application {name} because it has a version that is deployed to a running environment."
            ),
        ));
    }
    if found.record.deletions.len() >= MOST_FOLLOWERS {
        return Err(terminate_environment::too_many());
    }
    // `eb` follows what comes first, and that must be no event of one of the environments: it would not see the last one.
    event::tell_of_application(call, name, &mut batch, Severity::Info, "deleteApplication is starting.")?;
    let now = Timestamp::from_millisecond(call.now.as_millisecond()).unwrap_or(call.now);
    let mut changed = found.record.clone();
    changed.deletions.push(call.request_id.to_owned());
    changed.updated = call.now;
    changed.last_event = changed.last_event.max(now);
    batch.replace(&Application::record_name(call.region, name), &found, &changed);
    for mut found in environments {
        // The end of the last one ends the deletion: this call waits for it only if that has not come meanwhile.
        batch.expect(&Environment::record_name(call.region, &found.record.id), Some(&found));
        found.record.last_event = found.record.last_event.max(now);
        terminate_environment::begin(call, &found, false, &mut batch);
    }
    Ok(Outcome { batch, body: Xml::query() })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn all_that_is_in_it_goes_with_it() {
        let door = door();
        for form in [
            "CreateApplication&ApplicationName=tfapp",
            "CreateApplication&ApplicationName=tfapp2",
            "CreateApplicationVersion&ApplicationName=tfapp&VersionLabel=v1",
            "CreateApplicationVersion&ApplicationName=tfapp2&VersionLabel=v1",
            "CreateConfigurationTemplate&ApplicationName=tfapp&TemplateName=t\
             &SolutionStackName=64bit+Amazon+Linux+2023+v4.7.0+running+Docker",
        ] {
            let (status, document) = beanstalk(&door, &format!("Action={form}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
        }
        // As Terraform sends it.
        let (status, document) = beanstalk(&door, "Action=DeleteApplication&ApplicationName=tfapp").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!document.contains("Result") && document.contains("<RequestId>"), "{document}");
        let id = text(&document, "RequestId").unwrap();
        for kind in ["application/", "application-version/", "configuration-template/"] {
            let left = door.store.list(kind).unwrap();
            assert!(left.iter().all(|(key, _)| key.contains("/tfapp2")), "{left:?}");
        }
        assert_eq!(door.store.list("application-version/").unwrap().len(), 1);
        // The event outlives it, and has the id of the request.
        let (_, document) = beanstalk(&door, &format!("Action=DescribeEvents&RequestId={id}")).await;
        assert_eq!(text(&document, "Message"), Some("The application has been deleted successfully."));
        let (status, document) = beanstalk(&door, "Action=DeleteApplication&ApplicationName=tfapp").await;
        let message = text(&document, "Message");
        assert_eq!((status, message), (StatusCode::BAD_REQUEST, Some("No Application named 'tfapp' found.")));
    }

    #[tokio::test]
    async fn environments_keep_it_unless_they_are_terminated_with_it() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app").await;
        for name in ["env1", "env2"] {
            let form = format!("Action=CreateEnvironment&ApplicationName=app&EnvironmentName={name}");
            let (status, document) = beanstalk(&door, &form).await;
            assert_eq!(status, StatusCode::OK, "{document}");
        }
        let (status, document) = beanstalk(&door, "Action=DeleteApplication&ApplicationName=app").await;
        let code = text(&document, "Code");
        assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("OperationInProgressFailure")));
        let form = "Action=DeleteApplication&ApplicationName=app&TerminateEnvByForce=true";
        let (status, document) = beanstalk(&door, form).await;
        assert_eq!(status, StatusCode::OK);
        let id = text(&document, "RequestId").unwrap();
        let (_, document) = beanstalk(&door, "Action=DescribeEnvironments").await;
        assert_eq!(document.matches("<Status>Terminating<").count(), 2, "{document}");
        // The oldest event is of no environment, and each other one is later.
        let (_, document) = beanstalk(&door, &format!("Action=DescribeEvents&RequestId={id}")).await;
        let events: Vec<_> = document.split("<member>").skip(1).collect();
        let first = events.last().unwrap();
        assert!(first.contains("deleteApplication is starting.") && !first.contains("EnvironmentName"));
        let at = text(first, "EventDate").unwrap();
        assert!(events.len() == 3 && events[..2].iter().all(|event| text(event, "EventDate").unwrap() > at));
    }
}
