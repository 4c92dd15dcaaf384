//! The path resolver: whatever is asked, it answers a leaf or a listing or nothing, and the same without doubled slashes.
#![no_main]

use std::sync::LazyLock;

use imds_core::Instance;
use imds_core::testing::{everything, noon};
use imds_core::tree::lookup;
use libfuzzer_sys::fuzz_target;

static INSTANCE: LazyLock<Instance> = LazyLock::new(everything);

fuzz_target!(|path: &[u8]| {
    let found = lookup(&INSTANCE, path, noon());
    let doubled: Vec<u8> = path.iter().flat_map(|byte| if *byte == b'/' { vec![b'/'; 2] } else { vec![*byte] }).collect();
    assert_eq!(lookup(&INSTANCE, &doubled, noon()), found);
    let slashed = [path, b"/"].concat();
    assert_eq!(lookup(&INSTANCE, &slashed, noon()), found);
    if let Some(value) = found {
        assert!(value.body.len() <= 16 * 1024);
    }
});
