//! `LaunchTemplateData`: only what was said is kept and told, or Terraform sees a difference (docs/control-api.md).

use imds_core::options::{Choice, HopLimit};
use imds_store::record::{Options, TemplateData, TemplateTags};

use super::device;
use crate::ec2::{options, tags, user_data};
use crate::query::{Error, Params, Xml};

/// Reads what is under `LaunchTemplateData` of a new version.
pub(crate) fn new(params: &Params) -> Result<TemplateData, Error> {
    let data = read(params)?;
    data.user_data.as_deref().map(user_data::check).transpose()?;
    Ok(data)
}

/// Reads what a launch says, in a template or by itself. What is not modelled is left out.
pub(crate) fn read(params: &Params) -> Result<TemplateData, Error> {
    let text = |name: &str| params.text(name).map(str::to_owned);
    let texts = |name: &str| params.list(name).into_iter().map(str::to_owned).collect();
    let choice = options::choice(&params.under("MetadataOptions"))?;
    let mut tagged = Vec::new();
    for specification in params.each("TagSpecification") {
        let resource_type = specification.need("ResourceType")?.to_owned();
        tagged.push(TemplateTags { resource_type, tags: tags::read(&specification)? });
    }
    Ok(TemplateData {
        image_id: text("ImageId"),
        instance_type: text("InstanceType"),
        key_name: text("KeyName"),
        user_data: text("UserData"),
        profile_arn: text("IamInstanceProfile.Arn"),
        profile_name: text("IamInstanceProfile.Name"),
        availability_zone: text("Placement.AvailabilityZone"),
        ebs_optimized: params.flag("EbsOptimized")?,
        monitoring: params.flag("Monitoring.Enabled")?,
        disable_api_termination: params.flag("DisableApiTermination")?,
        disable_api_stop: params.flag("DisableApiStop")?,
        shutdown_behavior: text("InstanceInitiatedShutdownBehavior"),
        cpu_credits: text("CreditSpecification.CpuCredits"),
        security_group_ids: texts("SecurityGroupId"),
        security_groups: texts("SecurityGroup"),
        tags: tagged,
        block_devices: device::block_devices(params),
        network_interfaces: device::interfaces(params),
        metadata_options: Some(choice).filter(|choice| !choice.is_empty()).map(Into::into),
    })
}

/// What `new` says, else what `source` says: a version that is made from another one.
pub(crate) fn over(new: TemplateData, source: &TemplateData) -> Result<TemplateData, Error> {
    fn some<T: Clone>(new: Vec<T>, source: &[T]) -> Vec<T> {
        if new.is_empty() { source.to_vec() } else { new }
    }
    let source = source.clone();
    // Option by option, as parameters of a launch are taken over those of its template [assumed].
    let choice = chosen(&new)?.over(&chosen(&source)?);
    let names_profile = new.profile_arn.is_some() || new.profile_name.is_some();
    let profile = if names_profile { &new } else { &source };
    Ok(TemplateData {
        profile_arn: profile.profile_arn.clone(),
        profile_name: profile.profile_name.clone(),
        image_id: new.image_id.or(source.image_id),
        instance_type: new.instance_type.or(source.instance_type),
        key_name: new.key_name.or(source.key_name),
        user_data: new.user_data.or(source.user_data),
        availability_zone: new.availability_zone.or(source.availability_zone),
        ebs_optimized: new.ebs_optimized.or(source.ebs_optimized),
        monitoring: new.monitoring.or(source.monitoring),
        disable_api_termination: new.disable_api_termination.or(source.disable_api_termination),
        disable_api_stop: new.disable_api_stop.or(source.disable_api_stop),
        shutdown_behavior: new.shutdown_behavior.or(source.shutdown_behavior),
        cpu_credits: new.cpu_credits.or(source.cpu_credits),
        security_group_ids: some(new.security_group_ids, &source.security_group_ids),
        security_groups: some(new.security_groups, &source.security_groups),
        tags: some(new.tags, &source.tags),
        block_devices: some(new.block_devices, &source.block_devices),
        network_interfaces: some(new.network_interfaces, &source.network_interfaces),
        metadata_options: Some(choice).filter(|choice| !choice.is_empty()).map(Into::into),
    })
}

/// The metadata options that a template chooses.
pub(crate) fn chosen(data: &TemplateData) -> Result<Choice, Error> {
    let options = data.metadata_options.as_ref();
    options.map_or(Ok(Choice::default()), Options::choice).map_err(|why| {
        tracing::error!(why, "a launch template in the store is damaged");
        Error::internal()
    })
}

