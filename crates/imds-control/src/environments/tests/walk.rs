//! Anything, in any order, at any time, with the process ending now and then: what is left in the end is consistent.

use std::collections::BTreeSet;
use std::time::Duration;

use imds_core::Machine;
use imds_core::options::HttpTokens;
use imds_store::record::{
    self, Application, ApplicationVersion, Environment, EnvironmentCname, LaunchTemplate,
};

use super::world::{APP, World, option};
use crate::elasticbeanstalk::option::disables_imds_v1;
use crate::elasticbeanstalk::platform::Platform;
use crate::environments::size;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// Something that somebody does; much of it is refused.
fn act(world: &mut World, dice: &mut Dice) {
    let launch = "aws:autoscaling:launchconfiguration";
    let name = format!("EnvironmentName={}", dice.one_of(&["shop-one", "shop-two"]));
    let chosen = match dice.below(7) {
        0 => option(1, "aws:autoscaling:asg", "MinSize", dice.one_of(&["1", "2", "3"])),
        1 => option(1, launch, "EC2KeyName", dice.one_of(&["lost", ""])),
        2 => option(1, "aws:elasticbeanstalk:application:environment", "A", dice.one_of(&["a", "b"])),
        3 => format!("VersionLabel={}", dice.one_of(&["v1", "v2"])),
        _ => option(1, launch, "DisableIMDSv1", dice.one_of(&["true", "false"])),
    };
    let machines = world.all::<Machine>();
    let machine = dice.below(machines.len().max(1) as u64);
    let machine = machines.get(usize::try_from(machine).unwrap());
    let instance = machine.map_or(String::new(), |machine| format!("InstanceId.1={}", machine.instance.id));
    let template =
        world.all::<LaunchTemplate>().first().map_or(String::new(), |template| template.id.clone());
    if world.all::<Application>().is_empty() {
        world.ok("CreateApplication", APP);
        for label in ["v1", "v2"] {
            world.ok("CreateApplicationVersion", &format!("{APP}&VersionLabel={label}"));
        }
    }
    let (action, form) = match dice.below(100) {
        0 => ("DeleteApplication", format!("{APP}&TerminateEnvByForce=true")),
        1..3 => ("CreateLaunchTemplateVersion", format!("LaunchTemplateId={template}&SourceVersion=1")),
        3..5 => {
            ("DeleteLaunchTemplateVersions", format!("LaunchTemplateId={template}&LaunchTemplateVersion.1=2"))
        }
        5..7 => ("ModifyLaunchTemplate", format!("LaunchTemplateId={template}&SetDefaultVersion=2")),
        7..9 => (
            "UpdateTagsForResource",
            format!(
                "ResourceArn=arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/shop/{}\
                 &TagsToAdd.member.1.Key=team&TagsToAdd.member.1.Value={}",
                dice.one_of(&["shop-one", "shop-two"]),
                dice.one_of(&["a", "b"])
            ),
        ),
        9..11 => (
            "SwapEnvironmentCNAMEs",
            "SourceEnvironmentName=shop-one&DestinationEnvironmentName=shop-two".to_owned(),
        ),
        11..13 => ("DeleteApplicationVersion", format!("{APP}&VersionLabel={}", dice.one_of(&["v1", "v2"]))),
        13..15 => ("CreateApplicationVersion", format!("{APP}&VersionLabel={}", dice.one_of(&["v1", "v2"]))),
        _ => act_more(dice, chosen, name, instance, template),
    };
    if let Err(error) = world.call(action, &form) {
        assert_eq!(error.status.as_u16(), 400, "{action} {form}: {error}");
    }
}

