//! The two ways EC2 writes a time, read strictly: `Wed, 11 Jun 2025 15:38:21 GMT` and `2022-02-13T13:17:17Z`.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
// 1 January 1970 was a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Seconds since 1970 of an HTTP date in the form that is sent (IMF-fixdate), its weekday right.
pub(crate) fn http(text: &str) -> Option<i64> {
    let (weekday, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let days = days(digits(year, 4)?, i64::try_from(month).ok()? + 1, digits(day, 2)?)?;
    let named = DAYS[usize::try_from(days.rem_euclid(7)).ok()?];
    if named == weekday { Some(days * 86_400 + seconds(clock)?) } else { None }
}

/// Seconds since 1970 of a time as JSON values carry it.
pub(crate) fn iso(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    Some(days(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)? * 86_400 + seconds(clock)?)
}

fn seconds(clock: &str) -> Option<i64> {
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else { return None };
    let (hours, minutes, seconds) = (digits(hours, 2)?, digits(minutes, 2)?, digits(seconds, 2)?);
    if hours < 24 && minutes < 60 && seconds < 61 {
        Some(hours * 3_600 + minutes * 60 + seconds)
    } else {
        None
    }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    if text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Days since 1970 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    if !(1..=*lengths.get(index)?).contains(&day) {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    Some(years + lengths[..index].iter().sum::<i64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        assert_eq!(http("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http("Wed, 11 Jun 2025 15:38:21 GMT"), Some(1_749_656_301));
        assert_eq!(iso("2025-06-11T15:38:21Z"), Some(1_749_656_301));
        assert_eq!(iso("2024-02-29T00:00:00Z"), Some(1_709_164_800));
        for wrong in [
            "Tue, 11 Jun 2025 15:38:21 GMT",
            "Wed, 11 Jun 2025 15:38:21 UTC",
            "Wed, 1 Jan 2025 00:00:00 GMT",
            "",
        ] {
            assert_eq!(http(wrong), None, "{wrong}");
        }
        for wrong in
            ["2023-02-29T00:00:00Z", "2023-2-9T00:00:00Z", "2025-06-11T15:38:21", "2025-06-11 15:38:21Z"]
        {
            assert_eq!(iso(wrong), None, "{wrong}");
        }
    }
}
