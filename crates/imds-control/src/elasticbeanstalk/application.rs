//! Applications: finding them, telling what they are, and what goes with them.

use imds_core::Timestamp;
use imds_core::environment::Severity;
use imds_store::record::environment::{Lifecycle, LifecycleRule};
use imds_store::record::{
    self, Application, ApplicationVersion, Batch, ConfigurationTemplate, Environment, Found,
};

use super::{arn, environment, event};
use crate::call::Call;
use crate::query::{Error, Xml};

/// Versions, and days, of rules that were never set.
const MOST: u32 = 200;
const DAYS: u32 = 180;

/// What `eb` waits for.
const DELETED: &str = "The application has been deleted successfully.";

/// The application with this name.
///
/// # Errors
/// When there is none. `eb` goes by these words.
pub(crate) fn find(call: &Call<'_>, name: &str) -> Result<Found<Application>, Error> {
    get(call, name)?.ok_or_else(|| unknown(name))
}

/// There is no such application.
pub(crate) fn unknown(name: &str) -> Error {
    Error::invalid_value(format!("No Application named '{name}' found."))
}

/// The application with this name, if there is one.
pub(crate) fn get(call: &Call<'_>, name: &str) -> Result<Option<Found<Application>>, Error> {
    Ok(record::get(call.store, &Application::record_name(call.region, name))?)
}

/// Every application of this region, in the order of names.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Application>, Error> {
    let all = record::list::<Application>(call.store, &Application::record_name(call.region, ""))?;
    Ok(all.into_iter().map(|(_, found)| found.record).collect())
}

/// Adds a new application to a batch, with the event that tells it.
pub(crate) fn create(call: &Call<'_>, application: &Application, batch: &mut Batch) -> Result<(), Error> {
    batch.create(&Application::record_name(call.region, &application.name), application);
    let message = format!("Created new Application: {}", application.name);
    event::tell_of_application(call, &application.name, batch, Severity::Info, message)
}

/// An application that is new now.
pub(crate) fn new(call: &Call<'_>, name: &str) -> Application {
    Application {
        name: name.to_owned(),
        region: call.region.to_owned(),
        description: String::new(),
        created: call.now,
        updated: call.now,
        lifecycle: Lifecycle::default(),
        deletions: Vec::new(),
        last_event: Timestamp::UNIX_EPOCH,
        tags: std::collections::BTreeMap::new(),
    }
}

/// Adds to a batch that an application and all that is in it is deleted, with the event that `eb` waits for, for each of
/// its `deletions`.
pub(crate) fn delete(call: &Call<'_>, found: &Found<Application>, batch: &mut Batch) -> Result<(), Error> {
    let name = &found.record.name;
    batch.remove(&Application::record_name(call.region, name), found);
    let within = ApplicationVersion::record_name(call.region, name, "");
    for (key, version) in record::list::<ApplicationVersion>(call.store, &within)? {
        batch.remove(&key, &version);
    }
    let within = ConfigurationTemplate::record_name(call.region, name, "");
    for (key, template) in record::list::<ConfigurationTemplate>(call.store, &within)? {
        batch.remove(&key, &template);
    }
    // Who deletes it follows their own requests, not those of what was terminated for it.
    for request_id in &found.record.deletions {
        let call = Call { request_id, ..*call };
        event::tell_of_application(&call, name, batch, Severity::Info, DELETED)?;
    }
    Ok(())
}

/// Deletes an application that was to be deleted once its environments are terminated, if `last` is the last of them. It
/// is called when `last` is terminated, with the batch that does that, once the events of that are told.
pub(crate) fn finish_deletion(call: &Call<'_>, last: &Environment, batch: &mut Batch) -> Result<(), Error> {
    let found = get(call, &last.application)?;
    // Who deletes the application meanwhile has seen an environment that has not ended, and waits for its end.
    batch.expect(&Application::record_name(call.region, &last.application), found.as_ref());
    let Some(found) = found.filter(|found| !found.record.deletions.is_empty()) else { return Ok(()) };
    // The clock may have been put back since it was asked for.
    let mut latest = last.last_event.max(found.record.last_event);
    for other in environment::all(call)? {
        let other = other.record;
        if other.application == last.application && other.id != last.id {
            if !other.is_terminated() {
                return Ok(());
            }
            latest = latest.max(other.last_event);
        }
    }
    // Who has read the last event of an environment asks for later ones.
    let after = Timestamp::from_millisecond(latest.as_millisecond() + 1).unwrap_or(Timestamp::MAX);
    delete(&Call { now: call.now.max(after), ..*call }, &found, batch)
}

/// The members of `ApplicationDescription`.
pub(crate) fn write(xml: &mut Xml, call: &Call<'_>, application: &Application) -> Result<(), Error> {
    let name = &application.name;
    let within = ApplicationVersion::record_name(call.region, name, "");
    let mut versions = record::list::<ApplicationVersion>(call.store, &within)?;
    // The newest first.
    versions.sort_by_key(|(_, found)| std::cmp::Reverse(found.record.created));
    let within = ConfigurationTemplate::record_name(call.region, name, "");
    let templates = record::list::<ConfigurationTemplate>(call.store, &within)?;
    xml.text("ApplicationArn", arn::of_application(call, name))
        .text("ApplicationName", name)
        .option("Description", Some(&application.description).filter(|text| !text.is_empty()))
        .time("DateCreated", application.created)
        .time("DateUpdated", application.updated)
        .texts("Versions", versions.iter().map(|(_, found)| &found.record.label))
        .texts("ConfigurationTemplates", templates.iter().map(|(_, found)| &found.record.name));
    write_lifecycle(xml, &application.lifecycle);
    Ok(())
}

/// `<Application>`, the answer of those that change one.
pub(crate) fn told(call: &Call<'_>, application: &Application) -> Result<Xml, Error> {
    let mut xml = Xml::query();
    let mut written = Ok(());
    xml.within("Application", |xml| written = write(xml, call, application));
    written.map(|()| xml)
}

/// `<ResourceLifecycleConfig>`: both rules are always there.
pub(crate) fn write_lifecycle(xml: &mut Xml, lifecycle: &Lifecycle) {
    let rule = |xml: &mut Xml, name: &str, limit: &str, rule: Option<LifecycleRule>, default: u32| {
        let off = LifecycleRule { is_enabled: false, limit: default, deletes_source: false };
        let rule = rule.unwrap_or(off);
        xml.within(name, |xml| {
            xml.text("Enabled", rule.is_enabled)
                .text(limit, rule.limit)
                .text("DeleteSourceFromS3", rule.deletes_source);
        });
    };
    xml.within("ResourceLifecycleConfig", |xml| {
        xml.option("ServiceRole", lifecycle.service_role.as_ref());
        xml.within("VersionLifecycleConfig", |xml| {
            rule(xml, "MaxCountRule", "MaxCount", lifecycle.most, MOST);
            rule(xml, "MaxAgeRule", "MaxAgeInDays", lifecycle.days, DAYS);
        });
    });
}