/// What is done more often.
fn act_more(
    dice: &mut Dice,
    chosen: String,
    name: String,
    instance: String,
    template: String,
) -> (&'static str, String) {
    match dice.below(24) {
        0..3 => ("CreateEnvironment", format!("{APP}&{name}&{chosen}")),
        3..11 => ("UpdateEnvironment", format!("{name}&{chosen}")),
        11 => ("AbortEnvironmentUpdate", name),
        12 => ("RebuildEnvironment", name),
        13 => ("RestartAppServer", name),
        14 => ("TerminateEnvironment", name),
        15..18 => ("TerminateInstances", instance),
        18..20 => ("StopInstances", instance),
        20 => ("StartInstances", instance),
        21 => ("DeleteLaunchTemplate", format!("LaunchTemplateId={template}")),
        22 => ("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=enabled".to_owned()),
        _ => ("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=disabled".to_owned()),
    }
}

/// Each environment has the instances that it should have, and there are no others.
fn check(world: &World, seed: u64) {
    let (mut owned, mut templates) = (BTreeSet::new(), 0);
    for one in world.all::<Environment>() {
        assert_eq!(one.work, None, "{seed}");
        if one.is_terminated() {
            assert!(one.instances.is_empty() && one.template.is_none(), "{seed}: {one:?}");
            continue;
        }
        assert_eq!(world.environment(&one.name), one, "{seed}: its name is its own");
        let cname = format!("us-east-1/{}", one.cname_prefix.to_ascii_lowercase());
        let held = record::get::<EnvironmentCname>(&*world.store, &cname).unwrap().unwrap();
        assert_eq!(held.record.id, one.id, "{seed}: its host name is its own");
        if let Some(label) = &one.version {
            let name = ApplicationVersion::record_name("us-east-1", "shop", label);
            let version = record::get::<ApplicationVersion>(&*world.store, &name).unwrap();
            assert!(version.is_some(), "{seed}: what {} runs was deleted", one.name);
        }
        templates += usize::from(one.template.is_some());
        let expected = size::count(&one.solution_stack, &one.settings).unwrap() as usize;
        match one.health.as_str() {
            "Green" => assert_eq!(one.instances.len(), expected, "{seed}: {one:?}"),
            health => {
                assert_eq!((health, one.instances.len(), &one.template), ("Red", 0, &None), "{seed}");
                assert!(one.is_unlaunched, "{seed}: {one:?}");
            }
        }
        let platform = Platform::by_stack(&one.solution_stack).unwrap();
        let tokens = match disables_imds_v1(&platform, &one.settings) {
            true => HttpTokens::Required,
            false => HttpTokens::Optional,
        };
        for id in &one.instances {
            let machine = record::get::<Machine>(&*world.store, id).unwrap().unwrap().record;
            assert!(machine.state.is_running(), "{seed}: {one:?}");
            assert_eq!(machine.instance.options.http_tokens, tokens, "{seed}: {one:?}");
            assert_eq!(machine.instance.tags.get("team"), one.tags.get("team"), "{seed}: {one:?}");
            assert!(owned.insert(id.clone()), "{seed}: {id} is in two environments");
        }
    }
    let alive = world.all::<Machine>().into_iter().filter(|machine| !machine.state.is_terminated());
    let alive: BTreeSet<_> = alive.map(|machine| machine.instance.id.to_string()).collect();
    assert_eq!(alive, owned, "{seed}");
    let waiting = world.all::<Application>().into_iter().any(|one| !one.deletions.is_empty());
    assert!(!waiting, "{seed}: an application is being deleted for ever");
    // One that its owner deleted is made anew when it is needed.
    assert!(world.count("launch-template/") <= templates, "{seed}");
    assert_eq!(world.count("launch-template/"), world.count("launch-template-name/"), "{seed}");
    world.addresses_are_those_that_run();
    world.events("");
}

#[test]
fn whatever_happens_the_end_is_consistent() {
    for seed in 0..60 {
        let (mut world, mut dice) = (World::new(), Dice(seed));
        for _ in 0..60 {
            act(&mut world, &mut dice);
            world.now += Duration::from_millis(dice.below(400));
            if dice.below(50) == 0 {
                world.now -= Duration::from_secs(3);
            }
            if dice.below(4) > 0 {
                world.advance();
            }
            if dice.below(10) == 0 {
                world = world.copy();
            }
        }
        world.ok("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=disabled");
        world.settle();
        check(&world, seed);
    }
}
