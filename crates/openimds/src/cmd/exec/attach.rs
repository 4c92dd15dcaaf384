//! `imds exec --attach`: the network namespace of a process, such as a container's, is served as an instance.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use imds_core::id::InstanceId;
use tokio::io::AsyncReadExt as _;

use super::super::inside;
use super::lodge;
use crate::app::{Signals, fail, print};
use crate::listen::watched;

/// Serves it until told to stop, or until either end is gone.
pub(super) fn run(pid: u32, id: &InstanceId, service: UnixStream) -> anyhow::Result<ExitCode> {
    let mut attached = imds_netns::attach(pid, &inside::plan(inside::kernel_has_ipv6(), 0))?;
    lodge(&service, id, std::mem::take(&mut attached.listeners))?;
    let signals = Signals::catch()?;
    print(format!("process {pid} is served as {id}\n").as_bytes());
    let mut signals = signals.forwarded()?;
    service.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let is_served = runtime.block_on(async {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        let mut service = tokio::net::UnixStream::from_std(service)?;
        let ended = watched(attached.process.as_fd())?;
        let mut said = [0];
        loop {
            tokio::select! {
                ended = ended.readable() => return ended.map(|_| true),
                Some(signal) = signals.recv() => if [SIGHUP, SIGINT, SIGQUIT, SIGTERM].contains(&signal.number) {
                    return Ok(true);
                },
                // It says nothing more: whatever comes is its end.
                _ = service.read(&mut said) => return Ok::<_, std::io::Error>(false),
            }
        }
    });
    attached.detach()?;
    if is_served? {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(fail(format_args!(
        "the service has ended, and process {pid} has no metadata any longer; start `imds serve` again"
    )))
}
