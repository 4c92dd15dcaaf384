//! What every connection of a thread uses: the service, the time, and a buffer to read into.

use std::cell::{Cell, RefCell, RefMut};
use std::time::Instant;

use imds_server::Service;

/// Bytes that are read at once.
pub(super) const CHUNK: usize = 8 * 1024;

/// The tools of one thread.
pub(super) struct Tools {
    service: Service,
    now: Cell<Instant>,
    scratch: RefCell<Box<[u8; CHUNK]>>,
}

impl Tools {
    pub(super) fn new(service: Service) -> Self {
        Self { service, now: Cell::new(Instant::now()), scratch: RefCell::new(Box::new([0; CHUNK])) }
    }

    /// The service.
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// The time, as of the last tick: near enough for timeouts, and free.
    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }

    /// Reads the clock.
    pub(super) fn tick(&self) {
        self.now.set(Instant::now());
    }

    /// A buffer for whoever reads just now.
    pub(super) fn scratch(&self) -> RefMut<'_, Box<[u8; CHUNK]>> {
        self.scratch.borrow_mut()
    }
}
