//! Options: what they are by default, what they take, what they refuse and in which words.

use imds_store::Memory;
use imds_store::record::Batch;
use imds_store::record::environment::Settings;

use super::*;
use crate::elasticbeanstalk::platform::DEFAULT;

const LAUNCH: &str = "aws:autoscaling:launchconfiguration";

fn platform(stack: &str) -> Platform {
    Platform::by_stack(stack).unwrap()
}

fn al2023() -> Platform {
    platform(DEFAULT)
}

fn al2() -> Platform {
    platform("64bit Amazon Linux 2 v3.7.5 running Python 3.8")
}

/// A change that chooses these: namespace, name, value.
fn choosing(options: &[(&str, &str, &str)]) -> Change {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (index, (namespace, name, value)) in options.iter().enumerate() {
        let member = format!("OptionSettings.member.{}", index + 1);
        form.append_pair(&format!("{member}.Namespace"), namespace)
            .append_pair(&format!("{member}.OptionName"), name)
            .append_pair(&format!("{member}.Value"), value);
    }
    Change::read(&Params::parse(form.finish().as_bytes()).unwrap()).unwrap()
}

fn chosen(options: &[(&str, &str, &str)]) -> Settings {
    choosing(options).apply(&al2023(), &Settings::default()).unwrap()
}

#[test]
fn imds_v1_is_disabled_by_default_on_amazon_linux_2023_alone() {
    for (platform, value, is_disabled) in [
        (al2023(), None, true),
        (al2(), None, false),
        (al2023(), Some("false"), false),
        (al2023(), Some("FALSE"), false),
        (al2(), Some("true"), true),
        (al2(), Some("True"), true),
    ] {
        let options: Vec<_> = value.map(|value| (LAUNCH, "DisableIMDSv1", value)).into_iter().collect();
        let settings = choosing(&options).apply(&platform, &Settings::default()).unwrap();
        assert_eq!(disables_imds_v1(&platform, &settings), is_disabled, "{} {value:?}", platform.stack());
    }
}

#[test]
fn a_default_is_told_until_something_is_chosen() {
    let (platform, none) = (al2023(), Settings::default());
    let single = chosen(&[("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")]);
    for (settings, namespace, name, expected) in [
        (&none, "aws:autoscaling:asg", "MaxSize", Some("4")),
        (&single, "aws:autoscaling:asg", "MaxSize", Some("1")),
        (&none, LAUNCH, "InstanceType", Some("t3.micro")),
        (&none, LAUNCH, "EC2KeyName", None),
        (&none, "aws:elasticbeanstalk:application:environment", "A", None),
        (&none, "none", "None", None),
    ] {
        assert_eq!(value(&platform, settings, namespace, name).as_deref(), expected, "{name}");
    }
    assert!(is_single(&single) && !is_single(&none) && !is_enhanced(&platform, &none));
}

#[test]
fn what_is_refused_is_told_in_awss_words() {
    for (namespace, name, value, why) in [
        (LAUNCH, "DisableIMDSv1", "bogus", "Value is not one of the allowed values: [true, false]"),
        (LAUNCH, "DisableIMDSv1", "", "Value is not one of the allowed values: [true, false]"),
        (LAUNCH, "DisableIMDSv1", "1", "Value is not one of the allowed values: [true, false]"),
        (LAUNCH, "DisableIMDSv1", " true", "Value is not one of the allowed values: [true, false]"),
        (LAUNCH, "DisableIMDSv1", "t\u{0}rue", "Value is not one of the allowed values: [true, false]"),
        (
            LAUNCH,
            "MonitoringInterval",
            "2 minute",
            "Value is not one of the allowed values: [1 minute, 5 minute]",
        ),
        (LAUNCH, "RootVolumeSize", "7", "Value is less than minimum allowed value: 8"),
        (LAUNCH, "RootVolumeSize", "16385", "Value is greater than maximum allowed value: 16384"),
        (LAUNCH, "RootVolumeSize", "99999999999999999999", "Value is not a valid integer"),
        (LAUNCH, "RootVolumeSize", "8.5", "Value is not a valid integer"),
        (LAUNCH, "InstanceType", "huge", "Value is not an instance type: huge"),
        ("aws:ec2:instances", "InstanceTypes", "t3.micro,,", "Value is not an instance type: "),
        (LAUNCH, "ImageId", "ami-x", "Value does not match the regular expression: ^ami-[0-9a-f]{8,17}$"),
        (
            "aws:elasticbeanstalk:environment",
            "EnvironmentType",
            "Single",
            "Value is not one of the allowed values: [SingleInstance, LoadBalanced]",
        ),
    ] {
        let error = choosing(&[(namespace, name, value)]).apply(&al2023(), &Settings::default()).unwrap_err();
        assert_eq!(error.code, "ConfigurationValidationException");
        assert_eq!(
            error.message,
            format!(
                "Configuration validation exception: Invalid option value: '{value}' (Namespace: '{namespace}', \
                 OptionName: '{name}'): {why}"
            )
        );
    }
    for (namespace, name) in [
        ("x", "y"),
        (LAUNCH, "disableimdsv1"),
        (LAUNCH, " DisableIMDSv1"),
        ("aws:autoscaling", "DisableIMDSv1"),
        ("aws:elb:policies:", "CookieName"),
        ("aws:elb:listener:443", "Nothing"),
        ("aws:elasticbeanstalk:container:tomcat:jvmoptions", "Xmx"),
        ("*", "*"),
    ] {
        let error = choosing(&[(namespace, name, "1")]).apply(&al2023(), &Settings::default()).unwrap_err();
        assert_eq!(
            error.message,
            format!(
                "Configuration validation exception: Invalid option specification (Namespace: '{namespace}', \
                 OptionName: '{name}'): Unknown configuration setting."
            )
        );
    }
}

