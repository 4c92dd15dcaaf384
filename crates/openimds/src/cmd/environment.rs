//! `imds environment`: the Elastic Beanstalk environments of a running service.

mod create;
mod description;
mod event;
mod list;
mod set;
mod setting;
mod show;
mod terminate;
mod wait;

use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::id::InstanceId;

use crate::admin::{Admin, Error, Form, Outcome};
use crate::args::control::Door;
use crate::args::environment::{Environment, EnvironmentVerb};

pub(super) fn run(args: &Environment) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    match &args.verb {
        EnvironmentVerb::List(list) => list::run(&admin, list),
        EnvironmentVerb::Show(show) => show::run(&admin, show),
        EnvironmentVerb::Create(create) => create::run(&admin, create),
        EnvironmentVerb::Set(set) => set::run(&admin, set),
        EnvironmentVerb::Terminate(terminate) => terminate::run(&admin, terminate),
    }
}

/// One of an environment's instances: the first that runs.
///
/// # Errors
/// When there is none.
pub(super) fn instance_of(name: &str, door: &Door) -> anyhow::Result<InstanceId> {
    let admin = Admin::new(&door.admin, door.region.as_deref())?;
    let environment = description::find(&admin, name)?;
    let instances = show::instances(&admin, &environment)?;
    let running = instances.iter().find(|instance| instance.state == "running").or(instances.first());
    let running = running.with_context(|| {
        format!("environment `{name}` has no instance; see `imds environment show {name}`")
    })?;
    Ok(running.instance_id.parse()?)
}

/// Calls an action of Elastic Beanstalk.
fn call(admin: &Admin, action: &str, form: &Form) -> Result<Outcome, Error> {
    admin.query(crate::admin::Api::ElasticBeanstalk, action, form)
}

/// The answers to a question, page by page.
fn pages(admin: &Admin, action: &str, form: &Form) -> Result<Vec<Outcome>, Error> {
    let mut all = Vec::new();
    let mut page = form.clone();
    loop {
        let answer = call(admin, action, &page)?;
        let next = answer.result.text("NextToken").filter(|token| !token.is_empty());
        let next = next.map(|token| form.clone().with("NextToken", token));
        all.push(answer);
        match next {
            Some(form) => page = form,
            None => return Ok(all),
        }
    }
}

/// The parameter that names an environment, which is an id if it is like one.
fn named(form: Form, name: &str) -> Form {
    form.with(if is_id(name) { "EnvironmentId" } else { "EnvironmentName" }, name)
}

/// Is it `e-` and ten letters and digits?
fn is_id(name: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.strip_prefix("e-").is_some_and(|rest| rest.len() == 10 && rest.bytes().all(is_of_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_name() {
        assert!(is_id("e-abcdefgh12"));
        for name in ["e-shop", "shop-dev", "e-abcdefgh123", "e-ABCDEFGH12", ""] {
            assert!(!is_id(name), "{name}");
        }
        let form = named(named(Form::default(), "shop"), "e-abcdefgh12").encode("X", "V");
        assert_eq!(form, "Action=X&Version=V&EnvironmentName=shop&EnvironmentId=e-abcdefgh12");
    }
}
