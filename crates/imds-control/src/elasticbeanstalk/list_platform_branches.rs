//! `ListPlatformBranches`: what platforms there are, by runtime and system.

use super::filter::Filters;
use super::page::{self, Order};
use super::platform::{Branch, TIERS};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const ATTRIBUTES: &[&str] = &["BranchName", "LifecycleState", "PlatformName", "TierType"];

pub(crate) fn handle(_: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::read(params, "Attribute", ATTRIBUTES)?;
    let branches = Branch::ALL.iter().enumerate();
    let branches = branches.filter(|(_, branch)| filters.pass(&branch.newest())).collect();
    let (branches, next) = page::page(params, branches, Order::Up, |(place, _)| format!("{place:03}"))?;
    let mut xml = Xml::query();
    xml.list("PlatformBranchSummaryList", branches, |xml, (place, branch)| {
        xml.text("PlatformName", branch.platform)
            .text("BranchName", branch.name())
            .text("LifecycleState", branch.state)
            // The newest, which is the first, has the largest.
            .text("BranchOrder", Branch::ALL.len() - place)
            .texts("SupportedTierList", TIERS);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn as_eb_asks() {
        let door = door();
        let form = "Action=ListPlatformBranches&Filters.member.1.Attribute=BranchName&Filters.member.1.Operator=%3D\
                    &Filters.member.1.Values.member.1=Python+3.11+running+on+64bit+Amazon+Linux+2023";
        let (status, document) = beanstalk(&door, form).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(document.matches("<BranchName>").count(), 1);
        assert_eq!(text(&document, "PlatformName"), Some("Python"));
        assert_eq!(text(&document, "LifecycleState"), Some("Supported"));
        assert!(text(&document, "BranchOrder").unwrap().parse::<u32>().unwrap() > 0);
        assert!(document.contains("<member>WebServer/Standard</member>"));
        // What it asks for when it offers a choice.
        let form = "Action=ListPlatformBranches&Filters.member.1.Attribute=LifecycleState\
                    &Filters.member.1.Operator=%21%3D&Filters.member.1.Values.member.1=Retired";
        let (_, document) = beanstalk(&door, form).await;
        assert!(document.contains("running on 64bit Amazon Linux 2<") && !document.contains("Retired"));
        let (_, document) = beanstalk(&door, &form.replace("Retired", "Supported")).await;
        assert!(document.contains("Python 3.8") && !document.contains("Linux 2023"));
    }

    #[tokio::test]
    async fn page_by_page_and_by_other_filters() {
        let door = door();
        let (_, first) = beanstalk(&door, "Action=ListPlatformBranches&MaxRecords=2").await;
        assert_eq!(first.matches("<BranchName>").count(), 2);
        let token = text(&first, "NextToken").unwrap();
        let (_, second) =
            beanstalk(&door, &format!("Action=ListPlatformBranches&MaxRecords=2&NextToken={token}")).await;
        assert_ne!(text(&first, "BranchName"), text(&second, "BranchName"));
        let filter = "Action=ListPlatformBranches&Filters.member.1.Attribute";
        for (filters, some) in [
            ("=PlatformName&Filters.member.1.Operator=in&Filters.member.1.Values.member.1=Go", true),
            ("=BranchName&Filters.member.1.Operator=begins_with&Filters.member.1.Values.member.1=Go", true),
            ("=BranchName&Filters.member.1.Operator=ends_with&Filters.member.1.Values.member.1=Go", false),
            ("=BranchName&Filters.member.1.Operator=contains&Filters.member.1.Values.member.1=PHP", true),
            ("=TierType&Filters.member.1.Values.member.1=Worker%2FSQS%2FHTTP", true),
            ("=BranchName&Filters.member.1.Values.member.1=none", false),
            ("=BranchName", false),
        ] {
            let (status, document) = beanstalk(&door, &format!("{filter}{filters}")).await;
            assert_eq!((status, document.contains("<BranchName>")), (StatusCode::OK, some), "{filters}");
        }
        for bad in ["=x", "=", "=BranchName&Filters.member.1.Operator=~", "=BranchName&MaxRecords=0"] {
            let (status, document) = beanstalk(&door, &format!("{filter}{bad}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{document}");
        }
    }
}