#[test]
fn what_clients_choose_is_taken() {
    for (namespace, name, value) in [
        (LAUNCH, "DisableIMDSv1", "false"),
        (LAUNCH, "IamInstanceProfile", "aws-elasticbeanstalk-ec2-role"),
        (LAUNCH, "RootVolumeSize", ""),
        (LAUNCH, "SSHSourceRestriction", "tcp, 22, 22, 10.0.0.0/8"),
        ("aws:ec2:instances", "InstanceTypes", "t3.micro, t3.small"),
        ("aws:elasticbeanstalk:environment", "ServiceRole", "aws-elasticbeanstalk-service-role"),
        ("aws:elb:loadbalancer", "CrossZone", "true"),
        ("aws:elb:policies", "ConnectionDrainingEnabled", "true"),
        ("aws:elb:listener:443", "SSLCertificateId", "arn:aws:acm:us-east-1:123456789012:certificate/x"),
        ("aws:elbv2:listener:443", "Protocol", "HTTPS"),
        ("aws:elbv2:listenerrule:shop", "PathPatterns", "/shop/*"),
        ("aws:elasticbeanstalk:environment:process:shop", "Port", "8080"),
        ("aws:elasticbeanstalk:environment:proxy:staticfiles", "/static", "static"),
        ("aws:elasticbeanstalk:application:environment", "DATABASE_URL", "postgres://x/%'\"<>"),
        ("aws:elasticbeanstalk:application:environment", "a/b", ""),
        ("aws:elasticbeanstalk:managedactions", "PreferredStartTime", "Tue:09:00"),
        ("aws:elasticbeanstalk:command", "BatchSizeType", "Percentage"),
    ] {
        let settings = chosen(&[(namespace, name, value)]);
        assert_eq!(settings.get(namespace, name), Some(value));
    }
}

#[test]
fn what_one_platform_has_another_has_not() {
    let docker = platform("64bit Amazon Linux 2023 v4.7.0 running Docker");
    let none = Settings::default();
    let proxy = |value| choosing(&[("aws:elasticbeanstalk:environment:proxy", "ProxyServer", value)]);
    let error = proxy("apache").apply(&docker, &none).unwrap_err();
    // As a deployment to Docker was refused.
    assert!(error.message.ends_with("Value is not one of the allowed values: [nginx, none]"), "{error}");
    assert!(proxy("apache").apply(&al2023(), &none).is_ok() && proxy("none").apply(&docker, &none).is_ok());
    let files = choosing(&[("aws:elasticbeanstalk:environment:proxy:staticfiles", "/static", "x")]);
    assert!(files.apply(&docker, &none).is_err());
}

