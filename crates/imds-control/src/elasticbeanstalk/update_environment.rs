//! `UpdateEnvironment`: a draft of what an environment is to be (docs/elastic-beanstalk.md).

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::{Settings, Task};
use imds_store::record::{Batch, Environment};

use super::create_environment::tier;
use super::option::Change;
use super::platform::Platform;
use super::{constraint, environment, event, template, version};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = environment::named(call, params)?;
    let mut changed = found.record.clone();
    if let Some(application) = params.text("ApplicationName").filter(|name| *name != changed.application) {
        // The words are [assumed].
        let why = format!("Environment {} does not belong to application {application}.", changed.name);
        return Err(Error::invalid_value(why));
    }
    environment::ready(&changed)?;
    if tier(params)?.is_some_and(|tier| tier != changed.tier) {
        // The words are [assumed].
        return Err(Error::invalid_value("The tier of an environment cannot be changed."));
    }
    let change = Change::read(params)?;
    let mut batch = Batch::default();
    let label = label(call, &changed, params, &change, &mut batch)?;
    let (platform, from) = platform(call, &changed, params)?;
    let settings = change.apply(&platform, &from)?;
    let description = constraint::description(params)?.map(str::to_owned);
    let work = environment::begin(call, &mut changed, Task::Update, Status::Updating);
    work.settings = settings;
    work.solution_stack = platform.stack();
    work.version = label;
    work.description = description;
    event::tell(call, &mut changed, &mut batch, Severity::Info, "Environment update is starting.");
    batch.replace(&Environment::record_name(call.region, &changed.id), &found, &changed);
    Ok(Outcome { body: environment::told(call, &changed), batch })
}

/// The label of the version that is to run.
fn label(
    call: &Call<'_>,
    environment: &Environment,
    params: &Params,
    change: &Change,
    batch: &mut Batch,
) -> Result<Option<String>, Error> {
    let Some(label) = params.text("VersionLabel") else { return Ok(environment.version.clone()) };
    let is_configured = !change.is_empty()
        || ["TemplateName", "SolutionStackName", "PlatformArn"]
            .iter()
            .any(|name| params.text(name).is_some());
    if is_configured {
        // The code is AWS's, the words are [assumed].
        return Err(Error::new(
            "InvalidParameterCombination",
            "The version and the configuration of an environment cannot be updated at the same time.",
        ));
    }
    version::hold(call, &environment.application, label, batch)?;
    Ok(Some(label.to_owned()))
}

/// The platform that the environment is to have, and the settings that are changed.
fn platform(
    call: &Call<'_>,
    environment: &Environment,
    params: &Params,
) -> Result<(Platform, Settings), Error> {
    let present = Platform::by_stack(&environment.solution_stack)?;
    let (stack, arn) = (params.text("SolutionStackName"), params.text("PlatformArn"));
    let template = params.text("TemplateName");
    let (platform, settings) = match (stack, arn, template) {
        (None, None, None) => return Ok((present, environment.settings.clone())),
        (Some(stack), None, None) => (Platform::by_stack(stack)?, environment.settings.clone()),
        (None, Some(arn), None) => (Platform::by_arn(call.region, arn)?, environment.settings.clone()),
        (None, None, Some(name)) => {
            let template = template::find(call, &environment.application, name)?.record;
            (Platform::by_stack(&template.solution_stack)?, template.settings)
        }
        // The words are [assumed].
        (_, _, _) => {
            return Err(Error::new(
                "InvalidParameterCombination",
                "Only one of SolutionStackName, PlatformArn and TemplateName can be specified.",
            ));
        }
    };
    // AWS changes between versions and branches of one platform. The words are [assumed].
    if platform.branch.platform != present.branch.platform {
        return Err(Error::invalid_value(format!(
            "The platform of environment {} cannot be changed from {} to {}.",
            environment.name,
            present.stack(),
            platform.stack()
        )));
    }
    Ok((platform, settings))
}
