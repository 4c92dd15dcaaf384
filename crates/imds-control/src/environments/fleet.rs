//! The instances of an environment: what its settings make of them, the launch template that says so, and their launch.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use imds_core::instance::architecture;
use imds_core::options::{Choice, HttpTokens};
use imds_core::partition;
use imds_store::record::environment::{Settings, Work};
use imds_store::record::{self, Environment, LaunchTemplate, TemplateData, TemplateName, TemplateVersion};

use super::size::platform;
use super::step::Step;
use crate::call::{Call, is_id};
use crate::ec2::instance_type;
use crate::ec2::launch::Plan;
use crate::ec2::template;
use crate::elasticbeanstalk::environment;
use crate::elasticbeanstalk::option;
use crate::elasticbeanstalk::platform::Platform;
use crate::query::{Error, Params};

const LAUNCH: &str = "aws:autoscaling:launchconfiguration";

/// Versions of a launch template that are kept when they are replaced.
const KEPT_VERSIONS: usize = 3;

/// The code of a refusal whose message is an event's as it is: the instance profile is not there.
pub(super) const PROFILE: &str = "InvalidInstanceProfile";

/// What instances are launched from: a version of a launch template, and the settings that it was made of.
pub(super) struct Source {
    template: LaunchTemplate,
    /// Its number.
    pub(super) version: u64,
    data: TemplateData,
    subnet: Option<String>,
}

/// The security group that the environment has of its own.
pub(super) fn security_group(environment: &Environment) -> String {
    environment.group.replace("AutoScalingGroup", "SecurityGroup")
}

impl Source {
    /// What the environment's instances were launched from, if it is still there: its owner may have deleted it.
    pub(super) fn kept(step: &Step<'_>) -> Result<Option<Self>, Error> {
        Self::version(step, step.environment.template_version)
    }

    /// What was prepared to take over, or, where its owner has deleted that, the same anew.
    pub(super) fn prepared(step: &mut Step<'_>, work: &Work) -> Result<Self, Error> {
        if let Some(mut source) = Self::version(step, work.template_version)? {
            source.subnet = subnet(&work.settings);
            return Ok(source);
        }
        let source = Self::new(step, &work.solution_stack, &work.settings)?;
        step.work()?.template_version = source.version;
        Ok(source)
    }

    fn version(step: &Step<'_>, version: u64) -> Result<Option<Self>, Error> {
        let environment = &step.environment;
        let Some(id) = &environment.template else { return Ok(None) };
        let Some(found) = record::get::<LaunchTemplate>(step.call.store, id)? else { return Ok(None) };
        let data = found.record.versions.get(&version).map(|version| version.data.clone());
        let subnet = subnet(&environment.settings);
        Ok(data.map(|data| Self { template: found.record, version, data, subnet }))
    }

    /// A new version of the environment's launch template, or a new template where there is none.
    ///
    /// # Errors
    /// What is wrong with the settings, which only shows when something is launched.
    pub(super) fn new(step: &mut Step<'_>, stack: &str, settings: &Settings) -> Result<Self, Error> {
        if let Some(message) = option::missing_profile(step.call.store, step.call.account.as_str(), settings)?
        {
            return Err(Error::new(PROFILE, message));
        }
        let call = step.call;
        let data = data(&step.environment, &platform(stack)?, settings)?;
        let version = TemplateVersion { description: String::new(), created: call.now, data: data.clone() };
        let kept = match &step.environment.template {
            Some(id) => record::get::<LaunchTemplate>(call.store, id)?,
            None => None,
        };
        let template = if let Some(found) = kept {
            let mut template = found.record.clone();
            template.latest_version += 1;
            template.versions.insert(template.latest_version, version);
            step.batch.replace(&template.id, &found, &template);
            template
        } else {
            let template = LaunchTemplate {
                id: call.new_id("lt")?,
                name: format!("AWSEBEC2LaunchTemplate_{}", environment::random(12)?),
                region: call.region.to_owned(),
                created: call.now,
                default_version: 1,
                latest_version: 1,
                versions: [(1, version)].into(),
                tags: own_tags(&step.environment),
            };
            let name = TemplateName { id: template.id.clone() };
            step.batch.create(&template::name_key(call, &template.name), &name);
            step.batch.create(&template.id, &template);
            step.environment.template = Some(template.id.clone());
            // What the instances have is of another one, which its owner has deleted.
            step.environment.template_version = 0;
            step.environment.old_template_versions.clear();
            template
        };
        Ok(Self { version: template.latest_version, template, data, subnet: subnet(settings) })
    }

