//! *IMDS defaults*: what is shown, and what the form sets.

use axum::http::StatusCode;
use imds_core::defaults::Defaults;
use imds_core::options::{HopLimit, HttpTokens, Switch};
use imds_store::record;

use crate::console::testing::Browser;
use crate::door::Door;
use crate::testing::{door, ec2, text};

const EDIT: &str = "/console/defaults/edit";

fn kept(door: &Door) -> Option<Defaults> {
    record::get::<Defaults>(&*door.store, "us-east-1").unwrap().map(|found| found.record)
}

/// A form with these fields instead of those that it has at first.
fn form<'f>(said: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let first = [("endpoint", ""), ("tokens", ""), ("enforced", "disabled"), ("tags", ""), ("hops", "")];
    let said = |name| said.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    first.into_iter().map(|(name, value)| (name, said(name).unwrap_or(value))).collect()
}

#[tokio::test]
async fn both_pages_are_there_in_both_languages() {
    let door = door();
    for (path, titles) in [
        ("/console/defaults", ["IMDS defaults", "IMDS のデフォルト"]),
        (EDIT, ["Manage IMDS defaults", "IMDS のデフォルトを管理"]),
    ] {
        for (language, title) in ["en", "ja"].into_iter().zip(titles) {
            let (status, page) = Browser::new(&door, language).get(path).await;
            assert_eq!(status, StatusCode::OK);
            assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
        }
    }
    let (_, page) = Browser::new(&door, "en").get("/console/defaults?done=updated").await;
    assert!(page.contains("The IMDS defaults were updated.") && page.matches("No preference").count() == 4);
    let (_, page) = Browser::new(&door, "en").get("/console/defaults?done=%3Cscript%3E").await;
    assert!(!page.contains("role=\"status\""), "{page}");
}

#[tokio::test]
async fn the_form_sets_what_the_api_then_tells() {
    let door = door();
    let visitor = Browser::new(&door, "ja");
    let get = "Action=GetInstanceMetadataDefaults";
    let said = [
        ("tokens", "required"),
        ("hops", "2"),
        ("enforced", "enabled"),
        ("tags", "enabled"),
        ("endpoint", "enabled"),
    ];
    let (status, to, page) = visitor.post(EDIT, &form(&said)).await;
    assert_eq!(
        (status, to.as_deref()),
        (StatusCode::SEE_OTHER, Some("/console/defaults?done=updated&region=us-east-1")),
        "{page}"
    );
    let (_, told) = ec2(&door, get).await;
    for (name, value) in [
        ("httpTokens", "required"),
        ("httpPutResponseHopLimit", "2"),
        ("httpTokensEnforced", "enabled"),
        ("httpEndpoint", "enabled"),
        ("instanceMetadataTags", "enabled"),
    ] {
        assert_eq!(text(&told, name), Some(value), "{told}");
    }
    let (_, page) = visitor.get("/console/defaults").await;
    assert!(page.contains("<dd>V2 (トークンは必須)</dd>") && !page.contains("設定なし"), "{page}");
    let (_, page) = visitor.get(EDIT).await;
    assert!(page.contains("<option value=\"required\" selected>"), "{page}");
    // Nothing chosen is no preference.
    visitor.post(EDIT, &form(&[])).await;
    let (_, told) = ec2(&door, get).await;
    assert_eq!((text(&told, "httpTokens"), text(&told, "httpTokensEnforced")), (None, Some("disabled")));
}

#[tokio::test]
async fn what_is_set_is_of_the_region_that_was_shown() {
    let door = door();
    // This browser has since gone to us-east-1.
    let visitor = Browser::new(&door, "en");
    for (region, of) in [("eu-west-1", "eu-west-1"), ("../x", "us-east-1"), ("", "us-east-1")] {
        let fields = [form(&[("tokens", "required")]), vec![("region", region)]].concat();
        let (_, to, _) = visitor.post(EDIT, &fields).await;
        assert_eq!(to, Some(format!("/console/defaults?done=updated&region={of}")));
        assert!(record::get::<Defaults>(&*door.store, of).unwrap().is_some(), "{region}");
        assert_eq!(kept(&door).is_some(), of == "us-east-1", "{region}");
    }
}

#[tokio::test]
async fn saving_what_is_shown_sets_nothing() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let was = [
        ("was-endpoint", ""),
        ("was-tokens", ""),
        ("was-enforced", "disabled"),
        ("was-tags", ""),
        ("was-hops", ""),
    ];
    let (_, page) = visitor.get(EDIT).await;
    for (name, value) in was {
        assert!(page.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name} {page}");
    }
    let (_, to, _) = visitor.post(EDIT, &[form(&[]), was.to_vec()].concat()).await;
    assert_eq!(to.as_deref(), Some("/console/defaults?done=unchanged&region=us-east-1"));
    assert_eq!(kept(&door), None);
    // What somebody else has set since then stays.
    ec2(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokens=required&HttpTokensEnforced=enabled").await;
    let (_, to, _) = visitor.post(EDIT, &[form(&[("hops", "3")]), was.to_vec()].concat()).await;
    assert_eq!(to.as_deref(), Some("/console/defaults?done=updated&region=us-east-1"));
    let kept = kept(&door).unwrap();
    assert_eq!(kept.choice.http_tokens, Some(HttpTokens::Required));
    assert_eq!(kept.http_tokens_enforced, Some(Switch::Enabled));
    assert_eq!(kept.choice.http_put_response_hop_limit.map(HopLimit::hops), Some(3));
}

#[tokio::test]
async fn what_is_refused_changes_nothing_and_is_shown() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let hostile = "\"><script>alert(1)</script>";
    for (name, value) in [
        ("hops", "65"),
        ("hops", "x"),
        ("hops", hostile),
        ("tokens", "both"),
        ("tokens", hostile),
        ("endpoint", "on"),
        ("tags", hostile),
        ("enforced", hostile),
        ("enforced", "x"),
    ] {
        let (status, _, page) = visitor.post(EDIT, &form(&[(name, value)])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
        assert!(page.contains("InvalidParameterValue") && !page.contains("<script>alert"), "{page}");
        let (_, control) = page.split_once(&format!(" id=\"{name}\"")).unwrap();
        assert!(control.split('>').next().unwrap().contains("aria-invalid=\"true\""), "{name}");
        assert_eq!(page.matches("aria-invalid").count(), 1, "{name}");
    }
    assert_eq!(kept(&door), None);
}
