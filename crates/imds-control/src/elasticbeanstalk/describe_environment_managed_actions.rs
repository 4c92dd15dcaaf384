//! `DescribeEnvironmentManagedActions`: none is ever planned.

use super::environment;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    environment::named(call, params)?;
    let mut xml = Xml::query();
    xml.empty("ManagedActions");
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door};

    #[tokio::test]
    async fn there_are_none_and_none_were() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        beanstalk(&door, "Action=CreateEnvironment&ApplicationName=a&EnvironmentName=env1").await;
        for (action, list) in [
            ("DescribeEnvironmentManagedActions", "<ManagedActions/>"),
            ("DescribeEnvironmentManagedActionHistory", "<ManagedActionHistoryItems/>"),
        ] {
            let (status, document) = beanstalk(&door, &format!("Action={action}&EnvironmentName=env1")).await;
            assert_eq!((status, document.contains(list)), (StatusCode::OK, true), "{document}");
            let (status, _) = beanstalk(&door, &format!("Action={action}&EnvironmentName=none")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
        }
    }
}
