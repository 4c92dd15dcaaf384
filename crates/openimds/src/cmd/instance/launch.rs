//! `imds instance launch`

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::id::InstanceId;
use imds_store::record::image;

use super::super::json;
use super::{key, path, usage};
use crate::admin::{Admin, Form, Instance, printable};
use crate::app::print;
use crate::args::control::Launch;

/// The type of the instances that name none.
const INSTANCE_TYPE: &str = "t3.micro";
/// Bytes of user data that an instance can have.
const MOST_USER_DATA: usize = 16 * 1024;

pub(super) fn run(admin: &Admin, args: &Launch) -> anyhow::Result<ExitCode> {
    if args.hostname.is_some() && args.count > 1 {
        return Ok(usage("--hostname names one instance, and --count asks for more: leave out one of them"));
    }
    let user_data = args.user_data.as_deref().map(user_data).transpose()?;
    let token = client_token()?;
    let key_name = match &args.ssh_key {
        Some(file) => Some(key::pair(admin, file, args.ssh_key_name.as_deref())?),
        None => None,
    };
    let form = form(args, &token, key_name.as_deref(), user_data.as_deref());
    let launched = Instance::reserved(&admin.call("RunInstances", &form)?);
    let text = if args.json {
        json(&launched)?
    } else {
        launched.iter().map(|instance| printable(&instance.instance_id) + "\n").collect()
    };
    print(text.as_bytes());
    if let (Some(name), Some(instance)) = (&args.hostname, launched.first()) {
        let id: InstanceId = instance.instance_id.parse()?;
        let change = serde_json::json!({ "hostname": name });
        let changed = admin.patch(&path(&id), &change);
        changed.map_err(|error| anyhow!("{id} is launched, but has not got its host name: {error}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn form(args: &Launch, token: &str, key_name: Option<&str>, user_data: Option<&[u8]>) -> Form {
    // What a launch template may say is left open to it.
    let (image, instance_type) = match args.launch_template {
        Some(_) => (None, None),
        None => (Some(image::DEFAULT), Some(INSTANCE_TYPE)),
    };
    let mut form = Form::default()
        .with("MinCount", args.count)
        .with("MaxCount", args.count)
        .with("ClientToken", token)
        .option("ImageId", args.image.as_deref().or(image))
        .option("InstanceType", args.instance_type.as_deref().or(instance_type))
        .options("MetadataOptions.", &args.options.choice())
        .option("PrivateIpAddress", args.private_ip)
        .option("KeyName", key_name)
        .option("UserData", user_data.map(|bytes| STANDARD.encode(bytes)));
    if let Some(template) = &args.launch_template {
        let by = if template.name.starts_with("lt-") { "LaunchTemplateId" } else { "LaunchTemplateName" };
        form = form
            .with(format!("LaunchTemplate.{by}"), &template.name)
            .option("LaunchTemplate.Version", template.version.as_deref());
    }
    if let Some(profile) = &args.profile {
        let by = if profile.starts_with("arn:") { "Arn" } else { "Name" };
        form = form.with(format!("IamInstanceProfile.{by}"), profile);
    }
    if !args.tag.is_empty() {
        form =
            form.with("TagSpecification.1.ResourceType", "instance").tags("TagSpecification.1.", &args.tag);
    }
    form
}

fn user_data(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MOST_USER_DATA as u64 + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() > MOST_USER_DATA {
        bail!("{} is too long: user data has at most {MOST_USER_DATA} bytes", file.display());
    }
    Ok(bytes)
}

/// Makes a launch that is sent twice one launch.
fn client_token() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    imds_server::random::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::control::InstanceVerb;
    use crate::args::{Cli, Verb};
    use clap::Parser as _;

    fn sent(words: &[&str], key: Option<&str>, data: Option<&[u8]>) -> String {
        let words = ["imds", "instance", "launch"].iter().chain(words);
        let Verb::Instance(instance) = Cli::try_parse_from(words).unwrap().verb else { panic!() };
        let InstanceVerb::Launch(args) = instance.verb else { panic!() };
        form(&args, "TOKEN", key, data).encode("RunInstances", "V").replace('&', "\n")
    }

    #[test]
    fn nothing_said_is_the_first_image_and_a_small_type() {
        insta::assert_snapshot!(sent(&[], None, None), @r"
        Action=RunInstances
        Version=V
        MinCount=1
        MaxCount=1
        ClientToken=TOKEN
        ImageId=ami-0abcdef1234567890
        InstanceType=t3.micro
        ");
    }

    #[test]
    fn a_template_keeps_what_it_says() {
        insta::assert_snapshot!(sent(&["--launch-template", "web:3", "--count", "2"], None, None), @r"
        Action=RunInstances
        Version=V
        MinCount=2
        MaxCount=2
        ClientToken=TOKEN
        LaunchTemplate.LaunchTemplateName=web
        LaunchTemplate.Version=3
        ");
        assert!(
            sent(&["--launch-template", "lt-0a"], None, None)
                .ends_with("LaunchTemplate.LaunchTemplateId=lt-0a")
        );
    }

    #[test]
    fn all_that_can_be_said() {
        let words = "--image ami-0abcdef1234562023 --type m7i.large --metadata-version v1-and-v2 --hop-limit 3 --http-endpoint enabled \
            --http-protocol-ipv6 enabled --instance-metadata-tags enabled --private-ip 127.0.7.9 --tag Name=web --tag a=b=c --profile web";
        let words: Vec<_> = words.split_whitespace().collect();
        insta::assert_snapshot!(sent(&words, Some("me@laptop"), Some(b"#!/bin/sh\n\xff")), @r"
        Action=RunInstances
        Version=V
        MinCount=1
        MaxCount=1
        ClientToken=TOKEN
        ImageId=ami-0abcdef1234562023
        InstanceType=m7i.large
        MetadataOptions.HttpTokens=optional
        MetadataOptions.HttpPutResponseHopLimit=3
        MetadataOptions.HttpEndpoint=enabled
        MetadataOptions.HttpProtocolIpv6=enabled
        MetadataOptions.InstanceMetadataTags=enabled
        PrivateIpAddress=127.0.7.9
        KeyName=me%40laptop
        UserData=IyEvYmluL3NoCv8%3D
        IamInstanceProfile.Name=web
        TagSpecification.1.ResourceType=instance
        TagSpecification.1.Tag.1.Key=Name
        TagSpecification.1.Tag.1.Value=web
        TagSpecification.1.Tag.2.Key=a
        TagSpecification.1.Tag.2.Value=b%3Dc
        ");
        let arn = sent(&["--profile", "arn:aws:iam::123456789012:instance-profile/web"], None, None);
        assert!(arn.contains("IamInstanceProfile.Arn="), "{arn}");
    }

    #[test]
    fn two_launches_have_two_tokens() {
        let token = client_token().unwrap();
        assert!(token.len() == 32 && token != client_token().unwrap());
    }
}
