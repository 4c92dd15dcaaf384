//! The file and those it names, changed while the service runs.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::instances::THREE;
use super::kept::{Kept, exchange_from, header};
use super::{Files, Watched, until};
use crate::support::{IMDS, body, exchange, status};

const TYPE: &str = "/latest/meta-data/instance-type";
const REFUSED: &str = "the configuration was refused; the one before stays";
const ROLE: &str = r#"
[[instance]]
user-data-file = "user-data"
[instance.role]
name = "web"
[instance.role.credentials]
kind = "static"
access-key-id = "ASIAEXAMPLE"
secret-access-key-file = "secret"
"#;

fn of_type(instance_type: &str) -> String {
    format!("[[instance]]\ninstance-type = \"{instance_type}\"\n")
}

#[test]
fn the_file_is_live_however_it_is_written() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &[]);
    service.serves(TYPE, "t3.nano");
    files.write("imds.toml", &of_type("t3.micro"));
    service.serves(TYPE, "t3.micro");
    files.replace("imds.toml", &of_type("t3.small"));
    service.serves(TYPE, "t3.small");
    // What was moved into its place is another file, which is watched as well.
    files.write("imds.toml", &of_type("t3.medium"));
    service.serves(TYPE, "t3.medium");
    fs::remove_file(files.path("imds.toml")).unwrap();
    service.says(REFUSED);
    service.serves(TYPE, "t3.medium");
    files.write("imds.toml", &of_type("t3.large"));
    service.serves(TYPE, "t3.large");
}

#[test]
fn a_folder_that_is_swapped_behind_a_link_is_live() {
    // As Kubernetes mounts a ConfigMap.
    let files = Files::new(&[]);
    for (folder, instance_type) in [("..1", "t3.nano"), ("..2", "t3.micro")] {
        fs::create_dir(files.path(folder)).unwrap();
        files.write(&format!("{folder}/imds.toml"), &of_type(instance_type));
    }
    symlink("..1", files.path("..data")).unwrap();
    symlink("..data/imds.toml", files.path("imds.toml")).unwrap();
    let service = Watched::with(&files, &[]);
    service.serves(TYPE, "t3.nano");
    symlink("..2", files.path("..data_tmp")).unwrap();
    fs::rename(files.path("..data_tmp"), files.path("..data")).unwrap();
    service.serves(TYPE, "t3.micro");
}

#[test]
fn the_files_that_it_names_are_live() {
    let files = Files::new(&[("imds.toml", ROLE), ("user-data", "first"), ("secret", "FIRST\n")]);
    let service = Watched::with(&files, &[]);
    let secret = || {
        let answer = service.get("/latest/meta-data/iam/security-credentials/web", None);
        let credentials: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
        credentials["SecretAccessKey"].as_str().unwrap().to_owned()
    };
    service.serves("/latest/user-data", "first");
    assert_eq!(secret(), "FIRST");
    files.write("user-data", "second");
    service.serves("/latest/user-data", "second");
    files.replace("secret", "SECOND\n");
    until("the second secret", || (secret() == "SECOND").then_some(()));
    files.write("user-data", "");
    until("no user data", || (status(&service.get("/latest/user-data", None)) == 404).then_some(()));
}

#[test]
fn a_file_that_a_flag_names_is_live() {
    let files = Files::new(&[("data", "first")]);
    let service = Watched::start(&["--user-data", &files.text("data")]);
    service.serves("/latest/user-data", "first");
    files.replace("data", "second");
    service.serves("/latest/user-data", "second");
}

