//! `imds get` and `imds token`, as they are used in `imds run`.

use super::{Said, User, users};

const REQUIRED: [&str; 2] = ["--http-tokens", "required"];
const ID: &str = "i-12345678901234567";

/// What `imds` with these words says in `imds run`.
fn imds(user: &User, options: &[&str], words: &str) -> Said {
    user.script(options, &format!("exec \"$IMDS\" {words}"))
}

#[test]
fn a_path_can_be_short() {
    for user in users() {
        for path in [
            "instance-id",
            "meta-data/instance-id",
            "latest/meta-data/instance-id",
            "/latest/meta-data/instance-id",
        ] {
            assert_eq!(imds(&user, &REQUIRED, &format!("get {path}")).well(), ID, "{path}");
        }
        assert_eq!(imds(&user, &REQUIRED, "get placement/region").well(), "us-east-1");
        let document = imds(&user, &REQUIRED, "get dynamic/instance-identity/document").well();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["instanceId"], ID);
        let listing = imds(&user, &REQUIRED, "get").well();
        assert!(listing.starts_with("ami-id\n"), "{listing}");
        assert_eq!(imds(&user, &REQUIRED, "get meta-data/").well(), listing);
        assert_eq!(imds(&user, &[], "get --v1 instance-id").well(), ID);
    }
}

#[test]
fn documents_are_signed_from_the_first_request_on() {
    for user in users() {
        let script = "state=$(mktemp -d) && \"$IMDS\" ca init --state \"$state\" >&2 && \"$IMDS\" run --state \"$state\" -- \
            \"$IMDS\" get dynamic/instance-identity/rsa2048; status=$?; rm -r \"$state\"; exit $status";
        let said = Said::by(user.program("sh").args(["-c", script]));
        assert!(said.code == Some(0) && said.out.starts_with("MII"), "{said:?}");
    }
}

#[test]
fn a_refusal_has_its_reason_and_its_cure() {
    let disabled = ["--http-endpoint", "disabled"];
    let none: [&str; 0] = [];
    let cases: [(&[&str], &str, &str, &str); 6] = [
        (&REQUIRED, "get --v1 instance-id", "401", "leave out --v1"),
        (&none, "get no-such-thing", "404", "list the directory above"),
        (&REQUIRED, "get user-data", "404", "there is nothing at this path"),
        (&disabled, "get instance-id", "403", "--http-endpoint enabled"),
        (&disabled, "get --v1 instance-id", "403", "--http-endpoint enabled"),
        (&disabled, "token", "403", "--http-endpoint enabled"),
    ];
    for user in users() {
        for (options, words, status, cure) in cases {
            let said = imds(&user, options, words);
            assert_eq!((said.code, said.out.as_str()), (Some(22), ""), "{words}: {said:?}");
            assert!(said.err.starts_with(&format!("imds: {status} ")), "{words}: {said:?}");
            assert!(said.err.contains(cure) && said.err.lines().count() == 1, "{words}: {said:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    // Nobody reads the descriptor that is written to; the shell tells the status over another.
    let script = "exec 3>&1; { { \"$IMDS\" get -v instance-id 2>&1 >/dev/null; echo $? >&3; } | true; }";
    for user in users() {
        assert_eq!(user.script(&REQUIRED, script).well(), "0\n");
    }
}

#[test]
fn a_token_is_for_scripts() {
    let script = "TOKEN=`\"$IMDS\" token --ttl 60`
        echo ${#TOKEN}
        curl -s -i -H \"X-aws-ec2-metadata-token: $TOKEN\" http://169.254.169.254/latest/meta-data/instance-id";
    for user in users() {
        let out = user.script(&REQUIRED, script).well();
        assert!(
            out.starts_with("56\nHTTP/1.1 200 OK\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\n"),
            "{out}"
        );
        assert!(out.ends_with(ID), "{out}");
        for wrong in ["0", "21601", "-1", "six"] {
            let said = imds(&user, &REQUIRED, &format!("token --ttl={wrong}"));
            assert_eq!(said.code, Some(2), "{said:?}");
            assert!(said.err.contains("1 to 21600 seconds"), "{said:?}");
        }
    }
}

#[test]
fn what_is_shown_and_what_is_logged_has_no_token() {
    let options = [&REQUIRED[..], &["--log", "text"]].concat();
    for user in users() {
        let said = user.script(&options, "\"$IMDS\" get -v instance-id; echo; \"$IMDS\" token -v");
        let (id, token) = said.out.split_once('\n').unwrap();
        let token = token.trim_end();
        assert_eq!((said.code, id, token.len()), (Some(0), ID, 56), "{said:?}");
        for shown in [
            "> PUT /latest/api/token HTTP/1.1",
            "> X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600",
            "> GET /latest/meta-data/instance-id HTTP/1.1",
            "> X-Aws-Ec2-Metadata-Token: (a token)",
            "< HTTP/1.1 200 OK",
            "< Server: EC2ws",
            "GET /latest/meta-data/instance-id 200 v2",
        ] {
            assert!(said.err.contains(shown), "{shown}: {}", said.err);
        }
        assert!(!said.err.contains(token) && !said.err.contains("AQAEA"), "{}", said.err);
    }
}

#[test]
fn where_metadata_is_disabled_nobody_is_asked() {
    let script = "export AWS_EC2_METADATA_DISABLED=true
        for words in 'get instance-id' 'get --v1 instance-id' token; do \"$IMDS\" $words; echo $?; done
        \"$IMDS\" get --endpoint http://169.254.169.254 instance-id; echo
        AWS_EC2_METADATA_SERVICE_ENDPOINT=http://169.254.169.254 \"$IMDS\" get --v1 instance-id";
    for user in users() {
        let said = user.script(&["--log", "json"], script);
        assert_eq!(said.out, format!("1\n1\n1\n{ID}\n{ID}"), "{said:?}");
        let (calls, words): (Vec<_>, Vec<_>) = said.err.lines().partition(|line| line.starts_with('{'));
        let refusal = "imds: AWS_EC2_METADATA_DISABLED=true says not to ask for metadata here; \
            give --endpoint, or unset it";
        assert_eq!(words, [refusal; 3]);
        // The service was there to be asked, and was, by those who were told where.
        assert_eq!(calls.len(), 3, "{calls:?}");

        let mut outside = user.program(&user.imds);
        outside.args(["get", "instance-id"]).env("AWS_EC2_METADATA_DISABLED", "true");
        let said = Said::by(&mut outside);
        assert_eq!((said.code, said.err.trim_end()), (Some(1), refusal));
    }
}
