//! Where else environments are. Who is in another region than they are finds nothing, and would not know why.

use std::collections::BTreeMap;

use imds_core::language::Language;
use imds_store::record::{self, Environment};

use super::environments::{LIST, path};
use super::preference::REGION;
use crate::call::Call;
use crate::query::Error;

/// Environments that are named of a region.
const NAMED: usize = 3;

words! {
    /// Texts of what is elsewhere.
    ElsewhereWords {
        looked_in: "The console looked in the Region {region}." / "リージョン {region} で検索しました。";
        there: "{region} has {n}: {names}" / "{region} に {n} 件: {names}";
    }
}

/// A region that has environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Which.
    region: String,
    /// Those that are there.
    names: Vec<String>,
}

impl Place {
    /// What is there, for a link.
    pub(super) fn told(&self, language: &Language) -> String {
        let mut names = self.names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if self.names.len() > NAMED {
            names.push_str(", …");
        }
        // The names come last, since they are anybody's.
        let there = ElsewhereWords::of(*language).there;
        let told = there.replace("{region}", &self.region).replace("{n}", &self.names.len().to_string());
        told.replace("{names}", &names)
    }

    /// Where one sees it: the environment with this name if one is there, else the list.
    pub(super) fn address(&self, name: Option<&str>) -> String {
        let page = name.filter(|name| self.names.iter().any(|known| known == name));
        format!("{}?{REGION}={}", page.map_or_else(|| LIST.to_owned(), path), self.region)
    }
}

/// The other regions that have environments, each with the names of those that are there.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn places(call: &Call<'_>) -> Result<Vec<Place>, Error> {
    let mut regions = BTreeMap::<String, Vec<String>>::new();
    // One that is damaged is told where its own region is listed.
    for environment in record::each::<Environment>(call.store, "")?.filter_map(|(_, found)| found.ok()) {
        let one = environment.record;
        if one.region != call.region && !one.is_terminated() {
            regions.entry(one.region).or_default().push(one.name);
        }
    }
    Ok(regions
        .into_iter()
        .map(|(region, mut names)| {
            names.sort_unstable();
            Place { region, names }
        })
        .collect())
}

/// Where it was looked for.
pub(super) fn looked_in(language: Language, region: &str) -> String {
    ElsewhereWords::of(language).looked_in.replace("{region}", region)
}
