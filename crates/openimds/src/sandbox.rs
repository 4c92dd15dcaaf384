//! Shutting the metadata process in, once it listens: no privileges, no files, no new connections, and of the system's
//! calls only those that serving needs. Its helper, which has no guests, loses what it does not need.
//!
//! Whatever a guest makes of a fault in here, it finds no file to read, no program to run and nobody to talk to.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
};
use rustix::process::{getgid, getpid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

/// Gives up privileges and files. Must be called before the first thread is started.
pub fn confine() {
    if let Err(error) = drop_privileges() {
        tracing::warn!(%error, "privileges could not be dropped");
    }
    match restrict() {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {}
        Ok(RulesetStatus::NotEnforced) => {
            tracing::info!("this kernel has no Landlock; files are not shut off");
        }
        Err(error) => tracing::warn!(%error, "files could not be shut off"),
    }
}

/// Leaves the helper of a service what it needs: reading files, and writing in the state folder. Must be called before
/// its first thread is started.
///
/// In the folder of its runtime `socket` it may delete.
pub fn confine_helper(state: Option<&Path>, socket: Option<&Path>) {
    if let Err(error) = keep_capabilities() {
        tracing::warn!(%error, "the helper's privileges could not be dropped");
    }
    match restrict_helper(state, socket) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {}
        Ok(RulesetStatus::NotEnforced) => {
            tracing::info!("this kernel has no Landlock; the helper is not kept from writing files");
        }
        Err(error) => tracing::warn!(%error, "the helper could not be kept from writing files"),
    }
}

/// Leaves all threads of the process only the system calls that serving needs.
pub fn filter() {
    let filtered = program()
        .map_err(io::Error::other)
        .and_then(|program| apply_filter_all_threads(&program).map_err(io::Error::other));
    if let Err(error) = filtered {
        tracing::info!(%error, "this kernel does not filter system calls; none are shut off");
    }
}

fn drop_privileges() -> io::Result<()> {
    set_no_new_privs(true)?;
    if getuid().is_root() {
        // In a user namespace that maps one id, there is no other to become.
        let others = set_thread_groups(&[]).and_then(|()| {
            let (uid, gid) = (rustix::process::Uid::from_raw(NOBODY), rustix::process::Gid::from_raw(NOBODY));
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)
        });
        if let Err(error) = others {
            tracing::info!(%error, uid = getuid().as_raw(), gid = getgid().as_raw(), "the user stays the same");
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(())
}

fn restrict() -> Result<RulesetStatus, landlock::RulesetError> {
    let abi = ABI::V5;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The helper reads files, whoever may; nothing else is left of root.
fn keep_capabilities() -> io::Result<()> {
    set_no_new_privs(true)?;
    let reading = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    let kept = capabilities(None)?.permitted & reading;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })?;
    Ok(())
}

fn restrict_helper(
    state: Option<&Path>,
    socket: Option<&Path>,
) -> Result<RulesetStatus, landlock::RulesetError> {
    let abi = ABI::V5;
    let beneath = |path: Option<&Path>, access| Some(PathBeneath::new(PathFd::new(path?).ok()?, access));
    let runtime = beneath(socket.and_then(Path::parent), AccessFs::RemoveFile.into());
    let rules = [beneath(state, AccessFs::from_write(abi)), runtime].into_iter().flatten();
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(abi) | AccessFs::Execute)?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(rules.map(Ok::<_, landlock::RulesetError>))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Calls that are permitted whatever their arguments are.
const PERMITTED: &[libc::c_long] = &[
    libc::SYS_accept4,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_futex,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    // No socket can be made here. It is for those that were handed over, when an IPv6 endpoint is enabled again.
    libc::SYS_listen,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq};
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        PERMITTED.iter().map(|call| (*call, Vec::new())).collect();
    let mut only = |call: libc::c_long, argument: u8, length, operator, value: u64| {
        let condition = SeccompCondition::new(argument, length, operator, value)?;
        rules.entry(call).or_default().push(SeccompRule::new(vec![condition])?);
        Ok::<(), seccompiler::BackendError>(())
    };
    // Memory, but none that could be executed.
    let executable = u64::try_from(libc::PROT_EXEC).unwrap_or(u64::MAX);
    only(libc::SYS_mmap, 2, Dword, MaskedEq(executable), 0)?;
    only(libc::SYS_mprotect, 2, Dword, MaskedEq(executable), 0)?;
    // Signals, but to this process alone.
    let own = u64::try_from(getpid().as_raw_pid()).unwrap_or(u64::MAX);
    only(libc::SYS_kill, 0, Dword, Eq, own)?;
    only(libc::SYS_tgkill, 0, Dword, Eq, own)?;
    // How much of an answer is under way, and sockets that do not block.
    only(libc::SYS_ioctl, 1, Qword, Eq, libc::TIOCOUTQ)?;
    only(libc::SYS_ioctl, 1, Qword, Eq, libc::FIONBIO)?;
    let refused = SeccompAction::Errno(u32::try_from(libc::EPERM).unwrap_or(1));
    SeccompFilter::new(rules, refused, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
}
