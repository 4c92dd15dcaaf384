//! *Launch an instance*: what the form tells, and what it launches.

use axum::http::StatusCode;
use imds_core::options::{HttpTokens, Switch};
use tokio::sync::{mpsc, watch};

use super::{HOSTILE, field, is_safe, kept};
use crate::console::testing::Browser;
use crate::door::Door;
use crate::plane::Plane;
use crate::testing::{door, ec2, keep_profile};

#[tokio::test]
async fn a_launch_says_only_what_was_chosen() {
    let door = door();
    keep_profile(&door, "web");
    let visitor = Browser::new(&door, "en");
    let al2023 = ("image", "ami-0abcdef1234562023");
    let nothing = ("tokens", "");
    for (fields, tokens, hops) in [
        (vec![al2023, nothing, ("hops", "")], HttpTokens::Required, 2),
        (vec![("image", "ami-0abcdef1234567890")], HttpTokens::Optional, 1),
        (vec![al2023, ("tokens", "optional")], HttpTokens::Optional, 2),
        (vec![al2023, ("hops", " 7 ")], HttpTokens::Required, 7),
    ] {
        let before = kept(&door);
        let (status, to, page) = visitor.post("/console/instances/launch", &fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let made: Vec<_> = kept(&door).into_iter().filter(|machine| !before.contains(machine)).collect();
        assert_eq!(made.len(), 1);
        let instance = &made[0].instance;
        assert_eq!(to, Some(format!("/console/instances/{}?done=launched", instance.id)));
        let options = instance.options;
        assert_eq!((options.http_tokens, options.http_put_response_hop_limit.hops()), (tokens, hops));
    }
    let all = [
        ("name", "web 1"),
        ("count", "2"),
        ("image", "ami-0abcdef1234567890"),
        ("type", "m5.large"),
        ("profile", "web"),
        ("endpoint", "disabled"),
        ("ipv6", "enabled"),
        ("tokens", "required"),
        ("hops", "3"),
        ("tags", "enabled"),
        ("user_data", "\r\n#!/bin/sh\r\necho hi\r\n"),
    ];
    let (status, to, page) = visitor.post("/console/instances/launch", &all).await;
    assert_eq!(
        (status, to.as_deref()),
        (StatusCode::SEE_OTHER, Some("/console/instances?done=launched")),
        "{page}"
    );
    let made: Vec<_> =
        kept(&door).into_iter().filter(|machine| machine.instance.instance_type == "m5.large").collect();
    assert_eq!(made.len(), 2);
    let (instance, options) = (&made[0].instance, made[0].instance.options);
    assert_eq!(instance.tags["Name"], "web 1");
    assert_eq!(instance.user_data.as_deref(), Some(&b"\n#!/bin/sh\necho hi\n"[..]));
    assert_eq!((options.http_endpoint, options.http_protocol_ipv6), (Switch::Disabled, Switch::Enabled));
    assert_eq!(
        (options.http_tokens, options.instance_metadata_tags),
        (HttpTokens::Required, Switch::Enabled)
    );
    assert!(made[0].profile.as_ref().is_some_and(|profile| profile.arn.ends_with("/web")));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_launches_once() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let (_, page) = visitor.get("/console/instances/launch").await;
    let once = field(&page, "once").to_owned();
    let fields = [("image", "ami-0abcdef1234562023"), ("once", once.as_str())];
    let first = visitor.post("/console/instances/launch", &fields).await;
    assert_eq!(visitor.post("/console/instances/launch", &fields).await.1, first.1);
    assert_eq!(kept(&door).len(), 1);
    assert_ne!(field(&visitor.get("/console/instances/launch").await.1, "once"), once);
}

#[tokio::test]
async fn a_launch_that_may_have_been_done_is_done_once() {
    let (_, applied) = watch::channel(0);
    let (questions, _) = mpsc::channel(1);
    let behind = Door { plane: Plane::new(applied, questions), ..door() };
    let fields = |once| [("image", "ami-0abcdef1234562023"), ("once", once)];
    let first = "0123456789abcdef0123456789abcdef";
    let (status, _, page) =
        Browser::new(&behind, "en").post("/console/instances/launch", &fields(first)).await;
    assert_eq!((status, kept(&behind).len()), (StatusCode::SERVICE_UNAVAILABLE, 1));
    assert_eq!(field(&page, "once"), first);
    assert!(page.contains("It is not known whether it was done") && !page.contains("It was not done"));
    assert!(page.contains("is not launched a second time"), "{page}");
    let door = Door { plane: Plane::immediate(), ..behind };
    let visitor = Browser::new(&door, "en");
    let (status, ..) = visitor.post("/console/instances/launch", &fields(first)).await;
    assert_eq!((status, kept(&door).len()), (StatusCode::SEE_OTHER, 1));
    // What was refused for what it asked is another launch once that is put right.
    let (_, _, page) = visitor.post("/console/instances/launch", &[("image", "x"), ("once", first)]).await;
    assert_ne!(field(&page, "once"), first);
}

#[tokio::test]
async fn a_launch_that_is_refused_is_shown_with_what_was_typed() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    for (name, value, code, wrong) in [
        ("image", "ami-00000000000000000", "InvalidAMIID.NotFound", "image"),
        ("image", HOSTILE, "InvalidAMIID.Malformed", "image"),
        ("type", HOSTILE, "InvalidParameterValue", "type"),
        ("type", "t4g.micro", "InvalidParameterValue", "type"),
        ("key", HOSTILE, "InvalidKeyPair.NotFound", "key"),
        ("profile", HOSTILE, "InvalidParameterValue", "profile"),
        ("count", HOSTILE, "InvalidParameterValue", "count"),
        ("count", "0", "InvalidParameterValue", "count"),
        ("endpoint", HOSTILE, "InvalidParameterValue", "endpoint"),
        ("ipv6", "on", "InvalidParameterValue", "ipv6"),
        ("tokens", HOSTILE, "InvalidParameterValue", "tokens"),
        ("hops", "65", "InvalidParameterValue", "hops"),
        ("hops", HOSTILE, "InvalidParameterValue", "hops"),
        ("tags", "allow", "InvalidParameterValue", "tags"),
        ("user_data", &"x".repeat(16_385), "InvalidParameterValue", "user_data"),
    ] {
        let fields = [("image", "ami-0abcdef1234562023"), ("name", "<b>typed</b>")];
        let fields: Vec<_> =
            fields.into_iter().filter(|(known, _)| *known != name).chain([(name, value)]).collect();
        let (status, to, page) = visitor.post("/console/instances/launch", &fields).await;
        assert_eq!((status, to), (StatusCode::BAD_REQUEST, None), "{name} {value}");
        assert!(page.contains("role=\"alert\"") && page.contains(code), "{name} {page}");
        assert!(is_safe(&page) && page.contains("&#60;b&#62;typed"), "{name} {page}");
        let (_, control) = page.split_once(&format!(" id=\"{wrong}\"")).unwrap();
        assert!(control.split('>').next().unwrap().contains("aria-invalid=\"true\""), "{name} {value}");
        assert_eq!(page.matches("aria-invalid").count(), 1, "{name}");
    }
    assert!(kept(&door).is_empty());
}

