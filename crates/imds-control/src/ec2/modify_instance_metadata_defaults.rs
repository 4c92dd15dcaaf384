//! `ModifyInstanceMetadataDefaults` (docs/control-api.md).

use std::str::FromStr;

use imds_core::options::HopLimit;
use imds_store::record::Batch;

use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = call.defaults()?;
    let before = found.as_ref().map(|found| found.record).unwrap_or_default();
    let mut defaults = before;
    let choice = &mut defaults.choice;
    set(params, "HttpTokens", "'optional', 'required'", &mut choice.http_tokens)?;
    set_hop_limit(params, &mut choice.http_put_response_hop_limit)?;
    let switch = "'enabled', 'disabled'";
    set(params, "HttpEndpoint", switch, &mut choice.http_endpoint)?;
    set(params, "InstanceMetadataTags", switch, &mut choice.instance_metadata_tags)?;
    set(params, "HttpTokensEnforced", switch, &mut defaults.http_tokens_enforced)?;

    let mut batch = Batch::default();
    match &found {
        // Nothing to change is no error [assumed].
        _ if defaults == before => {}
        Some(found) => batch.replace(call.region, found, &defaults),
        None => batch.create(call.region, &defaults),
    }
    Ok(Outcome::done(batch))
}

/// Sets what a parameter names: a word, or `no-preference` for nothing. What is left out stays; what is empty is refused.
fn set<T: FromStr>(params: &Params, name: &str, words: &str, value: &mut Option<T>) -> Result<(), Error> {
    match params.get(name) {
        None => {}
        Some("no-preference") => *value = None,
        Some(text) => {
            let read = text.parse().map_err(|_| {
                Error::invalid_value(format!(
                    "A value of '{text}' is not valid for {name}. Specify {words} or 'no-preference' and try again."
                ))
            })?;
            *value = Some(read);
        }
    }
    Ok(())
}

fn set_hop_limit(params: &Params, value: &mut Option<HopLimit>) -> Result<(), Error> {
    match params.get("HttpPutResponseHopLimit") {
        None => {}
        Some("-1") => *value = None,
        Some(text) => {
            let read = text.parse().map_err(|_| {
                Error::invalid_value(format!(
                    "A value of '{text}' is not valid for HttpPutResponseHopLimit. Specify an integer from 1 to 64, or -1 \
                     for no preference, and try again."
                ))
            })?;
            *value = Some(read);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    const GET: &str = "Action=GetInstanceMetadataDefaults";
    const MODIFY: &str = "Action=ModifyInstanceMetadataDefaults";

    async fn level(door: &crate::door::Door) -> String {
        let (status, document) = ec2(door, GET).await;
        assert_eq!(status, StatusCode::OK);
        text(&document, "accountLevel").unwrap().replace("<managedBy>account</managedBy>", "")
    }

    #[tokio::test]
    async fn what_is_not_set_is_absent() {
        let door = door();
        assert_eq!(level(&door).await, "");
        // The bodies of aws-cli and Terraform.
        for (form, expected) in [
            (
                "HttpTokens=required&HttpPutResponseHopLimit=2&HttpEndpoint=no-preference",
                "<httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>",
            ),
            (
                "HttpTokensEnforced=enabled&InstanceMetadataTags=enabled",
                "<httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>\
                 <instanceMetadataTags>enabled</instanceMetadataTags><httpTokensEnforced>enabled</httpTokensEnforced>",
            ),
            (
                "HttpEndpoint=no-preference&HttpPutResponseHopLimit=2&HttpTokens=required&InstanceMetadataTags=no-preference\
                 &HttpTokensEnforced=no-preference",
                "<httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>",
            ),
            (
                "HttpEndpoint=no-preference&HttpPutResponseHopLimit=-1&HttpTokens=no-preference\
                 &InstanceMetadataTags=no-preference",
                "",
            ),
        ] {
            let (status, document) = ec2(&door, &format!("{MODIFY}&{form}")).await;
            assert_eq!((status, text(&document, "return")), (StatusCode::OK, Some("true")), "{document}");
            assert_eq!(level(&door).await, expected, "{form}");
        }
    }

    #[tokio::test]
    async fn each_region_has_its_own() {
        let door = door();
        let form = format!("{MODIFY}&HttpTokens=required&Version=2016-11-15");
        assert_eq!(signed(&door, "eu-west-1", "ec2", &form).await.0, StatusCode::OK);
        assert_eq!(level(&door).await, "");
        let (_, document) = signed(&door, "eu-west-1", "ec2", &format!("{GET}&Version=2016-11-15")).await;
        assert_eq!(text(&document, "httpTokens"), Some("required"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        for form in [
            "HttpTokens=v2",
            "HttpEndpoint=on",
            "InstanceMetadataTags=true",
            "HttpTokensEnforced=optional",
            "HttpPutResponseHopLimit=0",
            "HttpPutResponseHopLimit=65",
            "HttpPutResponseHopLimit=no-preference",
        ] {
            let (status, document) = ec2(&door, &format!("{MODIFY}&{form}")).await;
            assert_eq!(
                (status, text(&document, "Code")),
                (StatusCode::BAD_REQUEST, Some("InvalidParameterValue")),
                "{form}"
            );
        }
        let (status, _) = ec2(&door, &format!("{MODIFY}&HttpTokens=required&DryRun=true")).await;
        assert_eq!(status.as_u16(), 412);
        assert_eq!(level(&door).await, "");
    }
}
