//! The service's end of the socketpair: reports come, orders go.

use std::io;
use std::os::unix::net::UnixStream;

use imds_core::audit::Tallies;
use imds_store::Revision;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::inbox;
use super::order::Order;
use super::report::{self, Report};

/// The reports of a helper, and the way back to it.
pub struct Link {
    reports: UnboundedReceiver<Report>,
    orders: UnboundedSender<Order>,
}

impl Link {
    /// Reads reports from here on. Must be called within a runtime.
    ///
    /// # Errors
    /// When the stream cannot be watched.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (from, mut to) = tokio::net::UnixStream::from_std(stream)?.into_split();
        let (sender, reports) = unbounded_channel();
        // Tasks of their own, since what has been read or written of one must not be lost when something else happens.
        tokio::spawn(async move {
            while let Some(report) = inbox::next(from.as_ref()).await {
                if sender.send(report).is_err() {
                    break;
                }
            }
        });
        let (orders, mut given) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(order) = given.recv().await {
                let Ok(bytes) = report::encode(&order) else { continue };
                if to.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        });
        Ok(Self { reports, orders })
    }

    /// The next report; `None` when the helper is gone.
    pub async fn next(&mut self) -> Option<Report> {
        self.reports.recv().await
    }

    /// Passes a signal to the command.
    pub fn signal(&self, signal: i32) {
        self.order(Order::Signal(signal));
    }

    /// Says that guests see everything up to this commit.
    pub fn applied(&self, revision: Revision) {
        self.order(Order::Applied(revision));
    }

    /// Answers a question for the counters.
    pub fn counted(&self, tallies: Tallies) {
        self.order(Order::Counted(tallies.into()));
    }

    /// Says whether a lodger is served.
    pub fn lodged(&self, lodger: u64, is_served: bool) {
        self.order(Order::Lodged { lodger, is_served });
    }

    fn order(&self, order: Order) {
        // Where nobody reads any longer, the end of the reports says so.
        let _ = self.orders.send(order);
    }
}
