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
    print(format!("{}{path}\n", args.door.admin).as_bytes());
    Ok(ExitCode::SUCCESS)
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
