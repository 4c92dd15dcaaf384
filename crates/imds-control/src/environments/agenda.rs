//! Which environments are to be looked at, and when. It is kept in memory by who does the steps, and made up from what is
//! found in them and from what the store tells: a change of an instance concerns one environment, and not all.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Environment, Record};
use imds_store::store::Event;

/// How often all are looked at, whatever was heard.
const ALL: Duration = Duration::from_secs(60);

/// What is to be looked at, and when. A new one knows nothing: all are looked at first.
#[derive(Debug, Default)]
pub struct Agenda {
    /// Each environment, by its name below `environment/`.
    entries: HashMap<Arc<str>, Entry>,
    /// When each is to be looked at.
    times: BTreeSet<(Timestamp, Arc<str>)>,
    /// The environment of each instance.
    owners: HashMap<String, Arc<str>>,
    /// When all were looked at last.
    all_at: Option<Timestamp>,
    /// The last time that was told.
    now: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Entry {
    next: Next,
    instances: Vec<String>,
}

/// When an environment is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Next {
    /// When it changes, or an instance of it does not run any more.
    #[default]
    Changed,
    /// Then, or when it changes or an instance of it does not run any more.
    At(Timestamp),
    /// Not earlier, whatever its instances do, for it cannot be worked on; or when it is changed itself.
    NotBefore(Timestamp),
}

/// What came of a look at an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Look {
    /// When it is looked at next.
    pub(super) next: Next,
    /// Its instances.
    pub(super) instances: Vec<String>,
}

impl Next {
    /// Then at the latest.
    fn time(self) -> Option<Timestamp> {
        match self {
            Self::Changed => None,
            Self::At(time) | Self::NotBefore(time) => Some(time),
        }
    }
}

impl Agenda {
    /// Hears of a commit. Is there something to look at?
    pub fn hear(&mut self, event: &Event) -> bool {
        let mut is_concerned = false;
        for (key, value) in &event.changes {
            let Some((kind, name)) = key.split_once('/') else { continue };
            let environment = if kind == Environment::KIND {
                Some(Arc::from(name))
            } else if kind == Machine::KIND {
                let owner = self.owners.get(name).filter(|owner| !self.is_put_off(owner));
                // While it runs, nothing follows from what is changed of it.
                owner.filter(|_| !value.as_ref().is_some_and(|value| runs(key, value))).cloned()
            } else {
                None
            };
            if let Some(environment) = environment {
                self.set(environment, Next::At(Timestamp::MIN));
                is_concerned = true;
            }
        }
        is_concerned
    }

