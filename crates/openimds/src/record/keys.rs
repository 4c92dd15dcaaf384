//! From what was found to keys of the configuration. Each stands for itself: one that the configuration refuses is left
//! out, and what it was made of is written as a path.

use imds_core::Timestamp;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::crawl::{Crawl, names};

/// Lines of a leaf that are a list, and interfaces that are told apart. EC2 has far fewer; what has more is written as it
/// is.
const MANY: usize = 1_000;
const INTERFACES: usize = 64;

/// What is set together, each by its place in the entry of the instance.
pub(super) type Group = Vec<(Vec<String>, Value)>;

/// Where most leaves are.
const META: &str = "/latest/meta-data/";
/// Leaves of one line that are keys by the same name.
const LINES: [&str; 15] = [
    "instance-id",
    "instance-type",
    "local-ipv4",
    "public-ipv4",
    "public-hostname",
    "ipv6",
    "mac",
    "hostname",
    "ami-id",
    "ami-manifest-path",
    "instance-action",
    "instance-life-cycle",
    "kernel-id",
    "profile",
    "ramdisk-id",
];
/// Likewise, further down.
const INNER: [[&str; 2]; 7] = [
    ["placement", "availability-zone"],
    ["placement", "availability-zone-id"],
    ["placement", "group-name"],
    ["placement", "host-id"],
    ["autoscaling", "target-lifecycle-state"],
    ["services", "domain"],
    ["services", "partition"],
];
/// Leaves of several lines.
const LISTS: [&str; 3] = ["ancestor-ami-ids", "product-codes", "security-groups"];
/// Leaves of an interface with one line, and with several.
const INTERFACE: [&str; 9] = [
    "mac",
    "interface-id",
    "owner-id",
    "local-hostname",
    "public-hostname",
    "subnet-id",
    "subnet-ipv4-cidr-block",
    "vpc-id",
    "vpc-ipv4-cidr-block",
];
const INTERFACE_LISTS: [&str; 9] = [
    "local-ipv4s",
    "ipv6s",
    "ipv4-prefix",
    "ipv6-prefix",
    "security-groups",
    "security-group-ids",
    "subnet-ipv6-cidr-blocks",
    "vpc-ipv4-cidr-blocks",
    "vpc-ipv6-cidr-blocks",
];

/// What was found, as texts.
pub(super) struct Leaves<'c>(pub(super) &'c Crawl);

impl<'c> Leaves<'c> {
    /// A leaf, by its whole path.
    pub(super) fn text(&self, path: &str) -> Option<&'c str> {
        let reply = self.0.found.get(path).filter(|reply| reply.status == 200)?;
        std::str::from_utf8(&reply.body).ok()
    }

    fn meta(&self, path: &str) -> Option<&'c str> {
        self.text(&format!("{META}{path}"))
    }

    /// The names of a directory, by its whole path with a slash at the end.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let reply = self.0.found.get(path).filter(|reply| reply.status == 200);
        reply.map(|reply| names(path, &reply.body)).unwrap_or_default()
    }

    fn json(&self, path: &str) -> Option<Json> {
        serde_json::from_str(self.text(path)?).ok()
    }
}

/// All keys that follow from what was found.
pub(super) fn groups(leaves: &Leaves<'_>) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut set = |place: &[&str], value: Option<Value>| {
        if let Some(value) = value {
            groups.push(vec![(place.iter().map(ToString::to_string).collect(), value)]);
        }
    };
    for key in LINES {
        set(&[key], leaves.meta(key).map(Value::from));
    }
    for [above, key] in INNER {
        set(&[above, key], leaves.meta(&format!("{above}/{key}")).map(Value::from));
    }
    set(&["placement", "region"], leaves.meta("placement/region").map(Value::from));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok()).map(Value::from);
    set(&["placement", "partition-number"], number(leaves.meta("placement/partition-number")));
    set(&["ami-launch-index"], number(leaves.meta("ami-launch-index")));
    let configured = leaves.meta("hibernation/configured").and_then(|text| text.parse::<bool>().ok());
    set(&["hibernation", "configured"], configured.map(Value::from));
    for key in ["reservation-id", "system"] {
        set(&[key], leaves.meta(key).map(Value::from));
    }
    for key in LISTS {
        set(&[key], leaves.meta(key).and_then(lines));
    }
    for (key, directory) in [
        ("block-device-mapping", "block-device-mapping/"),
        ("elastic-gpus", "elastic-gpus/associations/"),
        ("elastic-inference", "elastic-inference/associations/"),
    ] {
        set(&[key], map(leaves, &format!("{META}{directory}")));
    }
    set(&["monitoring"], leaves.text("/latest/dynamic/fws/instance-monitoring").map(Value::from));
    if let Some(tags) = map(leaves, &format!("{META}tags/instance/")) {
        set(&["tags"], Some(tags));
        set(&["metadata-options", "instance-metadata-tags"], Some("enabled".into()));
    }
    document(leaves, &mut set);
    events(leaves, &mut set);
    let interfaces = interfaces(leaves);
    set(&["interface"], (!interfaces.is_empty()).then_some(Value::Array(interfaces)));
    groups
}

