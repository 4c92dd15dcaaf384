//! Nonces for tokens, drawn in blocks: asking the system for each would cost more than sealing.

use imds_core::token::NONCE_LEN;

const BLOCK: usize = 128 * NONCE_LEN;

/// Random numbers of one worker.
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
            aws_lc_rs::rand::fill(&mut self.block[..]).expect("the system gives random bytes");
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