    /// Launches instances, as `RunInstances` does: their ids.
    ///
    /// # Errors
    /// Why they cannot be launched.
    pub(super) fn launch(&self, step: &mut Step<'_>, count: u32) -> Result<Vec<String>, Error> {
        let call = step.call;
        // What the plan reads after this must still be so when it is done: enforcement has no gap.
        step.batch.expect(call.region, call.defaults()?.as_ref());
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.subnet.iter().map(|subnet| ("SubnetId", subnet)));
        let params = Params::parse(form.finish().as_bytes())?;
        let mut plan = Plan::of_template(call, &params, &self.template, self.version, &self.data)?;
        plan.tag(tags(call, &step.environment));
        let machines = plan.launch(call, count, count, &mut step.batch)?;
        let ids = machines.iter().map(|machine| machine.instance.id.to_string()).collect();
        step.launched.extend(machines);
        Ok(ids)
    }
}

/// Takes a version of the launch template back; with the last one, the template.
pub(super) fn take_back(step: &mut Step<'_>, version: u64) -> Result<(), Error> {
    let Some(id) = &step.environment.template else { return Ok(()) };
    let Some(found) = record::get::<LaunchTemplate>(step.call.store, id)? else { return Ok(()) };
    let mut template = found.record.clone();
    template.versions.remove(&version);
    let Some(last) = template.versions.keys().next_back().filter(|_| !step.environment.is_unlaunched) else {
        return delete_template(step);
    };
    // Its owner may have made it the default meanwhile.
    if template.default_version == version {
        template.default_version = *last;
    }
    step.batch.replace(&template.id, &found, &template);
    Ok(())
}

/// Another version of the launch template takes over. Of those that it replaces the last few are kept, and the default;
/// what its owner made is left alone.
pub(super) fn replace_version(step: &mut Step<'_>, version: u64) -> Result<(), Error> {
    let environment = &mut step.environment;
    let old = std::mem::replace(&mut environment.template_version, version);
    if old != 0 {
        environment.old_template_versions.push(old);
    }
    let surplus = environment.old_template_versions.len().saturating_sub(KEPT_VERSIONS);
    let gone: Vec<_> = environment.old_template_versions.drain(..surplus).collect();
    let Some(id) = environment.template.as_ref().filter(|_| !gone.is_empty()) else { return Ok(()) };
    let Some(found) = record::get::<LaunchTemplate>(step.call.store, id)? else { return Ok(()) };
    let mut template = found.record.clone();
    template.versions.retain(|number, _| *number == template.default_version || !gone.contains(number));
    step.batch.replace(&template.id, &found, &template);
    Ok(())
}

/// Deletes the launch template.
pub(super) fn delete_template(step: &mut Step<'_>) -> Result<(), Error> {
    step.environment.template_version = 0;
    step.environment.old_template_versions.clear();
    let Some(id) = step.environment.template.take() else { return Ok(()) };
    if let Some(found) = record::get::<LaunchTemplate>(step.call.store, &id)? {
        step.batch.remove(&id, &found);
        step.batch.delete::<TemplateName>(&template::name_key(step.call, &found.record.name));
    }
    Ok(())
}

