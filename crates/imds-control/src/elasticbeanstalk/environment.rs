//! Environments: finding them and telling what they are (docs/elastic-beanstalk.md).

use std::time::Duration;

use imds_core::environment::{Health, Status};
use imds_core::{Timestamp, partition};
use imds_store::record::environment::{Phase, Task, Work};
use imds_store::record::{self, Environment, EnvironmentCname, EnvironmentName, Found};

use super::option;
use super::platform::Platform;
use crate::call::{Call, random_hex};
use crate::query::{Error, Params, Xml};

/// The environment that `EnvironmentId`, `EnvironmentName` or both name, unless it is terminated.
///
/// # Errors
/// When neither is there, or there is no such environment.
pub(crate) fn named(call: &Call<'_>, params: &Params) -> Result<Found<Environment>, Error> {
    by(call, params.text("EnvironmentId"), params.text("EnvironmentName"))
}

/// The environment with this id, this name or both, unless it is terminated.
pub(crate) fn by(call: &Call<'_>, id: Option<&str>, name: Option<&str>) -> Result<Found<Environment>, Error> {
    let Some(id) = id else {
        let name = name.ok_or_else(|| {
            // The code is AWS's, the words are [assumed].
            Error::new(
                "MissingRequiredParameter",
                "You must specify either EnvironmentId or EnvironmentName.",
            )
        })?;
        return by_name(call, name)?.ok_or_else(|| unknown("EnvironmentName", name));
    };
    let found = by_id(call, id)?.filter(|found| !found.record.is_terminated());
    let found = found.ok_or_else(|| unknown("EnvironmentId", id))?;
    match name {
        Some(name) if name != found.record.name => Err(unknown("EnvironmentName", name)),
        Some(_) | None => Ok(found),
    }
}

fn unknown(parameter: &str, value: &str) -> Error {
    Error::invalid_value(format!("No Environment found for {parameter} = '{value}'."))
}

/// The environment with this id, be it terminated or not.
pub(crate) fn by_id(call: &Call<'_>, id: &str) -> Result<Option<Found<Environment>>, Error> {
    Ok(record::get(call.store, &Environment::record_name(call.region, id))?)
}

/// The environment with this name, unless it is terminated: its name is free from then on.
pub(crate) fn by_name(call: &Call<'_>, name: &str) -> Result<Option<Found<Environment>>, Error> {
    match record::get::<EnvironmentName>(call.store, &name_key(call, name))? {
        Some(found) => by_id(call, &found.record.id),
        None => Ok(None),
    }
}

/// Every environment of this region, terminated ones too. One that is damaged is left out and logged: the others are not to
/// suffer for it. Who asks for it by its name or id finds it, and that it is.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Found<Environment>>, Error> {
    let all = record::each::<Environment>(call.store, &Environment::record_name(call.region, ""))?;
    let whole = all.filter_map(|(_, found)| match found {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::error!(%error, "an environment is left out");
            None
        }
    });
    Ok(whole.collect())
}

/// The environments of an application that are not terminated.
pub(crate) fn of_application(call: &Call<'_>, application: &str) -> Result<Vec<Found<Environment>>, Error> {
    let is_its =
        |environment: &Environment| environment.application == application && !environment.is_terminated();
    Ok(all(call)?.into_iter().filter(|found| is_its(&found.record)).collect())
}

/// Where the store keeps which environment has a name.
pub(crate) fn name_key(call: &Call<'_>, name: &str) -> String {
    format!("{}/{name}", call.region)
}

/// Where the store keeps which environment has the first part of a host name, in which case does not matter.
pub(crate) fn cname_key(call: &Call<'_>, prefix: &str) -> String {
    format!("{}/{}", call.region, prefix.to_ascii_lowercase())
}

/// Is the first part of a host name free?
pub(crate) fn is_cname_free(call: &Call<'_>, prefix: &str) -> Result<bool, Error> {
    Ok(record::get::<EnvironmentCname>(call.store, &cname_key(call, prefix))?.is_none())
}

