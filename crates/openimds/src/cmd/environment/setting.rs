//! Options of environments: as they are chosen, and what `DescribeConfigurationSettings` tells of the one that matters here.

use imds_core::options::Switch;
use serde::Serialize;

use super::call;
use super::description::Description;
use crate::admin::{Admin, Element, Error, Form};
use crate::args::environment::Setting;

/// Options of an environment's instances.
pub(super) const INSTANCES: &str = "aws:autoscaling:launchconfiguration";
/// The box of AWS's console that turns IMDSv1 off.
const DISABLE: &str = "DisableIMDSv1";

/// Do an environment's instances answer IMDSv1? `None` where that is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Imdsv1 {
    /// Those that are there.
    #[serde(rename = "IMDSv1", serialize_with = "word")]
    pub(super) deployed: Option<Switch>,
    /// Those that an update is about to launch, while one runs or after it failed.
    #[serde(rename = "IMDSv1Pending", serialize_with = "word")]
    pub(super) pending: Option<Switch>,
}

/// The value of an option.
pub(super) fn setting(namespace: &str, name: &str, value: impl ToString) -> Setting {
    Setting { namespace: namespace.to_owned(), name: name.to_owned(), value: value.to_string() }
}

/// `--imdsv1`, which is the option turned round.
pub(super) fn imdsv1(switch: Switch) -> Setting {
    setting(INSTANCES, DISABLE, switch == Switch::Disabled)
}

/// With option settings.
///
/// # Errors
/// When one option has two values.
pub(super) fn with(form: Form, settings: &[Setting]) -> Result<Form, String> {
    let is_same =
        |one: &Setting, other: &Setting| (&one.namespace, &one.name) == (&other.namespace, &other.name);
    let mut rest = settings;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| is_same(first, other)) {
            return Err(format!("{}:{} is given twice: leave out one of them", first.namespace, first.name));
        }
        rest = others;
    }
    Ok(settings.iter().zip(1..).fold(form, |form, (setting, number)| {
        let name = |part| format!("OptionSettings.member.{number}.{part}");
        form.with(name("Namespace"), &setting.namespace)
            .with(name("OptionName"), &setting.name)
            .with(name("Value"), &setting.value)
    }))
}

/// What is told of an environment.
pub(super) fn told(admin: &Admin, environment: &Description) -> Result<Imdsv1, Error> {
    // What is gone has no settings.
    if environment.is_terminated() {
        return Ok(Imdsv1::default());
    }
    let form = Form::default()
        .with("ApplicationName", &environment.application_name)
        .with("EnvironmentName", &environment.environment_name);
    call(admin, "DescribeConfigurationSettings", &form).map(|answer| read(&answer.result))
}

fn read(result: &Element) -> Imdsv1 {
    let of = |status: &str| {
        let mut all = result.members("ConfigurationSettings");
        value(all.find(|settings| settings.text("DeploymentStatus") == Some(status))?)
    };
    Imdsv1 { deployed: of("deployed"), pending: of("pending").or_else(|| of("failed")) }
}

fn value(settings: &Element) -> Option<Switch> {
    let mut options = settings.members("OptionSettings");
    let ours = options.find(|option| {
        (option.text("Namespace"), option.text("OptionName")) == (Some(INSTANCES), Some(DISABLE))
    })?;
    match ours.text("Value")?.to_ascii_lowercase().as_str() {
        "true" => Some(Switch::Disabled),
        "false" => Some(Switch::Enabled),
        _ => None,
    }
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn word<S: serde::Serializer>(switch: &Option<Switch>, serializer: S) -> Result<S::Ok, S::Error> {
    switch.map(Switch::as_str).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(status: &str, value: &str) -> String {
        format!(
            "<member><DeploymentStatus>{status}</DeploymentStatus><OptionSettings><member><Namespace>{INSTANCES}</Namespace>\
             <OptionName>EC2KeyName</OptionName></member><member><Namespace>{INSTANCES}</Namespace><OptionName>{DISABLE}\
             </OptionName><Value>{value}</Value></member></OptionSettings></member>"
        )
    }

    #[test]
    fn the_box_is_read_of_what_is_deployed_and_of_what_is_coming() {
        let (on, off) = (Some(Switch::Enabled), Some(Switch::Disabled));
        for (entries, deployed, pending) in [
            (entry("deployed", "true"), off, None),
            (entry("deployed", "False"), on, None),
            (entry("deployed", "true") + &entry("pending", "false"), off, on),
            (entry("deployed", "false") + &entry("failed", "true"), on, off),
            (entry("deployed", "x"), None, None),
            (String::new(), None, None),
        ] {
            let document = format!("<R><ConfigurationSettings>{entries}</ConfigurationSettings></R>");
            let told = read(&Element::parse(&document).unwrap());
            assert_eq!(told, Imdsv1 { deployed, pending }, "{entries}");
        }
        let told = serde_json::to_string(&Imdsv1 { deployed: on, pending: None }).unwrap();
        assert_eq!(told, r#"{"IMDSv1":"enabled","IMDSv1Pending":null}"#);
    }

    #[test]
    fn an_option_is_given_once() {
        let twice = [imdsv1(Switch::Enabled), setting("a", "b", 1), setting(INSTANCES, DISABLE, "true")];
        let why = with(Form::default(), &twice).unwrap_err();
        assert!(why.starts_with("aws:autoscaling:launchconfiguration:DisableIMDSv1 is given twice"), "{why}");
        let form = with(Form::default(), &twice[..2]).unwrap().encode("X", "V");
        insta::assert_snapshot!(form.replace('&', "\n"), @r"
        Action=X
        Version=V
        OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration
        OptionSettings.member.1.OptionName=DisableIMDSv1
        OptionSettings.member.1.Value=false
        OptionSettings.member.2.Namespace=a
        OptionSettings.member.2.OptionName=b
        OptionSettings.member.2.Value=1
        ");
    }
}
