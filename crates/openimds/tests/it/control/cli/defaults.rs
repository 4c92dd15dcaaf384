//! The account's defaults, and the region that they are of.

use super::{AL2023, User};

#[test]
fn a_default_is_for_launches_that_leave_it_open() {
    let user = User::new();
    assert_eq!(user.imds("defaults show --json").json(), serde_json::json!({}));
    let text = user.imds("defaults show").well();
    assert_eq!(text.matches("no preference").count(), 5, "{text}");

    let before = user.imds("instance launch").well();
    user.imds("defaults set --metadata-version v2 --hop-limit 3 --instance-metadata-tags enabled").well();
    let text = user.imds("defaults show").well();
    assert!(text.contains("V2 (token required)"), "{text}");
    let id = user.launch("");
    assert_eq!(user.get("meta-data/").0, 401);
    assert_eq!(user.show(&id)["MetadataOptions"]["HttpPutResponseHopLimit"], 3);
    assert_eq!(user.show(before.trim())["MetadataOptions"]["HttpTokens"], "optional");

    user.imds("defaults set --hop-limit no-preference --http-tokens no-preference").well();
    assert_eq!(
        user.imds("defaults show --format json").json(),
        serde_json::json!({ "InstanceMetadataTags": "enabled" })
    );
}

#[test]
fn what_is_enforced_is_not_got_round() {
    let user = User::new();
    let v2 = user.launch("--metadata-version v2");
    user.imds("defaults set --enforce enabled").well();
    for words in ["instance launch".to_owned(), format!("instance set {v2} --metadata-version v1-and-v2")] {
        let sentence = user.imds(&words).sentence();
        assert!(sentence.starts_with("imds: UnsupportedOperation: "), "{sentence}");
        assert!(sentence.contains("`imds defaults set --enforce disabled`"), "{sentence}");
    }
    assert_eq!(user.get("meta-data/").0, 401);
    user.imds(&format!("instance launch --image {AL2023}")).well();
    user.imds("defaults set --enforce disabled").well();
    user.imds(&format!("instance set {v2} --metadata-version v1-and-v2")).well();
    assert_eq!(user.get("meta-data/").0, 200);
}

#[test]
fn a_region_has_its_own() {
    let user = User::new();
    user.imds("defaults set --metadata-version v2 --region eu-west-1").well();
    assert_eq!(user.imds("defaults show --json").json(), serde_json::json!({}));
    let there = user.imds("instance launch --region eu-west-1").well();
    let listed = |region: &str| user.imds(&format!("instance list --region {region}")).well();
    assert!(listed("eu-west-1").contains(there.trim()), "{there}");
    assert!(!listed("us-east-1").contains(there.trim()), "{there}");
    let shown = user.imds(&format!("--region eu-west-1 instance show {there} --json"));
    assert_eq!(shown.code, Some(2), "it belongs to the verb: {shown:?}");
    let shown = user.imds(&format!("instance --region eu-west-1 show {there} --json")).json();
    assert_eq!(shown["MetadataOptions"]["HttpTokens"], "required");
    let zone = shown["AvailabilityZone"].as_str().unwrap();
    assert!(zone.starts_with("eu-west-1"), "{zone}");
}