fn lines(text: &str) -> Option<Value> {
    (text.lines().count() <= MANY).then(|| text.lines().map(Value::from).collect::<Vec<_>>().into())
}

/// The leaves of a directory, by their names.
fn map(leaves: &Leaves<'_>, directory: &str) -> Option<Value> {
    let leaf = |name: String| Some((name.clone(), leaves.text(&format!("{directory}{name}"))?.into()));
    let map: Table = leaves.names(directory).into_iter().filter_map(leaf).collect();
    (!map.is_empty()).then_some(Value::Table(map))
}

/// What the identity document alone tells.
fn document(leaves: &Leaves<'_>, set: &mut impl FnMut(&[&str], Option<Value>)) {
    let Some(document) = leaves.json("/latest/dynamic/instance-identity/document") else { return };
    let text = |member: &str| document.get(member).and_then(Json::as_str).map(Value::from);
    set(&["account-id"], text("accountId"));
    set(&["architecture"], text("architecture"));
    set(&["pending-time"], text("pendingTime"));
    let codes = document.get("billingProducts").and_then(Json::as_array);
    let codes = codes.map(|codes| codes.iter().filter_map(Json::as_str).map(Value::from).collect::<Vec<_>>());
    set(&["billing-products"], codes.map(Value::Array));
}

fn events(leaves: &Leaves<'_>, set: &mut impl FnMut(&[&str], Option<Value>)) {
    let of = |event: &Json, member: &str| event.get(member).and_then(Json::as_str).map(str::to_owned);
    let table = |members: Vec<(&str, String)>| -> Value {
        Value::Table(members.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect())
    };
    if let Some(spot) = leaves.json(&format!("{META}spot/instance-action")) {
        let spot = of(&spot, "action").zip(of(&spot, "time"));
        set(&["spot"], spot.map(|(action, time)| table(vec![("action", action), ("time", time)])));
    }
    if let Some(rebalance) = leaves.json(&format!("{META}events/recommendations/rebalance")) {
        set(&["events", "recommendations", "rebalance"], of(&rebalance, "noticeTime").map(Value::from));
    }
    let mut all = Vec::new();
    for (leaf, prefixes) in [("scheduled", &[][..]), ("history", &["[Completed] ", "[Canceled] "])] {
        let told = leaves.json(&format!("{META}events/maintenance/{leaf}"));
        for event in told.iter().filter_map(Json::as_array).flatten() {
            let description = of(event, "Description").unwrap_or_default();
            let plain = prefixes.iter().find_map(|prefix| description.strip_prefix(prefix));
            let mut members = vec![("description", plain.unwrap_or(&description).to_owned())];
            for (key, member) in [("code", "Code"), ("event-id", "EventId"), ("state", "State")] {
                members.push((key, of(event, member).unwrap_or_default()));
            }
            for (key, member) in [("not-before", "NotBefore"), ("not-after", "NotAfter")] {
                members.extend(of(event, member).and_then(|text| moment(&text)).map(|time| (key, time)));
            }
            if all.len() < MANY {
                all.push(table(members));
            }
        }
    }
    set(&["events", "maintenance"], (!all.is_empty()).then_some(Value::Array(all)));
}

/// From `21 Aug 2020 10:00:00 GMT` to `2020-08-21T10:00:00Z`.
fn moment(text: &str) -> Option<String> {
    let text = text.strip_suffix(" GMT")?;
    let time = Timestamp::strptime("%d %b %Y %H:%M:%S %z", format!("{text} +0000")).ok()?;
    Some(time.to_string())
}

/// Every network interface, in the order of their numbers.
fn interfaces(leaves: &Leaves<'_>) -> Vec<Value> {
    let macs = format!("{META}network/interfaces/macs/");
    let mut all = Vec::new();
    let names = leaves.names(&macs);
    for mac in names.iter().filter(|_| names.len() <= INTERFACES) {
        let leaf = |key: &str| leaves.text(&format!("{macs}{mac}/{key}"));
        let mut table = Table::new();
        for key in ["device-number", "network-card"] {
            let number = leaf(key).and_then(|text| text.parse::<i64>().ok());
            table.extend(number.map(|number| (key.to_owned(), number.into())));
        }
        table.extend(INTERFACE.into_iter().filter_map(|key| Some((key.to_owned(), leaf(key)?.into()))));
        table
            .extend(INTERFACE_LISTS.into_iter().filter_map(|key| Some((key.to_owned(), lines(leaf(key)?)?))));
        let associations = format!("{macs}{mac}/ipv4-associations/");
        let behind =
            |public: String| Some((public.clone(), lines(leaves.text(&format!("{associations}{public}"))?)?));
        let behind: Table = leaves.names(&associations).into_iter().filter_map(behind).collect();
        if !behind.is_empty() {
            table.insert("ipv4-associations".to_owned(), Value::Table(behind));
        }
        all.push(table);
    }
    all.sort_by_key(|table| table.get("device-number").and_then(Value::as_integer));
    all.into_iter().map(Value::Table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_told() {
        assert_eq!(moment("21 Aug 2020 10:00:00 GMT").as_deref(), Some("2020-08-21T10:00:00Z"));
        for bad in ["", "21 Aug 2020", "21 Foo 2020 10:00:00 GMT", "2020-08-21T10:00:00Z"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}
