//! Lengths of time as people write them, wherever they do: in the file, on the command line, in calls.

use std::time::Duration;

/// Units, the larger first, and how many milliseconds each has.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `500ms`, `90s`, `2m`, `1h30m`, `15d`, or seconds without a unit: larger units first, each once. `None` for what
/// is no length of time; how short and how long it may be is for whoever asks.
#[must_use]
pub fn read(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return None;
    }
    if let Some(seconds) = number(text) {
        return Some(Duration::from_millis(seconds.checked_mul(1_000)?));
    }
    let (mut rest, mut millis, mut units) = (text, 0_u64, &UNITS[..]);
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.bytes().position(|byte| !byte.is_ascii_digit())?);
        let end = after.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let place = units.iter().position(|(unit, _)| *unit == name)?;
        millis = millis.checked_add(number(digits)?.checked_mul(units[place].1)?)?;
        (rest, units) = (after, &units[place + 1..]);
    }
    Some(Duration::from_millis(millis))
}

/// Digits, and nothing else.
pub(crate) fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_what_is_no_length_is_not() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("5", 5_000),
            ("5s", 5_000),
            ("500ms", 500),
            ("1s500ms", 1_500),
            ("2m", 120_000),
            ("2m1ms", 120_001),
            ("1h30m", 5_400_000),
            ("1d1s", 86_401_000),
            ("15d", 1_296_000_000),
        ] {
            assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in [
            "",
            "s",
            "ms",
            "-1s",
            "+1s",
            "+1",
            "1.5h",
            "1s1m",
            "1m1m",
            "1ms1s",
            "1m1",
            "2 m",
            " 2m",
            "1w",
            "1S",
            "1mm",
            "1é",
            "é1",
            "1s\n",
            "１s",
            "18446744073709551615",
            "18446744073709551615ms1s",
            "99999999999999999999s",
            "213503982335d",
            "now",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