/// The host name with this first part.
pub(crate) fn cname(region: &str, prefix: &str) -> String {
    format!("{prefix}.{region}.elasticbeanstalk.com")
}

/// `arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/APPLICATION/NAME`
pub(crate) fn arn(call: &Call<'_>, environment: &Environment) -> String {
    let Environment { region, application, name, .. } = environment;
    format!(
        "arn:{}:elasticbeanstalk:{region}:{}:environment/{application}/{name}",
        partition(region),
        call.account
    )
}

/// Refuses what is being changed. The words are AWS's.
pub(crate) fn ready(environment: &Environment) -> Result<(), Error> {
    if environment.status == Status::Ready.as_str() {
        return Ok(());
    }
    Err(Error::invalid_value(format!(
        "Environment named {} is in an invalid state for this operation. Must be Ready.",
        environment.name
    )))
}

/// Begins to do something to an environment: what is not said stays as it is, and the first step is due at once.
pub(crate) fn begin<'e>(
    call: &Call<'_>,
    environment: &'e mut Environment,
    task: Task,
    status: Status,
) -> &'e mut Work {
    environment.status = status.to_string();
    environment.health = Health::Grey.to_string();
    environment.updated = call.now;
    environment.work.insert(Work {
        task,
        phase: Phase::Begun,
        request_id: call.request_id.to_owned(),
        due: call.now,
        settings: environment.settings.clone(),
        solution_stack: environment.solution_stack.clone(),
        version: environment.version.clone(),
        description: None,
        launched: Vec::new(),
        template_version: 0,
        followers: Vec::new(),
        keeps_resources: false,
    })
}

/// Can what is being done be aborted? That is an update that has not failed already.
pub(crate) fn is_abortable(environment: &Environment) -> bool {
    let work = environment.work.as_ref();
    work.is_some_and(|work| work.task == Task::Update && work.phase != Phase::Failed)
}

/// `HealthStatus`: what the colour means. Which of AWS's words stands for which is [assumed] where its guide names several
/// for one colour.
pub(crate) fn health_status(environment: &Environment) -> &'static str {
    match (environment.health.parse(), environment.status.parse()) {
        (Ok(Health::Green), _) => "Ok",
        (Ok(Health::Yellow), _) => "Warning",
        (Ok(Health::Red), _) => "Severe",
        (Ok(Health::Grey), Ok(Status::Launching)) => "Pending",
        (Ok(Health::Grey), Ok(Status::Updating | Status::Aborting)) => "Info",
        (Ok(Health::Grey), Ok(Status::Ready | Status::Terminating | Status::Terminated) | Err(_)) => "NoData",
        (Err(_), _) => "Unknown",
    }
}

/// `<Tier>`: name, type and version of the kind of environment.
pub(crate) fn write_tier(xml: &mut Xml, environment: &Environment) {
    let kind = if environment.tier == "Worker" { "SQS/HTTP" } else { "Standard" };
    xml.within("Tier", |xml| {
        xml.text("Name", &environment.tier).text("Type", kind).text("Version", "1.0");
    });
}

/// `SolutionStackName` and `PlatformArn`: clients read the one or the other.
pub(crate) fn write_platform(xml: &mut Xml, region: &str, solution_stack: &str) {
    xml.text("SolutionStackName", solution_stack);
    // What was kept was a platform when it was.
    if let Ok(platform) = Platform::by_stack(solution_stack) {
        xml.text("PlatformArn", platform.arn(region));
    }
}

