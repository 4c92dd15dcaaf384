//! `UpdateApplication`: another description.

use imds_store::record::{Application, Batch};

use super::{application, constraint};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let description = constraint::description(params)?;
    let found = application::find(call, name)?;
    let mut changed = found.record.clone();
    let mut batch = Batch::default();
    // What is left out stays; what is empty is removed (Elastic Beanstalk API Reference).
    if let Some(description) = description {
        changed.description = description.to_owned();
        changed.updated = call.now;
        batch.replace(&Application::record_name(call.region, name), &found, &changed);
    }
    Ok(Outcome { batch, body: application::told(call, &changed)? })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn a_description_is_changed_removed_or_left() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a&Description=old").await;
        for (form, description) in
            [("", Some("old")), ("&Description=new", Some("new")), ("&Description=", None)]
        {
            let form = format!("Action=UpdateApplication&ApplicationName=a{form}");
            let (status, document) = beanstalk(&door, &form).await;
            assert_eq!((status, text(&document, "Description")), (StatusCode::OK, description));
        }
        let (status, document) = beanstalk(&door, "Action=UpdateApplication&ApplicationName=x").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(text(&document, "Message"), Some("No Application named 'x' found."));
    }
}
