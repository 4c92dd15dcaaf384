//! `CreateEnvironment`: an environment whose launch begins (docs/elastic-beanstalk.md).

use std::collections::BTreeMap;

use imds_core::Timestamp;
use imds_core::environment::{Health, Severity, Status};
use imds_store::record::environment::{Settings, Task};
use imds_store::record::{Application, Batch, Environment, EnvironmentCname, EnvironmentName};

use super::option::Change;
use super::platform::{self, Platform};
use super::{application, constraint, environment, event, tags, template, version};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let application = constraint::application_name(params)?;
    let name = name(params)?;
    let tier = tier(params)?.unwrap_or("WebServer");
    let description = constraint::description(params)?.unwrap_or_default();
    let mut batch = Batch::default();
    let found = application::find(call, application)?;
    if !found.record.deletions.is_empty() {
        // The words are [assumed].
        return Err(Error::invalid_value(format!("Application {application} is being deleted.")));
    }
    if let Some(label) = params.text("VersionLabel") {
        version::hold(call, application, label, &mut batch)?;
    }
    let (platform, from) = chosen(call, application, params)?;
    let settings = Change::read(params)?.apply(&platform, &from)?;
    let tags = own_tags(params)?;
    if environment::by_name(call, &name)?.is_some() {
        return Err(Error::invalid_value(format!("Environment {name} already exists.")));
    }
    let cname_prefix = if tier == "Worker" { String::new() } else { cname_prefix(call, params, &name)? };
    let id = format!("e-{}", environment::random(10)?);
    let suffix = environment::random(12)?.to_ascii_uppercase();
    let mut new = Environment {
        group: format!("awseb-{id}-stack-AWSEBAutoScalingGroup-{suffix}"),
        name,
        region: call.region.to_owned(),
        application: application.to_owned(),
        description: description.to_owned(),
        version: params.text("VersionLabel").map(str::to_owned),
        solution_stack: platform.stack(),
        tier: tier.to_owned(),
        cname_prefix,
        created: call.now,
        updated: call.now,
        status: Status::Launching.to_string(),
        health: Health::Grey.to_string(),
        settings,
        template: None,
        template_version: 0,
        old_template_versions: Vec::new(),
        is_unlaunched: true,
        instances: Vec::new(),
        endpoint: None,
        template_name: params.text("TemplateName").map(str::to_owned),
        operations_role: params.text("OperationsRole").map(str::to_owned),
        work: None,
        last_event: Timestamp::UNIX_EPOCH,
        tags,
        id,
    };
    environment::begin(call, &mut new, Task::Create, Status::Launching);
    // Who deletes the application meanwhile has not seen the environment.
    batch.replace(&Application::record_name(call.region, application), &found, &found.record);
    batch.create(&environment::name_key(call, &new.name), &EnvironmentName { id: new.id.clone() });
    if !new.cname_prefix.is_empty() {
        let key = environment::cname_key(call, &new.cname_prefix);
        batch.create(&key, &EnvironmentCname { id: new.id.clone() });
    }
    event::tell(call, &mut new, &mut batch, Severity::Info, "createEnvironment is starting.");
    let bucket = format!(
        "Using elasticbeanstalk-{}-{} as Amazon S3 storage bucket for environment data.",
        call.region, call.account
    );
    event::tell(call, &mut new, &mut batch, Severity::Info, bucket);
    batch.create(&Environment::record_name(call.region, &new.id), &new);
    Ok(Outcome { body: environment::told(call, &new), batch })
}

/// `EnvironmentName`; one that ends with `+` has the name of its group after a hyphen (Elastic Beanstalk Developer Guide,
/// "Environment manifest").
fn name(params: &Params) -> Result<String, Error> {
    let name = params.need("EnvironmentName")?;
    let name = match (name.strip_suffix('+'), params.text("GroupName")) {
        (Some(name), Some(group)) => format!("{name}-{group}"),
        (Some(_), None) | (None, _) => name.to_owned(),
    };
    check("EnvironmentName", &name, 40)?;
    Ok(name)
}

