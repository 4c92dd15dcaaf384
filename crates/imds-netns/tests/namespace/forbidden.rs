//! Where namespaces are forbidden or capabilities are few: emulated inside a user namespace, whose limits
//! are its own.

use std::env;
use std::process::Command;

use crate::{Test, is_root};

pub(crate) const TESTS: &[Test] = &[
    ("forbidden::a_limit_of_zero_is_named", a_limit_of_zero_is_named),
    ("forbidden::a_limit_on_network_namespaces_is_named", a_limit_on_network_namespaces_is_named),
    ("forbidden::few_capabilities_suffice", few_capabilities_suffice),
];

/// Runs a script as root of a new user namespace, `$0` being this binary.
fn inside(script: &str) -> String {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-ec", script]).arg(env::current_exe().unwrap());
    let output = command.output().expect("unshare, of util-linux");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn a_limit_of_zero_is_named() {
    // Without capabilities root is as an ordinary user: it needs one more user namespace.
    let printed = inside(
        "echo 0 > /proc/sys/user/max_user_namespaces
         exec setpriv --bounding-set=-all \"$0\" --role spawn 169.254.169.254",
    );
    assert!(
        printed.contains("UserNamespacesForbidden { obstacle: MaxUserNamespaces { limit: 0 }"),
        "{printed}"
    );
    assert!(printed.contains("sysctl user.max_user_namespaces is 0"), "{printed}");
    assert!(printed.contains("run `imds serve` and set AWS_EC2_METADATA_SERVICE_ENDPOINT"), "{printed}");
}

fn a_limit_on_network_namespaces_is_named() {
    // CAP_SETFCAP is what it takes to map uid 0 onwards: user_namespaces(7).
    for drop in ["", "setpriv --bounding-set=-all,+setfcap"] {
        let script = format!(
            "echo 0 > /proc/sys/user/max_net_namespaces
             exec {drop} \"$0\" --role spawn 169.254.169.254"
        );
        let printed = inside(&script);
        assert!(printed.contains("NetworkNamespace("), "{printed}");
        assert!(printed.contains("sysctl user.max_net_namespaces"), "{printed}");
    }
}

/// Root of a container often lacks CAP_NET_ADMIN: it goes through a user namespace, still as uid 0.
fn few_capabilities_suffice() {
    let spawn = "--role spawn 169.254.169.254 fd00:ec2::254";
    for drop in ["", "setpriv --bounding-set=-net_admin", "setpriv --bounding-set=-all,+setfcap"] {
        let printed = inside(&format!("exec {drop} \"$0\" {spawn}"));
        assert!(printed.starts_with("spawned: exit status: 0"), "{drop}: {printed}");
    }
    if is_root() {
        let exe = env::current_exe().unwrap();
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-net_admin").arg(exe).args(spawn.split(' '));
        let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(printed.starts_with("spawned: exit status: 0"), "{printed}");
    }
}
