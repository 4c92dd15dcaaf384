//! `DeleteApplicationVersion`: a label that nothing runs. There is no source to be deleted.

use imds_store::record::Batch;

use super::{application, constraint, version};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = constraint::application_name(params)?;
    let label = constraint::need(params, "VersionLabel", 1, 100)?;
    params.flag("DeleteSourceBundle")?;
    application::find(call, name)?;
    let found = version::find(call, name, label)?;
    if version::used(call, name)?.contains(label) {
        // The code is one of AWS's model, the words are [assumed].
        return Err(Error::new(
            "OperationInProgressFailure",
            format!(
                "Unable to delete application version {label} because it is deployed to a running environment."
            ),
        ));
    }
    let mut batch = Batch::default();
    version::delete(call, &found, &mut batch)?;
    Ok(Outcome { batch, body: Xml::query() })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn what_runs_stays() {
        let door = door();
        for label in ["v1", "v2"] {
            let form = format!(
                "Action=CreateApplicationVersion&ApplicationName=a&VersionLabel={label}&AutoCreateApplication=true"
            );
            beanstalk(&door, &form).await;
        }
        let form = "Action=CreateEnvironment&ApplicationName=a&EnvironmentName=env1&VersionLabel=v1";
        assert_eq!(beanstalk(&door, form).await.0, StatusCode::OK);
        let delete = "Action=DeleteApplicationVersion&ApplicationName";
        for (form, code) in [
            ("=a&VersionLabel=v1", Some("OperationInProgressFailure")),
            ("=a&VersionLabel=v2&DeleteSourceBundle=maybe", Some("InvalidParameterValue")),
            ("=a&VersionLabel=v2&DeleteSourceBundle=true", None),
            ("=a&VersionLabel=v2", Some("InvalidParameterValue")),
            ("=x&VersionLabel=v2", Some("InvalidParameterValue")),
        ] {
            let (status, document) = beanstalk(&door, &format!("{delete}{form}")).await;
            assert_eq!((status.is_success(), text(&document, "Code")), (code.is_none(), code), "{form}");
        }
        assert_eq!(door.store.list("application-version/").unwrap().len(), 1);
    }
}
