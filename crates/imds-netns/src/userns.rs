//! Entering a new network namespace, through a user namespace where this user needs one.

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, unshare_unsafe};

use crate::error::Obstacle;
use crate::failure::{Failure, Step};

/// Moves this process into a new network namespace in which it may configure links and bind any port.
pub(crate) fn enter() -> Result<(), Failure> {
    if is_privileged() {
        match unshare(UnshareFlags::NEWNET) {
            Ok(()) => return Ok(()),
            // Capable in name, but a filter or a security module says no: try as an ordinary user would.
            Err(Errno::PERM) => {}
            Err(errno) => return Err(Step::NetworkNamespace.failed(errno)),
        }
    }
    // Asked before: inside an unmapped namespace both read as the overflow id.
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWUSER).map_err(|errno| Step::UserNamespace.failed(errno))?;
    map_identity(uid, gid).map_err(|errno| Step::IdentityMap.failed(errno))?;
    // A call of its own, so that a failure tells which of the two limits was met.
    again()
}

/// Moves on to one more network namespace, from one that [`enter`] led to.
pub(crate) fn again() -> Result<(), Failure> {
    unshare(UnshareFlags::NEWNET).map_err(|errno| Step::NetworkNamespace.failed(errno))
}

/// Whether this process may make a network namespace and do in it what is to be done, by itself: the new one
/// belongs to the present user namespace, so the capabilities needed in it are those held now.
fn is_privileged() -> bool {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN | CapabilitySet::NET_BIND_SERVICE;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: unshare is unsafe for CLONE_FILES, under which another thread may use a descriptor of this
    // one's table; it is not passed.
    unsafe { unshare_unsafe(flags) }
}

/// Maps the one uid and gid to themselves. An unprivileged process may write the gid map only after it gave
/// up setgroups(2): user_namespaces(7).
fn map_identity(uid: u32, gid: u32) -> Result<(), Errno> {
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
    write("/proc/self/gid_map", &format!("{gid} {gid} 1"))
}

/// Writes to a file of /proc.
pub(crate) fn write(path: &str, text: &str) -> Result<(), Errno> {
    fs::write(path, text).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// What stands in the way of a user namespace that was refused with `errno`; `sysctls` is `/proc/sys`.
pub(crate) fn obstacle(errno: Errno, sysctls: &Path) -> Obstacle {
    let limit = number(sysctls, "user/max_user_namespaces");
    let reached = matches!(errno, Errno::NOSPC | Errno::USERS);
    match limit {
        _ if errno == Errno::INVAL => Obstacle::NotBuilt,
        Some(limit) if limit == 0 || reached => Obstacle::MaxUserNamespaces { limit },
        _ if number(sysctls, "kernel/unprivileged_userns_clone") == Some(0) => Obstacle::UnprivilegedClone,
        _ if restricted_by_apparmor(sysctls) => Obstacle::AppArmor,
        _ => Obstacle::Policy,
    }
}

/// Whether AppArmor withholds capabilities in user namespaces from programs without a profile.
pub(crate) fn restricted_by_apparmor(sysctls: &Path) -> bool {
    number(sysctls, "kernel/apparmor_restrict_unprivileged_userns").is_some_and(|value| value != 0)
}

fn number(sysctls: &Path, name: &str) -> Option<u64> {
    fs::read_to_string(sysctls.join(name)).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Plan};

    /// A folder that looks like `/proc/sys` with these values.
    fn sysctls(values: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, value) in values {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{value}\n")).unwrap();
        }
        root
    }

    fn told(failure: Failure, sysctls: &Path) -> String {
        let error = failure.explain(&Plan::default(), sysctls);
        assert!(matches!(error, Error::UserNamespacesForbidden { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("`imds serve` and set AWS_EC2_METADATA_SERVICE_ENDPOINT"), "{text}");
        text
    }

    #[test]
    fn a_limit_of_zero_is_named() {
        let sysctls =
            sysctls(&[("user/max_user_namespaces", "0"), ("kernel/unprivileged_userns_clone", "1")]);
        let text = told(Step::UserNamespace.failed(Errno::NOSPC), sysctls.path());
        assert!(text.contains("sysctl user.max_user_namespaces is 0"), "{text}");
    }

    #[test]
    fn a_limit_that_is_reached_is_named() {
        let sysctls = sysctls(&[("user/max_user_namespaces", "7")]);
        let text = told(Step::UserNamespace.failed(Errno::NOSPC), sysctls.path());
        assert!(text.contains("a limit on user namespaces is reached"), "{text}");
        assert!(text.contains("user.max_user_namespaces is 7"), "{text}");
    }

    #[test]
    fn the_switch_of_debian_is_named() {
        let sysctls =
            sysctls(&[("user/max_user_namespaces", "9"), ("kernel/unprivileged_userns_clone", "0")]);
        let text = told(Step::UserNamespace.failed(Errno::PERM), sysctls.path());
        assert!(text.contains("sysctl kernel.unprivileged_userns_clone is 0"), "{text}");
    }

    #[test]
    fn apparmor_is_named_at_whichever_step_it_strikes() {
        let restricted = sysctls(&[
            ("user/max_user_namespaces", "9"),
            ("kernel/unprivileged_userns_clone", "1"),
            ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ]);
        for step in [Step::UserNamespace, Step::IdentityMap, Step::NetworkNamespace, Step::Loopback] {
            for errno in [Errno::PERM, Errno::ACCESS] {
                let text = told(step.failed(errno), restricted.path());
                assert!(text.contains("kernel.apparmor_restrict_unprivileged_userns is 1"), "{text}");
            }
        }
        let free = sysctls(&[("kernel/apparmor_restrict_unprivileged_userns", "0")]);
        let error = Step::Loopback.failed(Errno::PERM).explain(&Plan::default(), free.path());
        assert!(matches!(error, Error::Loopback(_)), "{error:?}");
    }

    #[test]
    fn a_container_or_a_kernel_without_them_is_told() {
        let sysctls = sysctls(&[("user/max_user_namespaces", "9")]);
        let text = told(Step::UserNamespace.failed(Errno::PERM), sysctls.path());
        assert!(text.contains("a container, a chroot or a security module"), "{text}");
        let text = told(Step::UserNamespace.failed(Errno::INVAL), sysctls.path());
        assert!(text.contains("CONFIG_USER_NS"), "{text}");
    }
}
