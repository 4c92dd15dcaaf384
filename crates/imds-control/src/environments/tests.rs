//! Environments from their creation to their end, with a clock that is moved by hand.

mod agenda;
mod calls;
mod crash;
mod deletion;
mod failure;
mod healing;
mod revert;
mod shared;
mod update;
mod walk;
mod world;

use imds_core::options::HttpTokens;
use imds_store::record::LaunchTemplate;

use world::{APP, DISABLE, RESTORE, World};

const BUCKET: &str = "elasticbeanstalk-us-east-1-123456789012";

#[test]
fn a_creation_launches_and_is_ready_one_delay_later() {
    let mut world = World::new();
    world.ok(
        "CreateEnvironment",
        &format!("{APP}&EnvironmentName=shop-dev&Tags.member.1.Key=team&Tags.member.1.Value=a+b"),
    );
    assert_eq!(world.told("shop-dev"), ("Launching", "Grey", 0));
    assert_eq!(world.advance(), Some(world.later()), "what was launched gets its time");
    assert_eq!(world.told("shop-dev"), ("Launching", "Grey", 0));
    assert_eq!(world.running(), [HttpTokens::Required], "it is there already");
    assert_eq!(world.pass(), None);
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1));
    let environment = world.environment("shop-dev");
    let machine = world.machine(&environment.instances[0]);
    let group = environment.group.clone();
    let security_group = group.replace("AutoScalingGroup", "SecurityGroup");
    assert_eq!(
        world.events("CreateEnvironment"),
        [
            "INFO Successfully launched environment: shop-dev".to_owned(),
            "INFO Added instance [i] to your environment.".to_owned(),
            "INFO Waiting for EC2 instances to launch. This may take a few minutes.".to_owned(),
            format!("INFO Created Auto Scaling group named: {group}"),
            format!("INFO Created security group named: {security_group}"),
            format!("INFO Using {BUCKET} as Amazon S3 storage bucket for environment data."),
            "INFO createEnvironment is starting.".to_owned(),
        ]
    );
    let id = &environment.id;
    let template = environment.template.as_deref().unwrap();
    let stack = format!("awseb-{id}-stack");
    let arn = &machine.instance.tags["aws:cloudformation:stack-id"];
    assert!(
        arn.starts_with(&format!("arn:aws:cloudformation:us-east-1:123456789012:stack/{stack}/")),
        "{arn}"
    );
    for (key, value) in [
        ("Name", "shop-dev"),
        ("aws:autoscaling:groupName", &group),
        ("aws:cloudformation:logical-id", "AWSEBAutoScalingGroup"),
        ("aws:cloudformation:stack-name", &stack),
        ("aws:ec2launchtemplate:id", template),
        ("aws:ec2launchtemplate:version", "1"),
        ("elasticbeanstalk:environment-id", id),
        ("elasticbeanstalk:environment-name", "shop-dev"),
        ("team", "a b"),
    ] {
        assert_eq!(machine.instance.tags.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(machine.instance.primary().security_groups, [security_group]);
    assert_eq!(machine.instance.options.http_put_response_hop_limit.hops(), 2, "as the image asks for");
    assert_eq!(environment.endpoint, machine.instance.local_ipv4().map(|address| address.to_string()));
    assert_eq!(machine.instance.ami_id, "ami-0abcdef1234562023");
    let kept = world.only::<LaunchTemplate>();
    assert!(kept.name.starts_with("AWSEBEC2LaunchTemplate_") && kept.id == template);
}

#[test]
fn switching_imds_v1_on_replaces_the_instances_and_something_answers_always() {
    let mut world = World::ready();
    let old = world.environment("shop-dev").instances;
    world.ok("UpdateEnvironment", &format!("EnvironmentName=shop-dev&{DISABLE}=false"));
    assert_eq!(world.told("shop-dev"), ("Updating", "Grey", 1));
    world.advance();
    assert_eq!(world.running(), [HttpTokens::Required, HttpTokens::Optional], "the old one and the new one");
    assert_eq!(world.environment("shop-dev").instances, old, "what is deployed is as it was");
    world.advance();
    assert_eq!(world.running().len(), 2, "nothing happens before its time");
    assert_eq!(world.pass(), None);
    assert_eq!(world.running(), [HttpTokens::Optional]);
    let environment = world.environment("shop-dev");
    assert_eq!((environment.template_version, environment.instances.len()), (2, 1));
    assert_ne!(environment.instances, old);
    assert_eq!(world.only::<LaunchTemplate>().versions.len(), 2);
    assert_eq!(
        world.events("UpdateEnvironment"),
        [
            "INFO Environment update completed successfully.",
            "INFO Successfully deployed new configuration to environment.",
            "INFO Removed instance [i] from your environment.",
            "INFO Added instance [i] to your environment.",
            "INFO Waiting for EC2 instances to launch. This may take a few minutes.",
            "INFO Updating environment shop-dev's configuration settings.",
            "INFO Environment update is starting.",
        ]
    );
    world.addresses_are_those_that_run();
    // The same again changes nothing.
    world.ok("UpdateEnvironment", &format!("EnvironmentName=shop-dev&{DISABLE}=false"));
    world.settle();
    assert_eq!(world.environment("shop-dev").instances, environment.instances);
    // Nor does the default, said in so many words, once the option is taken back.
    world.ok("UpdateEnvironment", &format!("EnvironmentName=shop-dev&{RESTORE}"));
    world.settle();
    assert_eq!(world.running(), [HttpTokens::Required]);
    let instances = world.environment("shop-dev").instances;
    world.ok("UpdateEnvironment", &format!("EnvironmentName=shop-dev&{DISABLE}=True"));
    world.settle();
    assert_eq!(world.environment("shop-dev").instances.len(), instances.len());
}

#[test]
fn a_termination_takes_everything_and_frees_the_names() {
    let mut world = World::ready();
    world.ok("TerminateEnvironment", "EnvironmentName=shop-dev");
    assert_eq!(world.told("shop-dev"), ("Terminating", "Grey", 1));
    world.ok("TerminateEnvironment", "EnvironmentName=shop-dev&TerminateResources=true");
    world.advance();
    assert_eq!(world.running(), []);
    assert_eq!(world.told("shop-dev"), ("Terminating", "Grey", 1));
    let id = world.environment("shop-dev").id;
    assert_eq!(world.pass(), None);
    assert_eq!(world.by_id(&id).status, "Terminated");
    assert_eq!(world.count("launch-template/") + world.count("launch-template-name/"), 0);
    assert_eq!(
        world.count("environment-name/") + world.count("environment-cname/") + world.count("address/"),
        0
    );
    let events = world.events("TerminateEnvironment");
    assert_eq!(events[0], "INFO terminateEnvironment completed successfully.");
    assert_eq!(events.last().unwrap(), "INFO terminateEnvironment is starting.");
    // By its id, which Terraform may send once more.
    world.ok("TerminateEnvironment", &format!("EnvironmentId={id}"));
    assert_eq!(world.advance(), None);
    assert_eq!(world.events("TerminateEnvironment").len(), events.len() + 2);
    world.refused(
        "TerminateEnvironment",
        "EnvironmentName=shop-dev",
        "No Environment found for EnvironmentName = 'shop-dev'.",
    );
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-dev"));
    world.settle();
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1));
}

