//! `UpdateApplicationVersion`: another description.

use imds_store::record::{ApplicationVersion, Batch};

use super::{application, constraint, version};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let label = constraint::need(params, "VersionLabel", 1, 100)?;
    let description = constraint::description(params)?;
    application::find(call, name)?;
    let found = version::find(call, name, label)?;
    let mut changed = found.record.clone();
    let mut batch = Batch::default();
    if let Some(description) = description {
        changed.description = description.to_owned();
        changed.updated = call.now;
        batch.replace(&ApplicationVersion::record_name(call.region, name, label), &found, &changed);
    }
    Ok(Outcome { batch, body: version::told(call, &changed) })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn a_description_is_changed() {
        let door = door();
        let create =
            "Action=CreateApplicationVersion&ApplicationName=a&VersionLabel=v&AutoCreateApplication=true";
        beanstalk(&door, create).await;
        let update = "Action=UpdateApplicationVersion&Description=new&ApplicationName";
        let (status, document) = beanstalk(&door, &format!("{update}=a&VersionLabel=v")).await;
        assert_eq!((status, text(&document, "Description")), (StatusCode::OK, Some("new")));
        for (form, message) in [
            ("=x&VersionLabel=v", "No Application named 'x' found."),
            ("=a&VersionLabel=x", "No Application Version named 'x' found."),
        ] {
            let (status, document) = beanstalk(&door, &format!("{update}{form}")).await;
            assert_eq!((status, text(&document, "Message")), (StatusCode::BAD_REQUEST, Some(message)));
        }
    }
}
