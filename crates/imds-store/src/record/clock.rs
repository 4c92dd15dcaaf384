//! `clock/service`: the service's clock as it was changed last. It goes on from there after a restart.

use imds_core::Timestamp;
use imds_core::clock::{Clock, LAST, Pace};
use serde::{Deserialize, Serialize};

use super::Record;

/// The one name of its kind.
pub const NAME: &str = "service";

/// The form of the clock.
#[derive(Serialize, Deserialize)]
pub struct Form {
    machine: Timestamp,
    shown: Timestamp,
    pace: u64,
    #[serde(default)]
    is_paused: bool,
    changes: u64,
}

impl Record for Clock {
    const KIND: &'static str = "clock";
    type Form = Form;

    fn to_form(&self) -> Form {
        let Self { machine, shown, pace, is_paused, changes } = *self;
        Form { machine, shown, pace: pace.get().into(), is_paused, changes }
    }

    fn from_form(form: Form) -> Result<Self, String> {
        let Form { machine, shown, pace, is_paused, changes } = form;
        let pace = Pace::new(pace).map_err(|error| error.to_string())?;
        if shown > LAST && shown > machine {
            return Err("a clock that shows a time after 2199".to_owned());
        }
        Ok(Self { machine, shown, pace, is_paused, changes })
    }
}

#[cfg(test)]
mod tests {
    use imds_core::testing::noon;

    use super::*;
    use crate::record::decode;

    #[test]
    fn a_clock_comes_back_as_it_was_and_what_is_none_does_not() {
        let clock = Clock::of_machine(noon()).paced(noon(), Pace::new(60).unwrap()).paused(noon(), true);
        let kept = serde_json::to_string(&clock.to_form()).unwrap();
        assert_eq!(decode::<Clock>("clock/service", kept.as_bytes()).unwrap(), clock);
        for bad in [
            kept.replace(":60", ":0"),
            kept.replace("\"shown\":\"2026", "\"shown\":\"2226"),
            kept.replace("pace", "x"),
        ] {
            assert!(decode::<Clock>("clock/service", bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
