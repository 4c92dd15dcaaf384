//! What one caller knows of its writes, and whether what there is agrees with it.

use std::sync::atomic::Ordering;

use super::{
    Api, AtomicBool, Guest, HashMap, Ipv4Addr, Random, Watched, instances, option, state, tag, text,
};
use crate::control::AMI;

/// Instances that a launch makes.
const FLOCK: usize = 3;

/// A number that is written again and again, one more each time.
#[derive(Debug, Clone, Copy, Default)]
struct Number {
    acknowledged: u32,
    /// Was one more asked for?
    is_open: bool,
}

impl Number {
    /// Takes what was found, if it may be. Was it one that nobody acknowledged?
    #[track_caller]
    fn found(&mut self, found: u32, what: &str) -> bool {
        let is_more = self.is_open && found == self.acknowledged + 1;
        assert!(is_more || found == self.acknowledged, "{what}: {found}, and not as in {self:?}");
        *self = Self { acknowledged: found, is_open: false };
        is_more
    }
}

/// A launch that was asked for: `None` while it is not known what it made.
struct Launch {
    token: String,
    made: Option<Vec<String>>,
}

/// What one caller knows.
pub(super) struct Ledger {
    name: String,
    /// The instance whose options and tags it changes.
    id: String,
    address: Ipv4Addr,
    options: Number,
    tags: Number,
    launches: Vec<Launch>,
}

/// The options that a number stands for: each one more changes both.
fn options(number: u32) -> (&'static str, String) {
    (if number % 2 == 1 { "required" } else { "optional" }, (1 + number % 64).to_string())
}

fn run(token: &str) -> String {
    format!("Action=RunInstances&ImageId={AMI}&MinCount={FLOCK}&MaxCount={FLOCK}&ClientToken={token}")
}

fn ids(document: &str) -> Vec<String> {
    instances(document).iter().map(|one| text(one, "instanceId").unwrap().to_owned()).collect()
}

impl Ledger {
    /// A caller with an instance of its own.
    pub(super) fn begin(api: &mut Api, name: &str) -> Self {
        let document = api.well(&format!(
            "Action=RunInstances&ImageId={AMI}&MinCount=1&MaxCount=1&MetadataOptions.InstanceMetadataTags=enabled"
        ));
        Self {
            name: name.to_owned(),
            id: text(&document, "instanceId").unwrap().to_owned(),
            address: text(&document, "privateIpAddress").unwrap().parse().unwrap(),
            options: Number::default(),
            tags: Number::default(),
            launches: Vec::new(),
        }
    }

    /// How many instances there are of it.
    pub(super) fn instances(&self) -> usize {
        1 + self.launches.iter().flat_map(|launch| &launch.made).flatten().count()
    }

    /// Makes a write. Was it acknowledged?
    pub(super) fn write(&mut self, api: &mut Api, random: &mut Random, is_killed: &AtomicBool) -> bool {
        let id = &self.id;
        let what = random.below(32);
        let form = match what {
            0 => {
                let token = format!("{}-{}", self.name, self.launches.len());
                let form = run(&token);
                self.launches.push(Launch { token, made: None });
                form
            }
            1..8 => {
                self.tags.is_open = true;
                let number = self.tags.acknowledged + 1;
                format!(
                    "Action=CreateTags&ResourceId.1={id}&Tag.1.Key=a&Tag.1.Value={number}&Tag.2.Key=b&Tag.2.Value={number}"
                )
            }
            _ => {
                self.options.is_open = true;
                let (tokens, hops) = options(self.options.acknowledged + 1);
                format!(
                    "Action=ModifyInstanceMetadataOptions&InstanceId={id}&HttpTokens={tokens}\
                     &HttpPutResponseHopLimit={hops}"
                )
            }
        };
        let document = match api.try_call(&form) {
            Ok(answer) if answer.status == 200 => answer.document,
            // What is refused or lost because of the kill may be done all the same.
            failed => {
                assert!(is_killed.load(Ordering::SeqCst), "{form}: {failed:?}");
                return false;
            }
        };
        match what {
            0 => {
                let made = ids(&document);
                assert_eq!(made.len(), FLOCK, "{document}");
                self.launches.last_mut().unwrap().made = Some(made);
            }
            1..8 => self.tags = Number { acknowledged: self.tags.acknowledged + 1, is_open: false },
            _ => self.options = Number { acknowledged: self.options.acknowledged + 1, is_open: false },
        }
        true
    }

