//! `imds environment terminate`

use std::process::ExitCode;

use super::wait::{Change, Task};
use super::{call, named};
use crate::admin::{Admin, Form};
use crate::args::environment::Terminate;

pub(super) fn run(admin: &Admin, args: &Terminate) -> anyhow::Result<ExitCode> {
    let form = named(Form::default(), &args.name);
    Change::of(Task::Terminate, &call(admin, "TerminateEnvironment", &form)?).finish(admin, &args.waiting)
}
