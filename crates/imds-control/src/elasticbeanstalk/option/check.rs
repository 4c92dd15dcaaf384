//! Is what was chosen a value of its option? The words of refusals are AWS's where they are known: for what is unknown
//! and for what is not one of the values that there are. The rest is [assumed].

use imds_store::Store;
use imds_store::record::InstanceProfile;
use imds_store::record::environment::Settings;

use super::spec::{Spec, Values};
use super::{Setting, find, is_true, value as chosen};
use crate::ec2::instance_type;
use crate::ec2::profile::by_arn;
use crate::elasticbeanstalk::platform::Platform;
use crate::query::Error;

/// Where any name can be chosen.
const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";
/// Of all of those together.
const MOST_BYTES: usize = 4_096;

/// What is wrong with an option, as `ValidateConfigurationSettings` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// What is wrong.
    pub(crate) message: String,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let message = format!("Configuration validation exception: {}", fault.message);
        Self::new("ConfigurationValidationException", message)
    }
}

impl Fault {
    fn of_option(namespace: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): {why}");
        Self { namespace: namespace.to_owned(), name: name.to_owned(), message }
    }

    fn of_value(setting: &Setting, why: &str) -> Self {
        let Setting { namespace, name, value, .. } = setting;
        let message = format!(
            "Invalid option value: '{value}' (Namespace: '{namespace}', OptionName: '{name}'): {why}"
        );
        Self { namespace: namespace.clone(), name: name.clone(), message }
    }
}

/// The option of this name.
pub(super) fn known(platform: &Platform, namespace: &str, name: &str) -> Result<&'static Spec, Fault> {
    find(platform, namespace, name)
        .ok_or_else(|| Fault::of_option(namespace, name, "Unknown configuration setting."))
}

/// Is it an option of the platform, with a value that it can have?
pub(super) fn setting(platform: &Platform, setting: &Setting) -> Result<(), Fault> {
    let spec = known(platform, &setting.namespace, &setting.name)?;
    value(spec, &setting.value).map_err(|why| Fault::of_value(setting, &why))
}

/// Is it a value of the option? Else why not.
pub(super) fn value(spec: &Spec, value: &str) -> Result<(), String> {
    let length = value.chars().count();
    match spec.values {
        Values::Flag if is_true(value) || value.eq_ignore_ascii_case("false") => Ok(()),
        Values::Flag => Err(not_among(["true", "false"])),
        Values::OneOf(words) if words.contains(&value) => Ok(()),
        Values::OneOf(words) => Err(not_among(words)),
        // What has no default can be empty: Terraform sends that for what is not set.
        _ if value.is_empty() => Ok(()),
        Values::Number(least, most) => match value.parse::<i64>() {
            Ok(number) if number < least => Err(format!("Value is less than minimum allowed value: {least}")),
            Ok(number) if number > most => {
                Err(format!("Value is greater than maximum allowed value: {most}"))
            }
            Ok(_) => Ok(()),
            Err(_) => Err("Value is not a valid integer".to_owned()),
        },
        Values::Text(Some(most)) if length > most => Err(format!("Value exceeds maximum length: {most}")),
        Values::Text(_) | Values::List => Ok(()),
        Values::InstanceType => one_type(value),
        Values::InstanceTypes => value.split(',').map(str::trim).try_for_each(one_type),
        Values::Pattern(pattern, _, is_fit) if !is_fit(value) => {
            Err(format!("Value does not match the regular expression: {pattern}"))
        }
        Values::Pattern(..) => Ok(()),
    }
}

fn one_type(name: &str) -> Result<(), String> {
    instance_type::check(name).map_err(|_| format!("Value is not an instance type: {name}"))
}

fn not_among<'w>(words: impl IntoIterator<Item = &'w (impl AsRef<str> + ?Sized + 'w)>) -> String {
    let words: Vec<_> = words.into_iter().map(AsRef::as_ref).collect();
    format!("Value is not one of the allowed values: [{}]", words.join(", "))
}

/// Environment properties have 4,096 bytes at most, written as `KEY=VALUE` (Elastic Beanstalk Developer Guide,
/// "Environment properties and other software settings"): the first that is too much, and why.
fn too_much(settings: &Settings) -> Option<(&str, String)> {
    let mut size = 0;
    let properties = settings.iter().filter(|(namespace, ..)| *namespace == PROPERTIES);
    let first = properties.into_iter().find(|(_, name, value)| {
        size += name.len() + 1 + value.len();
        size > MOST_BYTES
    });
    first.map(|(_, name, _)| (name, format!("All properties together exceed {MOST_BYTES} bytes")))
}

/// Do values fit one another?
pub(super) fn together(platform: &Platform, settings: &Settings) -> Result<(), Fault> {
    const MANAGED: (&str, &str) = ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled");
    let value = |namespace, name| chosen(platform, settings, namespace, name);
    let is_managed = value(MANAGED.0, MANAGED.1).is_some_and(|value| is_true(&value));
    let health = value("aws:elasticbeanstalk:healthreporting:system", "SystemType");
    if is_managed && health.as_deref() != Some("enhanced") {
        return Err(Fault::of_option(
            MANAGED.0,
            MANAGED.1,
            "Managed platform updates require enhanced health reporting (option SystemType in namespace \
             aws:elasticbeanstalk:healthreporting:system).",
        ));
    }
    if let Some((name, why)) = too_much(settings) {
        return Err(Fault::of_option(PROPERTIES, name, &why));
    }
    let size = |name| value("aws:autoscaling:asg", name).and_then(|size| size.parse::<i64>().ok());
    if let (Some(least), Some(most)) = (size("MinSize"), size("MaxSize"))
        && least > most
        && !super::is_single(settings)
    {
        let why = format!("MinSize {least} is larger than MaxSize {most}");
        return Err(Fault::of_option("aws:autoscaling:asg", "MinSize", &why));
    }
    Ok(())
}

/// What is wrong with the instance profile, in the words of the event that tells it: AWS takes the option as it comes, and
/// the launch fails. `None` if it is there, or if none was chosen.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn missing_profile(
    store: &dyn Store,
    account: &str,
    settings: &Settings,
) -> Result<Option<String>, Error> {
    let profile = settings.get("aws:autoscaling:launchconfiguration", "IamInstanceProfile");
    let Some(profile) = profile.filter(|profile| !profile.is_empty()) else { return Ok(None) };
    // By its ARN or by its name.
    let is_arn = profile.starts_with("arn:");
    if is_arn && !profile.contains(":instance-profile/") {
        return Ok(Some(format!(
            "The instance profile {profile} associated with the environment is invalid."
        )));
    }
    let found = match is_arn {
        true => by_arn(store, account, profile)?,
        false => InstanceProfile::find(store, profile)?,
    };
    Ok(found
        .is_none()
        .then(|| format!("The instance profile {profile} associated with the environment does not exist.")))
}
