//! A configuration that changes while the command runs.

use std::fs;

use super::{Running, folder, until, users};

const ID: &str = "/latest/meta-data/instance-id";

fn config(id: char, rest: &str) -> String {
    format!("[[instance]]\ninstance-id = \"i-0000000000000000{id}\"\n{rest}")
}

#[test]
fn the_next_call_sees_what_the_file_says() {
    for user in users() {
        let folder = folder();
        let file = folder.path().join("imds.toml");
        fs::write(&file, config('a', "user-data-file = 'data'\n")).unwrap();
        fs::write(folder.path().join("data"), "before").unwrap();
        let mut run = Running::asker(&user, &["--config", file.to_str().unwrap()]);
        assert_eq!(run.ask(ID), "i-0000000000000000a 200");

        fs::write(folder.path().join("data"), "after").unwrap();
        until("other user data", || run.ask("/latest/user-data") == "after 200");
        fs::write(&file, config('b', "")).unwrap();
        until("another id", || run.ask(ID) == "i-0000000000000000b 200");
        assert_eq!(run.ask("/latest/user-data"), " 404");

        // At once: one that is being written reads as an empty one, which is refused as well.
        let other = folder.path().join("other");
        fs::write(&other, config('c', "local-ipv4 = 'nowhere'\n")).unwrap();
        fs::rename(&other, &file).unwrap();
        let refusal = run.err.next();
        assert!(
            refusal.contains("imds.toml line 3") && refusal.contains("the one before stays"),
            "{refusal}"
        );
        assert_eq!(run.ask(ID), "i-0000000000000000b 200");

        // A good file in the place of the one before, as editors have it.
        fs::write(&other, config('d', "[instance.metadata-options]\nhttp-tokens = 'required'\n")).unwrap();
        fs::rename(&other, &file).unwrap();
        until("no more IMDSv1", || run.ask(ID) == " 401");
        fs::write(&file, config('d', "")).unwrap();
        until("IMDSv1 again", || run.ask(ID) == "i-0000000000000000d 200");
        assert!(run.end().success());
    }
}
