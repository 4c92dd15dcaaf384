//! Random numbers: nonces drawn in blocks, since asking the system for each would cost more than sealing, and keys.

use imds_core::keyring::SECRET_LEN;
use imds_core::token::NONCE_LEN;
use rustix::io::{Errno, Result};
use rustix::rand::{GetRandomFlags, getrandom};

const BLOCK: usize = 128 * NONCE_LEN;

/// Fills `bytes` from the system's source. It is there at once, where a library's own would first have to be seeded.
///
/// # Errors
/// When the system has none.
pub fn fill(mut bytes: &mut [u8]) -> Result<()> {
    while !bytes.is_empty() {
        match getrandom(&mut *bytes, GetRandomFlags::empty()) {
            Ok(length) => bytes = &mut bytes[length..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Random bytes for a new key.
///
/// # Errors
/// When the system has none.
pub fn secret() -> Result<[u8; SECRET_LEN]> {
    let mut secret = [0; SECRET_LEN];
    fill(&mut secret)?;
    Ok(secret)
}

/// Nonces of one worker.
pub(crate) struct Nonces {
    block: Box<[u8; BLOCK]>,
    used: usize,
}

impl Nonces {
    pub(crate) fn new() -> Self {
        Self { block: Box::new([0; BLOCK]), used: BLOCK }
    }

    /// The next one.
    ///
    /// # Panics
    /// When the system has no randomness, which leaves nothing that could be served safely.
    #[allow(clippy::expect_used)]
    pub(crate) fn draw(&mut self) -> [u8; NONCE_LEN] {
        if self.used == BLOCK {
            fill(&mut self.block[..]).expect("the system gives random bytes");
            self.used = 0;
        }
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&self.block[self.used..self.used + NONCE_LEN]);
        self.used += NONCE_LEN;
        nonce
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_nonce_comes_twice() {
        let mut nonces = super::Nonces::new();
        let drawn: std::collections::HashSet<_> = (0..1_000).map(|_| nonces.draw()).collect();
        assert_eq!(drawn.len(), 1_000);
    }
}
