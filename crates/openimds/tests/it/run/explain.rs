//! `imds explain`: what it makes of pasted text runs.

use super::{Said, users};

const RECIPES: &str = include_str!("page-recipes.txt");
const TRANSCRIPT: &str = include_str!("page-transcript.txt");
const REQUIRED: [&str; 2] = ["--http-tokens", "required"];

#[test]
fn the_pages_recipes_run_once_they_are_corrected_and_not_before() {
    // Each recipe on its own, as somebody pastes it, and all of them.
    let lines: Vec<&str> = RECIPES.split_inclusive('\n').collect();
    let recipes = [lines[..2].concat(), lines[2..].concat(), RECIPES.to_owned()];
    let script = "set -e
        printf %s \"$TEXT\" | \"$IMDS\" explain 2> /dev/null > /dev/null && exit 1
        corrected=$(printf %s \"$TEXT\" | \"$IMDS\" explain 2> /dev/null) || :
        printf '%s\\n' \"$corrected\" | \"$IMDS\" explain > /dev/null 2>&1
        exec sh -ec \"$corrected\"";
    for user in users() {
        for recipe in &recipes {
            let mut run = user.run(&REQUIRED, &["sh", "-c", script]);
            let Said { code, out, err } = Said::by(run.env("TEXT", recipe));
            assert_eq!(code, Some(0), "{err}");
            for name in ["ami-id\n", "\ninstance-id\n", "\nplacement/\n"] {
                assert!(out.contains(name), "{out}");
            }

            let mut as_pasted = user.run(&REQUIRED, &["sh", "-c", recipe]);
            assert!(!Said::by(&mut as_pasted).out.contains("instance-id"));
        }
    }
}

#[test]
fn calls_without_a_token_get_the_id_once_they_are_corrected() {
    let url = "http://169.254.169.254/latest/meta-data/instance-id";
    let texts = [
        format!("curl {url}"),
        format!("ID=$(curl -s {url}); echo \"$ID\""),
        format!("if true; then\n  curl -s {url}\nfi\n"),
        format!("sh -c 'curl -s {url}'"),
        "> GET /latest/meta-data/instance-id HTTP/1.1\n> Host: 169.254.169.254\n>\n< HTTP/1.1 401 Unauthorized\n"
            .to_owned(),
        format!(
            "curl -X PUT –H ‘X-aws-ec2-metadata-ttl-seconds: 99999’ https://169.254.169.254/2021-03-23/api/token/\ncurl {url}\n"
        ),
    ];
    for user in users() {
        for text in &texts {
            let script = "\"$IMDS\" explain \"$TEXT\" 2> /dev/null | sh -e";
            let mut run = user.run(&REQUIRED, &["sh", "-c", script]);
            let said = Said::by(run.env("TEXT", text));
            assert_eq!(
                (said.code, said.out.trim()),
                (Some(0), "i-12345678901234567"),
                "{text}: {}",
                said.err
            );
        }
    }
}

#[test]
fn the_exit_status_says_whether_anything_is_wrong() {
    let user = &users()[0];
    let explain = |arguments: &[&str]| Said::by(user.program(&user.imds).arg("explain").args(arguments));
    let right = "curl -H \"X-aws-ec2-metadata-token: $TOKEN\" http://169.254.169.254/latest/";
    let said = explain(&[right]);
    assert_eq!((said.code, said.out), (Some(0), format!("{right}\n")));
    assert_eq!(said.err, "imds: nothing wrong was found\n");

    let said = explain(&["curl", "-s", "http://169.254.169.254/latest/"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("error: this call sends no token: it speaks IMDSv1 (v1-call, line 1)\n"));
    assert!(said.out.starts_with("TOKEN=$(curl "), "{}", said.out);

    let said = explain(&["--json", TRANSCRIPT]);
    let explanation: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    assert_eq!(explanation["findings"][0]["id"], "v1-call");
    assert_eq!(explanation["findings"][0]["lines"], serde_json::json!([1]));
    assert_eq!(explanation["findings"][0]["corrected"], true);
    assert!(explanation["corrected"].as_str().unwrap().starts_with("TOKEN=$(curl "));

    for (arguments, code, message) in [
        (&["--file", "/proc/self/exe"][..], 2, "256 KiB"),
        (&["--file", "/dev/zero"], 2, "256 KiB"),
        (&["--file", "/nowhere"], 1, "cannot read /nowhere"),
        (&["--file", "/dev/null"], 0, "no call of the metadata service"),
        (
            &["requests.get('http://169.254.169.254/latest/meta-data/')"],
            1,
            "(unjudged, line 1, not corrected)",
        ),
        (&["401 - Unauthorized"], 1, "(v1-refused, line 1)"),
        (&["--file", "/dev/null", "curl"], 2, "cannot be used with"),
    ] {
        let said = explain(arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(message), "{arguments:?}: {}", said.err);
    }
    let mut printf = user.program("sh");
    let said = Said::by(printf.args(["-c", "printf 'curl \\377\\000' | \"$IMDS\" explain"]));
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.starts_with("imds: this is not text"), "{}", said.err);
}
