//! An environment, looked up by its name in the region of the visit.

use axum::http::StatusCode;
use imds_store::record::Environment;
use imds_store::record::environment::Settings;

use super::super::failure::Failure;
use super::super::visit::Visit;
use crate::call::Call;
use crate::elasticbeanstalk::platform::Platform;
use crate::elasticbeanstalk::{environment, option};
use crate::query::Error;

/// The environment with this name, and its platform. Of one that is gone its page is still shown, until another one has the
/// name: who waits for the end is to see it.
///
/// # Errors
/// 404 when there is none, and when the store cannot be read.
pub(super) fn named(call: &Call<'_>, name: &str) -> Result<(Environment, Platform), Error> {
    let mut found = environment::by_name(call, name)?.map(|found| found.record);
    if found.is_none() {
        let all = environment::all(call)?.into_iter().map(|found| found.record);
        found = all.filter(|one| one.name == name).max_by_key(|one| one.updated);
    }
    let found = found.ok_or_else(|| Error {
        status: StatusCode::NOT_FOUND,
        ..Error::invalid_value(format!("No Environment found for EnvironmentName = '{name}'."))
    })?;
    let platform = Platform::by_stack(&found.solution_stack)?;
    Ok((found, platform))
}

/// The same, asked by a visitor.
pub(super) async fn look_up(visit: &Visit, name: &str) -> Result<(Environment, Platform), Failure> {
    let name = name.to_owned();
    visit.ask(move |call| named(call, &name)).await
}

/// Settings that are to be, if they are others than those that are deployed: the platform with them.
pub(super) fn draft(environment: &Environment) -> Option<(Platform, &Settings)> {
    let work = environment.work.as_ref()?;
    let platform = Platform::by_stack(&work.solution_stack).ok()?;
    (work.settings != environment.settings).then_some((platform, &work.settings))
}

/// What IMDSv1 is to be, if an update changes that: is it to be disabled?
pub(super) fn next_imds_v1(environment: &Environment, platform: &Platform) -> Option<bool> {
    let present = option::disables_imds_v1(platform, &environment.settings);
    let (platform, settings) = draft(environment)?;
    Some(option::disables_imds_v1(&platform, settings)).filter(|next| *next != present)
}
