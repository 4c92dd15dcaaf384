//! `DescribeLaunchTemplates`: those with these ids or names, or all of the region. Terraform reads by name, then by id.

use imds_store::record::LaunchTemplate;

use super::{filter::Filters, page, tags, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml, time};

const FILTERS: &[&str] = &["create-time", "launch-template-name", "tag:", "tag-key"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (ids, names) = (params.list("LaunchTemplateId"), params.list("LaunchTemplateName"));
    let mut found = Vec::new();
    for id in &ids {
        found.push(template::by_id(call, id)?);
    }
    for name in &names {
        found.push(template::by_name(call, name)?);
    }
    if ids.is_empty() && names.is_empty() {
        found = template::all(call)?;
    }
    let filters = Filters::of(params, FILTERS)?;
    let mut templates: Vec<_> = found.into_iter().map(|found| found.record).collect();
    templates.retain(|template| filters.pass(|name| filtered(template, name)));
    let (templates, next) = page::page(params, templates, 200, |template| template.id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("launchTemplates", &templates, |xml, template| template::write(xml, call, template));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn filtered(template: &LaunchTemplate, name: &str) -> Vec<String> {
    match name {
        "create-time" => vec![time(template.created)],
        "launch-template-name" => vec![template.name.clone()],
        _ => tags::filtered(&template.tags, name),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    #[tokio::test]
    async fn by_name_by_id_by_filter_and_page_by_page() {
        let door = door();
        for name in ["lt-tf", "other"] {
            let form = format!(
                "Action=CreateLaunchTemplate&LaunchTemplateName={name}&LaunchTemplateData.KeyName=k\
                 &TagSpecification.1.ResourceType=launch-template&TagSpecification.1.Tag.1.Key=Name\
                 &TagSpecification.1.Tag.1.Value={name}"
            );
            ec2(&door, &form).await;
        }
        // As Terraform sends it.
        let (status, document) =
            ec2(&door, "Action=DescribeLaunchTemplates&LaunchTemplateName.1=lt-tf").await;
        assert_eq!((status, text(&document, "launchTemplateName")), (StatusCode::OK, Some("lt-tf")));
        let id = text(&document, "launchTemplateId").unwrap();
        let many = |document: &str| document.matches("<createdBy>arn:aws:iam::123456789012:root<").count();
        for (form, expected) in [
            ("", 2),
            (&format!("&LaunchTemplateId.1={id}"), 1),
            ("&Filter.1.Name=tag%3AName&Filter.1.Value.1=o*", 1),
            ("&Filter.1.Name=launch-template-name&Filter.1.Value.1=none", 0),
            ("&MaxResults=1", 1),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeLaunchTemplates{form}")).await;
            assert_eq!((status, many(&document)), (StatusCode::OK, expected), "{form} {document}");
        }
        let elsewhere = "Action=DescribeLaunchTemplates&Version=2016-11-15";
        assert_eq!(many(&signed(&door, "eu-west-1", "ec2", elsewhere).await.1), 0);
        for (form, code) in [
            ("LaunchTemplateId.1=lt-00000000000000000", "InvalidLaunchTemplateId.NotFound"),
            ("LaunchTemplateId.1=bogus", "InvalidLaunchTemplateId.Malformed"),
            ("LaunchTemplateName.1=none", "InvalidLaunchTemplateName.NotFoundException"),
            ("Filter.1.Name=x&Filter.1.Value.1=y", "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeLaunchTemplates&{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