/// The members of `launchTemplateData`.
pub(super) fn write(xml: &mut Xml, data: &TemplateData) {
    xml.option("ebsOptimized", data.ebs_optimized);
    if data.profile_arn.is_some() || data.profile_name.is_some() {
        xml.within("iamInstanceProfile", |xml| {
            xml.option("arn", data.profile_arn.as_ref()).option("name", data.profile_name.as_ref());
        });
    }
    device::write(xml, "blockDeviceMappingSet", &data.block_devices);
    device::write(xml, "networkInterfaceSet", &data.network_interfaces);
    xml.option("imageId", data.image_id.as_ref())
        .option("instanceType", data.instance_type.as_ref())
        .option("keyName", data.key_name.as_ref());
    within(xml, "monitoring", "enabled", data.monitoring);
    within(xml, "placement", "availabilityZone", data.availability_zone.as_ref());
    xml.option("disableApiTermination", data.disable_api_termination)
        .option("instanceInitiatedShutdownBehavior", data.shutdown_behavior.as_ref())
        .option("userData", data.user_data.as_ref());
    if !data.tags.is_empty() {
        xml.list("tagSpecificationSet", &data.tags, |xml, specified| {
            xml.text("resourceType", &specified.resource_type);
            tags::write(xml, &specified.tags);
        });
    }
    if !data.security_group_ids.is_empty() {
        xml.texts("securityGroupIdSet", &data.security_group_ids);
    }
    if !data.security_groups.is_empty() {
        xml.texts("securityGroupSet", &data.security_groups);
    }
    within(xml, "creditSpecification", "cpuCredits", data.cpu_credits.as_ref());
    // What is kept was read from a choice, so it reads as one.
    if let Some(Ok(choice)) = data.metadata_options.as_ref().map(Options::choice) {
        xml.within("metadataOptions", |xml| write_options(xml, &choice));
    }
    xml.option("disableApiStop", data.disable_api_stop);
}

fn within(xml: &mut Xml, name: &str, member: &str, text: Option<impl std::fmt::Display>) {
    if text.is_some() {
        xml.within(name, |xml| {
            xml.option(member, text);
        });
    }
}

fn write_options(xml: &mut Xml, choice: &Choice) {
    xml.option("httpTokens", choice.http_tokens)
        .option("httpPutResponseHopLimit", choice.http_put_response_hop_limit.map(HopLimit::hops))
        .option("httpEndpoint", choice.http_endpoint)
        .option("httpProtocolIpv6", choice.http_protocol_ipv6)
        .option("instanceMetadataTags", choice.instance_metadata_tags);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(form: &str) -> TemplateData {
        read(&Params::parse(form.as_bytes()).unwrap()).unwrap()
    }

    fn told(data: &TemplateData) -> String {
        let mut xml = Xml::ec2();
        write(&mut xml, data);
        xml.as_str().to_owned()
    }

    #[test]
    fn only_what_was_said_is_told() {
        assert_eq!(told(&data("UserData=&EbsOptimized=")), "");
        assert_eq!(
            told(&data("ImageId=ami-1&MetadataOptions.HttpTokens=required&Monitoring.Enabled=false")),
            "<imageId>ami-1</imageId><monitoring><enabled>false</enabled></monitoring><metadataOptions>\
             <httpTokens>required</httpTokens></metadataOptions>"
        );
        let everything = "EbsOptimized=true&IamInstanceProfile.Name=web&ImageId=ami-1&InstanceType=t3.micro&KeyName=k\
            &Placement.AvailabilityZone=us-east-1a&DisableApiTermination=true&DisableApiStop=false&UserData=aGk%3D\
            &InstanceInitiatedShutdownBehavior=stop&CreditSpecification.CpuCredits=unlimited&SecurityGroupId.1=sg-1\
            &SecurityGroup.1=default&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a\
            &MetadataOptions.HttpPutResponseHopLimit=2&MetadataOptions.HttpEndpoint=enabled";
        let told = told(&data(everything));
        for part in [
            "<ebsOptimized>true</ebsOptimized><iamInstanceProfile><name>web</name></iamInstanceProfile>",
            "<placement><availabilityZone>us-east-1a</availabilityZone></placement>",
            "<userData>aGk=</userData><tagSpecificationSet><item><resourceType>instance</resourceType><tagSet><item>\
             <key>a</key><value></value></item></tagSet></item></tagSpecificationSet>",
            "<securityGroupIdSet><item>sg-1</item></securityGroupIdSet><securityGroupSet><item>default</item>",
            "<httpPutResponseHopLimit>2</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint></metadataOptions>",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(read(&Params::parse(b"MetadataOptions.HttpTokens=both").unwrap()).is_err());
    }

    #[test]
    fn a_version_from_another_keeps_what_it_does_not_say() {
        let source =
            data("ImageId=ami-1&KeyName=k&IamInstanceProfile.Arn=arn&MetadataOptions.HttpTokens=required");
        let new = data("ImageId=ami-2&IamInstanceProfile.Name=web&MetadataOptions.HttpPutResponseHopLimit=2");
        assert_eq!(
            told(&over(new, &source).unwrap()),
            "<iamInstanceProfile><name>web</name></iamInstanceProfile><imageId>ami-2</imageId><keyName>k</keyName>\
             <metadataOptions><httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>\
             </metadataOptions>"
        );
    }
}
