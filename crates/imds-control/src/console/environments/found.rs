//! An environment, looked up by its name in the region of the visit.

use axum::http::StatusCode;
use imds_store::record::Environment;
use imds_store::record::environment::Settings;

use crate::call::Call;
use crate::console::elsewhere;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::visit::Visit;
use crate::elasticbeanstalk::platform::Platform;
use crate::elasticbeanstalk::{environment, option};
use crate::query::Error;

/// The environment with this name, and its platform; `None` for a platform that is none any more. Of an environment that is
/// gone the page is still shown, until another one has the name: who waits for the end is to see it.
///
/// # Errors
/// 404 when there is none, and when the store cannot be read.
pub(super) fn named(call: &Call<'_>, name: &str) -> Result<(Environment, Option<Platform>), Error> {
    let mut found = environment::by_name(call, name)?.map(|found| found.record);
    if found.is_none() {
        let all = environment::all(call)?.into_iter().map(|found| found.record);
        found = all.filter(|one| one.name == name).max_by_key(|one| one.updated);
    }
    let found = found.ok_or_else(|| Error {
        status: StatusCode::NOT_FOUND,
        ..Error::invalid_value(format!("No Environment found for EnvironmentName = '{name}'."))
    })?;
    let platform = Platform::by_stack(&found.solution_stack).ok();
    Ok((found, platform))
}

/// The same, asked by a visitor who is to see what the platform decides.
///
/// # Errors
/// As of [`named`], and when the platform is none any more.
pub(super) async fn look_up(visit: &Visit, name: &str) -> Result<(Environment, Platform), Failure> {
    let (name, sought) = (name.to_owned(), name);
    let look = move |call: &Call<'_>| {
        let (environment, platform) = named(call, &name)?;
        let platform = platform.map_or_else(|| Platform::by_stack(&environment.solution_stack), Ok)?;
        Ok((environment, platform))
    };
    match visit.ask(look).await {
        Ok(found) => Ok(found),
        Err(failure) => Err(where_else(visit, sought, failure).await),
    }
}

/// A failure to find the environment with this name, with the other regions that it may be in. Another one stays as it is.
pub(super) async fn where_else(visit: &Visit, name: &str, failure: Failure) -> Failure {
    let Failure::Refused(error) = failure else { return failure };
    if error.status != StatusCode::NOT_FOUND {
        return error.into();
    }
    match visit.ask(elsewhere::places).await {
        Ok(places) => Failure::Elsewhere { error, name: name.to_owned(), places },
        Err(failure) => failure,
    }
}

/// The id of the environment that a form was shown for.
///
/// # Errors
/// When the environment with this name is another one by now, or there is none.
pub(super) async fn shown(visit: &Visit, name: &str, form: &Form) -> Result<String, Failure> {
    let (name, id) = (name.to_owned(), form.raw("id").to_owned());
    let check = move |call: &Call<'_>| match environment::by_name(call, &name)? {
        Some(found) if found.record.id == id => Ok(id),
        // In AWS's words.
        Some(_) | None => {
            Err(Error::invalid_value(format!("No Environment found for EnvironmentId = '{id}'.")))
        }
    };
    visit.ask(check).await
}

/// Settings that are to be, if they are others than those that are deployed: the platform with them.
pub(super) fn draft(environment: &Environment) -> Option<(Platform, &Settings)> {
    let work = environment.work.as_ref()?;
    let platform = Platform::by_stack(&work.solution_stack).ok()?;
    (work.settings != environment.settings).then_some((platform, &work.settings))
}

/// What IMDSv1 is to be, if an update changes that: is it to be disabled?
pub(super) fn next_imds_v1(environment: &Environment, platform: Option<&Platform>) -> Option<bool> {
    let present = platform.map(|platform| option::disables_imds_v1(platform, &environment.settings));
    let (platform, settings) = draft(environment)?;
    Some(option::disables_imds_v1(&platform, settings)).filter(|next| Some(*next) != present)
}
