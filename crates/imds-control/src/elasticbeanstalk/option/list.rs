//! The options of an environment, of a template or of a platform, all of them, with their values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use imds_store::record::environment::Settings;

use super::spec::{Spec, Values};
use super::{find, plain_name, table};
use crate::ec2::instance_type;
use crate::elasticbeanstalk::platform::Platform;
use crate::query::Xml;

/// An option, with what it is here.
#[derive(Debug, Clone)]
pub(crate) struct Listed<'s> {
    /// `aws:autoscaling:asg`
    pub(crate) namespace: &'s str,
    /// `MinSize`
    pub(crate) name: &'s str,
    /// `AWSEBAutoScalingGroup`
    pub(crate) resource: Option<&'s str>,
    /// What was chosen, else the default.
    pub(crate) value: Option<Cow<'s, str>>,
    /// Was the option itself named by its owner, as an environment property is?
    pub(crate) is_own: bool,
    spec: Option<&'static Spec>,
}

/// Every option of an environment of this tier with these settings, and whatever else was chosen, in the order of names.
pub(crate) fn listed<'s>(platform: &Platform, settings: &'s Settings, tier: &str) -> Vec<Listed<'s>> {
    let mut all = BTreeMap::new();
    let specs = table::all().filter(|spec| spec.is_on(platform) && !spec.is_open());
    for spec in specs.filter(|spec| spec.is_of(settings, tier)) {
        let listed = Listed {
            namespace: spec.namespace,
            name: spec.name,
            resource: spec.resource,
            value: spec.default(platform, settings).map(Cow::Borrowed),
            is_own: false,
            spec: Some(spec),
        };
        all.insert((spec.namespace, spec.name, ""), listed);
    }
    for (namespace, stored, value) in settings.iter() {
        let (resource, name) = plain_name(namespace, stored);
        let spec = find(platform, namespace, name);
        let listed = Listed {
            namespace,
            name,
            resource: resource.or_else(|| spec?.resource),
            value: Some(Cow::Borrowed(value)),
            is_own: spec.is_none_or(|spec| spec.name == "*"),
            spec,
        };
        all.insert((namespace, name, resource.unwrap_or_default()), listed);
    }
    all.into_values().collect()
}

/// The option of this name, as a platform has it, which no environment may have yet.
pub(crate) fn named<'s>(platform: &Platform, namespace: &'s str, name: &'s str) -> Option<Listed<'s>> {
    let spec = find(platform, namespace, name)?;
    Some(Listed {
        namespace,
        name,
        resource: spec.resource,
        value: None,
        is_own: spec.name == "*",
        spec: Some(spec),
    })
}

/// `<OptionSettings>`
pub(crate) fn write(xml: &mut Xml, options: &[Listed<'_>]) {
    xml.list("OptionSettings", options, |xml, option| {
        xml.option("ResourceName", option.resource)
            .text("Namespace", option.namespace)
            .text("OptionName", option.name)
            // A password is told to nobody.
            .option("Value", option.value.as_ref().filter(|_| option.name != "DBPassword"));
    });
}

impl Listed<'_> {
    /// The members of `ConfigurationOptionDescription`.
    pub(crate) fn describe(&self, xml: &mut Xml, platform: &Platform, settings: &Settings) {
        xml.text("Namespace", self.namespace).text("Name", self.name);
        let Some(spec) = self.spec else {
            xml.text("ChangeSeverity", super::Severity::NoInterruption.as_str()).text("UserDefined", true);
            return;
        };
        xml.option("DefaultValue", spec.default(platform, settings))
            .text("ChangeSeverity", spec.severity.as_str())
            .text("UserDefined", self.is_own);
        let kind = |xml: &mut Xml, kind: &str| {
            xml.text("ValueType", kind);
        };
        match spec.values {
            Values::Text(most) => {
                kind(xml, "Scalar");
                xml.option("MaxLength", most);
            }
            Values::List => kind(xml, "List"),
            Values::OneOf(words) => {
                kind(xml, "Scalar");
                xml.texts("ValueOptions", words);
            }
            Values::Flag => {
                kind(xml, "Scalar");
                xml.texts("ValueOptions", ["true", "false"]);
            }
            Values::Number(least, most) => {
                kind(xml, "Scalar");
                xml.text("MinValue", least).text("MaxValue", most);
            }
            Values::InstanceType | Values::InstanceTypes => {
                kind(xml, if matches!(spec.values, Values::InstanceType) { "Scalar" } else { "List" });
                xml.texts("ValueOptions", instance_type::all().iter().map(|one| &one.name));
            }
            Values::Pattern(pattern, label, _) => {
                kind(xml, "Scalar");
                xml.within("Regex", |xml| {
                    xml.text("Pattern", pattern).text("Label", label);
                });
            }
        }
    }
}
