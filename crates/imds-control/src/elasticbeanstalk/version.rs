//! Versions of applications: finding them and telling what they are.

use std::collections::BTreeSet;

use imds_core::environment::Severity;
use imds_store::record::{self, ApplicationVersion, Batch, Found};

use super::{arn, environment, event};
use crate::call::Call;
use crate::query::{Error, Xml};

/// The version of an application with this label.
///
/// # Errors
/// When there is none. `eb` goes by these words.
pub(crate) fn find(
    call: &Call<'_>,
    application: &str,
    label: &str,
) -> Result<Found<ApplicationVersion>, Error> {
    get(call, application, label)?
        .ok_or_else(|| Error::invalid_value(format!("No Application Version named '{label}' found.")))
}

/// Sees to it that a version that an environment is to run is there when the batch is committed: who deletes it meanwhile
/// has not seen the environment, and decides anew.
///
/// # Errors
/// As [`find`].
pub(crate) fn hold(call: &Call<'_>, application: &str, label: &str, batch: &mut Batch) -> Result<(), Error> {
    let found = find(call, application, label)?;
    batch.replace(&ApplicationVersion::record_name(call.region, application, label), &found, &found.record);
    Ok(())
}

/// The version of an application with this label, if there is one.
pub(crate) fn get(
    call: &Call<'_>,
    application: &str,
    label: &str,
) -> Result<Option<Found<ApplicationVersion>>, Error> {
    Ok(record::get(call.store, &ApplicationVersion::record_name(call.region, application, label))?)
}

/// Every version of an application, or of all of this region.
pub(crate) fn all(
    call: &Call<'_>,
    application: Option<&str>,
) -> Result<Vec<Found<ApplicationVersion>>, Error> {
    let prefix = match application {
        Some(application) => ApplicationVersion::record_name(call.region, application, ""),
        None => format!("{}/", call.region),
    };
    let all = record::list::<ApplicationVersion>(call.store, &prefix)?;
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

/// The labels that the environments of an application run, or are to run.
pub(crate) fn used(call: &Call<'_>, application: &str) -> Result<BTreeSet<String>, Error> {
    let environments = environment::of_application(call, application)?;
    let labels = environments.into_iter().flat_map(|found| {
        let next = found.record.work.and_then(|work| work.version);
        [found.record.version, next].into_iter().flatten()
    });
    Ok(labels.collect())
}

/// Adds to a batch that a version is deleted, with the event that tells it.
pub(crate) fn delete(
    call: &Call<'_>,
    found: &Found<ApplicationVersion>,
    batch: &mut Batch,
) -> Result<(), Error> {
    let ApplicationVersion { application, label, .. } = &found.record;
    batch.remove(&ApplicationVersion::record_name(call.region, application, label), found);
    let message = format!("Deleted Application Version: {label}");
    event::tell_of_application(call, application, batch, Severity::Info, message)
}

/// The members of `ApplicationVersionDescription`.
pub(crate) fn write(xml: &mut Xml, call: &Call<'_>, version: &ApplicationVersion) {
    let ApplicationVersion { application, label, .. } = version;
    xml.text("ApplicationVersionArn", arn::of_version(call, application, label))
        .text("ApplicationName", application)
        .option("Description", Some(&version.description).filter(|text| !text.is_empty()))
        .text("VersionLabel", label);
    if let Some((bucket, key)) = &version.source {
        xml.within("SourceBundle", |xml| {
            xml.text("S3Bucket", bucket).text("S3Key", key);
        });
    }
    xml.text("Process", version.is_processed)
        .time("DateCreated", version.created)
        .time("DateUpdated", version.updated)
        .text("Status", if version.is_processed { "Processed" } else { "Unprocessed" });
}

/// `<ApplicationVersion>`, the answer of those that change one.
pub(crate) fn told(call: &Call<'_>, version: &ApplicationVersion) -> Xml {
    let mut xml = Xml::query();
    xml.within("ApplicationVersion", |xml| write(xml, call, version));
    xml
}
