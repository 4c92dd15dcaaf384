//! What `cargo test` runs: unit tests, and the binaries from outside.

use anyhow::Result;

use super::{Count, cargo, watched};

pub(super) fn run() -> Result<Count> {
    let mut count = Count::default();
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    let has_passed = watched(&mut command, |line| count.add(result(line).unwrap_or_default()))?;
    if !has_passed && count.failed == 0 {
        count.add(Count::one(false));
    }
    Ok(count)
}

/// Reads `test result: ok. 3 passed; 0 failed; …`.
fn result(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        let part = numbers.split("; ").find_map(|part| part.strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some(Count { passed: number(" passed")?, failed: number(" failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_result_lines_are_counted() {
        let line = "test result: FAILED. 43 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s";
        assert_eq!(result(line), Some(Count { passed: 43, failed: 1 }));
        assert_eq!(result("test a ... ok"), None);
    }
}
