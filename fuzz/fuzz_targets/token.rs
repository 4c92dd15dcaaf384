//! The token opener: of all that can be sent, only what was sealed opens.
#![no_main]

use std::sync::LazyLock;

use imds_core::id::InstanceId;
use imds_core::keyring::Keyring;
use imds_core::testing::{keyring, launch, noon};
use imds_core::token::{TEXT_LEN, Text, Ttl, open, seal};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<(Keyring, InstanceId, Text)> = LazyLock::new(|| {
    let (keyring, id) = (keyring(), launch().id);
    let text = seal(&keyring, &id, Ttl::MAX, noon(), [3; 12]);
    (keyring, id, text)
});

fuzz_target!(|data: &[u8]| {
    let (keyring, id, good) = &*KEYS;
    assert!(open(keyring, id, data, noon()).is_none() || data == good.expose());
    // A good one, altered here and there.
    let mut altered = *good.expose();
    for pair in data.chunks_exact(2) {
        altered[pair[0] as usize % TEXT_LEN] ^= pair[1];
    }
    assert_eq!(open(keyring, id, &altered, noon()).is_some(), altered == *good.expose());
    let _ = Ttl::parse(data);
});
