//! `DescribeApplications`: those with these names, or all. A name that there is not is no error.

use super::application;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let names = params.list("ApplicationNames.member");
    let mut all = application::all(call)?;
    all.retain(|application| names.is_empty() || names.contains(&&*application.name));
    let mut written = Ok(());
    let mut xml = Xml::query();
    xml.list("Applications", &all, |xml, application| {
        if written.is_ok() {
            written = application::write(xml, call, application);
        }
    });
    written.map(|()| Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door};

    #[tokio::test]
    async fn by_name_and_all() {
        let door = door();
        for name in ["b", "a", "ab"] {
            beanstalk(&door, &format!("Action=CreateApplication&ApplicationName={name}")).await;
        }
        for (form, expected) in [
            ("", vec!["a", "ab", "b"]),
            // As some clients send an empty list.
            ("&ApplicationNames=", vec!["a", "ab", "b"]),
            ("&ApplicationNames.member.1=a", vec!["a"]),
            ("&ApplicationNames.member.1=b&ApplicationNames.member.2=none", vec!["b"]),
            ("&ApplicationNames.member.1=none", vec![]),
        ] {
            let (status, document) = beanstalk(&door, &format!("Action=DescribeApplications{form}")).await;
            assert_eq!(status, StatusCode::OK);
            let found: Vec<_> = document
                .split("<ApplicationName>")
                .skip(1)
                .map(|rest| rest.split('<').next().unwrap())
                .collect();
            assert_eq!(found, expected, "{form}");
            assert!(document.contains("<Applications>"));
        }
    }
}
