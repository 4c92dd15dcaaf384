//! What somebody asks to be planned, in words, and whether it can be.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::{Lifecycle, NOTICE, Plan, Planned};
use crate::Timestamp;
use crate::clock::{LAST, Stretch};
use crate::derive::hex;

/// Characters of a description.
const DESCRIPTION: usize = 255;
/// What is said of maintenance of which nobody says anything else [assumed].
const DESCRIBED: &str = "The instance is scheduled for maintenance";

/// What comes of a time after [`LAST`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Refused,
    Last,
}

/// An event as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// `spot-interruption`, `rebalance`, `maintenance` or `asg-lifecycle`.
    pub kind: String,
    /// How long it is until it happens: `2m`, or `0s` for now.
    pub after: Option<String>,
    /// When it happens.
    pub at: Option<String>,
    /// How long before it happens the instance is told: of interruptions and maintenance.
    pub notice: Option<String>,
    /// Of an interruption.
    pub action: Option<String>,
    /// Of maintenance.
    pub code: Option<String>,
    /// Of maintenance.
    pub description: Option<String>,
    /// How long maintenance takes at most.
    pub duration: Option<String>,
    /// Of Auto Scaling.
    pub state: Option<String>,
}

fn read<T: FromStr<Err: Display>>(name: &str, text: Option<&String>) -> Result<Option<T>, String> {
    text.map(|text| text.parse().map_err(|error| format!("{name}: {error}"))).transpose()
}

impl Wish {
    /// What is to be planned, at `now`, under an id.
    ///
    /// # Errors
    /// What cannot be, and what can, as a sentence.
    pub fn planned(&self, id: String, now: Timestamp) -> Result<Planned, String> {
        self.planned_as(id, now, Beyond::Refused)
    }

    /// The same for what a file says, which is good whatever time it is: what would come after the last moment that a clock
    /// shows comes then.
    ///
    /// # Errors
    /// As above.
    pub fn planned_by_file(&self, now: Timestamp) -> Result<Planned, String> {
        let planned = self.planned_as(String::new(), now.min(LAST), Beyond::Last)?;
        Ok(Planned { is_from_file: true, ..planned })
    }

    fn planned_as(&self, id: String, now: Timestamp, beyond: Beyond) -> Result<Planned, String> {
        let at = self.time(now, beyond)?;
        let plan = self.plan(at, beyond)?;
        let before = match &plan {
            Plan::SpotInterruption(_) | Plan::Maintenance { .. } => {
                read::<Stretch>("notice", self.notice.as_ref())?.unwrap_or(NOTICE).length()
            }
            // The notice is all that there is.
            Plan::Rebalance | Plan::Lifecycle(_) => Duration::ZERO,
        };
        let notice = at.checked_sub(before).map_err(|_| "notice: there is no such time")?;
        Ok(Planned { id, plan, at, notice, canceled: None, is_from_file: false })
    }

    fn time(&self, now: Timestamp, beyond: Beyond) -> Result<Timestamp, String> {
        // An interruption, or maintenance, that nobody gives a time is told at once, and happens after the usual notice.
        let has_notice = matches!(self.kind.as_str(), "spot-interruption" | "maintenance");
        let usual = if has_notice { NOTICE.length() } else { Duration::ZERO };
        let at = match (self.after.as_deref(), self.at.as_deref()) {
            (Some(_), Some(_)) => return Err("in and at both say when; leave one of them out".to_owned()),
            (None, Some(at)) => at.parse().map_err(|_| "at: a time is like 2026-11-24T12:00:00Z")?,
            (Some("0s"), None) => now,
            (Some(_), None) => {
                let after = read::<Stretch>("in", self.after.as_ref())?;
                later(now, after.map(Stretch::length).unwrap_or_default(), beyond)?
            }
            (None, None) => later(now, usual, beyond)?,
        };
        // What is served has whole seconds.
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        // Not measured from now: what a file says must be the same tomorrow.
        let is_time = (Timestamp::UNIX_EPOCH..=LAST).contains(&at);
        if is_time { Ok(at) } else { Err("a time is from 1970 to 2199".to_owned()) }
    }

    /// All that is said, in one text, by which it is known again: it stays the same when there is more that could be said.
    #[must_use]
    pub fn written(&self) -> String {
        let Self { kind, after, at, notice, action, code, description, duration, state } = self;
        let said = [
            ("in", after),
            ("at", at),
            ("notice", notice),
            ("action", action),
            ("code", code),
            ("description", description),
            ("duration", duration),
            ("state", state),
        ];
        let said = said.into_iter().filter_map(|(name, text)| Some(format!("\0{name}={}", text.as_ref()?)));
        std::iter::once(kind.clone()).chain(said).collect()
    }

