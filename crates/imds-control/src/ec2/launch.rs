//! What a launch is to make: the request, over its launch template, over the defaults of account and image
//! (docs/control-api.md).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use imds_core::Machine;
use imds_core::instance::Launch;
use imds_core::options::{MetadataOptions, Switch};
use imds_store::record::{Address, Batch, Image, KeyPair, LaunchTemplate, TemplateData, TemplateTags};

use super::address::Addresses;
use super::{image, instance_type, key, network, options, profile, tags, template, user_data};
use crate::call::{Call, is_id};
use crate::query::{Error, Params};

/// A launch, decided but for what each of its instances has of its own.
pub(crate) struct Plan {
    image: Image,
    key: Option<KeyPair>,
    user_data: Option<Vec<u8>>,
    tags: BTreeMap<String, String>,
    volume_tags: BTreeMap<String, String>,
    is_terminated_on_shutdown: bool,
    is_hibernated: bool,
    subnet_id: Option<String>,
    /// Ids and names.
    groups: (Vec<String>, Vec<String>),
    client_token: Option<String>,
    profile: Option<profile::Chosen>,
    data: TemplateData,
    /// What all its instances share.
    launch: Launch,
}

impl Plan {
    /// Reads and checks what is asked for.
    pub(crate) fn of(call: &Call<'_>, params: &Params) -> Result<Self, Error> {
        let from = params.under("LaunchTemplate");
        let template = if from.is_empty() { None } else { Some(template::resolve(call, &from)?) };
        Self::from(call, params, template)
    }

    /// Reads and checks what is asked for over a version of a template that is perhaps not kept yet.
    pub(crate) fn of_template(
        call: &Call<'_>,
        params: &Params,
        template: &LaunchTemplate,
        version: u64,
        data: &TemplateData,
    ) -> Result<Self, Error> {
        Self::from(call, params, Some((template.clone(), version, data.clone())))
    }

    fn from(
        call: &Call<'_>,
        params: &Params,
        template: Option<(LaunchTemplate, u64, TemplateData)>,
    ) -> Result<Self, Error> {
        let own = template::read(params)?;
        let (mut tags, mut volume_tags) = (BTreeMap::new(), BTreeMap::new());
        let mut by_aws = BTreeMap::new();
        let mut data = own.clone();
        if let Some((named, version, said)) = template {
            // Tag by tag, the request's over the template's [assumed].
            tags = tags_of("instance", &said.tags);
            volume_tags = tags_of("volume", &said.tags);
            by_aws.insert("aws:ec2launchtemplate:id".to_owned(), named.id);
            by_aws.insert("aws:ec2launchtemplate:version".to_owned(), version.to_string());
            data = template::over(own.clone(), &said)?;
        }
        tags.extend(tags_of("instance", &own.tags));
        volume_tags.extend(tags_of("volume", &own.tags));
        tags::limit(&tags)?;
        tags::limit(&volume_tags)?;
        tags.extend(by_aws);

        let image = data.image_id.as_deref().ok_or_else(|| Error::missing("ImageId"))?;
        let image = image::find(call, image)?.image;
        let default = instance_type::default(&image.architecture);
        let instance_type = data.instance_type.as_deref().unwrap_or(default);
        instance_type::check(instance_type)?;
        instance_type::fit(instance_type, &image.architecture)?;
        let key = data.key_name.as_deref().map(|name| key::find(call, name)).transpose()?;
        // The primary interface is described in its own place when the launch asks for more than its subnet.
        let interface = params.under("NetworkInterface.1");
        let subnet_id = subnet_id(params.text("SubnetId").or_else(|| interface.text("SubnetId")))?;
        let zone = zone(call, data.availability_zone.as_deref(), subnet_id.as_deref())?;
        let mut launch = Launch {
            instance_type: instance_type.to_owned(),
            options: metadata_options(call, &data, &image)?,
            ..network::launch(call, &zone)?
        };
        let address = params.text("PrivateIpAddress").or_else(|| interface.text("PrivateIpAddress"));
        launch.local_ipv4 = address.map(|text| Addresses::of(call).check(&launch, text)).transpose()?;
        check_credits(data.cpu_credits.as_deref())?;
        if data.security_group_ids.is_empty() {
            data.security_group_ids = interface.list("SecurityGroupId").into_iter().map(Into::into).collect();
        }
        Ok(Self {
            image,
            key: key.map(|found| found.record),
            user_data: data.user_data.as_deref().map(user_data::decode).transpose()?,
            tags,
            volume_tags,
            is_terminated_on_shutdown: is_terminated(data.shutdown_behavior.as_deref())?,
            is_hibernated: params.flag("HibernationOptions.Configured")? == Some(true),
            subnet_id,
            groups: groups(&launch, &data.security_group_ids, &data.security_groups)?,
            client_token: params.text("ClientToken").map(Into::into),
            profile: profile::chosen(call, data.profile_arn.as_deref(), data.profile_name.as_deref())?,
            data,
            launch,
        })
    }

