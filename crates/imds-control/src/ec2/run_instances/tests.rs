//! Launches: precedence, enforcement, templates, tokens, addresses, refusals, and what real clients send.

mod once;

use std::net::Ipv4Addr;

use axum::http::StatusCode;
use imds_core::Machine;
use imds_store::record::{self, Address};

use crate::door::Door;
use crate::testing::{door, ec2, keep_profile, signed, text};

/// Amazon Linux 2, which asks for nothing, for both architectures, and Amazon Linux 2023, which asks for IMDSv2.
const AL2: &str = "Action=RunInstances&MinCount=1&MaxCount=1&ImageId=ami-0abcdef1234567890";
const ARM: &str = "Action=RunInstances&MinCount=1&MaxCount=1&ImageId=ami-0abcdef1234567891";
const AL2023: &str = "Action=RunInstances&MinCount=1&MaxCount=1&ImageId=ami-0abcdef1234562023";

async fn run(door: &Door, form: &str) -> String {
    let (status, document) = ec2(door, form).await;
    assert_eq!(status, StatusCode::OK, "{form}\n{document}");
    document
}

async fn refused(door: &Door, form: &str) -> (String, String) {
    let (status, document) = ec2(door, form).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{form}\n{document}");
    (text(&document, "Code").unwrap().to_owned(), text(&document, "Message").unwrap().to_owned())
}

fn kept(door: &Door, document: &str) -> Machine {
    let id = text(document, "instanceId").unwrap();
    record::get::<Machine>(&*door.store, id).unwrap().unwrap().record
}

#[tokio::test]
async fn a_launch_is_pending_and_then_running() {
    let door = door();
    let document = run(&door, AL2).await;
    for part in [
        "<reservationId>r-",
        "<ownerId>123456789012</ownerId>",
        "<instanceState><code>0</code><name>pending</name></instanceState>",
        "<instanceType>t3.micro</instanceType>",
        "<metadataOptions><state>pending</state><httpTokens>optional</httpTokens>",
    ] {
        assert!(document.contains(part), "{part}\n{document}");
    }
    let id = text(&document, "instanceId").unwrap();
    let address = text(&document, "privateIpAddress").unwrap();
    let holder = record::get::<Address>(&*door.store, address).unwrap().unwrap().record.instance;
    assert_eq!(holder, id);
    let (_, document) = ec2(&door, &format!("Action=DescribeInstances&InstanceId.1={id}")).await;
    assert!(document.contains("<instanceState><code>16</code><name>running</name></instanceState>"));
    assert!(document.contains("<metadataOptions><state>applied</state>"));
}

#[tokio::test]
async fn metadata_options_follow_the_guides_table() {
    for (launch, account, image, expected) in [
        (Some("required"), "no-preference", AL2, "required 1"),
        (Some("required"), "optional", AL2023, "required 2"),
        (Some("optional"), "required", AL2023, "optional 2"),
        (Some("optional"), "required", AL2, "optional 1"),
        (None, "no-preference", AL2023, "required 2"),
        (None, "required", AL2023, "required 2"),
        (None, "optional", AL2023, "optional 2"),
        (None, "no-preference", AL2, "optional 1"),
        (None, "required", AL2, "required 1"),
        (None, "optional", AL2, "optional 1"),
    ] {
        let door = door();
        run(&door, &format!("Action=ModifyInstanceMetadataDefaults&HttpTokens={account}")).await;
        let chosen = launch.map(|tokens| format!("&MetadataOptions.HttpTokens={tokens}")).unwrap_or_default();
        let document = run(&door, &format!("{image}{chosen}")).await;
        let told = format!(
            "{} {}",
            text(&document, "httpTokens").unwrap(),
            text(&document, "httpPutResponseHopLimit").unwrap()
        );
        assert_eq!(told, expected, "launch {launch:?}, account {account}, {image}");
    }
}

