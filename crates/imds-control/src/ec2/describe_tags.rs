//! `DescribeTags`: every tag of every resource, or those that filters choose (docs/control-api.md).

use super::filter::Filters;
use super::page;
use super::resource::Resource;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &["key", "resource-id", "resource-type", "tag:", "value"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    let resources = Resource::all(call)?;
    let mut tags = Vec::new();
    for resource in &resources {
        for (key, value) in resource.tags() {
            let passes = filters.pass(|name| match name {
                "key" => vec![key.clone()],
                "resource-id" => vec![resource.id().to_owned()],
                "resource-type" => vec![resource.kind().to_owned()],
                "value" => vec![value.clone()],
                name => name
                    .strip_prefix("tag:")
                    .filter(|name| name == key)
                    .map(|_| value.clone())
                    .into_iter()
                    .collect(),
            });
            if passes {
                tags.push((resource, key, value));
            }
        }
    }
    let (tags, next) =
        page::page(params, tags, 1_000, |(resource, key, _)| format!("{}/{key}", resource.id()))?;
    let mut xml = Xml::ec2();
    xml.list("tagSet", tags, |xml, (resource, key, value)| {
        xml.text("resourceId", resource.id())
            .text("resourceType", resource.kind())
            .text("key", key)
            .text("value", value);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    #[tokio::test]
    async fn terraforms_and_the_clis_questions() {
        let door = door();
        keep_machine(&door);
        let tags = "Tag.1.Key=Env&Tag.1.Value=prod&Tag.2.Key=x&Tag.2.Value=";
        let ids = "ResourceId.1=i-12345678901234567&ResourceId.2=ami-0abcdef1234567890";
        assert_eq!(ec2(&door, &format!("Action=CreateTags&{ids}&{tags}")).await.0, StatusCode::OK);
        for (form, expected) in [
            ("", 4),
            ("Filter.1.Name=resource-id&Filter.1.Value.1=i-12345678901234567", 2),
            (
                "Filter.1.Name=key&Filter.1.Value.1=aws%3Aec2launchtemplate%3Aid&Filter.2.Name=resource-id\
                 &Filter.2.Value.1=i-12345678901234567",
                0,
            ),
            ("Filter.1.Name=resource-type&Filter.1.Value.1=image", 2),
            ("Filter.1.Name=value&Filter.1.Value.1=pr*", 2),
            ("Filter.1.Name=tag%3AEnv&Filter.1.Value.1=prod", 2),
            ("MaxResults=3", 3),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeTags&{form}")).await;
            let count = document.matches("<resourceId>").count();
            assert_eq!((status, count), (StatusCode::OK, expected), "{form} {document}");
        }
        let (_, document) = ec2(&door, "Action=DescribeTags&MaxResults=3").await;
        let token = text(&document, "nextToken").unwrap();
        let (_, document) = ec2(&door, &format!("Action=DescribeTags&NextToken={token}")).await;
        assert_eq!(
            text(&document, "tagSet"),
            Some(
                "<item><resourceId>i-12345678901234567</resourceId><resourceType>instance</resourceType>\
                 <key>x</key><value></value></item>"
            )
        );
    }
}
