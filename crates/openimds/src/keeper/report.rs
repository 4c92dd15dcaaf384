//! What the helper tells the service: a length and JSON.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zeroize::Zeroizing;

use crate::config::Bundle;

/// A report.
#[derive(Serialize, Deserialize)]
pub enum Report {
    /// The configuration changed and is valid.
    Configuration(Box<Bundle>),
    /// The keyring changed: its text.
    Keyring(Zeroizing<String>),
    /// The command runs; the sockets that listen in its namespace come along.
    Started,
    /// The command could not be started.
    Failed {
        /// What the user is told.
        message: String,
        /// The exit status: 127 where there is no such command, 126 where it cannot be executed.
        status: u8,
    },
    /// The command ended.
    Ended {
        /// With a status,
        status: Option<i32>,
        /// or by a signal.
        signal: Option<i32>,
    },
}

/// The bytes of a report.
pub(super) fn encode(report: &Report) -> io::Result<Zeroizing<Vec<u8>>> {
    let body = Zeroizing::new(serde_json::to_vec(report)?);
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    Ok(Zeroizing::new([&length.to_be_bytes()[..], &body].concat()))
}

/// A report that came in one piece.
pub(super) fn decode(bytes: &[u8]) -> Option<Report> {
    let (length, body) = bytes.split_first_chunk()?;
    let body = body.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    serde_json::from_slice(body).ok()
}

/// Sends a report.
pub(super) fn send(stream: &mut UnixStream, report: &Report) -> io::Result<()> {
    stream.write_all(&encode(report)?)
}

/// The reports of a helper, and the way back to it.
pub struct Link {
    reports: UnboundedReceiver<Report>,
    back: UnixStream,
}

impl Link {
    /// Reads reports from here on. Must be called within a runtime.
    ///
    /// # Errors
    /// When the stream cannot be watched.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        let back = stream.try_clone()?;
        stream.set_nonblocking(true)?;
        let mut stream = tokio::net::UnixStream::from_std(stream)?;
        let (sender, reports) = unbounded_channel();
        // A task of its own, since what has been read of a report must not be lost when something else happens.
        tokio::spawn(async move {
            while let Some(report) = read(&mut stream).await {
                if sender.send(report).is_err() {
                    break;
                }
            }
        });
        Ok(Self { reports, back })
    }

    /// The next report; `None` when the helper is gone.
    pub async fn next(&mut self) -> Option<Report> {
        self.reports.recv().await
    }

    /// Passes a signal to the command.
    pub fn signal(&self, signal: i32) {
        if let Ok(signal) = u8::try_from(signal) {
            // The way back holds nothing but signals; should it ever be full, one more changes nothing.
            let _ = (&self.back).write(&[signal]);
        }
    }
}

async fn read(stream: &mut tokio::net::UnixStream) -> Option<Report> {
    let length = stream.read_u32().await.ok()?;
    let mut body = Zeroizing::new(vec![0; usize::try_from(length).ok()?]);
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}