#[tokio::test]
async fn each_option_is_decided_on_its_own() {
    let door = door();
    // The guide's own example: the account's hop limit is 1, the image says v2.0.
    run(
        &door,
        "Action=ModifyInstanceMetadataDefaults&HttpPutResponseHopLimit=1&InstanceMetadataTags=enabled",
    )
    .await;
    let document = run(&door, AL2023).await;
    assert!(document.contains(
        "<httpTokens>required</httpTokens><httpPutResponseHopLimit>1</httpPutResponseHopLimit>\
         <httpEndpoint>enabled</httpEndpoint><httpProtocolIpv6>disabled</httpProtocolIpv6>\
         <instanceMetadataTags>enabled</instanceMetadataTags>"
    ));
    run(
        &door,
        "Action=CreateLaunchTemplate&LaunchTemplateName=lt1&LaunchTemplateData.ImageId=ami-0abcdef1234567890\
         &LaunchTemplateData.MetadataOptions.HttpTokens=required&LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit=5",
    )
    .await;
    let launch = "Action=RunInstances&MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=lt1\
                  &MetadataOptions.HttpPutResponseHopLimit=7";
    let document = run(&door, launch).await;
    assert!(
        document.contains(
            "<httpTokens>required</httpTokens><httpPutResponseHopLimit>7</httpPutResponseHopLimit>"
        )
    );
}