/// The members of `EnvironmentDescription`.
pub(crate) fn write(xml: &mut Xml, call: &Call<'_>, environment: &Environment) {
    xml.text("EnvironmentName", &environment.name)
        .text("EnvironmentId", &environment.id)
        .text("ApplicationName", &environment.application)
        .option("VersionLabel", environment.version.as_ref());
    write_platform(xml, &environment.region, &environment.solution_stack);
    let cname = || cname(&environment.region, &environment.cname_prefix);
    xml.option("TemplateName", environment.template_name.as_ref())
        .option("Description", Some(&environment.description).filter(|text| !text.is_empty()))
        .option("EndpointURL", environment.endpoint.as_ref())
        // A worker serves nobody.
        .option("CNAME", Some(&environment.cname_prefix).filter(|prefix| !prefix.is_empty()).map(|_| cname()))
        .time("DateCreated", environment.created)
        .time("DateUpdated", environment.updated)
        .text("Status", &environment.status)
        .text("AbortableOperationInProgress", is_abortable(environment))
        .text("Health", &environment.health);
    // What was kept was a platform when it was.
    let platform = Platform::by_stack(&environment.solution_stack);
    if platform.is_ok_and(|platform| option::is_enhanced(&platform, &environment.settings)) {
        xml.text("HealthStatus", health_status(environment));
    }
    write_tier(xml, environment);
    xml.empty("EnvironmentLinks")
        .text("EnvironmentArn", arn(call, environment))
        .option("OperationsRole", environment.operations_role.as_ref());
}

/// An answer that describes one environment.
pub(crate) fn told(call: &Call<'_>, environment: &Environment) -> Xml {
    let mut xml = Xml::query();
    write(&mut xml, call, environment);
    xml
}

/// When something that begins now has had its time.
pub(crate) fn later(call: &Call<'_>) -> Timestamp {
    after(call, call.now)
}

/// When something that began then has had its time: later than then, whatever the delay.
pub(crate) fn after(call: &Call<'_>, then: Timestamp) -> Timestamp {
    let delay = call.environment_delay.max(Duration::from_millis(1));
    then.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// Is something due? What is later than one delay from now was set before the clock was put back, or the delay was made
/// shorter: it is not waited for.
pub(crate) fn is_due(call: &Call<'_>, due: Timestamp) -> bool {
    due <= call.now || due > later(call)
}

/// Random small letters and digits.
pub(crate) fn random(length: usize) -> Result<String, Error> {
    let mut number = u128::from_str_radix(&random_hex()?, 16).map_err(|_| Error::internal())?;
    let digits = (0..length).map(|_| {
        let digit = usize::try_from(number % 36).unwrap_or_default();
        number /= 36;
        char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[digit])
    });
    Ok(digits.collect())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_store::record::{self, Environment};
    use imds_store::store::{Effect, Expected, Write};

    use crate::testing::{beanstalk, door};

    #[tokio::test]
    async fn one_that_is_damaged_is_left_out_of_lists_and_is_our_error_by_its_name() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=shop").await;
        for name in ["shop-one", "shop-two"] {
            let form = format!(
                "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName={name}&SolutionStackName=\
                 64bit+Amazon+Linux+2023+v4.7.0+running+Python+3.11"
            );
            let (status, document) = beanstalk(&door, &form).await;
            assert_eq!(status, StatusCode::OK, "{document}");
        }
        let all = record::list::<Environment>(&*door.store, "").unwrap();
        let (name, found) = all.iter().find(|(_, found)| found.record.name == "shop-two").unwrap();
        let effect = Effect::Set(b"{".as_slice().into());
        let write = Write { key: record::key::<Environment>(name), expected: Expected::Any, effect };
        door.store.commit(&[write]).unwrap();
        let (status, document) = beanstalk(&door, "Action=DescribeEnvironments").await;
        assert_eq!((status, document.matches("<EnvironmentId>").count()), (StatusCode::OK, 1), "{document}");
        assert!(document.contains("shop-one"), "{document}");
        for (by, expected) in [
            ("EnvironmentName=shop-one".to_owned(), StatusCode::OK),
            ("EnvironmentName=shop-two".to_owned(), StatusCode::INTERNAL_SERVER_ERROR),
            (format!("EnvironmentId={}", found.record.id), StatusCode::INTERNAL_SERVER_ERROR),
            ("EnvironmentName=shop-six".to_owned(), StatusCode::BAD_REQUEST),
        ] {
            let (status, document) = beanstalk(&door, &format!("Action=TerminateEnvironment&{by}")).await;
            assert_eq!(status, expected, "{by} {document}");
        }
    }
}