    /// The address that is asked for, which only one instance can have.
    pub(crate) fn address(&self) -> Option<Ipv4Addr> {
        self.launch.local_ipv4
    }

    /// Tags that another service of AWS gives to the instances, besides those that were asked for.
    pub(crate) fn tag(&mut self, tags: BTreeMap<String, String>) {
        self.tags.extend(tags);
    }

    /// Launches as many instances as there is room for, `most` at most.
    ///
    /// # Errors
    /// When there is not room for `least` of them.
    pub(crate) fn launch(
        &self,
        call: &Call<'_>,
        least: u32,
        most: u32,
        batch: &mut Batch,
    ) -> Result<Vec<Machine>, Error> {
        let reservation = call.new_id("r")?;
        let mut addresses = Addresses::of(call);
        let mut machines = Vec::new();
        if let Some(chosen) = &self.profile {
            chosen.expect(batch);
        }
        for index in 0..most {
            let Some(machine) = self.machine(call, &mut addresses, &reservation, index)? else { break };
            let id = machine.instance.id.as_str();
            batch.create(id, &machine);
            if let Some(address) = machine.instance.local_ipv4() {
                batch.create(&address.to_string(), &Address { instance: id.to_owned() });
            }
            machines.push(machine);
        }
        // As many as there is room for, as EC2 does, if that is enough.
        if machines.len() < least as usize {
            return Err(Error::new(
                "InsufficientFreeAddressesInSubnet",
                "The specified subnet does not have enough free IP addresses to satisfy the request.",
            ));
        }
        Ok(machines)
    }

    /// One of its instances, at a free address; `None` when there is none left.
    fn machine(
        &self,
        call: &Call<'_>,
        addresses: &mut Addresses<'_>,
        reservation: &str,
        index: u32,
    ) -> Result<Option<Machine>, Error> {
        let Some(launch) = addresses.place(self.launch.clone())? else { return Ok(None) };
        let mut instance = launch.instance();
        instance.ami_id.clone_from(&self.image.id);
        instance.ami_launch_index = index;
        // The call's, even where the name of a zone would tell another one.
        instance.placement.region = call.region.to_owned();
        instance.block_device_mapping =
            ["ami", "root"].map(|name| (name.into(), self.image.root_device_name.clone())).into();
        instance.hibernation_configured = self.is_hibernated.then_some(true);
        if self.data.monitoring == Some(true) {
            instance.monitoring = Switch::Enabled;
        }
        instance.public_keys =
            self.key.iter().map(|pair| (pair.name.clone(), pair.public_key.clone())).collect();
        instance.reservation_id = reservation.to_owned();
        instance.tags.clone_from(&self.tags);
        instance.user_data = self.user_data.clone().map(Into::into);
        if let Some(primary) = instance.interfaces.first_mut() {
            (primary.security_group_ids, primary.security_groups) = self.groups.clone();
            if let Some(id) = &self.subnet_id {
                primary.subnet_id.clone_from(id);
            }
        }
        tags::fit(&instance)?;
        let mut machine = Machine::launched(instance);
        machine.client_token.clone_from(&self.client_token);
        machine.volume_tags.clone_from(&self.volume_tags);
        machine.profile = self.profile.as_ref().map(|chosen| chosen.associate(call)).transpose()?;
        machine.is_termination_disabled = self.data.disable_api_termination == Some(true);
        machine.is_stop_disabled = self.data.disable_api_stop == Some(true);
        machine.is_terminated_on_shutdown = self.is_terminated_on_shutdown;
        machine.is_ebs_optimized = self.data.ebs_optimized == Some(true);
        machine.cpu_credits.clone_from(&self.data.cpu_credits);
        Ok(Some(machine))
    }
}

