//! `imds environment create`

use std::process::ExitCode;

use super::super::usage;
use super::call;
use super::setting::{self, INSTANCES, setting};
use super::wait::{Change, Task};
use crate::admin::{Admin, Error, Form, Outcome};
use crate::app::print;
use crate::args::environment::{Create, Setting};

/// How many instances a group may have when nothing is said.
const MOST: u32 = 4;

pub(super) fn run(admin: &Admin, args: &Create) -> anyhow::Result<ExitCode> {
    let application = args.application.as_deref().unwrap_or(&args.name);
    let form = match form(args, application) {
        Ok(form) => form,
        Err(why) => return Ok(usage(why)),
    };
    let change = Change::of(Task::Create, &create(admin, &form, application)?);
    if args.waiting.no_wait && !args.waiting.json {
        print(format!("{}\n", change.id()).as_bytes());
    }
    change.finish(admin, &args.waiting)
}

/// Creates it, and its application where there is none. What this made goes again if the environment is refused.
fn create(admin: &Admin, form: &Form, application: &str) -> Result<Outcome, Error> {
    match call(admin, "CreateEnvironment", form) {
        Err(Error::Refused { message, .. }) if message.starts_with("No Application named") => {}
        created => return created,
    }
    let named = Form::default().with("ApplicationName", application);
    let is_ours = match call(admin, "CreateApplication", &named) {
        Ok(_) => true,
        // Somebody else was faster.
        Err(Error::Refused { message, .. }) if message.contains("already exists") => false,
        Err(error) => return Err(error),
    };
    let created = call(admin, "CreateEnvironment", form);
    if created.is_err() && is_ours {
        call(admin, "DeleteApplication", &named)?;
    }
    created
}

fn form(args: &Create, application: &str) -> Result<Form, String> {
    let form = Form::default()
        .with("ApplicationName", application)
        .with("EnvironmentName", &args.name)
        .option("SolutionStackName", args.solution_stack.as_ref());
    let form = args.tag.iter().zip(1..).fold(form, |form, ((key, value), number)| {
        form.with(format!("Tags.member.{number}.Key"), key).with(format!("Tags.member.{number}.Value"), value)
    });
    setting::with(form, &settings(args))
}

fn settings(args: &Create) -> Vec<Setting> {
    let mut all: Vec<_> = args.imdsv1.map(setting::imdsv1).into_iter().collect();
    let of_instances =
        [("InstanceType", &args.instance_type), ("IamInstanceProfile", &args.instance_profile)];
    for (name, value) in of_instances {
        all.extend(value.as_ref().map(|value| setting(INSTANCES, name, value)));
    }
    if args.single {
        all.push(setting("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"));
    }
    if let Some(size) = args.min_size {
        all.push(setting("aws:autoscaling:asg", "MinSize", size));
        // The group must be allowed to be as large.
        if size > MOST {
            all.push(setting("aws:autoscaling:asg", "MaxSize", size));
        }
    }
    all.extend(args.option.iter().cloned());
    all
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::environment::EnvironmentVerb;
    use crate::args::{Cli, Verb};

    fn sent(words: &str) -> Result<String, String> {
        let words = ["imds", "environment", "create", "shop-dev"].into_iter().chain(words.split_whitespace());
        let Verb::Environment(environment) = Cli::try_parse_from(words).unwrap().verb else { panic!() };
        let EnvironmentVerb::Create(args) = environment.verb else { panic!() };
        form(&args, "shop").map(|form| form.encode("CreateEnvironment", "V").replace('&', "\n"))
    }

    #[test]
    fn what_is_not_said_is_left_to_the_service() {
        insta::assert_snapshot!(sent("").unwrap(), @r"
        Action=CreateEnvironment
        Version=V
        ApplicationName=shop
        EnvironmentName=shop-dev
        ");
    }

    #[test]
    fn all_that_can_be_said() {
        let words = "--imdsv1 enabled --solution-stack stack --instance-type m7i.large --instance-profile web --min-size 6 \
                     --option aws:elasticbeanstalk:application:environment:COLOUR=a=b --tag Name=web --tag empty=";
        insta::assert_snapshot!(sent(words).unwrap(), @r"
        Action=CreateEnvironment
        Version=V
        ApplicationName=shop
        EnvironmentName=shop-dev
        SolutionStackName=stack
        Tags.member.1.Key=Name
        Tags.member.1.Value=web
        Tags.member.2.Key=empty
        Tags.member.2.Value=
        OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration
        OptionSettings.member.1.OptionName=DisableIMDSv1
        OptionSettings.member.1.Value=false
        OptionSettings.member.2.Namespace=aws%3Aautoscaling%3Alaunchconfiguration
        OptionSettings.member.2.OptionName=InstanceType
        OptionSettings.member.2.Value=m7i.large
        OptionSettings.member.3.Namespace=aws%3Aautoscaling%3Alaunchconfiguration
        OptionSettings.member.3.OptionName=IamInstanceProfile
        OptionSettings.member.3.Value=web
        OptionSettings.member.4.Namespace=aws%3Aautoscaling%3Aasg
        OptionSettings.member.4.OptionName=MinSize
        OptionSettings.member.4.Value=6
        OptionSettings.member.5.Namespace=aws%3Aautoscaling%3Aasg
        OptionSettings.member.5.OptionName=MaxSize
        OptionSettings.member.5.Value=6
        OptionSettings.member.6.Namespace=aws%3Aelasticbeanstalk%3Aapplication%3Aenvironment
        OptionSettings.member.6.OptionName=COLOUR
        OptionSettings.member.6.Value=a%3Db
        ");
        let single = sent("--single --imdsv1 disabled").unwrap();
        assert!(
            single.contains("=SingleInstance") && single.contains("\nOptionSettings.member.1.Value=true"),
            "{single}"
        );
        assert!(!sent("--min-size 4").unwrap().contains("MaxSize"));
    }

    #[test]
    fn an_option_and_its_own_name_are_not_said_both() {
        let why = sent("--min-size 6 --option aws:autoscaling:asg:MaxSize=8").unwrap_err();
        assert!(why.starts_with("aws:autoscaling:asg:MaxSize is given twice"), "{why}");
    }
}
