//! The dialogs of one instance: what they change, and what they leave.

use axum::http::StatusCode;
use imds_core::options::{HttpTokens, Switch};
use imds_store::record::{self, Batch, Trace};

use super::{AT, HOSTILE, ID, is_safe, kept};
use crate::console::testing::Browser;
use crate::testing::{door, ec2, keep_machine};

/// The fields that say what a page showed.
fn shown(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("name=\"was-").skip(1);
    let read = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (format!("was-{name}"), rest.split('"').next().unwrap().to_owned())
    };
    inputs.map(read).collect()
}

#[tokio::test]
async fn the_dialog_saves_all_that_it_shows() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "ja");
    let at = format!("{AT}/metadata-options");
    let (_, page) = visitor.get(&at).await;
    assert!(page.contains("value=\"optional\" aria-describedby=\"tokens-optional-hint\" checked"), "{page}");
    let fields = [("endpoint", "enabled"), ("tokens", "required"), ("hops", "2")];
    for _ in 0..2 {
        // The second time nothing is to be changed.
        let (status, to, _) = visitor.post(&at, &fields).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, Some(format!("{AT}?done=options"))));
        let options = kept(&door)[0].instance.options;
        assert_eq!((options.http_endpoint, options.http_tokens), (Switch::Enabled, HttpTokens::Required));
        assert_eq!(options.http_put_response_hop_limit.hops(), 2);
    }
    let traces = record::list::<Trace>(&*door.store, &format!("{ID}/")).unwrap();
    assert_eq!(traces.len(), 2, "tokens and hop limit, once");
    assert!(traces.iter().all(|(_, found)| found.record.by.address == "127.0.0.1"));
    visitor.post(&at, &[("ipv6", "enabled"), ("tokens", "required"), ("hops", "2")]).await;
    let options = kept(&door)[0].instance.options;
    assert_eq!((options.http_endpoint, options.http_protocol_ipv6), (Switch::Disabled, Switch::Enabled));
}

#[tokio::test]
async fn a_dialog_changes_what_was_changed_in_it_and_nothing_else() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/metadata-options");
    let (_, page) = visitor.get(&at).await;
    // Meanwhile somebody else requires tokens.
    let modify = format!("Action=ModifyInstanceMetadataOptions&InstanceId={ID}&HttpTokens=required");
    ec2(&door, &modify).await;
    let was = shown(&page);
    assert_eq!(was.len(), 4, "{page}");
    let send = async |fields: &[(&str, &str)]| {
        let was = was.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        visitor.post(&at, &was.chain(fields.iter().copied()).collect::<Vec<_>>()).await
    };
    let options = || {
        let options = kept(&door)[0].instance.options;
        (options.http_endpoint, options.http_tokens, options.http_put_response_hop_limit.hops())
    };
    let (_, to, _) = send(&[("endpoint", "enabled"), ("tokens", "optional"), ("hops", "7")]).await;
    assert_eq!(to, Some(format!("{AT}?done=options")));
    assert_eq!(options(), (Switch::Enabled, HttpTokens::Required, 7));
    // What is refused is shown again with what was shown at first.
    let (status, _, page) = send(&[("endpoint", "enabled"), ("tokens", "optional"), ("hops", "65")]).await;
    assert_eq!((status, shown(&page)), (StatusCode::BAD_REQUEST, was.clone()));
    // Nothing was changed: nothing is.
    let before = kept(&door);
    let (_, to, _) = send(&[("endpoint", "enabled"), ("tokens", "optional"), ("hops", "1")]).await;
    assert_eq!((to, kept(&door)), (Some(format!("{AT}?done=unchanged")), before));
    let (_, page) = visitor.get(&format!("{AT}?done=unchanged")).await;
    assert!(page.contains("Nothing was changed."), "{page}");
    // A box that was cleared.
    send(&[("tokens", "optional"), ("hops", "1")]).await;
    assert_eq!(options(), (Switch::Disabled, HttpTokens::Required, 7));
}

#[tokio::test]
async fn a_dialog_that_is_refused_changes_nothing() {
    let door = door();
    let before = keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/metadata-options");
    for (tokens, hops) in [
        ("", "1"),
        ("both", "1"),
        ("optional", ""),
        ("optional", "65"),
        (HOSTILE, "1"),
        ("optional", HOSTILE),
    ] {
        let fields = [("endpoint", "enabled"), ("tokens", tokens), ("hops", hops)];
        let (status, _, page) = visitor.post(&at, &fields).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{tokens} {hops}");
        assert!(page.contains("InvalidParameterValue") && is_safe(&page), "{page}");
        assert_eq!(page.contains("aria-invalid"), tokens == "optional", "{tokens} {hops}");
        assert_eq!(kept(&door), std::slice::from_ref(&before));
    }
}

#[tokio::test]
async fn tags_are_allowed_and_not() {
    let door = door();
    let mut machine = keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/allow-tags");
    for (fields, tags) in [(vec![("allow", "enabled")], Switch::Enabled), (vec![], Switch::Disabled)] {
        let (status, to, _) = visitor.post(&at, &fields).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, Some(format!("{AT}?done=tags"))));
        assert_eq!(kept(&door)[0].instance.options.instance_metadata_tags, tags);
    }
    // A key that cannot be a path is refused, and told as it is.
    machine.instance.tags.insert("a b<script>alert(1)</script>".to_owned(), HOSTILE.to_owned());
    let mut batch = Batch::default();
    batch.put(ID, &machine);
    door.store.commit(batch.writes()).unwrap();
    let (status, _, page) = visitor.post(&at, &[("allow", "enabled")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("is not a valid tag key") && is_safe(&page), "{page}");
    assert!(page.contains("checked aria-invalid=\"true\""), "{page}");
}

#[tokio::test]
async fn a_dialog_of_tags_that_was_left_as_it_was_changes_nothing() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/allow-tags");
    let was = shown(&visitor.get(&at).await.1);
    let [(name, value)] = &was[..] else { panic!("{was:?}") };
    let modify = format!("Action=ModifyInstanceMetadataOptions&InstanceId={ID}&InstanceMetadataTags=enabled");
    ec2(&door, &modify).await;
    let (_, to, _) = visitor.post(&at, &[(name, value)]).await;
    assert_eq!(to, Some(format!("{AT}?done=unchanged")));
    assert_eq!(kept(&door)[0].instance.options.instance_metadata_tags, Switch::Enabled);
}