#[test]
fn who_asks_again_for_a_termination_is_told_its_end_too() {
    let mut world = World::ready();
    let id = world.environment("shop-dev").id;
    let (first, second) =
        ("INFO terminateEnvironment is starting.", "INFO terminateEnvironment completed successfully.");
    world.ok("TerminateEnvironment", "EnvironmentName=shop-dev");
    for request in ["one", "two"] {
        world.follow("TerminateEnvironment", "EnvironmentName=shop-dev", request);
        world.advance();
        assert_eq!(world.events(request), [first], "at once");
    }
    world.settle();
    world.follow("TerminateEnvironment", &format!("EnvironmentId={id}"), "three");
    for request in ["TerminateEnvironment", "one", "two", "three"] {
        let events = world.events(request);
        assert_eq!((events.last().unwrap().as_str(), events[0].as_str()), (first, second), "{request}");
    }
    assert_eq!(world.by_id(&id).status, "Terminated");
    // What is kept of that is limited: who is not told the end is not told a beginning.
    let mut world = World::ready();
    for number in 0..=64 {
        world.follow("TerminateEnvironment", "EnvironmentName=shop-dev", &number.to_string());
    }
    let why = "It was asked for already, by 64 other calls that wait for its end.";
    world.refused("TerminateEnvironment", "EnvironmentName=shop-dev", why);
    world.settle();
    assert_eq!(world.events("64")[0], second);
    assert!(world.events("TerminateEnvironment").is_empty());
}

