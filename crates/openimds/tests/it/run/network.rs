//! What there is for the command to reach, and what becomes of it afterwards.

use std::fs;
use std::process::Command;

use super::{Running, Said, folder, users};
use crate::support::IMDS;

/// The names in `/proc/net/dev`.
fn devices(interfaces: &str) -> Vec<&str> {
    interfaces.lines().skip(2).filter_map(|line| line.trim().split(':').next()).collect()
}

#[test]
fn there_are_loopback_and_the_metadata_addresses_and_no_way_out() {
    for user in users() {
        let out = user
            .script(&[], "cat /proc/net/dev; echo =; cat /proc/net/route; echo =; cat /proc/net/ipv6_route")
            .well();
        let [interfaces, ipv4, ipv6] = out.split("=\n").collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(devices(interfaces), ["lo"]);
        assert_eq!(ipv4.lines().count(), 1, "more than the heading: {ipv4}");
        assert!(ipv6.lines().all(|line| line.ends_with(" lo")), "{ipv6}");
        for address in ["fd000ec2000000000000000000000254 80", "00000000000000000000000000000001 80"] {
            assert!(ipv6.contains(address), "{ipv6}");
        }
    }
}

#[test]
fn what_is_not_served_refuses_and_what_is_elsewhere_is_unreachable() {
    let refused = "Connection refused";
    let unreachable = "Network is unreachable";
    for user in users() {
        for (address, reason) in [
            ("169.254.170.2", refused),
            ("169.254.169.254:81", refused),
            ("[fd00:ec2::254]", refused),
            ("127.0.0.1", refused),
            ("169.254.169.253", unreachable),
            ("192.0.2.1", unreachable),
            ("[2001:db8::1]", unreachable),
        ] {
            let said = user.script(&[], &format!("curl -sv --max-time 10 'http://{address}/'"));
            assert_eq!(said.code, Some(7), "{address}: {}", said.err);
            assert!(said.err.contains(reason), "{address}: {}", said.err);
        }
    }
}

#[test]
fn ipv6_answers_where_it_is_enabled() {
    let script = "curl -sS --max-time 10 'http://[fd00:ec2::254]/latest/meta-data/instance-id'; echo
        curl -sS --max-time 10 http://169.254.169.254/latest/meta-data/instance-id";
    for user in users() {
        let out = user.script(&["--http-protocol-ipv6", "enabled"], script).well();
        assert_eq!(out, "i-12345678901234567\ni-12345678901234567");
    }
}

#[test]
fn sixteen_at_once_have_each_their_own() {
    let folder = folder();
    for user in users() {
        let mut all: Vec<_> = (0..16)
            .map(|number| {
                let config = folder.path().join(format!("{number}.toml"));
                fs::write(&config, format!("[[instance]]\ninstance-id = \"i-{number:017x}\"\n")).unwrap();
                Running::asker(&user, &["--config", config.to_str().unwrap()])
            })
            .collect();
        // Nobody ends before everybody was answered twice.
        for _ in 0..2 {
            for (number, run) in all.iter_mut().enumerate() {
                assert_eq!(run.ask("/latest/meta-data/instance-id"), format!("i-{number:017x} 200"));
            }
        }
        for run in all {
            assert!(run.end().success());
        }
    }
}

/// All addresses of a network namespace.
const ADDRESSES: &str = "cat /proc/net/fib_trie /proc/net/if_inet6";

#[test]
fn nothing_is_left() {
    let inside = "cat /proc/net/fib_trie /proc/net/if_inet6; echo =; cat /proc/$PPID/net/fib_trie /proc/$PPID/net/if_inet6";
    let script = format!("\"$IMDS\" run -- sh -c '{inside}'; echo =; {ADDRESSES}; echo =; cat /proc/net/dev");
    let has_any = |text: &str| text.contains("169.254.") || text.contains("fd000ec2");
    for user in users() {
        let folder = folder();
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let mut sh = user.program("sh");
        sh.args(["-c", &script]).env("TMPDIR", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
        let out = Said::by(&mut sh).well();
        let [own, meanwhile, afterwards, interfaces] =
            out.split("=\n").collect::<Vec<_>>().try_into().unwrap();
        assert!(own.contains("169.254.169.254") && own.contains("fd000ec2"), "{own}");
        assert!(!has_any(meanwhile), "{meanwhile}");
        assert!(!has_any(afterwards), "{afterwards}");
        assert_eq!(devices(interfaces), ["lo"]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
    let ours = Command::new("sh").args(["-c", ADDRESSES]).output().unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap();
    assert!(!ours.contains("169.254.169.254") && !ours.contains("fd000ec2"), "{ours}");
}

#[test]
fn where_user_namespaces_are_forbidden_the_cure_is_named_and_nothing_is_run() {
    let folder = folder();
    let mark = folder.path().join("mark");
    // The limit is that of this one user namespace. Without capabilities its root needs one more, as others do.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set=-all \"$0\" run -- touch \"$1\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-ec", script, IMDS]).arg(&mark);
    let said = Said::by(&mut command);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    for part in ["user.max_user_namespaces is 0", "`imds serve`", "AWS_EC2_METADATA_SERVICE_ENDPOINT"] {
        assert!(said.err.contains(part), "{}", said.err);
    }
    assert!(!mark.exists());
}
