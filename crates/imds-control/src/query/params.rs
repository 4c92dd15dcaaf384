//! The parameters of a call: `Filter.1.Name=…` as a tree that is read by name, never by order.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::str::FromStr;

use super::Error;

/// Parameters of one call; the largest real one has some dozens.
const MOST: usize = 5_000;

/// Parameters, or those below one of them.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    all: Rc<BTreeMap<String, String>>,
    /// `MetadataOptions.`, or nothing.
    prefix: String,
}

impl Params {
    /// Reads a form. Of a name that comes twice, the last counts.
    pub(crate) fn parse(form: &[u8]) -> Result<Self, Error> {
        Self::of(form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned())))
    }

    /// These parameters.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let mut all = BTreeMap::new();
        for (name, value) in pairs {
            if all.len() == MOST {
                return Err(Error::new(
                    "MalformedQueryString",
                    format!("The request has more than {MOST} parameters"),
                ));
            }
            all.insert(name, value);
        }
        Ok(Self { all: Rc::new(all), prefix: String::new() })
    }

    /// The value of a parameter, which may be empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all.get(&self.full(name)).map(String::as_str)
    }

    /// The value of a parameter, unless it is empty: clients send `Description=` for one that they leave out.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Error> {
        self.text(name).ok_or_else(|| Error::missing(&self.full(name)))
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        self.text(name).map(|text| flag(&self.full(name), text)).transpose()
    }

    /// A parameter that reads itself from text.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Error> {
        let read = |text: &str| {
            text.parse().map_err(|error| {
                Error::invalid_value(format!("Invalid value '{text}' for {}: {error}", self.full(name)))
            })
        };
        self.text(name).map(read).transpose()
    }

    /// The values of a list: `InstanceId.1`, `InstanceId.2`, in the order of their numbers.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let numbers = self.numbers(name);
        numbers.into_iter().filter_map(|number| self.get(&format!("{name}.{number}"))).collect()
    }

    /// The members of a list of structures: `Tag.1.Key`, `Tag.1.Value`.
    pub(crate) fn each(&self, name: &str) -> Vec<Self> {
        let numbers = self.numbers(name);
        numbers.into_iter().map(|number| self.under(&format!("{name}.{number}"))).collect()
    }

    /// The parameters below one of them: `MetadataOptions.HttpTokens` is `HttpTokens` under `MetadataOptions`.
    pub(crate) fn under(&self, name: &str) -> Self {
        Self { all: Rc::clone(&self.all), prefix: format!("{}.", self.full(name)) }
    }

    /// Is there nothing here?
    pub(crate) fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// Names and values here, in the order of names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let from = self.all.range(self.prefix.clone()..);
        from.map_while(|(name, value)| Some((name.strip_prefix(&self.prefix)?, value.as_str())))
    }

    /// The whole name of a parameter, for messages.
    pub(crate) fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The numbers of a list's members, each once, in order.
    fn numbers(&self, name: &str) -> Vec<u32> {
        let below = self.under(name);
        let number = |name: &str| name.split('.').next().and_then(|number| number.parse().ok());
        let mut numbers: Vec<u32> = below.entries().filter_map(|(name, _)| number(name)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Reads `true` or `false`, the value of what has this name.
pub(crate) fn flag(name: &str, text: &str) -> Result<bool, Error> {
    text.parse().map_err(|_| {
        Error::invalid_value(format!("Invalid value '{text}' for {name}. It must be 'true' or 'false'."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_by_name() {
        let params = Params::parse(
            b"Version=2016-11-15&Action=RunInstances&InstanceId.10=c&InstanceId.2=b&InstanceId.1=a&Tags=\
              &Tag.1.Key=k&Tag.1.Value=&Description=&A.B=%24Latest+x&DryRun=true&Count=7",
        )
        .unwrap();
        assert_eq!(params.list("InstanceId"), ["a", "b", "c"]);
        assert!(params.list("Tags").is_empty() && params.list("Absent").is_empty());
        let tags = params.each("Tag");
        assert_eq!((tags.len(), tags[0].get("Key"), tags[0].get("Value")), (1, Some("k"), Some("")));
        assert_eq!((params.get("Description"), params.text("Description")), (Some(""), None));
        assert_eq!(params.under("A").get("B"), Some("$Latest x"));
        assert_eq!(params.flag("DryRun").unwrap(), Some(true));
        assert_eq!(params.parsed::<u8>("Count").unwrap(), Some(7));
        assert!(params.parsed::<u8>("Action").is_err() && params.flag("Action").is_err());
        assert_eq!(params.need("Description").unwrap_err().code, "MissingParameter");
        assert!(params.under("Nothing").is_empty() && !params.under("A").is_empty());
    }

    #[test]
    fn what_is_no_form_is_no_trouble() {
        for form in [&b""[..], b"&&&", b"=", b"%", b"%ff=%ff", b"a=b=c", b"Tag.x.Key=1", b"Tag.99999999999=1"]
        {
            let params = Params::parse(form).unwrap();
            assert!(params.list("Tag").is_empty());
        }
        let many = "a=1&b.".to_owned() + &(0..MOST).map(|n| format!("&n{n}=")).collect::<String>();
        assert!(Params::parse(many.as_bytes()).is_err());
    }
}