    /// When something is to be looked at that is known of; `None` when nothing is before something changes.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.times.first().map(|(time, _)| *time)
    }

    /// When something is to be done next, if nothing is heard before.
    #[must_use]
    pub fn next(&self) -> Timestamp {
        let all = self.all_at.map_or(Timestamp::MIN, |then| then.checked_add(ALL).unwrap_or(Timestamp::MAX));
        self.first().map_or(all, |first| first.min(all))
    }

    /// Begins a round. Are all to be looked at, so that [`Agenda::all`] is to be told of them?
    pub(super) fn begin(&mut self, now: Timestamp) -> bool {
        if self.now.is_some_and(|last| now < last) {
            // The clock was put back: all that is known was by another one.
            *self = Self::default();
        }
        self.now = Some(now);
        self.all_at.and_then(|then| then.checked_add(ALL).ok()).is_none_or(|due| due <= now)
    }

    /// All are to be looked at, and these are all. What can't be done yet is left until its time.
    pub(super) fn all(&mut self, names: impl Iterator<Item = Arc<str>>, now: Timestamp) {
        let names: HashSet<_> = names.collect();
        let gone: Vec<_> = self.entries.keys().filter(|name| !names.contains(*name)).cloned().collect();
        for name in gone {
            self.forget(&name);
        }
        for name in names {
            if !self.is_put_off(&name) {
                self.set(name, Next::At(Timestamp::MIN));
            }
        }
        self.all_at = Some(now);
    }

    /// What is to be looked at now, the longest due first.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Arc<str>> {
        self.times.iter().take_while(|(time, _)| *time <= now).map(|(_, name)| Arc::clone(name)).collect()
    }

    /// An environment was looked at.
    pub(super) fn looked(&mut self, name: &Arc<str>, look: Look) {
        self.own(name, look.instances);
        self.set(Arc::clone(name), look.next);
    }

    /// An environment could not be looked at. Its instances are as they were.
    pub(super) fn put_off(&mut self, name: &Arc<str>, until: Timestamp) {
        self.set(Arc::clone(name), Next::NotBefore(until));
    }

    /// There is no such environment.
    pub(super) fn forget(&mut self, name: &Arc<str>) {
        self.own(name, Vec::new());
        self.set(Arc::clone(name), Next::Changed);
        self.entries.remove(name);
    }

    fn is_put_off(&self, name: &Arc<str>) -> bool {
        matches!(self.entries.get(name), Some(Entry { next: Next::NotBefore(_), .. }))
    }

    fn set(&mut self, name: Arc<str>, next: Next) {
        let entry = self.entries.entry(Arc::clone(&name)).or_default();
        if let Some(time) = entry.next.time() {
            self.times.remove(&(time, Arc::clone(&name)));
        }
        entry.next = next;
        if let Some(time) = next.time() {
            self.times.insert((time, name));
        }
    }

    fn own(&mut self, name: &Arc<str>, instances: Vec<String>) {
        let entry = self.entries.entry(Arc::clone(name)).or_default();
        if entry.instances == instances {
            return;
        }
        for id in &entry.instances {
            self.owners.remove(id);
        }
        self.owners.extend(instances.iter().map(|id| (id.clone(), Arc::clone(name))));
        entry.instances = instances;
    }
}

/// Does a machine run, as it is kept?
fn runs(key: &str, value: &[u8]) -> bool {
    record::decode::<Machine>(key, value).is_ok_and(|machine| machine.state.is_running())
}

#[cfg(test)]
mod tests {
    use imds_core::lifecycle::State;
    use imds_core::testing::{launch, noon};

    use super::*;

    const E1: &str = "us-east-1/e-1";
    const E2: &str = "us-east-1/e-2";

    fn at(seconds: u64) -> Timestamp {
        noon() + Duration::from_secs(seconds)
    }

    fn event(keys: &[&str]) -> Event {
        let changes = keys.iter().map(|key| ((*key).to_owned(), None)).collect();
        Event { revision: 1, changes }
    }

    fn look(next: Next, instances: &[&str]) -> Look {
        Look { next, instances: instances.iter().map(|id| (*id).to_owned()).collect() }
    }

    /// Both environments were looked at, at noon: the first with two instances, the second as it is said.
    fn agenda(second: Next) -> Agenda {
        let mut agenda = Agenda::default();
        assert!(agenda.begin(noon()), "a new one knows nothing");
        agenda.all([E1, E2].into_iter().map(Arc::from), noon());
        assert_eq!(agenda.due(noon()).len(), 2);
        agenda.looked(&E1.into(), look(Next::Changed, &["i-1", "i-2"]));
        agenda.looked(&E2.into(), look(second, &["i-3"]));
        agenda
    }

