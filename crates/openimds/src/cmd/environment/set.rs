//! `imds environment set`: options, of which the box for IMDSv1 is one.

use std::process::ExitCode;

use super::super::usage;
use super::wait::{Change, Task};
use super::{call, named, setting};
use crate::admin::{Admin, Form};
use crate::args::environment::Set;

pub(super) fn run(admin: &Admin, args: &Set) -> anyhow::Result<ExitCode> {
    let form = match form(args) {
        Ok(form) => form,
        Err(why) => return Ok(usage(why)),
    };
    Change::of(Task::Update, &call(admin, "UpdateEnvironment", &form)?).finish(admin, &args.waiting)
}

fn form(args: &Set) -> Result<Form, String> {
    let mut settings: Vec<_> = args.imdsv1.map(setting::imdsv1).into_iter().collect();
    settings.extend(args.option.iter().cloned());
    setting::with(named(Form::default(), &args.name), &settings)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::environment::EnvironmentVerb;
    use crate::args::{Cli, Verb};

    #[test]
    fn what_is_named_is_sent_and_nothing_else() {
        let words = "imds environment set shop --imdsv1 enabled --option a:b=c";
        let Verb::Environment(environment) = Cli::try_parse_from(words.split(' ')).unwrap().verb else {
            panic!()
        };
        let EnvironmentVerb::Set(args) = environment.verb else { panic!() };
        insta::assert_snapshot!(form(&args).unwrap().encode("UpdateEnvironment", "V").replace('&', "\n"), @r"
        Action=UpdateEnvironment
        Version=V
        EnvironmentName=shop
        OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration
        OptionSettings.member.1.OptionName=DisableIMDSv1
        OptionSettings.member.1.Value=false
        OptionSettings.member.2.Namespace=a
        OptionSettings.member.2.OptionName=b
        OptionSettings.member.2.Value=c
        ");
    }
}