#[test]
fn an_invalid_file_is_refused_with_its_line_and_the_old_one_stays() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &[]);
    for (number, (text, line, permitted)) in [
        ("[[instance]]\ninstance-typ = \"x\"\n", 2, "expected one of `instance-id`"),
        (
            "[[instance]]\n\n\n[instance.metadata-options]\nhttp-tokens = \"on\"\n",
            5,
            "`optional` or `required`",
        ),
        ("[[instance]\n", 1, "]"),
    ]
    .into_iter()
    .enumerate()
    {
        // At once: one that is being written reads as an empty one, which is refused as well.
        files.replace("imds.toml", text);
        let said =
            until("a refusal", || Some(service.said()).filter(|said| said.matches(REFUSED).count() > number));
        let refusal = said.lines().rfind(|line| line.contains(REFUSED)).unwrap();
        // What is said may go on in further lines, which point at the place.
        let refusal = &said[said.find(refusal).unwrap()..];
        assert!(refusal.contains(&format!("{} line {line}: ", files.text("imds.toml"))), "{refusal}");
        assert!(refusal.contains(permitted), "{refusal}");
        assert_eq!(body(&service.get(TYPE, None)), "t3.nano");
    }
    files.write("imds.toml", &of_type("t3.micro"));
    service.serves(TYPE, "t3.micro");
}

#[test]
fn a_file_that_is_named_before_it_is_written_is_live_once_it_is() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &[]);
    files.write("imds.toml", &format!("{}user-data-file = \"later\"\n", of_type("t3.micro")));
    let said = service.says(REFUSED);
    assert!(said.contains(&files.text("later")), "{said}");
    service.serves(TYPE, "t3.nano");
    files.write("later", "now");
    service.serves("/latest/user-data", "now");
    service.serves(TYPE, "t3.micro");
}

#[test]
fn what_the_service_itself_is_waits_for_the_next_start_and_that_is_said() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &[]);
    files.write("imds.toml", &format!("[service]\nerror-pages = \"empty\"\n{}", of_type("t3.micro")));
    service.says("at the next start");
    service.serves(TYPE, "t3.micro");
    assert_ne!(body(&service.exchange("POST / HTTP/1.1\r\n\r\n")), "", "the page is served as before");
}

#[test]
fn a_connection_outlives_a_reload_and_sees_it() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &["--idle-timeout", "60s"]);
    let mut kept = Kept::connect(service.listen[0]).unwrap();
    assert_eq!(body(&kept.get(TYPE).unwrap()), "t3.nano");
    files.write("imds.toml", &of_type("t3.micro"));
    until("the same connection sees it", || (body(&kept.get(TYPE).unwrap()) == "t3.micro").then_some(()));
}

#[test]
fn only_what_changed_is_modified() {
    let files = Files::new(&[("imds.toml", THREE)]);
    let service = Watched::with(&files, &[]);
    let of = |source: [u8; 4], name| {
        let get = b"GET /latest/meta-data/ HTTP/1.1\r\n\r\n";
        header(&exchange_from(Ipv4Addr::from(source), service.listen[0], get), name).unwrap().to_owned()
    };
    let (a, b) = ([127, 0, 7, 9], [127, 0, 7, 10]);
    let before = (of(a, "Last-Modified"), of(b, "Last-Modified"));
    // The header counts whole seconds: wait until this second is over.
    until("another second", || (of(a, "Date") > before.0).then_some(()));
    files.write("imds.toml", &THREE.replace("\"127.0.7.9\"", "\"127.0.7.9\"\ninstance-type = \"t3.nano\""));
    until("the change", || (of(a, "Last-Modified") != before.0).then_some(()));
    assert_eq!(of(b, "Last-Modified"), before.1);

    let after = of(a, "Last-Modified");
    files.write(
        "imds.toml",
        &format!("# nothing but words\n{}", fs::read_to_string(files.path("imds.toml")).unwrap()),
    );
    service.says("the configuration changed");
    until("both changes", || {
        (service.said().matches("the configuration changed").count() == 2).then_some(())
    });
    assert_eq!((of(a, "Last-Modified"), of(b, "Last-Modified")), (after, before.1));
}

