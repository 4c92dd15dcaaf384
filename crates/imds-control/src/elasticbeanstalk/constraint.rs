//! Limits of parameters (Elastic Beanstalk API Reference), and how what breaks them is refused.

use crate::query::{Error, Params};

/// A parameter that must be there, of so many characters.
pub(crate) fn need<'p>(params: &'p Params, name: &str, least: usize, most: usize) -> Result<&'p str, Error> {
    let value = params.need(name)?;
    length(name, value, least, most)?;
    Ok(value)
}

/// `Description`, which has 200 characters at most; `None` if it is not there, and empty if it is to be emptied.
pub(crate) fn description(params: &Params) -> Result<Option<&str>, Error> {
    let description = params.get("Description");
    length("Description", description.unwrap_or_default(), 0, 200)?;
    Ok(description)
}

/// The name of an application: it stands between slashes in ARNs.
pub(crate) fn application_name(params: &Params) -> Result<&str, Error> {
    name_of(params, "ApplicationName")
}

/// The name of an application or a template: it stands between slashes in ARNs.
pub(crate) fn name_of<'p>(params: &'p Params, name: &str) -> Result<&'p str, Error> {
    let value = need(params, name, 1, 100)?;
    if value.contains('/') || value.chars().any(char::is_control) {
        // The words are [assumed].
        return Err(Error::invalid_value(format!(
            "Value {value} at '{name}' failed to satisfy constraint: Member must not contain slashes or control characters"
        )));
    }
    Ok(value)
}

/// Refuses a value that is too short or too long.
pub(crate) fn length(name: &str, value: &str, least: usize, most: usize) -> Result<(), Error> {
    let length = value.chars().count();
    if length < least {
        return Err(broken(name, value, &format!("have length greater than or equal to {least}")));
    }
    if length > most {
        return Err(broken(name, value, &format!("have length less than or equal to {most}")));
    }
    Ok(())
}

/// A number in its limits, if it is there.
pub(crate) fn number<N>(params: &Params, name: &str, least: N, most: N) -> Result<Option<N>, Error>
where
    N: Copy + PartialOrd + std::str::FromStr<Err: std::fmt::Display> + std::fmt::Display,
{
    let Some(number) = params.parsed::<N>(name)? else { return Ok(None) };
    let value = number.to_string();
    if number < least {
        return Err(broken(name, &value, &format!("have value greater than or equal to {least}")));
    }
    if number > most {
        return Err(broken(name, &value, &format!("have value less than or equal to {most}")));
    }
    Ok(Some(number))
}

/// The words are those of AWS's services in general.
fn broken(name: &str, value: &str, rule: &str) -> Error {
    let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
    let name = first.to_ascii_lowercase() + rest;
    Error::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {rule}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_limit_is_told_as_aws_does() {
        let long = "x".repeat(101);
        let form = format!("ApplicationName={long}&N=1001&Slash=a%2Fb&Line=a%0Ab&Empty=&Good=ok");
        let params = Params::parse(form.as_bytes()).unwrap();
        let told = |result: Result<_, Error>| result.unwrap_err().message;
        assert_eq!(
            told(application_name(&params).map(drop)),
            format!(
                "1 validation error detected: Value '{long}' at 'applicationName' failed to satisfy constraint: Member \
                 must have length less than or equal to 100"
            )
        );
        assert!(told(need(&params, "Good", 4, 40).map(drop)).ends_with("greater than or equal to 4"));
        assert!(told(number(&params, "N", 1, 1000).map(drop)).ends_with("value less than or equal to 1000"));
        for name in ["Slash", "Line"] {
            assert_eq!(name_of(&params, name).unwrap_err().code, "InvalidParameterValue");
        }
        assert_eq!(name_of(&params, "Empty").unwrap_err().code, "MissingParameter");
        assert_eq!(name_of(&params, "Good"), Ok("ok"));
        assert_eq!(number(&params, "None", 1, 2), Ok(None));
    }
}
