//! The examples that AWS publishes ("Signature Version 4 test suite"; IAM User Guide, "Create a signed AWS API request").

use super::*;

const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

/// A request of the test suite, with the headers that its examples have beside `host` and `x-amz-date`, and its signature.
fn example(method: &str, uri: &str, more: &[(&str, &str)], body: &str, signature: &str) -> Sent {
    let mut sent = Sent::new(method, uri, more, body);
    sent.set("host", "example.amazonaws.com");
    sent.set("x-amz-date", "20150830T123600Z");
    let mut names: Vec<_> = sent.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    let signed = names.join(";");
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={signed}, Signature={signature}");
    sent.set("authorization", &authorization);
    sent
}

/// Name, method, path and query, further headers, body, signature.
type Example = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

const EXAMPLES: &[Example] = &[
    ("get-vanilla", "GET", "/", &[], "", VANILLA),
    ("get-relative", "GET", "/example/..", &[], "", VANILLA),
    ("get-relative-relative", "GET", "/example1/example2/../..", &[], "", VANILLA),
    ("get-slash", "GET", "//", &[], "", VANILLA),
    ("get-slash-dot-slash", "GET", "/./", &[], "", VANILLA),
    (
        "get-vanilla-query-order-key-case",
        "GET",
        "/?Param2=value2&Param1=value1",
        &[],
        "",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    ("get-utf8", "GET", "/ሴ", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    (
        "get-vanilla-utf8-query",
        "GET",
        "/?%E1%88%B4=bar",
        &[],
        "",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    (
        "get-header-key-duplicate",
        "GET",
        "/",
        &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
        "",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    (
        "get-header-value-order",
        "GET",
        "/",
        &[
            ("my-header1", "value4"),
            ("my-header1", "value1"),
            ("my-header1", "value3"),
            ("my-header1", "value2"),
        ],
        "",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    (
        "get-header-value-trim",
        "GET",
        "/",
        &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
        "",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "post-vanilla",
        "POST",
        "/",
        &[],
        "",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "post-x-www-form-urlencoded",
        "POST",
        "/",
        &[FORM],
        "Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
];

#[test]
fn the_examples_of_the_test_suite_verify() {
    for (name, method, uri, headers, body, signature) in EXAMPLES {
        let sent = example(method, uri, headers, body, signature);
        assert!(sent.verdict().is_ok(), "{name}");
        assert_eq!(kind(sent.verdict_with("another", then())), Kind::Mismatch, "{name}");
    }
}

#[test]
fn the_example_of_the_users_guide_verifies() {
    let headers = [
        ("host", "iam.amazonaws.com"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ];
    let sent = Sent::new("GET", "/?Action=ListUsers&Version=2010-05-08", &headers, "");
    assert_eq!(sent.verdict().unwrap().credential.service, "iam");
}
