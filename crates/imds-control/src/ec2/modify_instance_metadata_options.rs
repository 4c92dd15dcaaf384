//! `ModifyInstanceMetadataOptions`: what this is all about (docs/control-api.md).

use imds_store::record::{Batch, Trace, trace_name};

use super::{options, tags, transition};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let id = params.need("InstanceId")?;
    let found = call.machine(id)?;
    let choice = options::choice(params)?;
    if choice.is_empty() {
        // What EC2 answers is not known; that it does not change nothing in silence is [assumed].
        return Err(Error::new(
            "InvalidParameterCombination",
            "The request must contain at least one of the metadata options",
        ));
    }
    let mut machine = found.record.clone();
    transition::exists(&machine)?;
    let before = machine.instance.options;
    let after = before.with(&choice);
    let kept = call.defaults()?;
    let defaults = kept.as_ref().map(|found| found.record).unwrap_or_default();
    defaults.change(&before, &after).map_err(options::enforced)?;
    machine.set_options(after, call.now);
    tags::fit(&machine.instance)?;

    let mut batch = Batch::default();
    batch.expect(call.region, kept.as_ref());
    let changes = before.changes(&after);
    if !changes.is_empty() {
        batch.replace(id, &found, &machine);
    }
    for (index, change) in changes.into_iter().enumerate() {
        let trace = Trace {
            at: call.now,
            option: change.option.to_owned(),
            old: change.old,
            new: change.new,
            by: call.caller.clone(),
        };
        batch.create(&trace_name(&machine.instance.id, found.revision, index), &trace);
    }
    let mut xml = Xml::ec2();
    xml.text("instanceId", id);
    // By the next describe it is applied; here it is on its way.
    xml.within("instanceMetadataOptions", |xml| options::write(xml, &after, "pending"));
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    const MODIFY: &str = "Action=ModifyInstanceMetadataOptions&InstanceId=i-12345678901234567";

    #[tokio::test]
    async fn what_is_left_out_stays() {
        let door = door();
        keep_machine(&door);
        let (status, document) =
            ec2(&door, &format!("{MODIFY}&HttpTokens=required&HttpPutResponseHopLimit=3")).await;
        assert_eq!((status, text(&document, "state")), (StatusCode::OK, Some("pending")));
        let (_, document) = ec2(&door, &format!("{MODIFY}&HttpTokens=optional")).await;
        assert_eq!(text(&document, "httpTokens"), Some("optional"));
        assert_eq!(text(&document, "httpPutResponseHopLimit"), Some("3"));
    }

    #[tokio::test]
    async fn imdsv1_does_not_come_back_where_imdsv2_is_enforced() {
        let door = door();
        keep_machine(&door);
        ec2(&door, &format!("{MODIFY}&HttpTokens=required")).await;
        ec2(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled").await;
        let (status, document) = ec2(&door, &format!("{MODIFY}&HttpTokens=optional")).await;
        assert_eq!(
            (status, text(&document, "Code")),
            (StatusCode::BAD_REQUEST, Some("UnsupportedOperation"))
        );
        let words =
            "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account.";
        assert!(text(&document, "Message").unwrap().starts_with(words), "{document}");
        assert_eq!(ec2(&door, &format!("{MODIFY}&HttpPutResponseHopLimit=3")).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn of_what_is_terminated_nothing_changes() {
        let door = door();
        keep_machine(&door);
        ec2(&door, "Action=TerminateInstances&InstanceId.1=i-12345678901234567").await;
        let (status, document) = ec2(&door, &format!("{MODIFY}&HttpTokens=required")).await;
        let words = "The instance 'i-12345678901234567' is not in the 'running' or 'stopped' states.";
        assert_eq!(
            (status, text(&document, "Code"), text(&document, "Message")),
            (StatusCode::BAD_REQUEST, Some("IncorrectInstanceState"), Some(words))
        );
    }

    #[tokio::test]
    async fn tags_are_not_served_while_a_key_cannot_be_a_path() {
        let door = door();
        keep_machine(&door);
        let tags = "Action=CreateTags&ResourceId.1=i-12345678901234567&Tag.1.Key=cost+center";
        assert_eq!(ec2(&door, tags).await.0, StatusCode::OK);
        let (status, document) = ec2(&door, &format!("{MODIFY}&InstanceMetadataTags=enabled")).await;
        assert_eq!(
            (status, text(&document, "Code")),
            (StatusCode::BAD_REQUEST, Some("InvalidParameterValue"))
        );
        let words = "'cost center' is not a valid tag key. Tag keys must match pattern ";
        assert!(text(&document, "Message").unwrap().starts_with(words), "{document}");
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused_in_aws_words() {
        let door = door();
        keep_machine(&door);
        for (form, code) in [
            ("Action=ModifyInstanceMetadataOptions&HttpTokens=required", "MissingParameter"),
            ("Action=ModifyInstanceMetadataOptions&InstanceId=bogus", "InvalidInstanceID.Malformed"),
            (
                "Action=ModifyInstanceMetadataOptions&InstanceId=i-00000000000000000",
                "InvalidInstanceID.NotFound",
            ),
            (&format!("{MODIFY}&HttpTokens=Required"), "InvalidParameterValue"),
            (&format!("{MODIFY}&HttpEndpoint="), "InvalidParameterValue"),
            (&format!("{MODIFY}&HttpPutResponseHopLimit=65"), "InvalidParameterValue"),
            (MODIFY, "InvalidParameterCombination"),
            ("Action=Bogus", "InvalidAction"),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        let (status, document) = ec2(&door, &format!("{MODIFY}&HttpTokens=required&DryRun=true")).await;
        assert_eq!((status.as_u16(), text(&document, "Code")), (412, Some("DryRunOperation")));
    }
}
