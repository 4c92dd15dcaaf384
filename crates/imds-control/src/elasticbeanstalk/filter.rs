//! Filters of platforms and of their branches: an attribute, an operator, values.

use super::platform::Platform;
use crate::query::{Error, Params};

/// The filters of a call: something passes if each says so.
#[derive(Debug)]
pub(crate) struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    attribute: String,
    operator: Operator,
    values: Vec<String>,
}

/// How an attribute is compared (Elastic Beanstalk API Reference, `SearchFilter` and `PlatformFilter`).
#[derive(Debug, Clone, Copy)]
enum Operator {
    Is,
    IsNot,
    BeginsWith,
    EndsWith,
    Contains,
    Below,
    AtMost,
    Above,
    AtLeast,
    In,
    NotIn,
}

/// All of them by their names.
const OPERATORS: [(&str, Operator); 11] = [
    ("=", Operator::Is),
    ("!=", Operator::IsNot),
    ("begins_with", Operator::BeginsWith),
    ("ends_with", Operator::EndsWith),
    ("contains", Operator::Contains),
    ("<", Operator::Below),
    ("<=", Operator::AtMost),
    (">", Operator::Above),
    (">=", Operator::AtLeast),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
];

impl Filters {
    /// Reads `Filters.member.N`; `name` is what the attribute is called there, `known` are the attributes.
    ///
    /// # Errors
    /// When an attribute or an operator is none. The words are [assumed].
    pub(crate) fn read(params: &Params, name: &str, known: &[&str]) -> Result<Self, Error> {
        let mut filters = Vec::new();
        for filter in params.each("Filters.member") {
            let attribute = filter.need(name)?;
            if !known.contains(&attribute) {
                return Err(Error::invalid_value(format!(
                    "Invalid value for {}: '{attribute}'. It must be one of {}.",
                    filter.full(name),
                    known.join(", ")
                )));
            }
            let operator = filter.text("Operator").unwrap_or("=");
            let found = OPERATORS.into_iter().find(|(name, _)| *name == operator);
            let (_, operator) = found.ok_or_else(|| {
                Error::invalid_value(format!("Invalid value for {}: '{operator}'.", filter.full("Operator")))
            })?;
            let values = filter.list("Values.member").into_iter().map(str::to_owned).collect();
            filters.push(Filter { attribute: attribute.to_owned(), operator, values });
        }
        Ok(Self(filters))
    }

    /// Does a platform pass?
    pub(crate) fn pass(&self, platform: &Platform) -> bool {
        self.0.iter().all(|filter| {
            let has = attribute(platform, &filter.attribute);
            // Of what there are several, one is enough.
            has.iter().any(|has| filter.passes(has))
        })
    }
}

impl Filter {
    fn passes(&self, has: &str) -> bool {
        let any = |test: fn(&str, &str) -> bool| self.values.iter().any(|value| test(has, value));
        match self.operator {
            Operator::Is | Operator::In => any(is_same),
            Operator::IsNot | Operator::NotIn => !any(is_same),
            Operator::BeginsWith => any(|has, value| has.starts_with(value)),
            Operator::EndsWith => any(|has, value| has.ends_with(value)),
            Operator::Contains => any(|has, value| has.contains(value)),
            Operator::Below => any(|has, value| numbers(has) < numbers(value)),
            Operator::AtMost => any(|has, value| numbers(has) <= numbers(value)),
            Operator::Above => any(|has, value| numbers(has) > numbers(value)),
            Operator::AtLeast => any(|has, value| numbers(has) >= numbers(value)),
        }
    }
}

/// States are written in capitals by some clients and not by others.
fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A version as numbers, which 10 is after 9 as.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// What a platform has under the name of an attribute.
fn attribute(platform: &Platform, name: &str) -> Vec<String> {
    let branch = platform.branch;
    match name {
        "BranchName" | "PlatformBranchName" => vec![branch.name()],
        "LifecycleState" | "PlatformBranchLifecycleState" => vec![branch.state.to_owned()],
        "PlatformLifecycleState" => vec![platform.state().unwrap_or_default().to_owned()],
        // A version is named by its branch, a branch by its platform.
        "PlatformName" => vec![branch.platform.to_owned(), branch.name()],
        "PlatformVersion" => vec![platform.version.clone()],
        "PlatformStatus" => vec!["Ready".to_owned()],
        "PlatformOwner" => vec![super::platform::OWNER.to_owned()],
        "TierType" | "SupportedTier" => super::platform::TIERS.map(str::to_owned).into(),
        "SupportedAddon" => super::platform::ADDONS.map(str::to_owned).into(),
        "ProgrammingLanguageName" => {
            vec![branch.language.map(|(name, _)| name).unwrap_or_default().to_owned()]
        }
        "OperatingSystemName" => vec!["Amazon Linux".to_owned()],
        "OperatingSystemVersion" => vec![branch.system_version().to_owned()],
        // `read` lets no other one in.
        _ => Vec::new(),
    }
}
