//! Where messages go: standard error, as text or JSON; access lines are written by a thread of their own.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

use imds_server::audit::Format;
use tracing::Level;

use crate::thread;

/// Pieces of the log that may wait to be written.
const PIECES: usize = 64;
/// How long the end of the service waits for the log to be read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where messages go once the writer runs, so that nobody waits for whoever reads them.
static SINK: OnceLock<SyncSender<Vec<u8>>> = OnceLock::new();

/// Writes messages from now on.
pub fn start(format: Format, level: Level) {
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(|| Messages).with_target(false);
    // A second start, in a program that has its own, leaves that in place.
    let _ = match format {
        Format::Text => tracing::subscriber::set_global_default(builder.with_ansi(false).finish()),
        Format::Json => tracing::subscriber::set_global_default(builder.json().finish()),
    };
}

/// Takes whole messages: to the writer if it runs, else to standard error itself.
struct Messages;

impl Write for Messages {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        match SINK.get() {
            // One that finds no room is lost, as access lines are.
            Some(sink) => drop(sink.try_send(message.to_vec())),
            None => io::stderr().write_all(message)?,
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that writes, off the path of the calls.
pub struct Writer {
    sink: SyncSender<Vec<u8>>,
    done: Receiver<()>,
}

impl Writer {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start() -> io::Result<Self> {
        let (sink, pieces) = sync_channel(PIECES);
        let (end, done) = channel();
        thread::start("imds-log", move || {
            write(&pieces);
            let _ = end.send(());
        })?;
        let _ = SINK.set(sink.clone());
        Ok(Self { sink, done })
    }

    /// Where pieces are handed to.
    #[must_use]
    pub fn sink(&self) -> SyncSender<Vec<u8>> {
        self.sink.clone()
    }

    /// Writes what is left, unless nobody reads it.
    pub fn finish(self) {
        if self.sink.try_send(Vec::new()).is_ok() {
            let _ = self.done.recv_timeout(PATIENCE);
        }
    }
}

/// Writes pieces until an empty one says that it is the last.
fn write(pieces: &Receiver<Vec<u8>>) {
    let mut out = io::stderr();
    while let Some(piece) = pieces.recv().ok().filter(|piece| !piece.is_empty()) {
        // A reader of the log that went away is no reason to stop serving.
        let _ = out.write_all(&piece);
    }
}
