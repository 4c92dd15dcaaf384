//! `DescribePlatformVersion`: a platform in full.

use imds_core::Timestamp;

use super::list_platform_versions;
use super::platform::{self, Platform};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// When all of them were made [assumed].
const MADE: Timestamp = Timestamp::constant(1_790_812_800, 0);

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let platform = match params.text("PlatformArn") {
        Some(arn) => Platform::by_arn(call.region, arn)?,
        None => Platform::by_stack(platform::DEFAULT)?,
    };
    let mut xml = Xml::query();
    xml.within("PlatformDescription", |xml| write(xml, call.region, &platform));
    Ok(Outcome::told(xml))
}

fn write(xml: &mut Xml, region: &str, platform: &Platform) {
    let branch = platform.branch;
    list_platform_versions::write(xml, region, platform);
    xml.text("PlatformName", branch.name())
        .text("SolutionStackName", platform.stack())
        .time("DateCreated", MADE)
        .time("DateUpdated", MADE)
        .text("Description", format_args!("{} on Amazon Linux {}", branch.title, branch.system_version()))
        .text("Maintainer", "aws-elasticbeanstalk-platforms@amazon.com");
    let written = |xml: &mut Xml, (name, version): (&str, &str)| {
        xml.text("Name", name).text("Version", version);
    };
    xml.list("ProgrammingLanguages", branch.language, written).list("Frameworks", branch.framework, written);
    let images = ["x86_64", "arm64"].map(|architecture| (architecture, platform.image(architecture)));
    let images = images.iter().filter_map(|(architecture, image)| Some((architecture, image.as_ref()?)));
    xml.list("CustomAmiList", images.clone(), |xml, (_, image)| {
        xml.text("VirtualizationType", "hvm").text("ImageId", image);
    });
    xml.list("DefaultAmiList", images, |xml, (architecture, image)| {
        xml.text("Architecture", architecture).text("ImageId", image);
    });
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn as_eb_asks() {
        let door = door();
        let arn = "arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A%3Aplatform%2FPython+3.11+running+on+64bit+Amazon+Linux+2023";
        let form = format!("Action=DescribePlatformVersion&PlatformArn={arn}%2F4.7.0");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK);
        let branch = "Python 3.11 running on 64bit Amazon Linux 2023";
        for (name, value) in [
            ("PlatformName", branch),
            ("PlatformBranchName", branch),
            ("PlatformVersion", "4.7.0"),
            ("PlatformStatus", "Ready"),
            ("SolutionStackName", "64bit Amazon Linux 2023 v4.7.0 running Python 3.11"),
            ("OperatingSystemVersion", "2023"),
            ("ImageId", "ami-0abcdef1234562023"),
        ] {
            assert_eq!(text(&document, name), Some(value), "{document}");
        }
        for arn in [arn.replace("3.11", "2.7"), format!("{arn}%2Fx"), "%3C%26%00".to_owned()] {
            let form = format!("Action=DescribePlatformVersion&PlatformArn={arn}");
            let (status, document) = beanstalk(&door, &form).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("InvalidParameterValue")));
            assert!(text(&document, "Message").unwrap().starts_with("No Platform named '"), "{document}");
        }
    }
}
