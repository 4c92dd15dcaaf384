//! `DeleteConfigurationTemplate`: environments that were launched with it keep their settings.

use imds_store::record::{Batch, ConfigurationTemplate};

use super::{application, constraint, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let application = constraint::application_name(params)?;
    let name = constraint::name_of(params, "TemplateName")?;
    application::find(call, application)?;
    let found = template::find(call, application, name)?;
    let mut batch = Batch::default();
    batch.remove(&ConfigurationTemplate::record_name(call.region, application, name), &found);
    Ok(Outcome { batch, body: Xml::query() })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn once() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        let stack = "SolutionStackName=64bit+Amazon+Linux+2023+v4.7.0+running+Docker";
        let create = format!("Action=CreateConfigurationTemplate&ApplicationName=a&TemplateName=t&{stack}");
        beanstalk(&door, &create).await;
        let delete = "Action=DeleteConfigurationTemplate&ApplicationName=a&TemplateName=t";
        assert_eq!(beanstalk(&door, delete).await.0, StatusCode::OK);
        let (status, document) = beanstalk(&door, delete).await;
        let message = text(&document, "Message");
        assert_eq!(
            (status, message),
            (StatusCode::BAD_REQUEST, Some("No Configuration Template named 'a/t' found."))
        );
    }
}
