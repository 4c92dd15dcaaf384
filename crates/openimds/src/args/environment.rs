//! `imds environment`, as typed.

use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use imds_core::options::Switch;

use super::control::{Door, Output, pair};
use crate::config::Seconds;

/// `imds environment`
#[derive(Debug, Args)]
pub struct Environment {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// What to do.
    #[command(subcommand)]
    pub verb: EnvironmentVerb,
}

/// What can be done with environments.
#[derive(Debug, Subcommand)]
pub enum EnvironmentVerb {
    /// List the environments of the region
    List(List),
    /// Show one environment, its instances, and what happened last
    Show(Show),
    /// Create an environment, and its application where there is none
    Create(Box<Create>),
    /// Change options: new instances take the place of those that are there
    Set(Set),
    /// Terminate an environment and its instances, for good
    Terminate(Terminate),
}

/// `imds environment list`
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this application
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// Those too that were terminated a while ago
    #[arg(long)]
    pub all: bool,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds environment show`
#[derive(Debug, Args)]
pub struct Show {
    /// The environment: its name, or its id, which begins with `e-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// How the end of a change is waited for.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Do not wait until it is done
    #[arg(long, conflicts_with = "timeout")]
    pub no_wait: bool,
    /// Wait so long; what is not done then goes on
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub timeout: Seconds,
    /// Print the environment as JSON at the end, and no events
    #[arg(long)]
    pub json: bool,
}

/// `imds environment create`
#[derive(Debug, Args)]
#[command(
    after_help = "Without --imdsv1 the solution stack decides: on Amazon Linux 2023, as on AWS, IMDSv1 is disabled. \
    `aws elasticbeanstalk list-available-solution-stacks` names the stacks, and `describe-configuration-options` the \
    options."
)]
pub struct Create {
    /// The name: 4 to 40 letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The application, which is created where it is missing [default: the environment's name]
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// Let its instances answer IMDSv1 beside IMDSv2, or not [default: the solution stack's]
    #[arg(long, value_name = "enabled|disabled")]
    pub imdsv1: Option<Switch>,
    /// The solution stack, by its whole name [default: the newest Amazon Linux 2023 that the service has]
    #[arg(long, value_name = "NAME")]
    pub solution_stack: Option<String>,
    /// The instance type [default: t3.micro]
    #[arg(long, value_name = "TYPE", alias = "type")]
    pub instance_type: Option<String>,
    /// The instance profile, by name or ARN
    #[arg(long, value_name = "NAME", alias = "profile")]
    pub instance_profile: Option<String>,
    /// How many instances there are at least [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub min_size: Option<u32>,
    /// One instance, and no load balancer
    #[arg(long, conflicts_with = "min_size")]
    pub single: bool,
    /// Any other option; can be given several times
    #[arg(long, value_name = "NAMESPACE:NAME=VALUE")]
    pub option: Vec<Setting>,
    /// A tag of the environment and its instances; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub tag: Vec<(String, String)>,
    /// What then.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `imds environment set`
#[derive(Debug, Args)]
#[command(override_usage = "imds environment set <NAME> <OPTION>...")]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(["imdsv1", "option"])))]
pub struct Set {
    /// The environment: its name, or its id, which begins with `e-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Let its instances answer IMDSv1 beside IMDSv2, or not
    #[arg(long, value_name = "enabled|disabled")]
    pub imdsv1: Option<Switch>,
    /// Any other option; can be given several times
    #[arg(long, value_name = "NAMESPACE:NAME=VALUE")]
    pub option: Vec<Setting>,
    /// What then.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `imds environment terminate`
#[derive(Debug, Args)]
pub struct Terminate {
    /// The environment: its name, or its id, which begins with `e-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What then.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `NAMESPACE:NAME=VALUE`: a value of an option. A namespace has colons of its own, a name has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `aws:autoscaling:launchconfiguration`
    pub namespace: String,
    /// `DisableIMDSv1`
    pub name: String,
    /// `true`
    pub value: String,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (option, value) = text.split_once('=').unwrap_or_default();
        let (namespace, name) = option.rsplit_once(':').unwrap_or_default();
        if namespace.is_empty() || name.is_empty() {
            return Err("it must be like `aws:autoscaling:asg:MaxSize=4`");
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Verb};

    fn parse(words: &str) -> Result<EnvironmentVerb, clap::Error> {
        let words = ["imds", "environment"].into_iter().chain(words.split(' '));
        let Verb::Environment(environment) = Cli::try_parse_from(words)?.verb else { panic!("another verb") };
        Ok(environment.verb)
    }

    #[test]
    fn an_option_has_a_namespace_a_name_and_a_value() {
        for (text, parts) in [
            ("aws:autoscaling:asg:MaxSize=4", ["aws:autoscaling:asg", "MaxSize", "4"]),
            (
                "aws:elasticbeanstalk:application:environment:URL=http://a/?b=c:d",
                ["aws:elasticbeanstalk:application:environment", "URL", "http://a/?b=c:d"],
            ),
            ("a:b=", ["a", "b", ""]),
        ] {
            let setting: Setting = text.parse().unwrap();
            assert_eq!([&*setting.namespace, &*setting.name, &*setting.value], parts);
        }
        for bad in ["", "a", "a=b", ":a=b", "a:=b", "a:b", "=a:b"] {
            assert!(bad.parse::<Setting>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn it_is_waited_for_unless_one_says_not_to() {
        let waiting = |words: &str| match parse(words).unwrap() {
            EnvironmentVerb::Create(create) => create.waiting,
            EnvironmentVerb::Set(set) => set.waiting,
            EnvironmentVerb::Terminate(terminate) => terminate.waiting,
            EnvironmentVerb::List(_) | EnvironmentVerb::Show(_) => panic!("{words}"),
        };
        for words in ["create shop", "set shop --imdsv1 enabled", "terminate shop"] {
            assert_eq!(waiting(words).timeout, Seconds(Duration::from_secs(600)), "{words}");
            assert!(!waiting(words).no_wait, "{words}");
            assert!(waiting(&format!("{words} --no-wait")).no_wait, "{words}");
            assert_eq!(waiting(&format!("{words} --timeout 5s")).timeout, Seconds(Duration::from_secs(5)));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        for (words, why) in [
            ("show", "required"),
            ("create", "required"),
            ("set shop", "required"),
            ("set --imdsv1 enabled", "required"),
            ("set shop --imdsv1 on", "`enabled` or `disabled`"),
            ("set shop --option DisableIMDSv1=true", "aws:autoscaling:asg:MaxSize=4"),
            ("create shop --min-size 0", "1.."),
            ("create shop --single --min-size 2", "cannot be used with"),
            ("create shop --tag Name", "equals sign"),
            ("terminate shop --no-wait --timeout 5s", "cannot be used with"),
            ("terminate shop --timeout 0", "up to an hour"),
            ("list --json --format json", "cannot be used with"),
        ] {
            let error = parse(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words}");
            assert!(error.to_string().contains(why), "{words}: {error}");
        }
    }
}
