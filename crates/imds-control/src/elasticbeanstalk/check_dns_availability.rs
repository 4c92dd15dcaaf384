//! `CheckDNSAvailability`: is the first part of a host name free?

use super::{constraint, environment};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let prefix = constraint::need(params, "CNAMEPrefix", 4, 63)?;
    let is_fit = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !prefix.starts_with('-')
        && !prefix.ends_with('-');
    if !is_fit {
        return Err(Error::invalid_value(format!(
            "Value {prefix} at 'CNAMEPrefix' failed to satisfy constraint: Member must contain only letters, digits, and \
             the dash character and may not start or end with a dash"
        )));
    }
    let mut xml = Xml::query();
    xml.text("Available", environment::is_cname_free(call, prefix)?)
        .text("FullyQualifiedCNAME", environment::cname(call.region, prefix));
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn a_name_is_free_until_it_is_taken() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        let check = "Action=CheckDNSAvailability&CNAMEPrefix";
        let (status, document) = beanstalk(&door, &format!("{check}=my-cname")).await;
        assert_eq!((status, text(&document, "Available")), (StatusCode::OK, Some("true")));
        let name = "my-cname.us-east-1.elasticbeanstalk.com";
        assert_eq!(text(&document, "FullyQualifiedCNAME"), Some(name));
        let form = "Action=CreateEnvironment&ApplicationName=a&EnvironmentName=env1&CNAMEPrefix=my-cname";
        assert_eq!(beanstalk(&door, form).await.0, StatusCode::OK);
        for prefix in ["my-cname", "MY-Cname"] {
            let (_, document) = beanstalk(&door, &format!("{check}={prefix}")).await;
            assert_eq!(text(&document, "Available"), Some("false"));
        }
        for bad in ["", "abc", "-abc", "abc-", "a.bcd", "%C3%A9abcd", &"x".repeat(64)] {
            let (status, document) = beanstalk(&door, &format!("{check}={bad}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{document}");
        }
    }
}