#[test]
fn options_that_do_not_fit_one_another_are_refused() {
    let managed = ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", "true");
    let error = choosing(&[managed]).apply(&al2023(), &Settings::default()).unwrap_err();
    assert_eq!(
        error.message,
        "Configuration validation exception: Invalid option specification (Namespace: \
         'aws:elasticbeanstalk:managedactions', OptionName: 'ManagedActionsEnabled'): Managed platform updates require \
         enhanced health reporting (option SystemType in namespace aws:elasticbeanstalk:healthreporting:system)."
    );
    let health = ("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced");
    assert!(is_enhanced(&al2023(), &chosen(&[managed, health])));
    for (options, is_fit) in [
        (vec![("aws:autoscaling:asg", "MinSize", "5")], false),
        (vec![("aws:autoscaling:asg", "MinSize", "5"), ("aws:autoscaling:asg", "MaxSize", "5")], true),
        (vec![("aws:autoscaling:asg", "MinSize", "1"), ("aws:autoscaling:asg", "MinSize", "2")], false),
        (
            vec![
                ("aws:autoscaling:asg", "MinSize", "5"),
                ("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
            ],
            true,
        ),
    ] {
        let result = choosing(&options).apply(&al2023(), &Settings::default());
        assert_eq!(result.is_ok(), is_fit, "{options:?} {result:?}");
    }
}

#[test]
fn properties_have_a_size_in_all_however_many_calls_choose_them() {
    let namespace = "aws:elasticbeanstalk:application:environment";
    let half = "x".repeat(2_046);
    let first = chosen(&[(namespace, "A", &half)]);
    let whole = choosing(&[(namespace, "B", &half)]).apply(&al2023(), &first).unwrap();
    // One byte more, as a value and as a name.
    for (name, value) in [("B", "x".repeat(2_047)), ("C", String::new())] {
        let change = choosing(&[(namespace, name, &value)]);
        let error = change.apply(&al2023(), &whole).unwrap_err();
        assert_eq!(error.code, "ConfigurationValidationException");
        assert!(error.message.ends_with(": All properties together exceed 4096 bytes"), "{error}");
        assert_eq!(change.check(&al2023(), &whole).len(), 1);
    }
    choosing(&[(namespace, "B", ""), (namespace, "C", "x")]).apply(&al2023(), &whole).unwrap();
}

#[test]
fn what_is_removed_has_its_default_again() {
    let old = chosen(&[(LAUNCH, "DisableIMDSv1", "false"), (LAUNCH, "EC2KeyName", "k")]);
    let form = "OptionsToRemove.member.1.Namespace=aws:autoscaling:launchconfiguration\
                &OptionsToRemove.member.1.OptionName=DisableIMDSv1\
                &OptionsToRemove.member.2.Namespace=aws:elasticbeanstalk:application:environment\
                &OptionsToRemove.member.2.OptionName=NONE";
    let change = Change::read(&Params::parse(form.as_bytes()).unwrap()).unwrap();
    assert!(!change.is_empty());
    let new = change.apply(&al2023(), &old).unwrap();
    assert!(disables_imds_v1(&al2023(), &new) && new.get(LAUNCH, "EC2KeyName") == Some("k"));
    assert_eq!(severity(&al2023(), &old, &new), Some(Severity::RestartEnvironment));
    for form in ["OptionsToRemove.member.1.Namespace=x", "OptionSettings.member.1.OptionName=x"] {
        let params = Params::parse(form.as_bytes()).unwrap();
        assert_eq!(Change::read(&params).unwrap_err().code, "MissingParameter");
    }
    assert!(Change::read(&Params::parse(b"OptionSettings=&OptionsToRemove=").unwrap()).unwrap().is_empty());
}

#[test]
fn the_worst_difference_counts() {
    let environment = "aws:elasticbeanstalk:application:environment";
    for (options, expected) in [
        (&[][..], None),
        // The default, said aloud.
        (&[(LAUNCH, "DisableIMDSv1", "true")], None),
        (&[("aws:autoscaling:asg", "MaxSize", "5")], Some(Severity::NoInterruption)),
        (&[(LAUNCH, "DisableIMDSv1", "True")], None),
        (
            &[("aws:autoscaling:asg", "MaxSize", "5"), (environment, "A", "b")],
            Some(Severity::RestartApplicationServer),
        ),
        (&[(environment, "A", "b"), (LAUNCH, "DisableIMDSv1", "false")], Some(Severity::RestartEnvironment)),
    ] {
        let (old, new) = (Settings::default(), chosen(options));
        assert_eq!(severity(&al2023(), &old, &new), expected, "{options:?}");
        assert_eq!(severity(&al2023(), &new, &old), expected, "{options:?}");
    }
}

#[test]
fn scheduled_actions_have_names_of_their_own() {
    let mut form = String::new();
    for (number, action, size) in [(1, "up", 4), (2, "down", 1), (3, "a/b", 2)] {
        form += &format!(
            "&OptionSettings.member.{number}.Namespace=aws:autoscaling:scheduledaction\
             &OptionSettings.member.{number}.OptionName=MinSize&OptionSettings.member.{number}.Value={size}\
             &OptionSettings.member.{number}.ResourceName={action}"
        );
    }
    let change = Change::read(&Params::parse(form.as_bytes()).unwrap()).unwrap();
    let settings = change.apply(&al2023(), &Settings::default()).unwrap();
    let platform = al2023();
    let listed = listed(&platform, &settings, "WebServer");
    let told: Vec<_> = listed
        .iter()
        .filter(|listed| listed.namespace == "aws:autoscaling:scheduledaction")
        .map(|listed| (listed.resource, listed.name, listed.value.as_deref()))
        .collect();
    let expected = [("a/b", "2"), ("down", "1"), ("up", "4")];
    assert_eq!(told, expected.map(|(action, size)| (Some(action), "MinSize", Some(size))));
    assert_eq!(severity(&platform, &Settings::default(), &settings), Some(Severity::NoInterruption));
}

#[test]
fn all_options_are_listed_and_those_of_other_kinds_are_not() {
    let has = |settings: &Settings, tier: &str, namespace: &str| {
        listed(&al2023(), settings, tier).iter().any(|listed| listed.namespace == namespace)
    };
    let kind = "aws:elasticbeanstalk:environment";
    let single = chosen(&[(kind, "EnvironmentType", "SingleInstance")]);
    let application = chosen(&[(kind, "LoadBalancerType", "application")]);
    let none = Settings::default();
    for (settings, tier, namespace, expected) in [
        (&none, "WebServer", "aws:elb:policies", true),
        (&single, "WebServer", "aws:elb:policies", false),
        (&application, "WebServer", "aws:elb:policies", false),
        (&application, "WebServer", "aws:elbv2:loadbalancer", true),
        (&none, "WebServer", "aws:elbv2:loadbalancer", false),
        (&none, "WebServer", "aws:elasticbeanstalk:sqsd", false),
        (&none, "Worker", "aws:elasticbeanstalk:sqsd", true),
        (&none, "WebServer", "aws:autoscaling:scheduledaction", false),
        (&none, "WebServer", "aws:elasticbeanstalk:container:python", true),
        (&none, "WebServer", "aws:elasticbeanstalk:application:environment", false),
    ] {
        assert_eq!(has(settings, tier, namespace), expected, "{tier} {namespace}");
    }
    // What `eb create --single` chooses is told, though there is no load balancer.
    let chosen = chosen(&[
        (kind, "EnvironmentType", "SingleInstance"),
        ("aws:elb:loadbalancer", "CrossZone", "true"),
        ("aws:elasticbeanstalk:application:environment", "A", ""),
    ]);
    assert!(has(&chosen, "WebServer", "aws:elb:loadbalancer"));
    assert!(has(&chosen, "WebServer", "aws:elasticbeanstalk:application:environment"));
}

#[test]
fn a_missing_profile_is_told_as_the_event_of_aws() {
    let store = Memory::default();
    let mut batch = Batch::default();
    let profile =
        serde_json::json!({"name": "Web", "path": "/team/", "id": "AIPA", "created": "2026-11-24T12:00:00Z"});
    batch.put::<imds_store::record::InstanceProfile>("web", &serde_json::from_value(profile).unwrap());
    imds_store::Store::commit(&store, batch.writes()).unwrap();
    let arn = "arn:aws:iam::123456789012:instance-profile/team/Web";
    for (profile, expected) in [
        (None, None),
        (Some(""), None),
        (Some("Web"), None),
        (Some(arn), None),
        (Some("none"), Some("The instance profile none associated with the environment does not exist.")),
        (Some("web"), Some("The instance profile web associated with the environment does not exist.")),
        (
            Some("arn:aws:iam::123456789012:instance-profile/Web"),
            Some(
                "The instance profile arn:aws:iam::123456789012:instance-profile/Web associated with the environment \
                 does not exist.",
            ),
        ),
        (
            Some("arn:aws:iam::999999999999:instance-profile/team/Web"),
            Some(
                "The instance profile arn:aws:iam::999999999999:instance-profile/team/Web associated with the \
                 environment does not exist.",
            ),
        ),
        (
            Some("arn:aws:iam::123456789012:role/Web"),
            Some(
                "The instance profile arn:aws:iam::123456789012:role/Web associated with the environment is invalid.",
            ),
        ),
    ] {
        let options: Vec<_> =
            profile.map(|profile| (LAUNCH, "IamInstanceProfile", profile)).into_iter().collect();
        assert_eq!(
            missing_profile(&store, "123456789012", &chosen(&options)).unwrap().as_deref(),
            expected,
            "{profile:?}"
        );
    }
}