/// Letters, digits and hyphens, the latter not at the ends. The words are AWS's but for the length, of which they are
/// [assumed].
fn check(parameter: &str, text: &str, most: usize) -> Result<(), Error> {
    let refused = |must: &str| {
        Err(Error::invalid_value(format!(
            "Value {text} at '{parameter}' failed to satisfy constraint: {must}"
        )))
    };
    let is_fit = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_fit || text.starts_with('-') || text.ends_with('-') {
        return refused(
            "Member must contain only letters, digits, and the dash character and may not start or end with a dash",
        );
    }
    if !(4..=most).contains(&text.len()) {
        return refused(&format!("Member must be from 4 to {most} characters long"));
    }
    Ok(())
}

/// `Tier`: its name, if it says one.
pub(super) fn tier(params: &Params) -> Result<Option<&'static str>, Error> {
    let tier = params.under("Tier");
    let (name, kind) = (tier.text("Name"), tier.text("Type"));
    match (name, kind) {
        (None, None) => Ok(None),
        (Some("WebServer"), None | Some("Standard")) | (None, Some("Standard")) => Ok(Some("WebServer")),
        (Some("Worker"), None | Some("SQS/HTTP")) | (None, Some("SQS/HTTP")) => Ok(Some("Worker")),
        // The words are [assumed].
        (name, kind) => Err(Error::invalid_value(format!(
            "Environment tier definition not found for: Tier(Name: {}, Type: {})",
            name.unwrap_or_default(),
            kind.unwrap_or_default()
        ))),
    }
}

/// The platform that the call names in one of several ways or leaves open, and the settings to start from.
fn chosen(call: &Call<'_>, application: &str, params: &Params) -> Result<(Platform, Settings), Error> {
    let (stack, arn) = (params.text("SolutionStackName"), params.text("PlatformArn"));
    let name = params.text("TemplateName");
    // `eb clone` names the original so.
    let original = params.text("TemplateSpecification.TemplateSource.EnvironmentName");
    let original = original.map(|name| environment::by(call, None, Some(name))).transpose()?;
    let (of_original, settings) = match original {
        Some(found) => (Some(found.record.solution_stack), found.record.settings),
        None => (None, Settings::default()),
    };
    match (stack, arn, name) {
        (Some(stack), None, None) => Ok((Platform::by_stack(stack)?, settings)),
        (None, Some(arn), None) => Ok((Platform::by_arn(call.region, arn)?, settings)),
        (None, None, Some(name)) => {
            let template = template::find(call, application, name)?.record;
            Ok((Platform::by_stack(&template.solution_stack)?, template.settings))
        }
        // AWS asks for one of them; that there is a default is [assumed].
        (None, None, None) => {
            Ok((Platform::by_stack(of_original.as_deref().unwrap_or(platform::DEFAULT))?, settings))
        }
        // The words are [assumed].
        (_, _, _) => Err(Error::new(
            "InvalidParameterCombination",
            "Only one of SolutionStackName, PlatformArn and TemplateName can be specified.",
        )),
    }
}

/// `Tags`
fn own_tags(params: &Params) -> Result<BTreeMap<String, String>, Error> {
    let tags = tags::read(params, "Tags")?;
    tags::limit(&tags, tags::MOST_OF_ENVIRONMENT)?;
    Ok(tags)
}

/// `CNAMEPrefix`, else the name and something random.
fn cname_prefix(call: &Call<'_>, params: &Params, name: &str) -> Result<String, Error> {
    let Some(prefix) = params.text("CNAMEPrefix") else {
        return Ok(format!("{name}.eba-{}", environment::random(8)?));
    };
    check("CNAMEPrefix", prefix, 63)?;
    if environment::is_cname_free(call, prefix)? {
        return Ok(prefix.to_owned());
    }
    Err(Error::invalid_value(format!("DNS name ({prefix}) is not available.")))
}
