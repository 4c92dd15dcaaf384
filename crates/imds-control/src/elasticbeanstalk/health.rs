//! Health in the enhanced form, as `eb health` shows it. Nothing is measured: an environment is as well as its colour says,
//! and its instances as their states say.

use std::collections::BTreeSet;

use imds_core::lifecycle::State;
use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Environment};

use super::{environment, option};
use crate::call::Call;
use crate::elasticbeanstalk::platform::Platform;
use crate::query::{Error, Params, Xml};

/// `AttributeNames.member.N`: what is asked for. Without it an answer says who, and not how.
pub(crate) struct Attributes<'p>(BTreeSet<&'p str>);

impl<'p> Attributes<'p> {
    /// Reads them.
    ///
    /// # Errors
    /// When one is none of those that are known. The words are [assumed].
    pub(crate) fn read(params: &'p Params, known: &[&str]) -> Result<Self, Error> {
        let asked: BTreeSet<_> = params
            .entries()
            .filter(|(name, value)| name.starts_with("AttributeNames.member.") && !value.is_empty())
            .map(|(_, value)| value)
            .collect();
        match asked.iter().find(|name| **name != "All" && !known.contains(name)) {
            Some(name) => Err(invalid(format!("Invalid attribute name: '{name}'."))),
            None => Ok(Self(asked)),
        }
    }

    /// Is it asked for?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains("All") || self.0.contains(name)
    }
}

/// `InvalidRequestException`
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new("InvalidRequestException", message)
}

/// The environment that a call names.
///
/// # Errors
/// When there is none, or it has basic health alone. `eb` goes by the last words.
pub(crate) fn environment(call: &Call<'_>, params: &Params, action: &str) -> Result<Environment, Error> {
    let found = environment::named(call, params)?.record;
    let platform = Platform::by_stack(&found.solution_stack)?;
    if option::is_enhanced(&platform, &found.settings) {
        return Ok(found);
    }
    Err(invalid(format!("{action} is not supported.")))
}

/// The health of an instance.
pub(crate) struct InstanceHealth {
    /// The instance.
    pub(crate) machine: Machine,
    /// `Ok`
    pub(crate) status: &'static str,
    /// `Green`
    pub(crate) color: &'static str,
    /// Why it is not well.
    pub(crate) cause: Option<&'static str>,
}

/// The instances of an environment that are there, and how they are. The words for the rest are [assumed].
pub(crate) fn instances(call: &Call<'_>, environment: &Environment) -> Result<Vec<InstanceHealth>, Error> {
    let mut all = Vec::new();
    let launched = environment.work.iter().flat_map(|work| &work.launched);
    for id in environment.instances.iter().chain(launched) {
        let Some(found) = record::get::<Machine>(call.store, id)? else { continue };
        let (status, color, cause) = match found.record.state.settled() {
            State::Running => ("Ok", "Green", None),
            State::Pending => ("Pending", "Grey", Some("The instance is being launched.")),
            State::Stopping | State::Stopped => ("Severe", "Red", Some("The instance is stopped.")),
            State::ShuttingDown | State::Terminated => continue,
        };
        all.push(InstanceHealth { machine: found.record, status, color, cause });
    }
    Ok(all)
}

/// `<ApplicationMetrics>`: no request is counted.
pub(crate) fn write_metrics(xml: &mut Xml) {
    xml.within("ApplicationMetrics", |xml| {
        xml.text("Duration", 10).text("RequestCount", 0);
    });
}

/// `<RefreshedAt>`
pub(crate) fn write_time(xml: &mut Xml, now: Timestamp) {
    xml.time("RefreshedAt", now);
}