#[tokio::test]
async fn the_form_tells_which_default_applies_and_where_it_comes_from() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let (image, plain) = ("ami-0abcdef1234562023", "ami-0abcdef1234567890");
    let v2 = "Default: V2 only (token required). It comes from the AMI: its ImdsSupport is v2.0.";
    let told = |page: &str, words: &str| assert!(page.contains(words), "{words}: {page}");
    let (_, page) = visitor.get("/console/instances/launch").await;
    told(&page, v2);
    told(&page, "Default: 2. It comes from the AMI");
    let (_, page) = visitor.get(&format!("/console/instances/launch?image={plain}")).await;
    told(&page, "Default: V1 and V2 (token optional). It comes from EC2 itself");
    told(&page, "Default: 1. It comes from EC2 itself");
    ec2(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokens=required&HttpPutResponseHopLimit=9").await;
    ec2(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled").await;
    // A look launches nothing, and keeps what was typed.
    let fields = [("look", "1"), ("image", plain), ("name", "kept"), ("user_data", "  lines\r\n")];
    let (status, to, page) = visitor.post("/console/instances/launch", &fields).await;
    assert_eq!((status, to, kept(&door).len()), (StatusCode::OK, None, 0));
    told(
        &page,
        "Default: V2 only (token required). It comes from the account&#39;s IMDS defaults in this Region.",
    );
    told(&page, "Default: 9. It comes from the account");
    told(&page, "IMDSv2 is enforced in this Region");
    told(&page, "value=\"kept\"");
    told(&page, ">\n  lines\n</textarea>");
    let fields = [("image", image), ("tokens", "optional")];
    let (status, _, page) = visitor.post("/console/instances/launch", &fields).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    told(&page, "UnsupportedOperation");
}

#[tokio::test]
async fn a_launch_is_in_the_region_that_was_shown() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let fields = [("image", "ami-0abcdef1234562023"), ("region", "eu-west-1")];
    visitor.post("/console/instances/launch", &fields).await;
    assert_eq!(kept(&door)[0].instance.placement.region, "eu-west-1");
}
