//! What an account and an image say of launches, and values that no option has.

use super::super::{Api, option, text};
use super::{BOX, DELAY, INSTANCES, boxed, check, creation, settings, start, update};

/// A solution stack whose instances answer IMDSv1 when nothing is said.
fn old_stack(api: &mut Api) -> String {
    let document = api.bean("Action=ListAvailableSolutionStacks");
    let stacks = super::members(text(&document, "SolutionStacks").unwrap_or_default());
    let all = document.split("<member>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    let mut all = all.chain(stacks);
    all.find(|stack| stack.contains("Amazon Linux 2 ")).unwrap().replace(' ', "%20")
}

#[test]
fn the_box_comes_before_what_the_account_prefers() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokens=required&HttpPutResponseHopLimit=5&InstanceMetadataTags=enabled");
    let old = old_stack(&mut api);
    for (name, more, is_disabled) in [
        ("nothing", String::new(), true),
        ("unticked", boxed(false), false),
        ("old-stack", format!("&SolutionStackName={old}"), false),
        ("old-ticked", format!("&SolutionStackName={old}") + &boxed(true), true),
    ] {
        api.create(name, &more);
        api.until(name, "Ready");
        assert_eq!(check(&mut api, &service, name, 1), is_disabled, "{name}");
        // What the box does not say is the account's.
        let member = api.members(name).remove(0);
        assert_eq!(option(&api.instance(&member.id), "instanceMetadataTags"), "enabled", "{name}");
        let guest = super::Guest::at(&service, member.address);
        let tag =
            guest.get("meta-data/tags/instance/elasticbeanstalk:environment-name", Some(&guest.token()));
        assert_eq!(tag, (200, name.to_owned()));
    }
}

#[test]
fn a_launch_that_is_not_allowed_leaves_nothing_behind() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled");
    let made = api.create("shop-dev", &boxed(false));
    let ended = crate::serve::until("it has ended", || {
        let found = api.environment(&made.id)?;
        matches!(text(&found, "Status"), Some("Ready" | "Terminated")).then_some(found)
    });
    assert_ne!(text(&ended, "Health"), Some("Green"), "{ended}");
    assert!(api.tagged(&made.id).is_empty());
    let events = api.events(&format!("&RequestId={}", made.request_id));
    assert!(events.iter().any(|event| event.severity == "ERROR"), "{events:?}");
    // `eb create` ends by one of these.
    let is_end = |message: &str| {
        message == "Failed to launch environment."
            || message.starts_with("Create environment operation is complete, but with errors")
    };
    assert!(events.iter().any(|event| is_end(&event.message)), "{events:?}");
    // It can be terminated, and its name used again.
    api.beanstalk("Action=TerminateEnvironment&EnvironmentName=shop-dev");
    api.until(&made.id, "Terminated");
    assert!(api.templates().is_empty());
    api.create("shop-dev", "");
    api.until("shop-dev", "Ready");
    assert!(check(&mut api, &service, "shop-dev", 1));
}

#[test]
fn values_that_no_option_has_change_nothing() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    api.create("shop-dev", "");
    api.until("shop-dev", "Ready");
    let events = api.events("").len();
    for (options, message) in [
        (
            settings(&[(INSTANCES, BOX, "bogus")]),
            "Configuration validation exception: Invalid option value: 'bogus' (Namespace: \
             'aws:autoscaling:launchconfiguration', OptionName: 'DisableIMDSv1'): Value is not one of the allowed values: \
             [true, false]",
        ),
        (
            settings(&[("x", "y", "1")]),
            "Configuration validation exception: Invalid option specification (Namespace: 'x', OptionName: 'y'): Unknown \
             configuration setting.",
        ),
        (settings(&[("aws:autoscaling:asg", "MinSize", "-1")]), "Configuration validation exception: "),
        (settings(&[("aws:autoscaling:asg", "MinSize", "many")]), "Configuration validation exception: "),
        (settings(&[("aws:autoscaling:asg", "MinSize", "9")]), "Configuration validation exception: "),
        (settings(&[(INSTANCES, BOX, "false"), ("x", "y", "1")]), "Configuration validation exception: "),
    ] {
        for form in [update("shop-dev", &options), creation("other", &options)] {
            let refused = api.beanstalk(&form);
            assert_eq!(
                refused.refusal(),
                (400, "ConfigurationValidationException"),
                "{form}: {}",
                refused.document
            );
            let told = text(&refused.document, "Message").unwrap_or_default().replace("&apos;", "'");
            assert!(told.starts_with(message), "{form}: {told}");
        }
    }
    for (form, message) in [
        (update("nobodys", &boxed(true)), "No Environment found for EnvironmentName = 'nobodys'."),
        (creation("shop-dev", ""), "Environment shop-dev already exists."),
        (
            creation("other", "").replace("ApplicationName=shop", "ApplicationName=nobodys"),
            "No Application named 'nobodys' found.",
        ),
    ] {
        let refused = api.beanstalk(&form);
        assert_eq!(refused.refusal(), (400, "InvalidParameterValue"), "{form}");
        assert_eq!(text(&refused.document, "Message"), Some(message), "{form}");
    }
    assert_eq!(api.events("").len(), events, "what is refused is no event");
    assert!(check(&mut api, &service, "shop-dev", 1));
    // In any case of letters, as the AWS CLI passes it on.
    api.bean(&update("shop-dev", &settings(&[(INSTANCES, BOX, "False")])));
    api.until("shop-dev", "Ready");
    assert!(!check(&mut api, &service, "shop-dev", 1));
}
