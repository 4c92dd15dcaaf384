//! The rules that a machine can check: form, house rules, lints.

use anyhow::Result;

use super::{Count, cargo, succeeds};
use crate::tidy;

pub(super) fn run() -> Result<Count> {
    let mut count = Count::default();
    count.add(Count::one(succeeds(cargo().args(["fmt", "--all", "--check"]))?));
    let is_tidy = tidy::run().inspect_err(|error| eprintln!("{error:#}")).is_ok();
    count.add(Count::one(is_tidy));
    let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    count.add(Count::one(succeeds(cargo().args(lints))?));
    Ok(count)
}
