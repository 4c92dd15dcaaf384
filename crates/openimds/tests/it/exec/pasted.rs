//! What the console says to type can be pasted as it is, where the service is.

use std::path::Path;

use super::{A, ID, Site};
use crate::run::Said;

/// The commands of a page, each with its name there.
fn commands(page: &str) -> Vec<(String, String)> {
    let pieces = page.split("<code id=\"").skip(1);
    let commands = pieces.map(|piece| {
        let (name, rest) = piece.split_once("\">").unwrap();
        let text = rest.split("</code>").next().unwrap();
        let marks = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        let text = marks.iter().fold(text.to_owned(), |text, (mark, sign)| text.replace(mark, sign));
        (name.to_owned(), text)
    });
    commands.collect()
}

/// What a shell says that is given a command, where `imds` is on the path.
fn typed(site: &Site, command: &str) -> Said {
    let folder = Path::new(&site.imds).parent().unwrap();
    let script = format!("PATH={}:$PATH; {command}", folder.display());
    Said::by(site.program("sh").args(["-c", &script]))
}

#[test]
fn the_commands_of_the_console_run_as_they_are() {
    for site in Site::all() {
        let url = format!("http://127.0.0.1:1339/console/instances/{A}/commands");
        let page = Said::by(site.program("curl").args(["-sSf", &url])).well();
        let mut ran = Vec::new();
        for (name, command) in commands(&page) {
            if !command.starts_with("imds ") {
                continue;
            }
            let said = typed(&site, &command);
            assert_eq!(said.code, Some(0), "{command}: {}", said.err);
            match &*name {
                "exec-v1" | "exec-v2" => assert!(said.out.contains("instance-id"), "{command}: {}", said.out),
                "imds-show" => assert!(said.out.contains(A), "{}", said.out),
                "imds-history" => assert!(said.out.contains("HttpTokens"), "{}", said.out),
                _ => {}
            }
            ran.push(name);
        }
        assert_eq!(
            ran,
            [
                "exec-shell",
                "exec-v2",
                "exec-v1",
                "imds-show",
                "imds-required",
                "imds-optional",
                "imds-hops",
                "imds-history"
            ]
        );
        // What is to be typed on the instance, typed there.
        for (name, command) in commands(&page).into_iter().filter(|(name, _)| name.starts_with("inside-")) {
            let said = site.script(A, &command);
            assert!(said.code == Some(0) && said.out.contains("instance-id"), "{name}: {}", said.err);
        }
        assert_eq!(site.script(A, &format!("curl -sSf http://169.254.169.254{ID}")).well(), A);
    }
}
