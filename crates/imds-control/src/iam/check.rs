//! Parameters of IAM and STS: what is wrong with one is told as those two services do.

use std::ops::RangeInclusive;

use axum::http::StatusCode;

use crate::query::{Error, Params};

/// `ValidationError`
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new("ValidationError", message)
}

/// A refusal with status 404.
pub(crate) fn no_such_entity(message: impl Into<String>) -> Error {
    Error { status: StatusCode::NOT_FOUND, ..Error::new("NoSuchEntity", message) }
}

/// A refusal with status 409, with one of the codes that have it.
pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Error {
    Error { status: StatusCode::CONFLICT, ..Error::new(code, message) }
}

/// The refusal of a value that breaks a rule of its parameter.
pub(crate) fn broken(params: &Params, parameter: &str, value: &str, rule: &str) -> Error {
    constraint(params, parameter, &format!("'{value}'"), rule)
}

/// The refusal of a call without a parameter that must be there.
pub(crate) fn missing(params: &Params, parameter: &str) -> Error {
    constraint(params, parameter, "null", "Member must not be null")
}

fn constraint(params: &Params, parameter: &str, value: &str, rule: &str) -> Error {
    let at = member(&params.full(parameter));
    invalid(format!(
        "1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: {rule}"
    ))
}

/// `RoleName` is `roleName` in messages.
fn member(parameter: &str) -> String {
    let mut letters = parameter.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// A parameter that must be there, and have so many characters.
pub(crate) fn text<'p>(
    params: &'p Params,
    parameter: &str,
    length: RangeInclusive<usize>,
) -> Result<&'p str, Error> {
    let Some(value) = params.get(parameter) else {
        return Err(missing(params, parameter));
    };
    check_length(params, parameter, value, length)?;
    Ok(value)
}

/// A parameter that may be there, and then has so many characters. An empty one is one that is left out.
pub(crate) fn option<'p>(
    params: &'p Params,
    parameter: &str,
    length: RangeInclusive<usize>,
) -> Result<Option<&'p str>, Error> {
    let value = params.text(parameter);
    value.map(|value| check_length(params, parameter, value, length)).transpose()?;
    Ok(value)
}

fn check_length(
    params: &Params,
    parameter: &str,
    value: &str,
    length: RangeInclusive<usize>,
) -> Result<(), Error> {
    let count = value.chars().count();
    let (least, most) = length.into_inner();
    if count < least {
        let rule = format!("Member must have length greater than or equal to {least}");
        return Err(broken(params, parameter, value, &rule));
    }
    if count > most {
        let rule = format!("Member must have length less than or equal to {most}");
        return Err(broken(params, parameter, value, &rule));
    }
    Ok(())
}

/// Can this be in a name?
pub(crate) fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

/// A name that must be there.
pub(crate) fn name<'p>(params: &'p Params, parameter: &str, most: usize) -> Result<&'p str, Error> {
    let name = text(params, parameter, 1..=most)?;
    if !name.chars().all(is_of_a_name) {
        return Err(invalid(format!(
            "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: \
             +=,.@_-",
            member(&params.full(parameter))
        )));
    }
    Ok(name)
}

/// `Path`, which is `/` if it is left out.
pub(crate) fn path(params: &Params) -> Result<&str, Error> {
    let Some(path) = option(params, "Path", 1..=512)? else { return Ok("/") };
    let inner = path.strip_prefix('/').and_then(|path| path.strip_suffix('/'));
    // The slash alone begins and ends with itself.
    if path != "/"
        && !inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|b| (0x21..=0x7e).contains(&b)))
    {
        return Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
             and/or / characters.",
        ));
    }
    Ok(path)
}

/// `PathPrefix`, which is `/` if it is left out.
pub(crate) fn path_prefix(params: &Params) -> Result<&str, Error> {
    let Some(prefix) = option(params, "PathPrefix", 1..=512)? else { return Ok("/") };
    if !prefix.starts_with('/') || !prefix.bytes().all(|b| (0x21..=0x7f).contains(&b)) {
        return Err(invalid(
            "The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters \
             and/or / characters.",
        ));
    }
    Ok(prefix)
}