    fn plan(&self, at: Timestamp, beyond: Beyond) -> Result<Plan, String> {
        let (plan, taken): (_, &[&str]) = match self.kind.as_str() {
            "spot-interruption" => {
                let action = read("action", self.action.as_ref())?;
                let action = action.unwrap_or(super::Action::Terminate);
                (Plan::SpotInterruption(action), &["action", "notice"])
            }
            "rebalance" => (Plan::Rebalance, &[]),
            "maintenance" => {
                let code = read("code", self.code.as_ref())?.unwrap_or(super::Code::SystemMaintenance);
                let length = read::<Stretch>("duration", self.duration.as_ref())?;
                let not_after = length.map(|length| later(at, length.length(), beyond)).transpose()?;
                let plan = Plan::Maintenance { code, description: self.description()?, not_after };
                (plan, &["code", "description", "duration", "notice"])
            }
            "asg-lifecycle" => {
                let state = read::<Lifecycle>("state", self.state.as_ref())?;
                (Plan::Lifecycle(state.ok_or("asg-lifecycle needs a state")?), &["state"])
            }
            _ => {
                return Err("a kind is spot-interruption, rebalance, maintenance or asg-lifecycle".to_owned());
            }
        };
        let written = [
            ("action", self.action.is_some()),
            ("code", self.code.is_some()),
            ("description", self.description.is_some()),
            ("duration", self.duration.is_some()),
            ("notice", self.notice.is_some()),
            ("state", self.state.is_some()),
        ];
        match written.into_iter().find(|(name, is_written)| *is_written && !taken.contains(name)) {
            Some((name, _)) => Err(format!("{} has no {name}", self.kind)),
            None => Ok(plan),
        }
    }

    fn description(&self) -> Result<String, String> {
        let text = self.description.as_deref().unwrap_or(DESCRIBED);
        if text.chars().any(char::is_control) || text.chars().count() > DESCRIPTION {
            return Err("description: one line without control characters, 255 characters at most".to_owned());
        }
        Ok(text.to_owned())
    }
}

fn later(than: Timestamp, by: Duration, beyond: Beyond) -> Result<Timestamp, String> {
    let later = than.checked_add(by).ok().filter(|at| *at <= LAST);
    let last = (beyond == Beyond::Last).then_some(LAST);
    later.or(last).ok_or_else(|| "there is no such time".to_owned())
}