#[tokio::test]
async fn what_is_launched_does_not_change_with_the_defaults() {
    let door = door();
    let document = run(&door, AL2).await;
    run(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokens=required&HttpTokensEnforced=enabled").await;
    assert_eq!(kept(&door, &document).instance.options.http_tokens.as_str(), "optional");
}

#[tokio::test]
async fn imdsv1_is_not_launched_where_imdsv2_is_enforced() {
    let door = door();
    run(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled").await;
    for form in [AL2.to_owned(), format!("{AL2023}&MetadataOptions.HttpTokens=optional")] {
        let (code, message) = refused(&door, &form).await;
        assert_eq!(code, "UnsupportedOperation");
        assert!(
            message
                .starts_with("You can't launch instances with IMDSv1 because httpTokensEnforced is enabled"),
            "{message}"
        );
    }
    run(&door, AL2023).await;
    run(&door, &format!("{AL2}&MetadataOptions.HttpTokens=required")).await;
}

#[tokio::test]
async fn a_template_is_merged_under_the_request() {
    let door = door();
    let made = run(
        &door,
        "Action=CreateLaunchTemplate&LaunchTemplateName=lt1&LaunchTemplateData.ImageId=ami-0abcdef1234562023\
         &LaunchTemplateData.InstanceType=m5.large&LaunchTemplateData.UserData=aGk%3D\
         &LaunchTemplateData.TagSpecification.1.ResourceType=instance&LaunchTemplateData.TagSpecification.1.Tag.1.Key=a\
         &LaunchTemplateData.TagSpecification.1.Tag.1.Value=template&LaunchTemplateData.TagSpecification.1.Tag.2.Key=b",
    )
    .await;
    let template = text(&made, "launchTemplateId").unwrap();
    run(
        &door,
        &format!(
            "Action=CreateLaunchTemplateVersion&LaunchTemplateId={template}&SourceVersion=1\
             &LaunchTemplateData.InstanceType=c5.large"
        ),
    )
    .await;
    let launch = "Action=RunInstances&MinCount=1&MaxCount=1&LaunchTemplate";
    for (which, instance_type, version) in [
        ("LaunchTemplateName=lt1".to_owned(), "m5.large", "1"),
        (format!("LaunchTemplateId={template}"), "m5.large", "1"),
        ("LaunchTemplateName=lt1&LaunchTemplate.Version=%24Default".to_owned(), "m5.large", "1"),
        ("LaunchTemplateName=lt1&LaunchTemplate.Version=%24Latest".to_owned(), "c5.large", "2"),
        ("LaunchTemplateName=lt1&LaunchTemplate.Version=2".to_owned(), "c5.large", "2"),
        ("LaunchTemplateName=lt1&InstanceType=t3.nano".to_owned(), "t3.nano", "1"),
    ] {
        let own = "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=own";
        let machine = kept(&door, &run(&door, &format!("{launch}.{which}&{own}")).await);
        let instance = machine.instance;
        assert_eq!(instance.instance_type, instance_type, "{which}");
        assert_eq!(instance.ami_id, "ami-0abcdef1234562023");
        assert_eq!(instance.user_data.as_deref(), Some(&b"hi"[..]));
        let tags: Vec<_> = instance.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            tags,
            [
                ("a", "own"),
                ("aws:ec2launchtemplate:id", template),
                ("aws:ec2launchtemplate:version", version),
                ("b", "")
            ]
        );
    }
    for (which, code) in [
        ("LaunchTemplateName=lt2", "InvalidLaunchTemplateName.NotFoundException"),
        ("LaunchTemplateId=lt-00000000000000000", "InvalidLaunchTemplateId.NotFound"),
        ("LaunchTemplateName=lt1&LaunchTemplate.Version=3", "InvalidLaunchTemplateId.VersionNotFound"),
    ] {
        assert_eq!(refused(&door, &format!("{launch}.{which}")).await.0, code, "{which}");
    }
}

#[tokio::test]
async fn what_a_launch_says_is_what_the_instance_has() {
    let door = door();
    keep_profile(&door, "web");
    run(&door, "Action=CreateKeyPair&KeyName=me&KeyType=ed25519").await;
    let form = format!(
        "{ARM}&InstanceType=t4g.nano&KeyName=me&UserData=aGVsbG8gd29ybGQ%3D&IamInstanceProfile.Name=web\
         &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web+1\
         &TagSpecification.2.ResourceType=volume&TagSpecification.2.Tag.1.Key=x&PrivateIpAddress=172.31.7.9\
         &Placement.AvailabilityZone=us-east-1b&DisableApiTermination=true&DisableApiStop=true&EbsOptimized=true\
         &InstanceInitiatedShutdownBehavior=terminate&Monitoring.Enabled=true&CreditSpecification.CpuCredits=standard\
         &SubnetId=subnet-0123456789abcdef0&SecurityGroupId.1=sg-0123456789abcdef0&ClientToken=t1"
    );
    let document = run(&door, &form).await;
    let machine = kept(&door, &document);
    let instance = &machine.instance;
    assert_eq!((instance.instance_type.as_str(), instance.architecture.as_str()), ("t4g.nano", "arm64"));
    assert_eq!(instance.public_keys[0].0, "me");
    assert_eq!(instance.user_data.as_deref(), Some(&b"hello world"[..]));
    assert_eq!(instance.tags.get("Name").map(String::as_str), Some("web 1"));
    assert_eq!(instance.tags.len(), 1);
    assert_eq!(instance.local_ipv4(), Some(Ipv4Addr::new(172, 31, 7, 9)));
    assert_eq!(instance.placement.availability_zone, "us-east-1b");
    assert!(machine.is_termination_disabled && machine.is_stop_disabled && machine.is_ebs_optimized);
    assert!(machine.is_terminated_on_shutdown);
    assert_eq!(
        (machine.cpu_credits.as_deref(), machine.client_token.as_deref()),
        (Some("standard"), Some("t1"))
    );
    for part in [
        "<keyName>me</keyName>",
        "<monitoring><state>enabled</state></monitoring>",
        "<subnetId>subnet-0123456789abcdef0</subnetId>",
        "<groupId>sg-0123456789abcdef0</groupId>",
        "<clientToken>t1</clientToken>",
        "<iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/web</arn><id>AIPA",
        "<tagSet><item><key>Name</key><value>web 1</value></item></tagSet>",
    ] {
        assert!(document.contains(part), "{part}\n{document}");
    }
}

#[tokio::test]
async fn a_type_has_the_architecture_of_its_image() {
    let door = door();
    for (form, instance_type, architecture) in [
        (AL2.to_owned(), "t3.micro", "x86_64"),
        (ARM.to_owned(), "t4g.micro", "arm64"),
        (format!("{ARM}&InstanceType=c7g.large"), "c7g.large", "arm64"),
    ] {
        let instance = kept(&door, &run(&door, &form).await).instance;
        assert_eq!((&*instance.instance_type, &*instance.architecture), (instance_type, architecture));
    }
    for (form, of_type, of_image) in [
        (format!("{AL2}&InstanceType=t4g.nano"), "arm64", "x86_64"),
        (format!("{ARM}&InstanceType=m5.large"), "x86_64", "arm64"),
    ] {
        let message = format!(
            "The architecture '{of_type}' of the specified instance type does not match the architecture '{of_image}' of \
             the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You \
             can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or \
             AMI."
        );
        assert_eq!(refused(&door, &form).await, ("InvalidParameterValue".to_owned(), message));
    }
}

#[tokio::test]
async fn a_dry_run_launches_nothing() {
    let door = door();
    let (status, document) = ec2(&door, &format!("{AL2}&DryRun=true&ClientToken=t")).await;
    assert_eq!((status.as_u16(), text(&document, "Code")), (412, Some("DryRunOperation")));
    assert!(record::list::<Machine>(&*door.store, "").unwrap().is_empty());
    run(&door, &format!("{AL2}&ClientToken=t")).await;
}

#[tokio::test]
async fn an_address_belongs_to_one_instance() {
    let door = door();
    let form = format!("{AL2}&PrivateIpAddress=172.31.7.9");
    let document = run(&door, &form).await;
    let (code, message) = refused(&door, &form).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidIPAddress.InUse", "Address 172.31.7.9 is in use.")
    );
    // Even in another region: a guest is known by its address.
    let (_, elsewhere) = signed(&door, "eu-west-1", "ec2", &format!("{form}&Version=2016-11-15")).await;
    assert_eq!(text(&elsewhere, "Code"), Some("InvalidIPAddress.InUse"));
    // A stopped instance keeps it, a terminated one gives it back.
    let id = text(&document, "instanceId").unwrap();
    run(&door, &format!("Action=StopInstances&InstanceId.1={id}")).await;
    assert_eq!(refused(&door, &form).await.0, "InvalidIPAddress.InUse");
    run(&door, &format!("Action=TerminateInstances&InstanceId.1={id}")).await;
    let second = run(&door, &form).await;
    // Terminating the first once more does not take it from the second.
    run(&door, &format!("Action=TerminateInstances&InstanceId.1={id}")).await;
    let holder = record::get::<Address>(&*door.store, "172.31.7.9").unwrap().unwrap().record.instance;
    assert_eq!(Some(holder.as_str()), text(&second, "instanceId"));
}