/// What the settings say of the instances. What is not said is left to the image and the account: the hop limit is.
fn data(environment: &Environment, platform: &Platform, settings: &Settings) -> Result<TemplateData, Error> {
    let value = |name: &str| option::value(platform, settings, LAUNCH, name);
    let text = |name: &str| value(name).filter(|text| !text.is_empty()).map(Cow::into_owned);
    let instance_type = instance_type_of(platform, settings);
    let image = text("ImageId").or_else(|| platform.image(architecture(&instance_type)));
    let (profile_arn, profile_name) = match text("IamInstanceProfile") {
        Some(arn) if arn.starts_with("arn:") => (Some(arn), None),
        name => (None, name),
    };
    // Those that stand for themselves, by default, are not there.
    let chosen = settings.get(LAUNCH, "SecurityGroups").unwrap_or_default();
    let chosen = chosen.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned);
    let (security_group_ids, mut security_groups): (Vec<_>, Vec<_>) =
        chosen.partition(|group| is_id("sg", group));
    if !value("DisableDefaultEC2SecurityGroup").is_some_and(|text| option::is_true(&text)) {
        security_groups.push(security_group(environment));
    }
    let tokens = if option::disables_imds_v1(platform, settings) {
        HttpTokens::Required
    } else {
        HttpTokens::Optional
    };
    let options = Choice { http_tokens: Some(tokens), ..Choice::default() };
    Ok(TemplateData {
        image_id: image,
        instance_type: Some(instance_type),
        key_name: text("EC2KeyName"),
        profile_arn,
        profile_name,
        monitoring: (value("MonitoringInterval").as_deref() == Some("1 minute")).then_some(true),
        security_group_ids,
        security_groups,
        block_devices: root_volume(settings),
        metadata_options: Some(options.into()),
        ..TemplateData::default()
    })
}

/// The first of `InstanceTypes`, else `InstanceType`, else what fits the architecture that was chosen.
pub(crate) fn instance_type_of(platform: &Platform, settings: &Settings) -> String {
    const INSTANCES: &str = "aws:ec2:instances";
    let first = settings.get(INSTANCES, "InstanceTypes").and_then(|types| types.split(',').next());
    let one = settings.get(LAUNCH, "InstanceType");
    let chosen = [first, one].into_iter().flatten().map(str::trim).find(|name| !name.is_empty());
    let architecture = option::value(platform, settings, INSTANCES, "SupportedArchitectures");
    let default = instance_type::default(architecture.as_deref().unwrap_or("x86_64"));
    chosen.unwrap_or(default).to_owned()
}

/// The subnet of the instances: the first that was chosen [assumed].
fn subnet(settings: &Settings) -> Option<String> {
    let first = settings.get("aws:ec2:vpc", "Subnets")?.split(',').next()?.trim();
    Some(first).filter(|subnet| !subnet.is_empty()).map(str::to_owned)
}

/// What was chosen for the root volume, as a block device.
fn root_volume(settings: &Settings) -> Vec<BTreeMap<String, String>> {
    let members = [
        ("RootVolumeIOPS", "Ebs.Iops"),
        ("RootVolumeSize", "Ebs.VolumeSize"),
        ("RootVolumeThroughput", "Ebs.Throughput"),
        ("RootVolumeType", "Ebs.VolumeType"),
    ];
    let chosen = members.into_iter().filter_map(|(option, member)| {
        let value = settings.get(LAUNCH, option).filter(|value| !value.is_empty())?;
        Some((member.to_owned(), value.to_owned()))
    });
    let mut device: BTreeMap<_, _> = chosen.collect();
    if device.is_empty() {
        return Vec::new();
    }
    device.insert("DeviceName".to_owned(), "/dev/xvda".to_owned());
    vec![device]
}

/// The tags of what belongs to an environment.
pub(crate) fn own_tags(environment: &Environment) -> BTreeMap<String, String> {
    let mut tags = environment.tags.clone();
    tags.extend(
        [
            ("Name", &environment.name),
            ("elasticbeanstalk:environment-id", &environment.id),
            ("elasticbeanstalk:environment-name", &environment.name),
        ]
        .map(|(key, value)| (key.to_owned(), value.clone())),
    );
    tags
}

/// The tags of instances: besides, those of the Auto Scaling group and of the stack that it is made by.
fn tags(call: &Call<'_>, environment: &Environment) -> BTreeMap<String, String> {
    let Environment { region, id, .. } = environment;
    let stack = format!("awseb-{id}-stack");
    let arn = format!(
        "arn:{}:cloudformation:{region}:{}:stack/{stack}/{}",
        partition(region),
        call.account,
        uuid(&stack)
    );
    let mut tags = own_tags(environment);
    tags.extend(
        [
            ("aws:autoscaling:groupName", environment.group.clone()),
            ("aws:cloudformation:logical-id", "AWSEBAutoScalingGroup".to_owned()),
            ("aws:cloudformation:stack-id", arn),
            ("aws:cloudformation:stack-name", stack),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    tags
}

/// A UUID that follows from a name.
fn uuid(name: &str) -> String {
    let hash = digest(&SHA256, name.as_bytes());
    let hex: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
