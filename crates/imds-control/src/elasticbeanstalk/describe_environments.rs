//! `DescribeEnvironments`: those that are asked for; of a name or an id that is unknown, none.

use imds_core::Timestamp;
use imds_store::record::Environment;

use super::environment;
use super::page::{self, Order};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let wanted = Wanted::of(params)?;
    let all = environment::all(call)?.into_iter().map(|found| found.record);
    let (some, next) = page::page(params, all.filter(|one| wanted.has(one)).collect(), Order::Up, name)?;
    let mut xml = Xml::query();
    xml.list("Environments", &some, |xml, environment| environment::write(xml, call, environment));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// What is asked for.
struct Wanted<'p> {
    application: Option<&'p str>,
    version: Option<&'p str>,
    ids: Vec<&'p str>,
    names: Vec<&'p str>,
    has_terminated: bool,
    terminated_since: Option<Timestamp>,
}

impl<'p> Wanted<'p> {
    fn of(params: &'p Params) -> Result<Self, Error> {
        Ok(Self {
            application: params.text("ApplicationName"),
            version: params.text("VersionLabel"),
            ids: params.list("EnvironmentIds.member"),
            names: params.list("EnvironmentNames.member"),
            has_terminated: params.flag("IncludeDeleted")? != Some(false),
            terminated_since: params.parsed("IncludedDeletedBackTo")?,
        })
    }

    fn has(&self, one: &Environment) -> bool {
        let is_among = |names: &[&str], name: &str| names.is_empty() || names.contains(&name);
        let is_shown = !one.is_terminated()
            || (self.has_terminated && self.terminated_since.is_none_or(|since| one.updated >= since));
        is_shown
            && self.application.is_none_or(|name| name == one.application)
            && self.version.is_none_or(|label| Some(label) == one.version.as_deref())
            && is_among(&self.ids, &one.id)
            && is_among(&self.names, &one.name)
    }
}

/// Those that are there before those that were, the newest first [assumed].
fn name(one: &Environment) -> String {
    let age = i64::MAX - one.created.as_millisecond();
    format!("{}/{age:020}/{}", u8::from(one.is_terminated()), one.id)
}
