//! `DeleteEnvironmentConfiguration`: the draft that an update left behind. None does: what failed is taken back.

use super::{application, constraint, environment};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let application = constraint::application_name(params)?;
    application::find(call, application)?;
    environment::by(call, None, Some(params.need("EnvironmentName")?))?;
    Ok(Outcome::told(Xml::query()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door};

    #[tokio::test]
    async fn only_of_what_there_is() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        beanstalk(&door, "Action=CreateEnvironment&ApplicationName=a&EnvironmentName=env1").await;
        for (form, status) in [
            ("ApplicationName=a&EnvironmentName=env1", StatusCode::OK),
            ("ApplicationName=a&EnvironmentName=env2", StatusCode::BAD_REQUEST),
            ("ApplicationName=b&EnvironmentName=env1", StatusCode::BAD_REQUEST),
            ("ApplicationName=a", StatusCode::BAD_REQUEST),
        ] {
            let form = format!("Action=DeleteEnvironmentConfiguration&{form}");
            assert_eq!(beanstalk(&door, &form).await.0, status, "{form}");
        }
    }
}
