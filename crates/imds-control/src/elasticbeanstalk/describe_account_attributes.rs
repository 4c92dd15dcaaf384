//! `DescribeAccountAttributes`: how many there may be of each. The numbers are AWS's; nothing here is limited by them.

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const QUOTAS: [(&str, u32); 5] = [
    ("ApplicationQuota", 75),
    ("ApplicationVersionQuota", 1_000),
    ("EnvironmentQuota", 200),
    ("ConfigurationTemplateQuota", 2_000),
    ("CustomPlatformQuota", 50),
];

pub(crate) fn handle(_: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.within("ResourceQuotas", |xml| {
        for (name, most) in QUOTAS {
            xml.within(name, |xml| {
                xml.text("Maximum", most);
            });
        }
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door};

    #[tokio::test]
    async fn they_are_told() {
        let (status, document) = beanstalk(&door(), "Action=DescribeAccountAttributes").await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            document.contains("<EnvironmentQuota><Maximum>200</Maximum></EnvironmentQuota>"),
            "{document}"
        );
    }
}
