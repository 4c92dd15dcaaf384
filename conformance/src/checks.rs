//! All checks, one file a group; a new one is one entry there.

mod authentication;
mod connections;
mod elsewhere;
mod errors;
mod headers;
mod listings;
mod token;
mod tree;
pub(crate) mod versions;

use crate::check::{Check, Group, NotCheckable};

/// The checks of these groups, or of all, in the order they run.
pub(crate) fn all(groups: &[Group]) -> Vec<&'static Check> {
    let tables = [
        token::CHECKS,
        authentication::CHECKS,
        errors::CHECKS,
        headers::CHECKS,
        listings::CHECKS,
        tree::CHECKS,
        tree::network::CHECKS,
        tree::json_leaves::CHECKS,
        tree::events::CHECKS,
        versions::CHECKS,
        connections::CHECKS,
    ];
    tables.into_iter().flatten().filter(|check| chosen(groups, check.group)).collect()
}

/// The facts of these groups, or of all, that one endpoint cannot show.
pub(crate) fn not_checkable(groups: &[Group]) -> Vec<&'static NotCheckable> {
    elsewhere::FACTS.iter().filter(|fact| chosen(groups, fact.group)).collect()
}

fn chosen(groups: &[Group], group: Group) -> bool {
    groups.is_empty() || groups.contains(&group)
}
