//! Refusals that say what was meant, and who names a file that is not there.

use super::*;

#[test]
fn what_was_meant_is_said_with_its_line() {
    for (text, place, said) in [
        ("[[instance]]\npending-time = \"yesterday\"", "line 2", "a time is like 2026-11-24T12:00:00Z"),
        (
            "[[instance]]\n[instance.spot]\naction = \"stop\"\ntime = 2026-11-24T12:00:00Z",
            "line 4",
            "write it in quotes: \"2026-11-24T12:00:00Z\"",
        ),
        (
            "[[instance]]\n[[timeline]]\nkind = \"rebalance\"\nat = 2026-11-24 12:00:00Z # noon",
            "line 4",
            "write it in quotes: \"2026-11-24T12:00:00Z\"",
        ),
        (
            "[[timeline]]\nkind = \"rebalance\"\nat = \"tomorrow\"",
            "line 1",
            "at: a time is like 2026-11-24T12:00:00Z",
        ),
        ("[instance]\nami-id = \"x\"", "line 1", "write [[instance]]"),
        ("[[instance]]\n [instance.path]\npath = \"/latest/x\"", "line 2", "write [[instance.path]]"),
        ("[[instance]]\ninstance_id = \"i-0000000a\"", "line 2", "did you mean `instance-id`? unknown field"),
        ("[[instance]]\nInstanceId = \"i-0000000a\"", "line 2", "did you mean `instance-id`? "),
        (
            "[[instance]]\nmetadata-options = { http-tokens = \"requierd\" }",
            "line 2",
            "did you mean `required`? ",
        ),
        ("[[instances]]", "line 1", "did you mean `instance`? "),
        ("[[instance]]\nweather = \"fair\"", "line 2", "imds.toml line 2: unknown field `weather`"),
    ] {
        let error = refused(text);
        assert!(error.contains(&format!("imds.toml {place}")) && error.contains(said), "{text}\n{error}");
    }
}

#[test]
fn a_file_that_is_named_and_not_there_is_an_error_with_its_path() {
    for (text, place) in [
        ("# nowhere\n[[instance]]\nuser-data-file = \"nowhere\"", "line 3: user-data-file: cannot read "),
        (
            "[[instance]]\n[[instance.path]]\npath = \"/latest/x\"\n  file= 'nowhere'",
            "line 4: file: cannot read ",
        ),
        // Written in another way than it reads, it is in the entry all the same.
        ("\n[[instance]]\nssh-key-file = \"no\\u0077here\"", "line 2: cannot read "),
    ] {
        let error = refused(text);
        assert!(error.contains(&format!("imds.toml {place}")), "{text}: {error}");
        assert!(error.contains("nowhere") && error.contains("No such file"), "{error}");
    }
    let flags = Flags { user_data_file: Some("/nowhere".into()), ..Flags::default() };
    let error = gather(None, &flags).err().unwrap();
    assert!(error.to_string().starts_with("--user-data: cannot read /nowhere: "), "{error}");
    assert_eq!(error.path(), Some(Path::new("/nowhere")), "whoever watches it is told");
    let folder =
        Folder::new(&[("imds.toml", "[[instance]]\nuser-data-file = \"big\""), ("big", &"x".repeat(16_385))]);
    assert!(folder.config(&Flags::default()).unwrap_err().to_string().contains("16,384"));
    let folder = Folder::new(&[("imds.toml", "[[instance]]\nssh-key-file = \"key\""), ("key", "-----BEGIN")]);
    assert!(folder.config(&Flags::default()).unwrap_err().to_string().contains("OpenSSH public key"));
}
