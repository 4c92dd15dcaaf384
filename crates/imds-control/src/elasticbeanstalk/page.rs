//! `MaxRecords` and `NextToken`: some of many at a time.

use super::constraint;
use crate::ec2::page::{decode, encode};
use crate::query::{Error, Params, Xml};

/// The most that is told at a time.
const MOST: usize = 1_000;

/// Which way things go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The least name first.
    Up,
    /// The greatest name first.
    Down,
}

/// The part of `all` that is asked for, and the token of the next one: 1,000 at most, or `MaxRecords`. Things are in the
/// order of `name`, which no two share; the token is where a page ended, so that what comes or goes between two calls
/// disturbs no other.
///
/// # Errors
/// When `MaxRecords` is none that can be, or the token is none.
pub(crate) fn page<T>(
    params: &Params,
    mut all: Vec<T>,
    order: Order,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Error> {
    let size = constraint::number(params, "MaxRecords", 1, MOST)?.unwrap_or(MOST);
    all.sort_by_cached_key(&name);
    if order == Order::Down {
        all.reverse();
    }
    if let Some(token) = params.text("NextToken") {
        // The words are [assumed].
        let last =
            decode(token).ok_or_else(|| Error::invalid_value(format!("Invalid NextToken: '{token}'")))?;
        all.retain(|one| match order {
            Order::Up => name(one) > last,
            Order::Down => name(one) < last,
        });
    }
    let next = all.get(size).and_then(|_| all.get(size - 1)).map(|last| encode(&name(last)));
    all.truncate(size);
    Ok((all, next))
}

/// `<NextToken>`, if there is more.
pub(crate) fn write(xml: &mut Xml, next: Option<String>) {
    xml.option("NextToken", next);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_either_way() {
        for (order, expected) in
            [(Order::Up, ["a", "b", "c", "d", "e"]), (Order::Down, ["e", "d", "c", "b", "a"])]
        {
            let mut seen = Vec::new();
            let mut token = String::new();
            loop {
                let form = format!("MaxRecords=2&NextToken={token}");
                let params = Params::parse(form.as_bytes()).unwrap();
                let all = vec!["e", "b", "d", "a", "c"];
                let (some, next) = page(&params, all, order, |one| (*one).to_owned()).unwrap();
                seen.extend(some);
                let Some(next) = next else { break };
                token = next;
            }
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for (form, code) in [
            ("MaxRecords=0", "ValidationError"),
            ("MaxRecords=1001", "ValidationError"),
            ("MaxRecords=-1", "InvalidParameterValue"),
            ("MaxRecords=99999999999999999999", "InvalidParameterValue"),
            ("NextToken=%21", "InvalidParameterValue"),
            ("NextToken=_w", "InvalidParameterValue"),
        ] {
            let params = Params::parse(form.as_bytes()).unwrap();
            let refused = page(&params, vec!["a"], Order::Up, |one| (*one).to_owned()).unwrap_err();
            assert_eq!(refused.code, code, "{form}");
        }
    }
}
