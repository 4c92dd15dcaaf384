//! The story that this service is for, as its page tells it.

use super::{Said, users};

/// The page of a 401.
const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../imds-server/golden/401.xhtml"));
/// The headers of metadata that is had with a token, as captured.
const HEADERS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../imds-server/golden/get-v2.headers"));

#[test]
fn imdsv1_gets_a_page_and_imdsv2_gets_metadata() {
    let script = r#"
        curl http://169.254.169.254/latest/meta-data/instance-id
        echo =
        TOKEN=`curl -X PUT "http://169.254.169.254/latest/api/token" -H "X-aws-ec2-metadata-token-ttl-seconds: 21600"`
        echo "$TOKEN"
        curl -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-id
        echo
        curl -v -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/
    "#;
    for user in users() {
        let Said { code, out, err } = user.script(&["--http-tokens", "required"], script);
        assert_eq!(code, Some(0), "{err}");

        assert_eq!(PAGE.len(), 343);
        let rest = out.strip_prefix(PAGE).and_then(|rest| rest.strip_prefix("=\n")).expect(&out);
        let [token, id, listing] = rest.splitn(3, '\n').collect::<Vec<_>>().try_into().expect(rest);
        assert!(token.len() == 56 && token.starts_with("AQAEA"), "{token}");
        assert!(err.contains("100    56  100    56"), "{err}");
        assert_eq!(id, "i-12345678901234567");
        let names: Vec<_> = listing.split('\n').collect();
        assert_eq!(names.first(), Some(&"ami-id"));
        assert!(names.contains(&"instance-id") && names.contains(&"placement/"), "{listing}");
        assert!(names.is_sorted() && !names.contains(&""), "{listing}");

        let answer: Vec<_> = err.lines().filter_map(|line| line.strip_prefix("< ")).collect();
        let names = |lines: &[&str]| -> Vec<String> {
            lines.iter().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_owned()).collect()
        };
        assert_eq!(answer[0], "HTTP/1.1 200 OK");
        assert_eq!(names(&answer), names(&HEADERS.lines().collect::<Vec<_>>()));
        assert!(answer.contains(&format!("Content-Length: {}", listing.len()).as_str()), "{answer:?}");
    }
}

#[test]
fn imdsv1_is_answered_where_tokens_are_optional_and_a_wrong_token_never() {
    let script = "
        curl -s -w '\n%{http_code}\n' http://169.254.169.254/latest/meta-data/instance-id
        curl -s -o /dev/null -w '%{http_code}' -H 'X-aws-ec2-metadata-token: AQAEA' http://169.254.169.254/latest/meta-data/
    ";
    for user in users() {
        assert_eq!(user.script(&[], script).well(), "i-12345678901234567\n200\n401");
    }
}
