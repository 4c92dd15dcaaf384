//! What a call asks the options of: an environment, a template or a platform.

use imds_store::record::environment::Settings;
use imds_store::record::{ConfigurationTemplate, Environment};

use super::platform::{self, Platform};
use super::{application, environment, template};
use crate::call::Call;
use crate::query::{Error, Params};

/// What has settings.
pub(crate) enum Configuration {
    /// An environment.
    Environment(Box<Environment>),
    /// A template.
    Template(ConfigurationTemplate),
    /// A platform, on which nothing is chosen.
    Platform,
}

/// The configuration that a call names by `EnvironmentName` or `TemplateName` with `ApplicationName`, or by
/// `SolutionStackName` or `PlatformArn`; with it the platform.
///
/// # Errors
/// When there is no such thing, or two are named.
pub(crate) fn named(call: &Call<'_>, params: &Params) -> Result<(Configuration, Platform), Error> {
    let (environment, template) = (params.text("EnvironmentName"), params.text("TemplateName"));
    if environment.is_some() && template.is_some() {
        // The words are [assumed].
        return Err(Error::new(
            "InvalidParameterCombination",
            "You cannot specify both EnvironmentName and TemplateName.",
        ));
    }
    let given = of_platform(call, params)?;
    let application = params.text("ApplicationName");
    if let Some(name) = application {
        application::find(call, name)?;
    }
    if let Some(name) = environment {
        let found = environment::by(call, None, Some(name))?.record;
        if application.is_some_and(|application| application != found.application) {
            return Err(Error::invalid_value(format!(
                "No Environment found for EnvironmentName = '{name}'."
            )));
        }
        let platform = Platform::by_stack(&found.solution_stack)?;
        return Ok((Configuration::Environment(Box::new(found)), given.unwrap_or(platform)));
    }
    if let Some(name) = template {
        let found = template::find(call, params.need("ApplicationName")?, name)?.record;
        let platform = Platform::by_stack(&found.solution_stack)?;
        return Ok((Configuration::Template(found), given.unwrap_or(platform)));
    }
    let default = || Platform::by_stack(platform::DEFAULT);
    Ok((Configuration::Platform, given.map_or_else(default, Ok)?))
}

/// The platform that `SolutionStackName` or `PlatformArn` names, if one does.
///
/// # Errors
/// When there is no such platform, or both name one.
pub(crate) fn of_platform(call: &Call<'_>, params: &Params) -> Result<Option<Platform>, Error> {
    match (params.text("SolutionStackName"), params.text("PlatformArn")) {
        (Some(_), Some(_)) => Err(Error::new(
            // The words are [assumed].
            "InvalidParameterCombination",
            "You cannot specify both SolutionStackName and PlatformArn.",
        )),
        (Some(stack), None) => Platform::by_stack(stack).map(Some),
        (None, Some(arn)) => Platform::by_arn(call.region, arn).map(Some),
        (None, None) => Ok(None),
    }
}

impl Configuration {
    /// What was chosen.
    pub(crate) fn settings(&self) -> Settings {
        match self {
            Self::Environment(environment) => environment.settings.clone(),
            Self::Template(template) => template.settings.clone(),
            Self::Platform => Settings::default(),
        }
    }

    /// `WebServer` or `Worker`
    pub(crate) fn tier(&self) -> &str {
        match self {
            Self::Environment(environment) => &environment.tier,
            Self::Template(_) | Self::Platform => "WebServer",
        }
    }
}