#[test]
fn who_waits_for_what_a_termination_ends_is_told() {
    let failed = "ERROR Failed to launch environment.";
    let update = format!("EnvironmentName=shop-dev&{DISABLE}=false");
    let terminate = ("TerminateEnvironment", "EnvironmentName=shop-dev");
    let delete = ("DeleteApplication", "ApplicationName=shop&TerminateEnvByForce=true");
    for (action, form, (ending, of), end) in [
        ("CreateEnvironment", "ApplicationName=shop&EnvironmentName=shop-dev", terminate, failed),
        ("CreateEnvironment", "ApplicationName=shop&EnvironmentName=shop-dev", delete, failed),
        ("RebuildEnvironment", "EnvironmentName=shop-dev", terminate, failed),
        ("RestartAppServer", "EnvironmentName=shop-dev", terminate, "ERROR Failed to deploy application."),
        (
            "UpdateEnvironment",
            &update,
            delete,
            "INFO The environment was reverted to the previous configuration setting.",
        ),
    ] {
        for steps in 0..2 {
            let mut world = if action == "CreateEnvironment" { World::new() } else { World::ready() };
            world.follow(action, form, "waiting");
            for _ in 0..steps {
                world.advance();
            }
            world.ok(ending, of);
            world.settle();
            let told = world.events("waiting");
            assert_eq!(told[0], end, "{action} {steps}");
            assert_eq!(told.iter().filter(|event| *event == end).count(), 1, "{action} {steps}");
            assert!(world.events(ending)[0].ends_with("terminateEnvironment completed successfully."));
            assert_eq!(world.running(), []);
        }
    }
}

#[test]
fn tags_of_the_environment_are_tags_of_what_belongs_to_it() {
    let mut world = World::new();
    let tag = |number: usize, key: &str, value: &str| {
        format!("&Tags.member.{number}.Key={key}&Tags.member.{number}.Value={value}")
    };
    world.ok(
        "CreateEnvironment",
        &format!("{APP}&EnvironmentName=shop-dev{}{}", tag(1, "team", "a"), tag(2, "cost", "1")),
    );
    world.settle();
    let id = world.environment("shop-dev").instances[0].clone();
    let mut machine = world.machine(&id);
    machine.instance.tags.insert("own".to_owned(), "x".to_owned());
    world.put(&machine);
    let arn = "ResourceArn=arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/shop/shop-dev";
    let form =
        format!("{arn}{}&TagsToRemove.member.1=cost", tag(1, "team", "b").replace("Tags", "TagsToAdd"));
    world.ok("UpdateTagsForResource", &form);
    world.settle();
    let mut expected = machine.instance.tags.clone();
    expected.remove("cost");
    expected.insert("team".to_owned(), "b".to_owned());
    assert_eq!(world.machine(&id).instance.tags, expected);
    let template = world.only::<LaunchTemplate>();
    assert_eq!((template.tags.get("team").map(String::as_str), template.tags.get("cost")), (Some("b"), None));
    // What is launched later has them from the start.
    world.ok("TerminateInstances", &format!("InstanceId.1={id}"));
    world.settle();
    let tags = world.machine(&world.environment("shop-dev").instances[0]).instance.tags;
    assert_eq!((tags["team"].as_str(), tags.get("cost"), tags.get("own")), ("b", None, None));
    // One that cannot be a path of the metadata is refused, while tags are served.
    let id = world.environment("shop-dev").instances[0].clone();
    let mut machine = world.machine(&id);
    machine.instance.options.instance_metadata_tags = imds_core::options::Switch::Enabled;
    world.put(&machine);
    let form = format!("{arn}{}", tag(1, "cost center", "b").replace("Tags", "TagsToAdd"));
    assert_eq!(world.call("UpdateTagsForResource", &form).unwrap_err().code, "InvalidParameterValue");
    assert_eq!(world.machine(&id), machine);
}