    fn due(agenda: &Agenda, now: Timestamp) -> Vec<String> {
        agenda.due(now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_changes_is_looked_at_and_nothing_else() {
        // Without a value, the machines are deleted.
        for (keys, expected) in [
            (&["machine/i-1"][..], &[E1][..]),
            (&["machine/i-3"], &[E2]),
            (&["machine/i-1", "machine/i-2", "machine/i-3"], &[E1, E2]),
            (&["machine/i-4", "address/10.0.0.1"], &[]),
            (&["environment/us-east-1/e-2"], &[E2]),
            (&["environment/us-east-1/e-3", "machine/i-3"], &[E2, "us-east-1/e-3"]),
            (&["environment-event/us-east-1/1", "environment-name/us-east-1/e-1"], &[]),
            (&["machine", "environment", ""], &[]),
            (&[], &[]),
        ] {
            let mut agenda = agenda(Next::Changed);
            assert_eq!(agenda.hear(&event(keys)), !expected.is_empty(), "{keys:?}");
            assert_eq!(due(&agenda, noon()), expected, "{keys:?}");
        }
    }

    #[test]
    fn an_instance_that_runs_is_no_reason_to_look() {
        let mut machine = Machine::launched(launch().instance());
        let mut form = |state| {
            machine.state = state;
            serde_json::to_vec(&machine.to_form()).unwrap()
        };
        for (value, is_concerned) in [
            (form(State::Running), false),
            (form(State::Stopping), true),
            (form(State::Stopped), true),
            (form(State::ShuttingDown), true),
            (form(State::Terminated), true),
            (b"{".to_vec(), true),
        ] {
            let mut agenda = agenda(Next::Changed);
            let changes = vec![("machine/i-1".to_owned(), Some(Arc::from(value)))];
            let text = format!("{changes:?}");
            assert_eq!(agenda.hear(&Event { revision: 1, changes }), is_concerned, "{text}");
            assert_eq!(due(&agenda, noon()).len(), usize::from(is_concerned), "{text}");
        }
    }

    #[test]
    fn what_is_due_waits_for_its_time_unless_it_changes() {
        let mut agenda = agenda(Next::At(at(5)));
        assert_eq!((agenda.first(), agenda.next()), (Some(at(5)), at(5)));
        assert_eq!((due(&agenda, at(4)).len(), due(&agenda, at(5))), (0, vec![E2.to_owned()]));
        assert!(agenda.hear(&event(&["machine/i-3"])));
        assert_eq!(due(&agenda, noon()), [E2]);
        // It is due until it was looked at.
        assert_eq!(due(&agenda, noon()), [E2]);
        agenda.looked(&E2.into(), look(Next::Changed, &["i-3"]));
        assert_eq!((agenda.first(), agenda.next()), (None, at(60)));
    }

    #[test]
    fn what_cannot_be_worked_on_is_left_alone_until_its_time() {
        let mut agenda = agenda(Next::Changed);
        // It keeps its instances.
        agenda.put_off(&E2.into(), at(70));
        assert!(!agenda.hear(&event(&["machine/i-3"])));
        assert_eq!(agenda.first(), Some(at(70)));
        // Nor with all others.
        assert!(agenda.begin(at(60)));
        agenda.all([E1, E2].into_iter().map(Arc::from), at(60));
        assert_eq!(due(&agenda, at(60)), [E1]);
        agenda.looked(&E1.into(), look(Next::Changed, &[]));
        assert_eq!(due(&agenda, at(70)), [E2]);
        assert!(agenda.hear(&event(&["environment/us-east-1/e-2"])), "somebody has mended it");
        assert_eq!(due(&agenda, at(70)), [E2]);
        assert!(agenda.hear(&event(&["machine/i-3"])), "it is not put off any longer");
    }

    #[test]
    fn all_are_looked_at_once_a_minute_and_when_the_clock_is_put_back() {
        for (now, is_all) in [
            (noon(), false),
            (at(59), false),
            (at(60), true),
            (at(3_600), true),
            (noon() - Duration::from_millis(1), true),
        ] {
            let mut agenda = agenda(Next::NotBefore(at(9_999)));
            assert_eq!(agenda.begin(now), is_all, "{now}");
            if now < noon() {
                agenda.all([E1, E2].into_iter().map(Arc::from), now);
                assert_eq!(due(&agenda, now).len(), 2, "what was put off was put off by another clock");
            }
        }
        let mut agenda = Agenda::default();
        assert_eq!(agenda.next(), Timestamp::MIN);
        assert!(agenda.begin(noon()));
        assert!(agenda.begin(noon()), "the store did not tell them: again");
    }

    #[test]
    fn what_is_gone_is_forgotten_with_its_instances() {
        let mut agenda = agenda(Next::At(at(5)));
        agenda.all([E1].into_iter().map(Arc::from), noon());
        agenda.looked(&E1.into(), look(Next::Changed, &["i-2"]));
        assert!(!agenda.hear(&event(&["machine/i-3", "machine/i-1"])));
        assert_eq!((agenda.entries.len(), agenda.owners.len(), agenda.first()), (1, 1, None));
        agenda.forget(&E1.into());
        assert_eq!((agenda.entries.len(), agenda.owners.len()), (0, 0));
    }
}
