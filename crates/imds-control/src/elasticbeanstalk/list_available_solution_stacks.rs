//! `ListAvailableSolutionStacks`: the platforms that there are, by name.

use super::platform::Platform;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(_: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.texts("SolutionStacks", Platform::listed().map(|platform| platform.stack()));
    xml.list("SolutionStackDetails", Platform::listed(), |xml, platform| {
        let files = if platform.branch.platform == "Tomcat" { &["war", "zip"][..] } else { &["zip"] };
        xml.text("SolutionStackName", platform.stack()).texts("PermittedFileTypes", files);
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door};

    #[tokio::test]
    async fn both_systems_are_among_them() {
        let (status, document) = beanstalk(&door(), "Action=ListAvailableSolutionStacks").await;
        assert_eq!(status, StatusCode::OK);
        for stack in [
            "64bit Amazon Linux 2023 v4.7.0 running Python 3.11",
            "64bit Amazon Linux 2 v3.7.5 running Python 3.8",
        ] {
            assert!(document.contains(&format!("<member>{stack}</member>")), "{document}");
            assert!(document.contains(&format!("<SolutionStackName>{stack}</SolutionStackName>")));
        }
    }
}