/// The id of an event that follows from what is written about it.
#[must_use]
pub fn id_of(written: &str) -> String {
    format!("event-{}", hex(written, "timeline", 17))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;

    /// A wish of `name=value` words after its kind.
    fn wish(words: &str) -> Wish {
        let (kind, rest) = words.split_once(' ').unwrap_or((words, ""));
        let mut wish = Wish { kind: kind.to_owned(), ..Wish::default() };
        for word in rest.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap();
            let place = match name {
                "in" => &mut wish.after,
                "at" => &mut wish.at,
                "notice" => &mut wish.notice,
                "action" => &mut wish.action,
                "code" => &mut wish.code,
                "description" => &mut wish.description,
                "duration" => &mut wish.duration,
                "state" => &mut wish.state,
                _ => panic!("{name}"),
            };
            *place = Some(value.to_owned());
        }
        wish
    }

    #[test]
    fn the_time_is_that_of_the_action_and_notice_comes_before() {
        let now = noon() + Duration::from_millis(700);
        for (words, kind, at, notice) in [
            ("spot-interruption", "spot-interruption", 120, 0),
            ("spot-interruption in=10m action=stop", "spot-interruption", 600, 480),
            ("spot-interruption in=30s", "spot-interruption", 30, -90),
            ("spot-interruption in=10m notice=5m", "spot-interruption", 600, 300),
            ("spot-interruption at=2026-11-24T13:00:00Z", "spot-interruption", 3_600, 3_480),
            ("rebalance", "rebalance", 0, 0),
            ("rebalance in=1h", "rebalance", 3_600, 3_600),
            ("maintenance", "maintenance", 120, 0),
            ("maintenance in=0s", "maintenance", 0, -120),
            ("maintenance in=14d notice=13d", "maintenance", 1_209_600, 86_400),
            ("maintenance at=2026-11-24T11:00:00Z duration=2h", "maintenance", -3_600, -3_720),
            ("asg-lifecycle state=Terminated in=0s", "asg-lifecycle", 0, 0),
            ("asg-lifecycle state=Warmed:Running in=1m", "asg-lifecycle", 60, 60),
        ] {
            let planned = wish(words).planned("event-0".into(), now).unwrap();
            let from = |moment: Timestamp| moment.as_second() - noon().as_second();
            assert_eq!(
                (planned.plan.kind(), from(planned.at), from(planned.notice)),
                (kind, at, notice),
                "{words}"
            );
            assert_eq!(planned.at.subsec_nanosecond(), 0, "{words}");
        }
        let planned = wish("maintenance in=1h duration=2h").planned("event-0".into(), noon()).unwrap();
        let Plan::Maintenance { code, not_after, .. } = planned.plan else { panic!() };
        assert_eq!(
            (code.as_str(), not_after),
            ("system-maintenance", Some(noon() + Duration::from_secs(10_800)))
        );
    }

    #[test]
    fn what_a_file_says_is_good_until_the_clock_ends() {
        let second = |time: Timestamp| time.as_second() - LAST.as_second();
        for (words, minutes, at) in [
            ("rebalance in=3650d", 60 * 24 * 365, 0),
            ("rebalance in=2m", 1, 0),
            ("rebalance in=2m", 3, -60),
            ("rebalance in=0s", -9, 0),
            ("spot-interruption", 1, 0),
            ("maintenance in=1h duration=2h", 61, -60),
        ] {
            let now = LAST - jiff::SignedDuration::from_mins(minutes);
            let planned = wish(words).planned_by_file(now).unwrap();
            assert_eq!((second(planned.at), planned.is_from_file), (at, true), "{words}");
            if let Plan::Maintenance { not_after, .. } = planned.plan {
                assert_eq!(not_after, Some(LAST), "{words}");
            }
        }
        // Who asks is told, and what was never good is not by then.
        let soon = LAST - Duration::from_secs(60);
        assert_eq!(
            wish("rebalance in=2m").planned(String::new(), soon).unwrap_err(),
            "there is no such time"
        );
        assert!(wish("rebalance at=2200-01-01T00:00:01Z").planned_by_file(noon()).is_err());
        assert!(wish("rebalance in=3651d").planned_by_file(noon()).is_err());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (words, why) in [
            ("", "a kind is"),
            ("reboot", "a kind is"),
            ("Rebalance", "a kind is"),
            ("rebalance in=1m at=2026-11-24T12:00:00Z", "both say when"),
            ("rebalance in=-1m", "in: a time is like"),
            ("rebalance in=3651d", "in: a time is like"),
            ("rebalance in=soon", "in: a time is like"),
            ("rebalance at=tomorrow", "at: a time is like"),
            ("rebalance at=2026-11-24", "at: a time is like"),
            ("rebalance at=2200-01-01T00:00:01Z", "from 1970 to 2199"),
            ("rebalance at=1969-12-31T23:59:59Z", "from 1970 to 2199"),
            ("rebalance at=-009999-01-02T01:59:59Z", "from 1970 to 2199"),
            ("rebalance action=stop", "rebalance has no action"),
            ("rebalance notice=2m", "rebalance has no notice"),
            ("spot-interruption action=reboot", "action: "),
            ("spot-interruption state=InService", "spot-interruption has no state"),
            ("spot-interruption notice=0s", "notice: "),
            ("asg-lifecycle", "needs a state"),
            ("asg-lifecycle state=Pending", "state: "),
            ("asg-lifecycle state=InService duration=1h", "asg-lifecycle has no duration"),
            ("maintenance code=reboot", "code: "),
            ("maintenance duration=1y", "duration: "),
        ] {
            let refused = wish(words).planned("event-0".into(), noon()).unwrap_err();
            assert!(refused.contains(why), "{words}: {refused}");
        }
        for bad in ["a\nb", "\u{1b}[2J", &"x".repeat(256)] {
            let wish = Wish { description: Some(bad.to_owned()), ..wish("maintenance") };
            assert!(wish.planned("event-0".into(), noon()).is_err(), "{bad:?}");
        }
        let written = |words| wish(words).written();
        assert_eq!(written("maintenance in=1h code=x"), "maintenance\0in=1h\0code=x");
        assert_eq!(id_of("a").len(), "event-".len() + 17);
        assert_ne!(id_of("a"), id_of("b"));
    }
}
