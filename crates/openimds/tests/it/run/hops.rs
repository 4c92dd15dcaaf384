//! Routers between the command and the service: "IMDSv2 hangs in my container", and its cure.

use super::{Said, User, users};

/// As the story tells it.
const PUT: &str = "curl -s -m 2 -o /dev/null -w '%{http_code} ' -X PUT \
    -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token";
const GET: &str = "curl -s -m 10 -w ' %{http_code}' http://169.254.169.254/latest/meta-data/instance-id";
/// Curl's status when the time was over.
const TIMED_OUT: i32 = 28;

fn behind(user: &User, hops: &str, limit: &str, script: &str) -> Said {
    user.script(&["--hops", hops, "--hop-limit", limit], script)
}

#[test]
fn a_token_comes_as_far_as_the_limit_and_metadata_everywhere() {
    for user in users() {
        // Further than the limit, and just not.
        for (hops, near, enough) in [("1", "1", "2"), ("2", "2", "3"), ("8", "8", "9")] {
            let said = behind(&user, hops, near, PUT);
            assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(TIMED_OUT), "000 ", ""));
            assert_eq!(behind(&user, hops, enough, PUT).well(), "200 ");
            for limit in [near, enough] {
                assert_eq!(behind(&user, hops, limit, GET).well(), "i-12345678901234567 200");
            }
        }
        assert_eq!(behind(&user, "0", "1", PUT).well(), "200 ");
    }
}

#[test]
fn a_token_that_a_fault_holds_back_travels_no_further() {
    let folder = super::folder();
    let config = folder.path().join("imds.toml");
    let late = "[[fault]]\nkind = \"latency\"\ndelay = \"300ms\"\nmethods = [\"PUT\"]\n";
    std::fs::write(&config, late).unwrap();
    for user in users() {
        for (limit, code, status) in [("1", TIMED_OUT, "000 "), ("2", 0, "200 ")] {
            let options = ["--hops", "1", "--config", config.to_str().unwrap(), "--hop-limit", limit];
            let said = user.script(&options, PUT);
            assert_eq!((said.code, said.out.as_str()), (Some(code), status), "{said:?}");
        }
    }
}

#[test]
fn ipv6_is_as_far() {
    let put = PUT.replace("169.254.169.254", "'[fd00:ec2::254]'");
    for user in users() {
        for (limit, code, status) in [("1", TIMED_OUT, "000 "), ("2", 0, "200 ")] {
            let options = ["--hops", "1", "--http-protocol-ipv6", "enabled", "--hop-limit", limit];
            let said = user.script(&options, &put);
            assert_eq!((said.code, said.out.as_str()), (Some(code), status), "{said:?}");
        }
    }
}

#[test]
fn behind_them_there_is_still_no_way_out() {
    for user in users() {
        for (address, reason) in [
            ("169.254.170.2", "Connection refused"),
            ("169.254.169.254:81", "Connection refused"),
            ("[fd00:ec2::254]", "Connection refused"),
            ("127.0.0.1", "Connection refused"),
            ("169.254.169.253", "Network is unreachable"),
            ("192.0.2.1", "Network is unreachable"),
            ("[2001:db8::1]", "Network is unreachable"),
            // What only a router would know a way to.
            ("172.17.1.1", "Network is unreachable"),
        ] {
            let script = format!("curl -sv --max-time 10 'http://{address}/'");
            let said = behind(&user, "2", "1", &script);
            assert_eq!(said.code, Some(7), "{address}: {}", said.err);
            assert!(said.err.contains(reason), "{address}: {}", said.err);
        }
    }
}

#[test]
fn the_service_is_not_where_the_command_is() {
    let script = "cat /proc/net/fib_trie /proc/net/if_inet6; tail -n +3 /proc/net/dev | cut -d: -f1";
    for user in users() {
        let out = behind(&user, "1", "1", script).well();
        assert!(!out.contains("|-- 169.254.169.254\n              /32 host LOCAL"), "{out}");
        assert!(!out.contains("fd000ec2"), "{out}");
        let devices: Vec<_> = out.lines().rev().take(2).map(str::trim).collect();
        assert_eq!(devices, ["eth0", "lo"], "{out}");
        assert_eq!(behind(&user, "9", "1", "true").code, Some(2));
    }
}