#[tokio::test]
async fn a_full_subnet_is_told() {
    let door = Door { vpc: (Ipv4Addr::new(127, 0, 7, 0), 28), ..door() };
    let many = |least, most| {
        format!("Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount={least}&MaxCount={most}")
    };
    assert_eq!(refused(&door, &many(12, 12)).await.0, "InsufficientFreeAddressesInSubnet");
    // As many as there is room for.
    let document = run(&door, &many(1, 20)).await;
    assert_eq!(document.matches("<amiLaunchIndex>").count(), 11);
    let mut last: Vec<u8> = record::list::<Address>(&*door.store, "")
        .unwrap()
        .iter()
        .map(|(address, _)| address.parse::<Ipv4Addr>().unwrap().octets()[3])
        .collect();
    last.sort_unstable();
    assert_eq!(last, (4..15).collect::<Vec<u8>>());
    assert_eq!(refused(&door, &many(1, 1)).await.0, "InsufficientFreeAddressesInSubnet");
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_aws_words() {
    let door = door();
    let long = "A".repeat(21_848) + "AA%3D%3D";
    for (form, code) in [
        ("Action=RunInstances&MinCount=1&MaxCount=1", "MissingParameter"),
        ("Action=RunInstances&ImageId=ami-0abcdef1234567890&MaxCount=1", "MissingParameter"),
        ("Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount=1", "MissingParameter"),
        ("Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount=0&MaxCount=1", "InvalidParameterValue"),
        ("Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount=2&MaxCount=1", "InvalidParameterValue"),
        ("Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount=x&MaxCount=1", "InvalidParameterValue"),
        (
            "Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount=1001&MaxCount=2000",
            "InstanceLimitExceeded",
        ),
        ("Action=RunInstances&MinCount=1&MaxCount=1&ImageId=bogus", "InvalidAMIID.Malformed"),
        ("Action=RunInstances&MinCount=1&MaxCount=1&ImageId=ami-00000000000000000", "InvalidAMIID.NotFound"),
        (&format!("{AL2}&InstanceType=x"), "InvalidParameterValue"),
        (&format!("{AL2}&KeyName=nobody"), "InvalidKeyPair.NotFound"),
        (&format!("{AL2}&UserData=%21"), "InvalidParameterValue"),
        (&format!("{AL2}&UserData={long}"), "InvalidParameterValue"),
        (&format!("{AL2}&MetadataOptions.HttpTokens=both"), "InvalidParameterValue"),
        (&format!("{AL2}&MetadataOptions.HttpPutResponseHopLimit=65"), "InvalidParameterValue"),
        (&format!("{AL2}&PrivateIpAddress=10.0.0.9"), "InvalidParameterValue"),
        (&format!("{AL2}&PrivateIpAddress=172.31.16.3"), "InvalidParameterValue"),
        (&format!("{AL2}&PrivateIpAddress=172.31.31.255"), "InvalidParameterValue"),
        (&format!("{AL2}&PrivateIpAddress=x"), "InvalidParameterValue"),
        (&format!("{AL2}&MaxCount=2&PrivateIpAddress=172.31.7.9"), "InvalidParameterCombination"),
        (&format!("{AL2}&Placement.AvailabilityZone=eu-west-1a"), "InvalidParameterValue"),
        (&format!("{AL2}&InstanceInitiatedShutdownBehavior=hibernate"), "InvalidParameterValue"),
        (&format!("{AL2}&DisableApiStop=yes"), "InvalidParameterValue"),
        (&format!("{AL2}&SubnetId=x"), "InvalidSubnetID.Malformed"),
        (&format!("{AL2}&SecurityGroupId.1=x"), "InvalidGroupId.Malformed"),
        (&format!("{AL2}&CreditSpecification.CpuCredits=many"), "InvalidParameterValue"),
        (
            &format!(
                "{AL2}&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a+b\
                 &MetadataOptions.InstanceMetadataTags=enabled"
            ),
            "InvalidParameterValue",
        ),
        (
            &format!("{AL2}&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=aws:x"),
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(refused(&door, form).await.0, code, "{form}");
    }
    let (_, message) = refused(&door, &format!("{AL2}&InstanceType=x")).await;
    assert_eq!(message, "Invalid value 'x' for InstanceType.");
    let (_, message) = refused(&door, "Action=RunInstances&MinCount=1&MaxCount=1").await;
    assert_eq!(message, "The request must contain the parameter ImageId");
}

#[tokio::test]
async fn an_instance_is_in_the_region_of_its_call_however_that_is_named() {
    let door = door();
    for region in ["eu-west-1", "local"] {
        let form = |action: &str| format!("{action}&Version=2016-11-15");
        let (_, document) = signed(&door, region, "ec2", &form(AL2)).await;
        let id = text(&document, "instanceId").unwrap().to_owned();
        let describe = form(&format!("Action=DescribeInstances&InstanceId.1={id}"));
        assert!(signed(&door, region, "ec2", &describe).await.1.contains(&id), "{region}");
        let (_, elsewhere) = signed(&door, "us-east-1", "ec2", &describe).await;
        assert_eq!(text(&elsewhere, "Code"), Some("InvalidInstanceID.NotFound"));
    }
}

/// What the real clients send (docs/control-api.md), but for the image.
#[tokio::test]
async fn the_bodies_of_real_clients_are_served() {
    let door = door();
    keep_profile(&door, "myrole");
    for form in [
        "Action=RunInstances&ImageId=ami-0abcdef1234562023&InstanceType=t3.micro&UserData=aGVsbG8gd29ybGQ%3D&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web+1&MetadataOptions.HttpTokens=required&MetadataOptions.HttpPutResponseHopLimit=2&MetadataOptions.HttpEndpoint=enabled&MetadataOptions.HttpProtocolIpv6=disabled&MetadataOptions.InstanceMetadataTags=enabled&IamInstanceProfile.Name=myrole&MinCount=1&MaxCount=1&ClientToken=4c3b5138-90d7-49d7-a93f-11d8bd020118",
        "Action=RunInstances&MaxCount=1&MinCount=1&ImageId=ami-0abcdef1234567890&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b&MetadataOptions.HttpTokens=required&ClientToken=1d26f7ed-b4bb-4f8d-a829-28afb5a27e18",
        "Action=RunInstances&ClientToken=terraform-20261124145538822200000002&CreditSpecification.CpuCredits=unlimited&DisableApiTermination=false&EbsOptimized=false&HibernationOptions.Configured=false&ImageId=ami-0abcdef1234562023&InstanceType=t3.micro&MaxCount=1&MetadataOptions.HttpEndpoint=enabled&MetadataOptions.HttpProtocolIpv6=disabled&MetadataOptions.HttpPutResponseHopLimit=2&MetadataOptions.HttpTokens=required&MetadataOptions.InstanceMetadataTags=enabled&MinCount=1&Monitoring.Enabled=false&Placement.AvailabilityZone=&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web&UserData=aGVsbG8%3D",
    ] {
        let document = run(&door, form).await;
        assert!(document.contains("<httpTokens>required</httpTokens>"));
        let id = text(&document, "instanceId").unwrap();
        let filtered = format!(
            "Action=DescribeInstances&InstanceId.1={id}&Filter.1.Name=metadata-options.http-tokens&Filter.1.Value.1=required\
             &Filter.2.Name=instance-state-name&Filter.2.Value.1=running&Filter.2.Value.2=pending"
        );
        assert!(run(&door, &filtered).await.contains(id));
    }
}

/// What clients ask of an instance between its launch and its end (docs/control-api.md), but for the ids.
#[tokio::test]
async fn the_bodies_of_real_clients_about_an_instance_are_served() {
    let door = door();
    let document = run(&door, AL2023).await;
    let id = text(&document, "instanceId").unwrap();
    let volume = text(&document, "volumeId").unwrap();
    for form in [
        // Terraform
        format!("Action=DescribeInstances&InstanceId.1={id}"),
        "Action=DescribeInstanceTypes&InstanceType.1=t3.micro".to_owned(),
        format!("Action=DescribeInstanceAttribute&Attribute=instanceInitiatedShutdownBehavior&InstanceId={id}"),
        format!("Action=DescribeVolumes&VolumeId.1={volume}"),
        format!("Action=DescribeInstanceCreditSpecifications&InstanceId.1={id}"),
        "Action=GetInstanceMetadataDefaults".to_owned(),
        "Action=ModifyInstanceMetadataDefaults&HttpEndpoint=no-preference&HttpPutResponseHopLimit=2&HttpTokens=required\
         &InstanceMetadataTags=no-preference"
            .to_owned(),
        format!(
            "Action=ModifyInstanceMetadataOptions&HttpEndpoint=enabled&HttpProtocolIpv6=disabled\
             &HttpPutResponseHopLimit=2&HttpTokens=optional&InstanceId={id}&InstanceMetadataTags=enabled"
        ),
        format!("Action=ModifyInstanceAttribute&DisableApiTermination.Value=false&InstanceId={id}"),
        // aws-cli
        format!("Action=DescribeInstanceAttribute&InstanceId={id}&Attribute=userData"),
        format!("Action=RebootInstances&InstanceId.1={id}"),
        format!("Action=StopInstances&InstanceId.1={id}"),
        format!("Action=ModifyInstanceAttribute&InstanceId={id}&UserData.Value=YUdrPQ%3D%3D"),
        format!("Action=DescribeInstanceStatus&InstanceId.1={id}&IncludeAllInstances=true"),
        format!("Action=StartInstances&InstanceId.1={id}"),
        format!("Action=TerminateInstances&InstanceId.1={id}"),
    ] {
        let document = run(&door, &form).await;
        assert!(document.contains("<requestId>"), "{form}\n{document}");
    }
    let document = run(&door, &format!("Action=DescribeInstances&InstanceId.1={id}")).await;
    assert!(document.contains("<name>terminated</name>"), "{document}");
    run(
        &door,
        "Action=CreateLaunchTemplate&LaunchTemplateName=lt1&LaunchTemplateData.ImageId=ami-0abcdef1234562023\
         &LaunchTemplateData.MetadataOptions.HttpTokens=required",
    )
    .await;
    let form = "Action=RunInstances&LaunchTemplate.LaunchTemplateName=lt1&LaunchTemplate.Version=1&DryRun=true&MaxCount=1\
                &MinCount=1&ClientToken=47e546c3-d1f3-4d06-ad21-79656a93ea0d";
    assert_eq!(ec2(&door, form).await.0.as_u16(), 412);
}
