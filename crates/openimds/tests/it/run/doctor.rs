//! `imds doctor`, in network namespaces of its own. What it says further away is in `hops`.

use super::{Said, User, users};

/// What `imds doctor` with these arguments says inside of `imds run` with these options, and how it ends.
fn examined(user: &User, options: &[&str], before: &str, arguments: &str) -> Said {
    user.script(options, &format!("{before} \"$IMDS\" doctor {arguments}"))
}

/// The facts, and the heading of each finding.
pub(crate) fn summary(out: &str) -> String {
    let is_heading =
        |line: &&str| ["error: ", "warning: ", "note: "].iter().any(|severity| line.starts_with(severity));
    let facts = out.lines().take_while(|line| !line.is_empty());
    facts.chain(out.lines().filter(is_heading)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn v1_and_v2() {
    for user in users() {
        let out = examined(&user, &[], "", "").well();
        insta::allow_duplicates!(insta::assert_snapshot!(out, @r"
        service   http://169.254.169.254 takes connections
        way       an address of this network namespace itself
        IPv6      http://[fd00:ec2::254] does not answer
        IMDSv1    on: a call without a token is answered
        IMDSv2    works: a token comes, and is taken
        tokens    come as far as here, and no hop further
        instance  i-12345678901234567
        clock     agrees with the service's
        proxy     none for this address

        warning: IMDSv1 is on: calls without a token are answered (v1-answers)
          why:  whoever makes a program on this machine fetch an address of his choice gets the role's credentials (docs/wire.md 1.5, 4)
          cure: find what still calls without a token (the metric MetadataNoToken), and require IMDSv2
                  EC2: aws ec2 modify-instance-metadata-options --instance-id i-12345678901234567 --http-tokens required --http-endpoint enabled
                  EC2 console: Instances → the instance → Actions → Instance settings → Modify instance metadata options → IMDSv2: Required → Save
                  Elastic Beanstalk: aws elasticbeanstalk update-environment --environment-name ENVIRONMENT --option-settings Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=true
                  Elastic Beanstalk console: Environments → the environment → Configuration → Instances → Edit → Instance metadata service (IMDS): set the box that disables IMDSv1 → Apply; the instances are replaced

        note: tokens come as far as here, and no hop further (last-hop)
          why:  a container behind a bridge of this machine would wait for one in vain (docs/wire.md 1.8)
          cure: leave it so unless containers here need metadata
                  EC2: aws ec2 modify-instance-metadata-options --instance-id i-12345678901234567 --http-put-response-hop-limit 2 --http-endpoint enabled
                  EC2 console: Instances → the instance → Actions → Instance settings → Modify instance metadata options → Metadata response hop limit: 2 → Save; for later launches Dashboard → Account attributes → Data protection and security → IMDS defaults → Manage
                  Elastic Beanstalk: there is no option for it: change the environment's instances as instances of EC2, and those that replace them
        "));
    }
}

#[test]
fn v2_only() {
    for user in users() {
        let out = examined(&user, &["--http-tokens", "required", "--hop-limit", "2"], "", "").well();
        insta::allow_duplicates!(insta::assert_snapshot!(out, @r"
        service   http://169.254.169.254 takes connections
        way       an address of this network namespace itself
        IPv6      http://[fd00:ec2::254] does not answer
        IMDSv1    off: a call without a token gets 401
        IMDSv2    works: a token comes, and is taken
        tokens    come as far as here, and at least one hop further
        instance  i-12345678901234567
        clock     agrees with the service's
        proxy     none for this address
        "));
    }
}

#[test]
fn endpoint_disabled() {
    for user in users() {
        let said = examined(&user, &["--http-endpoint", "disabled"], "", "");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        insta::allow_duplicates!(insta::assert_snapshot!(said.out, @r"
        service  http://169.254.169.254 takes connections
        way      an address of this network namespace itself
        IPv6     http://[fd00:ec2::254] does not answer
        IMDSv1   unknown: a call without a token gets 403
        IMDSv2   does not work: a PUT for a token gets 403
        clock    agrees with the service's
        proxy    none for this address

        error: the metadata endpoint of this instance is disabled (endpoint-disabled)
          why:  while it is, every request gets 403; a service with real credentials behind it also answers so when Host is none of its own names (docs/wire.md 1.6, 4)
          cure: enable it
                  EC2: aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-endpoint enabled
                  EC2 console: Instances → the instance → Actions → Instance settings → Modify instance metadata options → Instance metadata service: Enable → Save
                  Elastic Beanstalk: there is no option for it: change the environment's instances as instances of EC2
        "));
    }
}

#[test]
fn http_proxy_set() {
    let proxy = "HTTP_PROXY=http://user:secret@proxy:3128";
    for user in users() {
        let options = ["--http-tokens", "required", "--hop-limit", "2"];
        let said = examined(&user, &options, &format!("{proxy} NO_PROXY=localhost no_proxy="), "");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        assert!(!said.out.contains("secret"));
        insta::allow_duplicates!(insta::assert_snapshot!(summary(&said.out), @r"
        service   http://169.254.169.254 takes connections
        way       an address of this network namespace itself
        IPv6      http://[fd00:ec2::254] does not answer
        IMDSv1    off: a call without a token gets 401
        IMDSv2    works: a token comes, and is taken
        tokens    come as far as here, and at least one hop further
        instance  i-12345678901234567
        clock     agrees with the service's
        proxy     HTTP_PROXY
        error: calls of the metadata address go through a proxy (proxy)
        "));
        // `imds run` itself takes the addresses from proxies.
        assert!(examined(&user, &options, proxy, "").well().contains("none for this address"));
    }
}

#[test]
fn nothing_there() {
    for user in users() {
        let said = Said::by(user.program(&user.imds).arg("doctor"));
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        insta::allow_duplicates!(insta::assert_snapshot!(summary(&said.out), @r"
        service  http://169.254.169.254 cannot be reached
        way      none
        IPv6     http://[fd00:ec2::254] does not answer
        proxy    none for this address
        error: there is no way from here to the metadata address (no-route)
        "));
        let said = examined(&user, &[], "", "--endpoint http://169.254.169.254:81");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        insta::allow_duplicates!(insta::assert_snapshot!(summary(&said.out), @r"
        service  http://169.254.169.254:81 refuses connections
        way      an address of this network namespace itself
        proxy    none for this address
        error: the address is there and refuses the connection (connection-refused)
        "));
    }
}

/// A service that says the same to everybody: a status, with a server's name and a date. It runs its arguments.
const STUB: &str = r#"
import subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
class Stub(BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self):
        self.send_response(int(sys.argv[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def date_time_string(self, *_): return sys.argv[2]
    do_GET = do_PUT = answer
server = HTTPServer(("169.254.169.254", 8080), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.exit(subprocess.call(sys.argv[3:]))
"#;

/// What the doctor says of the stub.
fn of_stub(user: &User, status: &str, date: &str) -> Said {
    let command = ["--endpoint", "http://169.254.169.254:8080"];
    let imds = user.imds.to_str().unwrap();
    let words = [&["/usr/bin/python3", "-c", STUB, status, date, imds, "doctor"][..], &command].concat();
    Said::by(&mut user.run(&[], &words))
}

#[test]
fn a_stub_that_answers_429() {
    for user in users() {
        let said = of_stub(&user, "429", "");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        insta::allow_duplicates!(insta::assert_snapshot!(said.out, @r"
        service  http://169.254.169.254:8080 takes connections
        way      an address of this network namespace itself
        IMDSv1   unknown: a call without a token gets 429
        IMDSv2   unknown: a PUT for a token gets 429
        proxy    none for this address

        error: the service is asked too often (throttled)
          why:  calls are limited for each instance, all its programs together, and packets too, with DNS and NTP (docs/wire.md 1.10)
          cure: wait, ask less, and keep what was got: a token for its time, credentials until shortly before they expire
        "));
    }
}

#[test]
fn a_clock_that_is_wrong_and_a_service_that_is_another() {
    for user in users() {
        let said = of_stub(&user, "418", "Tue, 24 Nov 1998 12:00:00 GMT");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        for part in
            ["a call without a token gets 418", " s ahead of the service's", "(clock)", "(other-service)"]
        {
            assert!(said.out.contains(part), "{part}: {}", said.out);
        }
    }
}

#[test]
fn programs_get_the_same_as_json() {
    for user in users() {
        let out = examined(&user, &["--hop-limit", "2"], "", "--json").well();
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["endpoint"], "http://169.254.169.254");
        assert_eq!((&report["imdsv1"], &report["imdsv2"]), (&"on".into(), &"on".into()));
        assert_eq!(report["statuses"]["put"], 200);
        assert_eq!(report["token_goes_further"], true);
        assert_eq!(report["findings"][0]["id"], "v1-answers");
        let way = &report["findings"][0]["cure"]["setting"]["ec2"]["command"];
        assert!(way.as_str().unwrap().contains("--http-tokens required"), "{way}");
    }
}

#[test]
fn where_metadata_is_disabled_it_looks_only_where_it_is_told_to() {
    for user in users() {
        let said = examined(&user, &[], "AWS_EC2_METADATA_DISABLED=true", "");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        assert!(said.err.starts_with("imds: AWS_EC2_METADATA_DISABLED=true says"), "{}", said.err);
        let endpoint = "--endpoint http://169.254.169.254";
        let out = examined(&user, &[], "AWS_EC2_METADATA_DISABLED=true", endpoint).well();
        assert!(out.contains("warning: AWS_EC2_METADATA_DISABLED=true is set"), "{out}");
    }
}
