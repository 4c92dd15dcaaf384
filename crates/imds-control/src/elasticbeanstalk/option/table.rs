//! Every option (Elastic Beanstalk Developer Guide, "General options for all environments" and "Platform specific
//! options"). What a change costs is AWS's for those of `docs/elastic-beanstalk.md`, and [assumed] for the rest.

mod balancer;
mod instances;
mod service;
mod software;

use super::spec::Spec;

/// All of them, in groups.
const GROUPS: [&[Spec]; 4] = [instances::OPTIONS, service::OPTIONS, software::OPTIONS, balancer::OPTIONS];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Spec> {
    GROUPS.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elasticbeanstalk::option::check;
    use crate::elasticbeanstalk::platform::Platform;
    use imds_store::record::environment::Settings;

    #[test]
    fn every_default_is_a_value() {
        for platform in Platform::listed() {
            for spec in all().filter(|spec| spec.is_on(&platform)) {
                if let Some(default) = spec.default(&platform, &Settings::default()) {
                    assert_eq!(check::value(spec, default), Ok(()), "{} {}", spec.namespace, spec.name);
                }
            }
        }
    }

    #[test]
    fn no_option_is_there_twice_on_a_platform() {
        for platform in Platform::listed() {
            let mut seen = std::collections::HashSet::new();
            for spec in all().filter(|spec| spec.is_on(&platform)) {
                assert!(seen.insert((spec.namespace, spec.name)), "{} {}", spec.namespace, spec.name);
            }
        }
    }
}
