//! EC2's own way to write JSON: two blanks of indent, ` : ` between key and value, LF between lines, none at the end.

use serde_json::Value;

/// The members of an object written in house style, in their order.
///
/// # Errors
/// The first thing that is not in style; values are not repeated, some are secrets.
pub(crate) fn house(text: &str) -> Result<Vec<(String, Value)>, String> {
    let inside = text
        .strip_prefix("{\n")
        .and_then(|rest| rest.strip_suffix("\n}"))
        .ok_or("not \"{\" LF … LF \"}\" without a trailing LF")?;
    members(inside)
}

/// The objects of an array written as the maintenance events are: `[ {` LF … LF `}, {` LF … LF `} ]`, or `[]`.
///
/// # Errors
/// The first thing that is not in style.
pub(crate) fn house_array(text: &str) -> Result<Vec<Vec<(String, Value)>>, String> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let inside = text
        .strip_prefix("[ {\n")
        .and_then(|rest| rest.strip_suffix("\n} ]"))
        .ok_or("neither \"[]\" nor \"[ {\" LF … LF \"} ]\" without a trailing LF")?;
    inside.split("\n}, {\n").map(members).collect()
}

fn members(inside: &str) -> Result<Vec<(String, Value)>, String> {
    let lines: Vec<&str> = inside.split('\n').collect();
    let last = lines.len() - 1;
    let mut members = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        let line = if index == last { Some(*line) } else { line.strip_suffix(',') };
        let line = line.ok_or_else(|| format!("member {number} does not end with a comma"))?;
        let (key, value) = line
            .strip_prefix("  \"")
            .and_then(|rest| rest.split_once("\" : "))
            .ok_or_else(|| format!("member {number} is not two blanks, a key, \" : \" and a value"))?;
        let value: Value =
            serde_json::from_str(value).map_err(|_| format!("the value of {key} is not one JSON value"))?;
        members.push((key.to_owned(), value));
    }
    Ok(members)
}

/// A member's text.
pub(crate) fn text<'a>(members: &'a [(String, Value)], key: &str) -> Option<&'a str> {
    members.iter().find(|(have, _)| have == key).and_then(|(_, value)| value.as_str())
}

/// The keys, in their order.
pub(crate) fn keys(members: &[(String, Value)]) -> Vec<&str> {
    members.iter().map(|(key, _)| key.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn house_style_is_read_and_any_other_refused() {
        let members = house("{\n  \"a\" : \"x\",\n  \"b\" : null\n}").unwrap();
        assert_eq!((keys(&members), text(&members, "a")), (vec!["a", "b"], Some("x")));
        for wrong in [
            "{\"a\":1}",
            "{\n  \"a\": 1\n}",
            "{\n    \"a\" : 1\n}",
            "{\n  \"a\" : 1,\n}",
            "{\n  \"a\" : 1\n}\n",
            "{\n  \"a\" : 1\n  \"b\" : 2\n}",
        ] {
            assert!(house(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn arrays_are_read_and_any_other_style_refused() {
        assert_eq!(house_array("[]"), Ok(Vec::new()));
        let two = house_array("[ {\n  \"a\" : 1\n}, {\n  \"a\" : 2\n} ]").unwrap();
        assert_eq!(two.len(), 2);
        assert!(house_array("[]\n").is_err() && house_array("[{\n  \"a\" : 1\n}]").is_err());
    }
}
