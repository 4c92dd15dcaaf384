//! Threads that are known to run.

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

/// Starts a thread and waits until it runs: what a thread does to come up, it would not be permitted to do later, when
/// the process is shut in.
///
/// # Errors
/// When there is none to be had.
pub fn start(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let (up, is_up) = sync_channel(0);
    let thread = Builder::new().name(name.to_owned()).spawn(move || {
        let _ = up.send(());
        body();
    })?;
    let _ = is_up.recv();
    Ok(thread)
}
