//! When each category came: the tables of wire.md 3.1 to 3.4, and the versions that are paths (2.5).

/// The dated versions, in the order they are listed; `latest` follows.
pub(crate) const LISTED: [&str; 28] = [
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-07-09",
    "2022-09-24",
];

/// Releases in the documentation's table that are no paths; what came with them shows in the next version.
pub(crate) const NOT_LISTED: [&str; 6] =
    ["2016-11-15", "2016-11-30", "2018-05-23", "2018-11-29", "2020-08-24", "2020-11-01"];

/// Path below a version (`*` is one name), first version. A "?" in the tables is in all: 1.0, but not before
/// what holds it.
const TABLE: &[(&str, &str)] = &[
    ("dynamic/fws/instance-monitoring", "2009-04-04"),
    ("dynamic/instance-identity/*", "2009-04-04"),
    ("meta-data/ami-id", "1.0"),
    ("meta-data/ami-launch-index", "1.0"),
    ("meta-data/ami-manifest-path", "1.0"),
    ("meta-data/ancestor-ami-ids", "2007-10-10"),
    ("meta-data/autoscaling/target-lifecycle-state", "2021-07-15"),
    ("meta-data/block-device-mapping/*", "2007-12-15"),
    ("meta-data/elastic-gpus/associations/*", "2016-11-30"),
    ("meta-data/elastic-inference/associations/*", "2018-11-29"),
    ("meta-data/events/maintenance/history", "2018-08-17"),
    ("meta-data/events/maintenance/scheduled", "2018-08-17"),
    ("meta-data/events/recommendations/rebalance", "2020-10-27"),
    ("meta-data/hibernation/configured", "1.0"),
    ("meta-data/hostname", "1.0"),
    ("meta-data/iam/info", "2012-01-12"),
    ("meta-data/iam/security-credentials/*", "2012-01-12"),
    ("meta-data/identity-credentials/ec2/info", "2018-05-23"),
    ("meta-data/identity-credentials/ec2/security-credentials/ec2-instance", "2018-05-23"),
    ("meta-data/instance-action", "2008-09-01"),
    ("meta-data/instance-id", "1.0"),
    ("meta-data/instance-life-cycle", "2019-10-01"),
    ("meta-data/instance-type", "2007-08-29"),
    ("meta-data/ipv6", "2021-01-03"),
    ("meta-data/kernel-id", "2008-02-01"),
    ("meta-data/local-hostname", "2007-01-19"),
    ("meta-data/local-ipv4", "1.0"),
    ("meta-data/mac", "2011-01-01"),
    ("meta-data/metrics/vhostmd", "2011-05-01"),
    // The table gives local-hostname as 2007-01-19, before the interfaces that hold it.
    ("meta-data/network/interfaces/macs/*/local-hostname", "2011-01-01"),
    ("meta-data/network/interfaces/macs/*/ipv6s", "2016-06-30"),
    ("meta-data/network/interfaces/macs/*/network-card", "2020-11-01"),
    ("meta-data/network/interfaces/macs/*/subnet-ipv6-cidr-blocks", "2016-06-30"),
    ("meta-data/network/interfaces/macs/*/vpc-ipv4-cidr-blocks", "2016-06-30"),
    ("meta-data/network/interfaces/macs/*/vpc-ipv6-cidr-blocks", "2016-06-30"),
    ("meta-data/network/interfaces/macs/*/ipv4-associations/*", "2011-01-01"),
    ("meta-data/network/interfaces/macs/*/*", "2011-01-01"),
    ("meta-data/placement/availability-zone", "2008-02-01"),
    ("meta-data/placement/availability-zone-id", "2019-10-01"),
    ("meta-data/placement/group-name", "2020-08-24"),
    ("meta-data/placement/host-id", "2020-08-24"),
    ("meta-data/placement/partition-number", "2020-08-24"),
    ("meta-data/placement/region", "2020-08-24"),
    ("meta-data/product-codes", "2007-03-01"),
    ("meta-data/profile", "1.0"),
    ("meta-data/public-hostname", "2007-01-19"),
    ("meta-data/public-ipv4", "2007-01-19"),
    ("meta-data/public-keys/*/openssh-key", "1.0"),
    ("meta-data/ramdisk-id", "2007-10-10"),
    ("meta-data/reservation-id", "1.0"),
    ("meta-data/security-groups", "1.0"),
    ("meta-data/services/domain", "2014-02-25"),
    ("meta-data/services/partition", "2015-10-20"),
    ("meta-data/spot/instance-action", "2016-11-15"),
    ("meta-data/spot/termination-time", "2014-11-05"),
    ("meta-data/system", "2022-09-24"),
    ("meta-data/tags/instance/*", "2021-03-23"),
    ("user-data", "1.0"),
];

/// The release in which a leaf came; `None` for one that the tables do not know.
pub(crate) fn release(path: &str) -> Option<&'static str> {
    let matches = |pattern: &str| {
        pattern.split('/').count() == path.split('/').count()
            && pattern.split('/').zip(path.split('/')).all(|(want, have)| want == "*" || want == have)
    };
    TABLE.iter().find(|(pattern, _)| matches(pattern)).map(|(_, release)| *release)
}

/// Whether a leaf that `latest` has is in a version.
pub(crate) fn is_in(path: &str, version: &str) -> Option<bool> {
    release(path).map(|release| release <= version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_between_two_versions_shows_in_the_next() {
        assert_eq!(is_in("meta-data/placement/region", "2019-10-01"), Some(false));
        assert_eq!(is_in("meta-data/placement/region", "2020-10-27"), Some(true));
        assert_eq!(is_in("meta-data/instance-id", "1.0"), Some(true));
        assert_eq!(is_in("meta-data/network/interfaces/macs/0a/network-card", "2020-10-27"), Some(false));
        assert_eq!(is_in("meta-data/network/interfaces/macs/0a/vpc-id", "2011-01-01"), Some(true));
        assert_eq!(is_in("meta-data/what-is-this", "1.0"), None);
    }

    #[test]
    fn versions_ascend_and_releases_between_are_no_versions() {
        assert!(LISTED.is_sorted());
        assert!(NOT_LISTED.iter().all(|release| !LISTED.contains(release)));
        assert!(TABLE.iter().all(|(_, release)| LISTED.contains(release) || NOT_LISTED.contains(release)));
    }
}
