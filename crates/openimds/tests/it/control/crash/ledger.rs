//! What one caller knows of its writes, and whether what there is agrees with it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Random;
use crate::control::{AMI, Api, Guest, instances, option, state, tag, text};
use crate::serve::Watched;

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
    /// What it is next, which is asked for now.
    fn open(&mut self) -> u32 {
        self.is_open = true;
        self.acknowledged + 1
    }

    fn acknowledge(&mut self) {
        *self = Self { acknowledged: self.acknowledged + 1, is_open: false };
    }

    /// Takes what was found, if it may be. Was it one that nobody acknowledged?
    #[track_caller]
    fn found(&mut self, found: u32, what: &str) -> bool {
        let is_more = self.is_open && found == self.acknowledged + 1;
        assert!(is_more || found == self.acknowledged, "{what}: {found}, and not as in {self:?}");
        *self = Self { acknowledged: found, is_open: false };
        is_more
    }
}

/// A launch that was asked for.
struct Launch {
    token: String,
    /// The instances that it made; `None` while that is not known.
    made: Option<Vec<String>>,
    /// How often they were terminated, which can be once.
    ends: Number,
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
    /// The instance that it stops and starts, in turn.
    sleeper: (String, Ipv4Addr),
    turns: Number,
}

/// A write that was sent.
enum Sent {
    Launch,
    End(usize),
    Tags,
    Turn,
    Options,
}

/// The options that a number stands for: each one more changes both.
fn options(number: u32) -> (&'static str, String) {
    (if number % 2 == 1 { "required" } else { "optional" }, (1 + number % 64).to_string())
}

fn run(token: &str) -> String {
    format!("Action=RunInstances&ImageId={AMI}&MinCount={FLOCK}&MaxCount={FLOCK}&ClientToken={token}")
}

fn address(instance: &str) -> Ipv4Addr {
    text(instance, "privateIpAddress").unwrap().parse().unwrap()
}

fn ids(document: &str) -> Vec<String> {
    instances(document).iter().map(|one| text(one, "instanceId").unwrap().to_owned()).collect()
}

impl Launch {
    /// As [`Ledger::check`].
    fn check(&mut self, told: &HashMap<String, String>) -> usize {
        let mut more = 0;
        let made = self.made.get_or_insert_with(|| {
            let by_token = |one: &&String| text(one, "clientToken") == Some(&self.token);
            let found: Vec<_> = told.values().filter(by_token).collect();
            assert!([0, FLOCK].contains(&found.len()), "a part of a launch: {found:?}");
            more += usize::from(!found.is_empty());
            found.iter().map(|one| text(one, "instanceId").unwrap().to_owned()).collect()
        });
        let one = |id: &String| told.get(id).unwrap_or_else(|| panic!("{id} of {} is gone", self.token));
        let states: Vec<_> = made.iter().map(|id| state(one(id))).collect();
        let ended = states.iter().filter(|state| **state == "terminated").count();
        let running = states.iter().filter(|state| **state == "running").count();
        assert!(ended + running == made.len() && [0, made.len()].contains(&ended), "{states:?}");
        more + usize::from(self.ends.found(u32::from(ended > 0), "ends"))
    }
}

impl Ledger {
    /// A caller with two instances of its own.
    pub(super) fn begin(api: &mut Api, name: &str) -> Self {
        let document = api.well(&format!(
            "Action=RunInstances&ImageId={AMI}&MinCount=2&MaxCount=2&MetadataOptions.InstanceMetadataTags=enabled"
        ));
        let [own, sleeper] = &instances(&document)[..] else { panic!("{document}") };
        Self {
            name: name.to_owned(),
            id: text(own, "instanceId").unwrap().to_owned(),
            address: address(own),
            options: Number::default(),
            tags: Number::default(),
            launches: Vec::new(),
            sleeper: (text(sleeper, "instanceId").unwrap().to_owned(), address(sleeper)),
            turns: Number::default(),
        }
    }

    /// How many instances there are of it.
    pub(super) fn instances(&self) -> usize {
        2 + self.launches.iter().flat_map(|launch| &launch.made).flatten().count()
    }

    /// Makes a write. Was it acknowledged?
    pub(super) fn write(&mut self, api: &mut Api, random: &mut Random, is_killed: &AtomicBool) -> bool {
        let (form, sent) = self.next(random.below(64));
        let document = match api.try_call(&form) {
            Ok(answer) if answer.status == 200 => answer.document,
            // What is refused or lost because of the kill may be done all the same.
            failed => {
                assert!(is_killed.load(Ordering::SeqCst), "{form}: {failed:?}");
                return false;
            }
        };
        match sent {
            Sent::Launch => {
                let made = ids(&document);
                assert_eq!(made.len(), FLOCK, "{document}");
                self.launches.last_mut().unwrap().made = Some(made);
            }
            Sent::End(index) => self.launches[index].ends.acknowledge(),
            Sent::Tags => self.tags.acknowledge(),
            Sent::Turn => self.turns.acknowledge(),
            Sent::Options => self.options.acknowledge(),
        }
        true
    }

    /// The next write, by chance.
    fn next(&mut self, chance: u64) -> (String, Sent) {
        let id = &self.id;
        let running =
            self.launches.iter().position(|launch| launch.made.is_some() && launch.ends.acknowledged == 0);
        match chance {
            0..2 => {
                let token = format!("{}-{}", self.name, self.launches.len());
                let form = run(&token);
                self.launches.push(Launch { token, made: None, ends: Number::default() });
                (form, Sent::Launch)
            }
            2 if let Some(index) = running => {
                let launch = &mut self.launches[index];
                let all =
                    (1..).zip(launch.made.iter().flatten()).map(|(n, id)| format!("&InstanceId.{n}={id}"));
                let form = format!("Action=TerminateInstances{}", all.collect::<String>());
                launch.ends.is_open = true;
                (form, Sent::End(index))
            }
            2..12 => {
                let number = self.tags.open();
                let form = format!(
                    "Action=CreateTags&ResourceId.1={id}&Tag.1.Key=a&Tag.1.Value={number}&Tag.2.Key=b&Tag.2.Value={number}"
                );
                (form, Sent::Tags)
            }
            12..16 => {
                let action = if self.turns.open() % 2 == 1 { "StopInstances" } else { "StartInstances" };
                (format!("Action={action}&InstanceId.1={}", self.sleeper.0), Sent::Turn)
            }
            _ => {
                let (tokens, hops) = options(self.options.open());
                let form = format!(
                    "Action=ModifyInstanceMetadataOptions&InstanceId={id}&HttpTokens={tokens}\
                     &HttpPutResponseHopLimit={hops}"
                );
                (form, Sent::Options)
            }
        }
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

        let turn = u32::from(state(&told[&self.sleeper.0]) == "stopped");
        let next = self.turns.acknowledged + 1;
        let turn = if turn == next % 2 { next } else { next - 1 };
        let more_turns = self.turns.found(turn, "turns");
        let more: usize = self.launches.iter_mut().map(|launch| launch.check(told)).sum();
        usize::from(more_options) + usize::from(more_tags) + usize::from(more_turns) + more
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
        let expected = if self.turns.acknowledged % 2 == 1 { 404 } else { 200 };
        assert_eq!(Guest::at(service, self.sleeper.1).status(None), expected, "{}", self.sleeper.0);
        if let Some(last) = self.launches.last_mut().filter(|launch| launch.ends.acknowledged == 0) {
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
                assert_eq!(Guest::at(service, address(&one)).id(), text(&one, "instanceId").unwrap());
            }
        }
    }
}
