//! The request rules: nothing is served without a token where one is required, and no token is issued off its path.
#![no_main]

use imds_core::access::{Decision, Session, TOKEN_PATH, decide};
use imds_core::options::{HttpTokens, MetadataOptions, Switch};
use imds_core::request::{Header, Method, Request};
use libfuzzer_sys::fuzz_target;

fn header(kind: u8, value: &[u8]) -> Header<'_> {
    match kind % 3 {
        0 => Header::Absent,
        1 => Header::Once(value),
        _ => Header::Repeated,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(([a, b, c, d, cut], rest)) = data.split_first_chunk() else { return };
    let (path, value) = rest.split_at((*cut as usize).min(rest.len()));
    // Every other input is on the token's path, which chance would not find.
    let path = if d & 1 == 0 { path } else { TOKEN_PATH };
    let method = [Method::Get, Method::Head, Method::Put, Method::Options, Method::Other][(a % 5) as usize];
    let request = Request { method, path, token: header(*b, value), ttl: header(*c, value), forwarded: d & 2 != 0 };
    let mut options = MetadataOptions::default();
    options.http_tokens = if d & 4 == 0 { HttpTokens::Optional } else { HttpTokens::Required };
    options.http_endpoint = if d & 24 == 24 { Switch::Disabled } else { Switch::Enabled };
    let opens = |text: &[u8]| (text == b"good").then_some(1);
    let is_good = request.token == Header::Once(b"good");
    match decide(&options, &request, opens) {
        Decision::Issue(ttl) => {
            assert!(method == Method::Put && path == TOKEN_PATH && !request.forwarded);
            assert!((1..=21_600).contains(&ttl.seconds()));
        }
        Decision::Serve(Session::V1) => {
            assert!(request.token == Header::Absent && options.http_tokens == HttpTokens::Optional);
        }
        Decision::Serve(Session::V2 { .. }) => assert!(is_good),
        Decision::Describe(_) => assert_eq!(method, Method::Options),
        Decision::Refuse(refusal) => assert!((400..=405).contains(&refusal.status())),
    }
    if options.http_endpoint == Switch::Disabled {
        assert!(matches!(decide(&options, &request, opens), Decision::Refuse(refusal) if refusal.status() == 403));
    }
});
