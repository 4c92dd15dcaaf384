//! Options of environments: which there are, what was chosen, and what follows from it (docs/elastic-beanstalk.md).

mod check;
mod list;
pub(crate) mod spec;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;

use imds_store::record::environment::Settings;

pub(crate) use check::{Fault, missing_profile};
pub(crate) use list::{Listed, listed, named, write};
pub(crate) use spec::{Severity, Spec};

use super::platform::Platform;
use crate::query::{Error, Params};

/// Options whose name is the same for several resources, of which each has a value of its own.
const OF_RESOURCES: &str = "aws:autoscaling:scheduledaction";
/// Stands between the name of such a resource and that of the option, in the store.
const SEPARATOR: char = '/';

/// A value that is chosen for an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// `aws:autoscaling:launchconfiguration`
    pub(crate) namespace: String,
    /// `DisableIMDSv1`
    pub(crate) name: String,
    /// The scheduled action that it is of.
    pub(crate) resource: Option<String>,
    /// The value.
    pub(crate) value: String,
}

/// `OptionSettings.member.N` and `OptionsToRemove.member.N`: what a call changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    chosen: Vec<Setting>,
    removed: Vec<(String, String, Option<String>)>,
}

impl Change {
    /// Reads the options of a call.
    ///
    /// # Errors
    /// When a namespace or a name is missing.
    pub(crate) fn read(params: &Params) -> Result<Self, Error> {
        let mut change = Self::default();
        for option in params.each("OptionSettings.member") {
            let (namespace, name, resource) = specified(&option)?;
            let value = option.get("Value").unwrap_or_default().to_owned();
            change.chosen.push(Setting { namespace, name, resource, value });
        }
        for option in params.each("OptionsToRemove.member") {
            change.removed.push(specified(&option)?);
        }
        Ok(change)
    }

    /// Is nothing to be changed?
    pub(crate) fn is_empty(&self) -> bool {
        self.chosen.is_empty() && self.removed.is_empty()
    }

    /// The settings with the change.
    ///
    /// # Errors
    /// `ConfigurationValidationException` for the first option that is unknown or has a value that it cannot have.
    pub(crate) fn apply(&self, platform: &Platform, settings: &Settings) -> Result<Settings, Error> {
        match self.faults(platform, settings) {
            (changed, None) => Ok(changed),
            (_, Some(fault)) => Err(fault.into()),
        }
    }

    /// What is wrong with it, all of it.
    pub(crate) fn check(&self, platform: &Platform, settings: &Settings) -> Vec<Fault> {
        let mut faults: Vec<_> =
            self.chosen.iter().filter_map(|setting| check::setting(platform, setting).err()).collect();
        if faults.is_empty() {
            faults.extend(self.faults(platform, settings).1);
        }
        faults
    }

    fn faults(&self, platform: &Platform, settings: &Settings) -> (Settings, Option<Fault>) {
        let mut changed = settings.clone();
        let result = self.removed.iter().try_for_each(|(namespace, name, resource)| {
            check::known(platform, namespace, name)?;
            changed.clear(namespace, &stored_name(name, resource.as_deref()));
            Ok(())
        });
        let result = result.and_then(|()| {
            let mut seen = HashSet::new();
            self.chosen.iter().try_for_each(|setting| {
                let name = stored_name(&setting.name, setting.resource.as_deref());
                check::setting(platform, setting)?;
                if !seen.insert((&setting.namespace, name.clone())) {
                    let message = format!("Unknown or duplicate parameter: {}", setting.name);
                    let (namespace, name) = (setting.namespace.clone(), setting.name.clone());
                    return Err(Fault { namespace, name, message });
                }
                changed.set(&setting.namespace, &name, &setting.value);
                Ok(())
            })
        });
        let result = result.and_then(|()| check::together(platform, &changed));
        (changed, result.err())
    }
}

/// Namespace, name and resource of an option.
fn specified(option: &Params) -> Result<(String, String, Option<String>), Error> {
    let namespace = option.need("Namespace")?.to_owned();
    // Resources of other options have one name always.
    let resource = option.text("ResourceName").filter(|_| namespace == OF_RESOURCES).map(str::to_owned);
    Ok((namespace, option.need("OptionName")?.to_owned(), resource))
}

fn stored_name(name: &str, resource: Option<&str>) -> String {
    resource.map_or_else(|| name.to_owned(), |resource| format!("{resource}{SEPARATOR}{name}"))
}

/// The resource that a stored name is of, if it is of one, and the option's own name.
fn plain_name<'n>(namespace: &str, stored: &'n str) -> (Option<&'n str>, &'n str) {
    let split = stored.rsplit_once(SEPARATOR).filter(|_| namespace == OF_RESOURCES);
    split.map_or((None, stored), |(resource, name)| (Some(resource), name))
}

/// The option of this name that the platform has.
pub(crate) fn find(platform: &Platform, namespace: &str, name: &str) -> Option<&'static Spec> {
    let mut specs = table::all().filter(|spec| spec.is_on(platform) && spec.matches(namespace, name));
    // One of just this namespace comes before one of many.
    let first = specs.next()?;
    Some(if first.is_open() { specs.find(|spec| !spec.is_open()).unwrap_or(first) } else { first })
}

/// The value of an option: the one that was chosen, else its default; `None` if it has neither.
pub(crate) fn value<'s>(
    platform: &Platform,
    settings: &'s Settings,
    namespace: &str,
    name: &str,
) -> Option<Cow<'s, str>> {
    let chosen = settings.get(namespace, name).map(Cow::Borrowed);
    chosen.or_else(|| find(platform, namespace, name)?.default(platform, settings).map(Cow::Borrowed))
}

/// Do the environment's instances refuse IMDSv1?
pub(crate) fn disables_imds_v1(platform: &Platform, settings: &Settings) -> bool {
    let value = value(platform, settings, "aws:autoscaling:launchconfiguration", "DisableIMDSv1");
    value.is_some_and(|value| is_true(&value))
}

/// Has the environment one instance, and no load balancer?
pub(crate) fn is_single(settings: &Settings) -> bool {
    settings.get("aws:elasticbeanstalk:environment", "EnvironmentType") == Some("SingleInstance")
}

/// Does the environment report its health in the enhanced form?
pub(crate) fn is_enhanced(platform: &Platform, settings: &Settings) -> bool {
    let value = value(platform, settings, "aws:elasticbeanstalk:healthreporting:system", "SystemType");
    value.as_deref() == Some("enhanced")
}

/// What the worst of the differences between two settings costs; `None` if there is no difference.
pub(crate) fn severity(platform: &Platform, old: &Settings, new: &Settings) -> Option<Severity> {
    let names = old.iter().chain(new.iter()).map(|(namespace, name, _)| (namespace, name));
    let changed = names.filter(|(namespace, name)| {
        let [old, new] = [old, new].map(|settings| value(platform, settings, namespace, name));
        !is_same(old.as_deref(), new.as_deref())
    });
    changed
        .map(|(namespace, name)| {
            let (_, name) = plain_name(namespace, name);
            find(platform, namespace, name).map_or(Severity::NoInterruption, |spec| spec.severity)
        })
        .max()
}

/// Are these the same value? A flag is, in whatever case it is written.
fn is_same(old: Option<&str>, new: Option<&str>) -> bool {
    let flag = |value: &str| value.to_ascii_lowercase().parse::<bool>().ok();
    old == new || old.and_then(flag).is_some_and(|old| new.and_then(flag) == Some(old))
}

/// `true`, in any case.
pub(crate) fn is_true(value: &str) -> bool {
    value.eq_ignore_ascii_case("true")
}
