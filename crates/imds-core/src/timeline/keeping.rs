//! What of an instance's timeline stays: over another reading of the file, and when there is no room for more.

use super::{MOST, Plan, Planned, Progress};
use crate::{Instance, Timestamp};

impl Instance {
    /// Goes on with what was planned `before`, when the file sets it anew: what the API planned is the API's, and what the
    /// file says as it did has the time that it had, and is canceled if it was.
    pub fn go_on(&mut self, before: &[Planned]) {
        let known = |planned: &Planned| {
            before.iter().find(|known| known.is_from_file && planned.is_from_file && known.id == planned.id)
        };
        let now = std::mem::take(&mut self.timeline);
        let of_file = now.into_iter().map(|planned| known(&planned).cloned().unwrap_or(planned));
        let of_calls = before.iter().filter(|known| !known.is_from_file).cloned();
        of_file.chain(of_calls).for_each(|planned| self.plan(planned));
    }

    /// Forgets what is over while there is more planned than there may be, the oldest first: what nobody reads any longer,
    /// then what is left of it in the history of maintenance [assumed]. What the file says is not forgotten: it would come
    /// anew with its next reading.
    ///
    /// # Errors
    /// That there is still too much, and the cure.
    pub fn make_room(&mut self, now: Timestamp) -> Result<(), String> {
        // The order in which they go; what comes last is looked for when nothing else is left.
        let rules: [fn(&Self, usize, Timestamp) -> bool; 2] = [Self::is_without_trace, Self::is_history];
        for is_forgotten in rules {
            while self.timeline.len() > MOST {
                let of_calls = |index: &usize| !self.timeline[*index].is_from_file;
                let mut oldest = (0..self.timeline.len()).filter(of_calls);
                let Some(index) = oldest.find(|index| is_forgotten(self, *index, now)) else { break };
                // When it last changed what is read, it did.
                self.changed = self.changed_at(now);
                self.timeline.remove(index);
            }
        }
        if self.timeline.len() > MOST {
            return Err(full(self.id.as_str()));
        }
        Ok(())
    }

    /// Is it over, and in no place of the tree?
    pub(super) fn is_without_trace(&self, index: usize, now: Timestamp) -> bool {
        let planned = &self.timeline[index];
        if planned.progress(now) != Progress::Happened {
            return false;
        }
        // Of those there is one at a time: that which came last.
        let mut since = self.timeline[index + 1..].iter().filter(|later| {
            let is_told = matches!(later.progress(now), Progress::Noticed | Progress::Happened);
            is_told && later.plan.kind() == planned.plan.kind()
        });
        match &planned.plan {
            Plan::SpotInterruption(_) | Plan::Rebalance => {
                self.is_started_since(planned) || since.any(|later| !self.is_started_since(later))
            }
            Plan::Lifecycle(_) => since.next().is_some(),
            Plan::Maintenance { .. } => false,
        }
    }

    fn is_history(&self, index: usize, now: Timestamp) -> bool {
        let planned = &self.timeline[index];
        let is_done = matches!(planned.progress(now), Progress::Happened | Progress::Canceled);
        is_done && matches!(planned.plan, Plan::Maintenance { .. })
    }
}

