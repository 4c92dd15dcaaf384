//! Where messages go: standard error, as text or JSON; access lines are written by a thread of their own.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use imds_server::audit::Format;
use tracing::Level;

/// Pieces of the access log that may wait to be written.
const PIECES: usize = 64;

/// Writes messages from now on.
pub fn start(format: Format, level: Level) {
    let builder =
        tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // A second start, in a program that has its own, leaves that in place.
    let _ = match format {
        Format::Text => tracing::subscriber::set_global_default(builder.with_ansi(false).finish()),
        Format::Json => tracing::subscriber::set_global_default(builder.json().finish()),
    };
}

/// The thread that writes access lines, off the path of the calls.
pub struct Writer {
    sink: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start() -> std::io::Result<Self> {
        let (sink, lines) = sync_channel(PIECES);
        let thread = thread::Builder::new().name("imds-log".into()).spawn(move || write(&lines))?;
        Ok(Self { sink, thread })
    }

    /// Where lines are handed to.
    #[must_use]
    pub fn sink(&self) -> SyncSender<Vec<u8>> {
        self.sink.clone()
    }

    /// Writes what is left, once all who had the sink are gone.
    pub fn finish(self) {
        drop(self.sink);
        let _ = self.thread.join();
    }
}

fn write(lines: &Receiver<Vec<u8>>) {
    let mut out = std::io::stderr();
    while let Ok(piece) = lines.recv() {
        // A reader of the log that went away is no reason to stop serving.
        let _ = out.write_all(&piece);
    }
}
