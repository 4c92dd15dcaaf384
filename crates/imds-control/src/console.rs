//! The console at `/console`: the screens of AWS that this is about, made here and now, in plain pages that need no script.
//! They ask and change by the same functions as the actions of the API.

/// Texts of a page in every language, each once. A module has one such table, and a test of its texts comes with it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $en:literal / $ja:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::console) struct $name {
            $(pub(in crate::console) $field: &'static str,)*
        }

        impl $name {
            /// Those of this language.
            pub(in crate::console) fn of(language: imds_core::language::Language) -> &'static Self {
                static EN: $name = $name { $($field: $en,)* };
                static JA: $name = $name { $($field: $ja,)* };
                match language {
                    imds_core::language::Language::En => &EN,
                    imds_core::language::Language::Ja => &JA,
                }
            }
        }

        #[cfg(test)]
        mod every_text {
            #[test]
            fn is_in_its_language() {
                $(crate::console::tests::language::check(stringify!($name), stringify!($field), $en, $ja);)*
            }
        }
    };
}

mod assets;
mod commands;
mod cookie;
mod dashboard;
mod defaults;
mod elsewhere;
mod enter;
mod environments;
mod failure;
mod form;
mod instance;
mod instances;
mod moment;
mod page;
mod preference;
mod receive;
mod shell;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod visit;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::response::Response;
use axum::routing::{any, get};

use crate::door::Door;
use failure::Failure;

pub(crate) use enter::address;

/// Where no page is. Who asks for one with a slash too many is sent to the one without it. Only an address that a page may
/// have is sent on: what a browser would make another path of stays what it is.
async fn astray(method: Method, uri: Uri) -> Result<Response, Failure> {
    let page = uri.path().trim_end_matches('/');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/');
    if page == uri.path()
        || !page.chars().all(is_plain)
        || page.contains("//")
        || !matches!(method, Method::GET | Method::HEAD)
    {
        return Err(Failure::NothingHere);
    }
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    Ok(visit::go(&format!("{page}{query}")))
}

/// The routes of the console.
pub(crate) fn router(door: &Door) -> Router<Door> {
    let pages = Router::new()
        .route("/console", get(dashboard::show))
        .merge(instances::router())
        .merge(instance::router())
        .merge(defaults::router())
        .merge(environments::router())
        .merge(enter::router())
        .route("/console/", any(astray))
        .route("/console/{*rest}", any(astray));
    pages.layer(middleware::from_fn_with_state(door.clone(), receive::receive)).merge(assets::router())
}
