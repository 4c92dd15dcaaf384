//! `imds instance`: the instances of a running service.

mod change;
mod history;
mod key;
mod launch;
pub(super) mod list;
mod show;
mod state;
mod tag;

use std::process::ExitCode;

use imds_core::id::InstanceId;

use super::usage;
use crate::admin::{Admin, Error, Form, Instance};
use crate::args::control;
use crate::args::control::InstanceVerb;

pub(super) fn run(args: &control::Instance) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    match &args.verb {
        InstanceVerb::List(list) => list::run(&admin, list),
        InstanceVerb::Show(show) => show::run(&admin, show),
        InstanceVerb::Launch(launch) => launch::run(&admin, launch),
        InstanceVerb::Set(set) => change::run(&admin, set),
        InstanceVerb::Tag(tag) => tag::run(&admin, tag),
        InstanceVerb::Stop(ids) => state::run(&admin, "StopInstances", ids),
        InstanceVerb::Start(ids) => state::run(&admin, "StartInstances", ids),
        InstanceVerb::Terminate(ids) => state::run(&admin, "TerminateInstances", ids),
        InstanceVerb::History(show) => history::run(&admin, show),
    }
}

/// Every instance that a question to `DescribeInstances` is answered with, page by page.
pub(super) fn describe(admin: &Admin, form: &Form) -> Result<Vec<Instance>, Error> {
    let mut all = Vec::new();
    let mut page = form.clone();
    loop {
        let answer = admin.call("DescribeInstances", &page)?;
        all.extend(Instance::described(&answer));
        match answer.text("nextToken").filter(|token| !token.is_empty()) {
            Some(token) => page = form.clone().with("NextToken", token),
            None => return Ok(all),
        }
    }
}

/// Where what AWS has no action for is.
fn path(id: &InstanceId) -> String {
    format!("/api/v1/instances/{id}")
}
