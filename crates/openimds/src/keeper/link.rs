//! The service's end of the socketpair: reports come, orders go.

use std::io;
use std::os::unix::net::UnixStream;

use imds_core::audit::{Recorded, Tallies};
use imds_core::view::View;
use imds_store::Revision;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::answer::Answer;
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
    pub fn counted(&self, number: u64, tallies: Tallies) {
        self.order(Order::Told { number, answer: Answer::Counted(tallies.into()) });
    }

    /// What says that the calls are forgotten, on whatever thread, when they are.
    pub fn forgotten(&self, number: u64) -> impl FnOnce() + Send + use<> {
        let orders = self.orders.clone();
        move || {
            // As below.
            let _ = orders.send(Order::Told { number, answer: Answer::Forgotten });
        }
    }

    /// What answers a question for calls, on whatever thread, when they are there.
    pub fn recorded(&self, number: u64) -> impl FnOnce(Vec<Recorded>) + Send + use<> {
        let orders = self.orders.clone();
        move |calls| {
            let answer = Answer::Calls(calls.into_iter().map(Into::into).collect());
            // As below.
            let _ = orders.send(Order::Told { number, answer });
        }
    }

    /// Answers a question for how often faults struck.
    pub fn struck(&self, number: u64, struck: Vec<(u64, u64)>) {
        self.order(Order::Told { number, answer: Answer::Faults(struck) });
    }

    /// Answers a question for what an instance is answered.
    pub fn viewed(&self, number: u64, view: Option<View>) {
        self.order(Order::Told { number, answer: Answer::View(view.map(Into::into)) });
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

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::view::Side;

    /// The next order that is given.
    fn given(stream: &mut UnixStream) -> Order {
        serde_json::from_slice(&report::body(stream, 1 << 20).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_that_takes_long_holds_up_none_and_has_its_number() {
        let (here, mut there) = UnixStream::pair().unwrap();
        let link = Link::new(here).unwrap();
        let recorded = link.recorded(1);
        link.counted(2, Tallies::default());
        let side = |status, body| Side { status, body };
        link.viewed(3, Some(View { v1: side(401, None), v2: side(200, Some(b"\xff".to_vec())) }));
        link.viewed(4, None);
        let helper = tokio::task::spawn_blocking(move || {
            assert!(matches!(given(&mut there), Order::Told { number: 2, answer: Answer::Counted(_) }));
            assert!(matches!(given(&mut there), Order::Told { number: 3, answer: Answer::View(Some(_)) }));
            assert!(matches!(given(&mut there), Order::Told { number: 4, answer: Answer::View(None) }));
            recorded(Vec::new());
            assert!(matches!(given(&mut there), Order::Told { number: 1, answer: Answer::Calls(_) }));
        });
        helper.await.unwrap();
    }
}