#[test]
fn an_entry_that_is_gone_is_not_served_any_more() {
    let own = TcpListener::bind("127.0.7.81:0").unwrap().local_addr().unwrap();
    let fourth = format!("[[instance]]\ninstance-id = \"i-0000000d\"\nlisten = [\"{own}\"]\n");
    let files = Files::new(&[("imds.toml", &format!("{THREE}{fourth}"))]);
    let service = Watched::with(&files, &[]);
    let get_id = b"GET /latest/meta-data/instance-id HTTP/1.1\r\n\r\n";
    assert_eq!(body(&exchange(own, get_id)), "i-0000000d");
    assert_eq!(service.id_for([127, 0, 7, 9]), "i-0000000a");
    let entries: Vec<_> = THREE.split_inclusive("\n\n").filter(|entry| !entry.contains("7.9")).collect();
    files.write("imds.toml", &entries.concat());
    until("its address is nobody's", || (service.id_for([127, 0, 7, 9]) == "i-0000000c").then_some(()));
    assert_eq!(status(&exchange(own, get_id)), 404, "its own listen is nobody's, and not the default's");
    files.write("imds.toml", &format!("{THREE}{fourth}"));
    until("it is back", || (body(&exchange(own, get_id)) == "i-0000000d").then_some(()));
}

/// Serves inside `imds run`, at an address that is not loopback's, and asks once for every line that it reads.
const INSIDE: &str = r#"
"$0" serve --config "$1" --listen 169.254.169.254:8080 --admin 127.0.0.1:0 --print-ready &
trap 'kill $!' EXIT
while read -r _; do
    "$0" get --v1 --endpoint http://169.254.169.254:8080 /latest/meta-data/instance-id 2>/dev/null
    echo " $?"
done
"#;

#[test]
fn where_no_instance_is_known_the_answer_is_404() {
    let mine = "[[instance]]\ninstance-id = \"i-0000000a\"\nlocal-ipv4 = \"169.254.169.254\"\n";
    let files = Files::new(&[("imds.toml", mine)]);
    let mut inside = Command::new(IMDS)
        .args(["run", "--", "sh", "-c", INSIDE, IMDS, &files.text("imds.toml")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut asks, mut lines) =
        (inside.stdin.take().unwrap(), BufReader::new(inside.stdout.take().unwrap()).lines());
    let ready = lines.next().unwrap().unwrap();
    assert!(ready.contains("169.254.169.254:8080"), "{ready}");
    let mut ask = || {
        asks.write_all(b"\n").unwrap();
        lines.next().unwrap().unwrap()
    };
    assert_eq!(ask(), "i-0000000a 0");
    files.write("imds.toml", &mine.replace("169.254.169.254", "10.0.0.9"));
    until("its address is nobody's", || (ask() == " 22").then_some(()));
    files.write("imds.toml", mine);
    until("it is back", || (ask() == "i-0000000a 0").then_some(()));
    files.write("imds.toml", "[service]\n");
    until("its entry is gone", || (ask() == " 22").then_some(()));
    drop(asks);
    assert!(inside.wait().unwrap().success());
}

#[test]
fn a_file_that_says_nothing_any_longer_is_taken_for_one_that_is_cut_off() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &[]);
    for blank in ["", "\n \n", "# nothing\n"] {
        files.write("imds.toml", blank);
        service.says("the file is empty");
        assert_eq!(body(&service.get(TYPE, None)), "t3.nano");
        files.write("imds.toml", &of_type("t3.micro"));
        until("it says something again", || (body(&service.get(TYPE, None)) == "t3.micro").then_some(()));
        files.write("imds.toml", &of_type("t3.nano"));
        until("and the same as before", || (body(&service.get(TYPE, None)) == "t3.nano").then_some(()));
    }
}

#[test]
fn many_changes_while_calls_run_disturb_none() {
    let files = Files::new(&[("imds.toml", &of_type("t3.nano"))]);
    let service = Watched::with(&files, &[]);
    let address = service.listen[0];
    let callers: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                let mut kept = Kept::connect(address).unwrap();
                let mut last = 0;
                while last < 30 {
                    let answer = kept.get(TYPE).unwrap();
                    let generation = body(&answer).strip_prefix("t3.").unwrap().parse().unwrap_or(0);
                    assert!(generation >= last, "an older state came back");
                    last = generation;
                }
            })
        })
        .collect();
    for generation in 1..=30 {
        files.replace("imds.toml", &of_type(&format!("t3.{generation}")));
        thread::sleep(Duration::from_millis(60));
    }
    for caller in callers {
        caller.join().unwrap();
    }
}