/// What is said when there are too many for an instance.
#[must_use]
pub fn full(instance: &str) -> String {
    format!("{instance} has {MOST} events already, by the file and by calls, which is the most; cancel some")
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Code, Lifecycle};
    use super::*;
    use crate::testing::{launch, noon};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(noon().as_second() + seconds).unwrap()
    }

    fn planned(id: &str, plan: Plan, seconds: i64) -> Planned {
        let at = at(seconds);
        Planned { id: id.to_owned(), plan, at, notice: at, canceled: None, is_from_file: false }
    }

    fn of_file(id: &str, seconds: i64) -> Planned {
        Planned { is_from_file: true, ..planned(id, Plan::Rebalance, seconds) }
    }

    fn maintenance() -> Plan {
        Plan::Maintenance { code: Code::InstanceStop, description: "d".to_owned(), not_after: None }
    }

    fn with(all: impl IntoIterator<Item = Planned>) -> Instance {
        let mut instance = launch().instance();
        all.into_iter().for_each(|planned| instance.plan(planned));
        instance
    }

    fn ids(instance: &Instance) -> Vec<&str> {
        instance.timeline.iter().map(|planned| planned.id.as_str()).collect()
    }

    #[test]
    fn what_the_file_says_as_it_did_goes_on_and_the_apis_stays() {
        let mut canceled = of_file("canceled", 20);
        assert!(canceled.cancel(at(5)));
        let before = with([
            of_file("same", 10),
            canceled,
            of_file("gone", 30),
            planned("call", Plan::Rebalance, 40),
            // Nobody's id is the file's by accident.
            planned("both", Plan::Rebalance, 50),
        ]);
        // Read again a hundred seconds later.
        let all = ["same", "canceled", "both", "new"].map(|id| of_file(id, 160));
        let mut now = with(all);
        now.go_on(&before.timeline);
        assert_eq!(ids(&now), ["same", "canceled", "call", "both", "both", "new"]);
        let of = |id: &str| now.timeline.iter().find(|planned| planned.id == id && planned.is_from_file);
        let times = ["same", "canceled", "new"].map(|id| of(id).map(|planned| planned.at));
        assert_eq!(times, [Some(at(10)), Some(at(20)), Some(at(160))]);
        assert_eq!((of("canceled").unwrap().canceled, of("same").unwrap().canceled), (Some(at(5)), None));
        assert!(now.timeline.is_sorted_by_key(|planned| planned.notice));
    }

    /// Whether one more can be planned beside these, and as many as fill it up, which are yet to come.
    fn one_more(all: Vec<Planned>) -> (bool, Vec<String>) {
        let mut instance = with(all);
        let more = MOST + 1 - instance.timeline.len();
        (0..more).for_each(|_| instance.plan(planned("later", Plan::Rebalance, 9_999)));
        // Started again a minute after noon.
        instance.pending_time = at(60);
        let before = instance.changed_at(at(100));
        let has_room = instance.make_room(at(100)).is_ok();
        assert_eq!(instance.changed_at(at(100)), before, "`Last-Modified` never goes back");
        (has_room, ids(&instance).into_iter().filter(|id| *id != "later").map(str::to_owned).collect())
    }

    #[test]
    fn what_is_over_makes_room_the_oldest_first_and_history_last() {
        let spot = || Plan::SpotInterruption(Action::Stop);
        let state = |state| Plan::Lifecycle(state);
        let one = |id, plan, at| planned(id, plan, at);
        for (all, left) in [
            (vec![one("a", spot(), 10), one("b", Plan::Rebalance, 20)], Some(&["b"][..])),
            // Of the first, its notice is still there; the second nobody has read yet.
            (vec![one("a", spot(), 70), one("b", spot(), 200)], None),
            (vec![one("a", spot(), 70), one("b", spot(), 80)], Some(&["b"])),
            (vec![one("a", Plan::Rebalance, 70), one("b", spot(), 80)], None),
            (
                vec![one("a", state(Lifecycle::InService), 10), one("b", state(Lifecycle::Standby), 20)],
                Some(&["b"]),
            ),
            (vec![one("a", state(Lifecycle::InService), 10), one("b", state(Lifecycle::Standby), 200)], None),
            (vec![one("a", maintenance(), 10), one("b", Plan::Rebalance, 20)], Some(&["a"])),
            (vec![one("a", maintenance(), 10), one("b", maintenance(), 20)], Some(&["b"])),
            (vec![one("a", maintenance(), 200)], None),
            (vec![of_file("a", 10)], None),
        ] {
            let expected: Vec<_> = left.unwrap_or_default().iter().map(|id| (*id).to_owned()).collect();
            let (has_room, found) = one_more(all.clone());
            assert_eq!(has_room, left.is_some(), "{all:?}");
            if has_room {
                assert_eq!(found, expected, "{all:?}");
            }
        }
        let mut canceled = planned("a", maintenance(), 200);
        canceled.canceled = Some(at(50));
        assert_eq!(one_more(vec![canceled]), (true, Vec::new()));
        let mut few = with([planned("a", spot(), 10)]);
        few.pending_time = at(60);
        few.make_room(at(100)).unwrap();
        assert_eq!(ids(&few), ["a"], "nothing is forgotten without a need");
    }
}
