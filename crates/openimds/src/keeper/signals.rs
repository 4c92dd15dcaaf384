//! Signals that a terminal sends to everybody: the service decides what they mean, and says when it is over.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Keeps them from ending this process. They are caught, not ignored: what is ignored stays so in a program that is executed.
///
/// # Errors
/// When the system does not let it.
pub(super) fn outlive() -> io::Result<()> {
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}