/// A number within these bounds, if it is there. What is none is refused in the same words [assumed].
pub(crate) fn number(
    params: &Params,
    parameter: &str,
    bounds: RangeInclusive<u32>,
) -> Result<Option<u32>, Error> {
    let Some(value) = params.text(parameter) else { return Ok(None) };
    let (least, most) = bounds.into_inner();
    match value.parse::<i128>() {
        Ok(number) if number > i128::from(most) => Err(broken(
            params,
            parameter,
            value,
            &format!("Member must have value less than or equal to {most}"),
        )),
        Ok(number) => match u32::try_from(number) {
            Ok(number) if number >= least => Ok(Some(number)),
            Ok(_) | Err(_) => Err(broken(
                params,
                parameter,
                value,
                &format!("Member must have value greater than or equal to {least}"),
            )),
        },
        Err(_) => Err(broken(params, parameter, value, "Member must be a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(form: &str) -> Params {
        Params::parse(form.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_of_iams_letters_and_lengths() {
        for good in ["web", "a.b+c=d,e@f-g_h", "W", &"x".repeat(64)] {
            let form = params(&format!("RoleName={}", good.replace('+', "%2B")));
            assert_eq!(name(&form, "RoleName", 64).unwrap(), good);
        }
        let begin = "1 validation error detected: Value";
        let long = "x".repeat(65);
        for (form, message) in [
            ("", format!("{begin} null at 'roleName' failed to satisfy constraint: Member must not be null")),
            (
                "RoleName=",
                format!(
                    "{begin} '' at 'roleName' failed to satisfy constraint: Member must have length greater than or equal \
                     to 1"
                ),
            ),
            (
                &format!("RoleName={long}"),
                format!(
                    "{begin} '{long}' at 'roleName' failed to satisfy constraint: Member must have length less than or \
                     equal to 64"
                ),
            ),
            (
                "RoleName=a/b",
                "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the \
                 following: +=,.@_-"
                    .to_owned(),
            ),
        ] {
            let error = name(&params(form), "RoleName", 64).unwrap_err();
            assert_eq!((&*error.code, error.message), ("ValidationError", message), "{form}");
        }
        for bad in ["a%00", "%C3%A9", "a+b", "%0A", "*"] {
            assert!(name(&params(&format!("RoleName={bad}")), "RoleName", 64).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        for (form, expected) in [
            ("", Some("/")),
            ("Path=", Some("/")),
            ("Path=/", Some("/")),
            ("Path=/a/b/", Some("/a/b/")),
            ("Path=a", None),
            ("Path=/a", None),
            ("Path=a/", None),
            ("Path=//", None),
            ("Path=/a%20b/", None),
            ("Path=/%C3%A9/", None),
        ] {
            assert_eq!(path(&params(form)).ok(), expected, "{form}");
        }
        assert!(path(&params(&format!("Path=/{}/", "x".repeat(511)))).is_err());
        for (form, expected) in [
            ("", Some("/")),
            ("PathPrefix=/a", Some("/a")),
            ("PathPrefix=a", None),
            ("PathPrefix=/%20", None),
        ] {
            assert_eq!(path_prefix(&params(form)).ok(), expected, "{form}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        for (value, expected) in [
            ("", Ok(None)),
            ("900", Ok(Some(900))),
            ("3600", Ok(Some(3600))),
            ("899", Err("greater than or equal to 900")),
            ("-1", Err("greater than or equal to 900")),
            ("3601", Err("less than or equal to 3600")),
            ("99999999999999999999", Err("less than or equal to 3600")),
            ("1e3", Err("a number")),
            (&"9".repeat(100), Err("a number")),
        ] {
            let told = number(&params(&format!("N={value}")), "N", 900..=3600);
            match expected {
                Ok(number) => assert_eq!(told.unwrap(), number, "{value}"),
                Err(end) => assert!(told.unwrap_err().message.ends_with(end), "{value}"),
            }
        }
    }
}
