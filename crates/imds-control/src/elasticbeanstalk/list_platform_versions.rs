//! `ListPlatformVersions`: the versions of platforms that there are.

use super::filter::Filters;
use super::page::{self, Order};
use super::platform::{ADDONS, OWNER, Platform, TIERS};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const TYPES: &[&str] = &[
    "PlatformName",
    "PlatformVersion",
    "PlatformStatus",
    "PlatformBranchName",
    "PlatformBranchLifecycleState",
    "PlatformLifecycleState",
    "PlatformOwner",
    "SupportedTier",
    "SupportedAddon",
    "ProgrammingLanguageName",
    "OperatingSystemName",
    "OperatingSystemVersion",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::read(params, "Type", TYPES)?;
    let platforms = Platform::listed().enumerate().filter(|(_, platform)| filters.pass(platform)).collect();
    let (platforms, next) = page::page(params, platforms, Order::Up, |(place, _)| format!("{place:03}"))?;
    let mut xml = Xml::query();
    xml.list("PlatformSummaryList", platforms, |xml, (_, platform)| write(xml, call.region, &platform));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// The members of `PlatformSummary`.
pub(crate) fn write(xml: &mut Xml, region: &str, platform: &Platform) {
    let branch = platform.branch;
    xml.text("PlatformArn", platform.arn(region))
        .text("PlatformOwner", OWNER)
        .text("PlatformStatus", "Ready")
        .text("PlatformCategory", branch.platform)
        .text("OperatingSystemName", "Amazon Linux")
        .text("OperatingSystemVersion", branch.system_version())
        .texts("SupportedTierList", TIERS)
        .texts("SupportedAddonList", ADDONS)
        .option("PlatformLifecycleState", platform.state())
        .text("PlatformVersion", &platform.version)
        .text("PlatformBranchName", branch.name())
        .text("PlatformBranchLifecycleState", branch.state);
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, signed, text};

    const FILTER: &str = "Action=ListPlatformVersions&Filters.member.1.Type=";

    #[tokio::test]
    async fn as_eb_asks() {
        let door = door();
        let form = format!(
            "{FILTER}PlatformBranchName&Filters.member.1.Operator=%3D\
             &Filters.member.1.Values.member.1=Python+3.11+running+on+64bit+Amazon+Linux+2023"
        );
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK);
        let arn = "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.0";
        assert_eq!(text(&document, "PlatformArn"), Some(arn));
        assert_eq!(text(&document, "PlatformLifecycleState"), Some("Recommended"));
        assert_eq!(document.matches("<PlatformArn>").count(), 1);
        let elsewhere = format!("{form}&Version=2010-12-01");
        let (_, document) = signed(&door, "cn-north-1", "elasticbeanstalk", &elsewhere).await;
        assert!(document.contains(">arn:aws-cn:elasticbeanstalk:cn-north-1::platform/Python"), "{document}");
        // There are none of the account's own.
        let own = format!(
            "{FILTER}PlatformOwner&Filters.member.1.Operator=%3D&Filters.member.1.Values.member.1=self"
        );
        let (status, document) = beanstalk(&door, &own).await;
        assert_eq!(status, StatusCode::OK);
        assert!(document.contains("<PlatformSummaryList></PlatformSummaryList>"), "{document}");
    }

    #[tokio::test]
    async fn by_other_filters() {
        let door = door();
        for (filter, some) in [
            ("PlatformVersion&Filters.member.1.Operator=%3E&Filters.member.1.Values.member.1=6.10.0", false),
            ("PlatformVersion&Filters.member.1.Operator=%3E%3D&Filters.member.1.Values.member.1=6.6.0", true),
            ("PlatformVersion&Filters.member.1.Operator=%3C&Filters.member.1.Values.member.1=2.0.0", false),
            ("PlatformVersion&Filters.member.1.Operator=%3C%3D&Filters.member.1.Values.member.1=3", true),
            ("PlatformStatus&Filters.member.1.Values.member.1=Ready", true),
            ("PlatformLifecycleState&Filters.member.1.Values.member.1=recommended", true),
            ("ProgrammingLanguageName&Filters.member.1.Values.member.1=Ruby", true),
            (
                "OperatingSystemName&Filters.member.1.Operator=%21%3D&Filters.member.1.Values.member.1=Amazon+Linux",
                false,
            ),
            ("SupportedAddon&Filters.member.1.Values.member.1=Log%2FS3", true),
        ] {
            let (status, document) = beanstalk(&door, &format!("{FILTER}{filter}")).await;
            assert_eq!((status, document.contains("<PlatformArn>")), (StatusCode::OK, some), "{filter}");
        }
        let (status, _) = beanstalk(&door, &format!("{FILTER}BranchName")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