fn tags_of(resource_type: &str, specified: &[TemplateTags]) -> BTreeMap<String, String> {
    let of_type = specified.iter().filter(|specified| specified.resource_type == resource_type);
    of_type.flat_map(|specified| specified.tags.clone()).collect()
}

/// The metadata options: request and template, account, image; then enforcement.
fn metadata_options(call: &Call<'_>, data: &TemplateData, image: &Image) -> Result<MetadataOptions, Error> {
    let defaults = call.defaults()?.map(|found| found.record).unwrap_or_default();
    defaults.launch(&template::chosen(data)?, image.imds_support()).map_err(options::enforced)
}

/// The zone that is asked for, else that of the subnet, else the region's first.
fn zone(call: &Call<'_>, zone: Option<&str>, subnet_id: Option<&str>) -> Result<String, Error> {
    if let Some(zone) = zone {
        let letter = zone.strip_prefix(call.region).unwrap_or_default();
        return if matches!(letter.as_bytes(), [b'a'..=b'z']) {
            Ok(zone.to_owned())
        } else {
            Err(Error::invalid_value(format!("Invalid availability zone: [{zone}]")))
        };
    }
    let zones = network::zones(call)?;
    for zone in &zones {
        let launch = network::launch(call, &zone.name)?;
        if Some(launch.interface(0, launch.address()).subnet_id.as_str()) == subnet_id {
            return Ok(zone.name.clone());
        }
    }
    zones.into_iter().next().map(|zone| zone.name).ok_or_else(Error::internal)
}

/// A subnet is taken by its id: whether there is one is not looked at.
fn subnet_id(id: Option<&str>) -> Result<Option<String>, Error> {
    match id {
        Some(id) if !is_id("subnet", id) => Err(Error::malformed_id("InvalidSubnetID.Malformed", id)),
        id => Ok(id.map(Into::into)),
    }
}

/// Security groups are shown and mean nothing, so that any is taken: ids and names, in one order.
pub(crate) fn groups<T: AsRef<str>>(
    launch: &Launch,
    ids: &[T],
    names: &[String],
) -> Result<(Vec<String>, Vec<String>), Error> {
    let default = launch.security_group_id("default");
    let mut groups = Vec::new();
    for id in ids.iter().map(AsRef::as_ref) {
        if !is_id("sg", id) {
            return Err(Error::malformed_id("InvalidGroupId.Malformed", id));
        }
        // A name that is not known is not made up.
        let name = if id == default { "default" } else { id };
        groups.push((id.to_owned(), name.to_owned()));
    }
    for name in names {
        if name.len() > 255 || name.chars().any(char::is_control) {
            return Err(Error::invalid_value(format!(
                "Invalid security group name '{}'",
                name.escape_debug()
            )));
        }
        groups.push((launch.security_group_id(name), name.clone()));
    }
    if groups.is_empty() {
        groups.push((default, "default".to_owned()));
    }
    Ok(groups.into_iter().unzip())
}

/// `CreditSpecification.CpuCredits`. The words are [assumed].
fn check_credits(credits: Option<&str>) -> Result<(), Error> {
    match credits {
        None | Some("standard" | "unlimited") => Ok(()),
        Some(other) => Err(Error::invalid_value(format!(
            "Value ({other}) for parameter cpuCredits is invalid. Valid values are 'standard' and 'unlimited'."
        ))),
    }
}

/// `InstanceInitiatedShutdownBehavior`. The words are [assumed].
pub(crate) fn is_terminated(behavior: Option<&str>) -> Result<bool, Error> {
    match behavior {
        None | Some("stop") => Ok(false),
        Some("terminate") => Ok(true),
        Some(other) => Err(Error::invalid_value(format!(
            "Value ({other}) for parameter instanceInitiatedShutdownBehavior is invalid. Valid values are 'stop' and \
             'terminate'."
        ))),
    }
}
