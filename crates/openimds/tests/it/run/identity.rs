//! The commands of docs/identity-documents.md, as they stand there, from the top to the bottom, and twice.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use super::{Said, folder, users};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/identity-documents.md"));

/// The commands of the section with the recipes: what is indented, line by line.
fn commands() -> String {
    let (_, section) = PAGE.split_once("\n## AWS's recipes\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    section.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_pages_recipes_work_as_they_are_typed_and_when_they_are_typed_again() {
    const SHELL: &str = "imds run --state state -- bash\n";
    let commands = commands();
    let (before, recipes) = commands.split_once(SHELL).expect("a shell within");
    // The shell within reads on where the first has stopped, as it does at a terminal.
    let session = format!("{before}{SHELL}{recipes}{recipes}exit\n");
    for user in users() {
        let folder = folder();
        let mut command = user.program("bash");
        let imds = Path::new(&user.imds).parent().expect("a folder").display();
        command.env("PATH", format!("/usr/local/bin:/usr/bin:/bin:{imds}"));
        // What the page's commands make is gone with this folder.
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).unwrap();
        command.env("TMPDIR", &own);
        command
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut shell = command.spawn().expect("bash");
        let mut input = shell.stdin.take().unwrap();
        for _ in 0..2 {
            input.write_all(session.as_bytes()).unwrap();
        }
        drop(input);
        let Said { code, out, err } = shell.wait_with_output().unwrap().into();
        assert_eq!(code, Some(0), "{out}{err}");
        let count = |text: &str, line: &str| text.lines().filter(|found| found.contains(line)).count();
        assert_eq!(count(&out, "Verified OK"), 4, "{out}{err}");
        assert_eq!(count(&err, "Verification successful"), 8, "{out}{err}");
        assert_eq!(count(&out, "\"instanceId\" : \"i-12345678901234567\""), 8, "{out}{err}");
    }
}
