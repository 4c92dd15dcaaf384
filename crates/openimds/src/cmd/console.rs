//! `imds console`: the address at which a browser opens the console of a running service.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::admin::Admin;
use crate::app::print;
use crate::args::console::Console;

/// Where it is asked for.
const WAY: &str = "/api/v1/console";

pub(super) fn run(args: &Console) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    let told = admin.post(WAY)?;
    let path = told.get("path").and_then(serde_json::Value::as_str).filter(|path| is_path(path));
    let path = path.with_context(|| format!("{} told no way to its console", args.door.admin))?;
    let path = in_region(path, admin.named_region());
    print(format!("{}{path}\n", args.door.admin).as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// The way to a region of the console; where none is named, the console chooses.
fn in_region(path: &str, region: Option<&str>) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    region.map_or_else(|| path.to_owned(), |region| format!("{path}{sign}region={region}"))
}

/// Is it a path of the console, and fit for a terminal?
fn is_path(path: &str) -> bool {
    let rest = path.strip_prefix("/console");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_is_named_is_the_one_that_is_shown() {
        for (path, region, expected) in [
            ("/console", None, "/console"),
            ("/console", Some("eu-west-1"), "/console?region=eu-west-1"),
            ("/console/enter?ticket=00ff", Some("eu-west-1"), "/console/enter?ticket=00ff&region=eu-west-1"),
        ] {
            assert_eq!(in_region(path, region), expected);
        }
    }

    #[test]
    fn a_service_leads_to_its_console_and_nowhere_else() {
        for good in ["/console", "/console/enter?ticket=00ff"] {
            assert!(is_path(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "@evil.test/console",
            ".evil.test",
            "/consolex",
            "/console/\u{1b}[2J",
            "/console/a b",
            "/console/\n",
        ] {
            assert!(!is_path(bad), "{bad:?}");
        }
    }
}
