//! The system packages that tests need.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use super::{command, succeeds};

/// Package, and what of it is used.
const PACKAGES: [(&str, &str); 15] = [
    ("ca-certificates", "to install the rest"),
    ("chromium", "the console, as a person sees it"),
    ("chromium-driver", "to use that browser as a person does"),
    ("curl", "the commands of AWS's documentation"),
    ("faketime", "a program whose clock is stepped together with the service's"),
    ("fonts-ipafont-gothic", "the console in Japanese"),
    ("g++", "the fuzzer's runtime"),
    ("iproute2", "networks of the tests' own"),
    ("openssh-client", "ssh-keygen, which makes and reads keys"),
    ("openssl", "AWS's recipes for identity documents"),
    ("passt", "pasta, for a command with the machine's network"),
    ("python3", "servers of the tests' own"),
    ("python3-venv", "the pytest plugin, installed as its users do"),
    ("tcpdump", "how far packets may travel"),
    ("util-linux", "setpriv and unshare"),
];

/// Installs what is missing.
pub(super) fn install() -> Result<()> {
    let missing: Vec<_> = PACKAGES.iter().map(|(name, _)| *name).filter(|name| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    ensure!(
        rustix::process::getuid().is_root(),
        "these packages are missing, and only root can install them: {}. Install them, or run `cargo xtask test` as root",
        missing.join(" ")
    );
    let apt = |arguments: &[&str]| {
        let mut command = command("apt-get");
        succeeds(
            command
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
                .args(arguments),
        )
    };
    let is_done =
        apt(&["update"])? && apt(&[&["install", "-y", "--no-install-recommends"], &missing[..]].concat())?;
    ensure!(is_done, "apt-get could not install {}", missing.join(" "));
    Ok(())
}

fn is_installed(name: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", name])
        .stderr(Stdio::null())
        .output();
    query.is_ok_and(|output| output.stdout == b"installed")
}