    /// Is all that was acknowledged told, and nothing by halves? How many writes are there that nobody acknowledged?
    pub(super) fn check(&mut self, told: &HashMap<String, String>) -> usize {
        let own = &told[&self.id];
        let (tokens, hops) = (option(own, "httpTokens"), option(own, "httpPutResponseHopLimit"));
        let next = self.options.acknowledged + 1;
        let is_next = (tokens, hops) == (options(next).0, options(next).1.as_str());
        let found = if is_next { next } else { self.options.acknowledged };
        assert_eq!((tokens, hops), (options(found).0, options(found).1.as_str()), "{}", self.id);
        let more_options = self.options.found(found, "options");

        let tags = ["a", "b"].map(|key| tag(own, key).map_or(0, |value| value.parse().unwrap()));
        assert_eq!(tags[0], tags[1], "half of the tags: {own}");
        let more_tags = self.tags.found(tags[0], "tags");

        let mut more_launches = 0;
        for launch in &mut self.launches {
            let made = launch.made.get_or_insert_with(|| {
                let by_token = |one: &&String| text(one, "clientToken") == Some(&launch.token);
                let found: Vec<_> = told.values().filter(by_token).collect();
                assert!([0, FLOCK].contains(&found.len()), "a part of a launch: {found:?}");
                more_launches += usize::from(!found.is_empty());
                found.iter().map(|one| text(one, "instanceId").unwrap().to_owned()).collect()
            });
            for id in &*made {
                let one = told.get(id).unwrap_or_else(|| panic!("{id} of {} is gone", launch.token));
                assert_eq!((state(one), text(one, "clientToken")), ("running", Some(&*launch.token)));
            }
        }
        usize::from(more_options) + usize::from(more_tags) + more_launches
    }

    /// Do history and guests agree with it? And a launch that was cut off can be sent again.
    pub(super) fn check_closely(&mut self, api: &mut Api, service: &Watched) {
        let changes = api.history(&self.id);
        assert_eq!(changes.len(), 2 * self.options.acknowledged as usize, "{}", self.id);
        for (number, pair) in (1..).zip(changes.chunks(2)) {
            let (old, new) = (options(number - 1), options(number));
            for (change, old, new) in [(&pair[0], old.0, new.0), (&pair[1], &*old.1, &*new.1)] {
                assert_eq!((change.old.as_str(), change.new.as_str()), (old, new), "{change:?}");
            }
        }
        let guest = Guest::at(service, self.address);
        let expected = if options(self.options.acknowledged).0 == "required" { 401 } else { 200 };
        assert_eq!(guest.status(None), expected, "{}", self.id);
        assert_eq!(guest.id(), self.id);
        let tag = guest.get("meta-data/tags/instance/b", Some(&guest.token()));
        assert_eq!(tag.0 == 404, self.tags.acknowledged == 0, "{tag:?}");
        assert!(tag.0 == 404 || tag.1 == self.tags.acknowledged.to_string(), "{tag:?}");
        if let Some(last) = self.launches.last_mut() {
            let document = api.well(&run(&last.token));
            let again = ids(&document);
            let made = last.made.get_or_insert_default();
            if made.is_empty() {
                made.clone_from(&again);
            }
            made.sort();
            assert_eq!(again.len(), FLOCK);
            assert!(again.iter().all(|id| made.contains(id)), "launched twice: {again:?} and {made:?}");
            for one in instances(&document) {
                let address = text(&one, "privateIpAddress").unwrap().parse().unwrap();
                assert_eq!(Guest::at(service, address).id(), text(&one, "instanceId").unwrap());
            }
        }
    }
}
