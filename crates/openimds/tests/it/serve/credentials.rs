//! Role credentials that come from a command or from the AWS files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Files, Watched, until};
use crate::control::identity::occurrences;
use crate::support::{IMDS, body, children, exchange, status};

const KEYS: &str = "/latest/meta-data/iam/security-credentials/web";

/// For less long than a process that hangs.
const HANGS: Duration = Duration::from_secs(40);
/// Each time another key; none while there is a file `fail`, and no end while there is a file `hang`.
const SCRIPT: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 9
echo x >> count
[ -e hang ] && exec sleep 60
if [ -e fail ]; then echo "hunter2-said" >&2; exit 3; fi
n=$(wc -l < count)
end=$(date -u -d "+$(cat life) seconds" +%Y-%m-%dT%H:%M:%SZ)
printf '{"Version":1,"AccessKeyId":"ASIA%s","SecretAccessKey":"hunter2-secret-%s","SessionToken":"hunter2-token-%s","Expiration":"%s"}' \
  "$n" "$n" "$n" "$end"
"#;

fn configuration(files: &Files, more: &str) -> String {
    let script = files.path("keys.sh");
    format!(
        "{more}\n[[instance]]\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\nkind = \"process\"\n\
         command = \"/bin/sh {}\"\n",
        script.display()
    )
}

fn process(life: &str, more: &str) -> Files {
    let files = Files::new(&[("keys.sh", SCRIPT), ("life", life)]);
    files.write("imds.toml", &configuration(&files, more));
    files
}

impl Watched {
    /// An exchange with a name in it.
    fn named(&self, host: &str, request: &str) -> String {
        exchange(self.listen[0], format!("{request}Host: {host}\r\n\r\n").as_bytes())
    }

    /// What a client of the SDKs would be told of the role.
    fn told(&self) -> Value {
        let (status, answer) = self.answered();
        assert_eq!(status, 200, "a failure is told with 200: {answer}");
        serde_json::from_str(body(&answer)).unwrap()
    }

    fn answered(&self) -> (u16, String) {
        let host = self.listen[0].to_string();
        let put = "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
        let token = self.named(&host, put);
        assert_eq!(status(&token), 200, "{token}");
        let get = format!("GET {KEYS} HTTP/1.1\r\nX-aws-ec2-metadata-token: {}\r\n", body(&token));
        let answer = self.named(&host, &get);
        (status(&answer), answer)
    }

    fn key(&self) -> Option<String> {
        let told = self.told();
        (told["Code"] == "Success").then(|| told["AccessKeyId"].as_str().unwrap().to_owned())
    }
}

#[test]
fn keys_of_a_process_are_renewed_and_a_failure_is_seen_when_the_old_ones_end() {
    let files = process("6", "");
    let service = Watched::with(&files, &["--state", &files.text("state"), "--log", "json"]);
    // They are waited for at the start, but not for long.
    let first = until("keys", || service.key());
    until("other keys", || service.key().filter(|key| *key != first));
    files.write("fail", "");
    let end = |told: &Value| told["Expiration"].as_str().unwrap().to_owned();
    let last = service.told();
    let said = service.says("the credential process ended with status 3");
    assert!(said.contains("\"source\":\"the command /bin/sh\""), "{said}");
    let still = service.told();
    if still["Code"] == "Success" {
        assert!(end(&still) >= end(&last), "the ones before stay while they are good");
    }
    let failed = until("no keys", || Some(service.told()).filter(|told| told["Code"] == "Failed"));
    let message = failed["Message"].as_str().unwrap();
    assert!(message.contains("ended with status 3") && !message.contains("hunter2"), "{message}");
    assert!(failed.get("AccessKeyId").is_none() && failed.get("SecretAccessKey").is_none());
    fs::remove_file(files.path("fail")).unwrap();
    until("keys again", || service.key());
    let metrics = service.metrics();
    let (_, said) = service.end(Signal::TERM);
    for (what, text) in [("said", said), ("metrics", metrics)] {
        assert!(!text.contains("hunter2"), "{what}: {text}");
    }
    let mut kept = 0;
    for entry in fs::read_dir(files.path("state")).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        kept += 1;
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(7).any(|piece| piece == b"hunter2"), "{}", entry.path().display());
    }
    assert!(kept > 1, "the store is there");
}

#[test]
fn while_a_process_hangs_nobody_waits_for_it_and_it_ends_with_the_service() {
    let files = process("900", "");
    files.write("hang", "");
    let begun = Instant::now();
    let service = Watched::with(&files, &[]);
    assert!(begun.elapsed() < HANGS, "the service began without it");
    let begun = Instant::now();
    for _ in 0..20 {
        let told = service.told();
        assert_eq!(
            (&told["Code"], &told["Message"]),
            (&"Failed".into(), &"There are no credentials yet.".into())
        );
    }
    assert!(begun.elapsed() < HANGS, "{:?}", begun.elapsed());
    let runs = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter(|entry| {
            let environment = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            environment == files.path("")
        })
        .count()
    };
    until("it sleeps in its folder", || (runs() == 1).then_some(()));
    drop(service);
    until("it has ended", || (runs() == 0).then_some(()));
}

#[test]
fn real_credentials_are_behind_a_token_and_behind_a_name() {
    let files = process("900", "[service]\nserver-name = \"imds.test\"");
    let service = Watched::with(&files, &[]);
    let own = service.listen[0].to_string();
    let get = format!("GET {KEYS} HTTP/1.1\r\n");
    for (host, expected) in [
        (&*own, 401),
        ("127.0.0.1", 401),
        ("169.254.169.254", 401),
        ("[fd00:ec2::254]", 401),
        ("imds.test", 401),
        ("IMDS.TEST:80", 401),
        ("localhost", 403),
        ("evil.example", 403),
        ("127.0.0.2", 403),
        ("127.0.0.1.evil.example", 403),
    ] {
        assert_eq!(status(&service.named(host, &get)), expected, "{host}");
        let put = "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
        let expected = if expected == 403 { 403 } else { 200 };
        assert_eq!(status(&service.named(host, put)), expected, "{host}");
    }
    assert_eq!(status(&service.exchange(&format!("{get}\r\n"))), 403, "without a name");
    let old = exchange(service.listen[0], b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(status(&old), 403, "{old}");
    let whole = get.replace(KEYS, &format!("http://evil.example{KEYS}"));
    assert_eq!(status(&service.named(&own, &whole)), 403);
}

#[test]
fn without_real_credentials_names_do_not_matter() {
    let role = "kind = \"assume-role\"\nrole-arn = \"arn:aws:iam::123456789012:role/web\"";
    let text =
        format!("[[instance]]\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\n{role}\n");
    let files = Files::new(&[("imds.toml", &text)]);
    let service = Watched::with(&files, &[]);
    assert_eq!(status(&service.named("evil.example", "GET /latest/ HTTP/1.1\r\n")), 200);
    let answer = service.get(KEYS, None);
    let told: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(told["Code"], "AssumeRoleUnauthorizedAccess", "there is no such role: {answer}");
    assert!(!told["Message"].as_str().unwrap().contains("there is no role"), "as on EC2: {answer}");
    service.says("there is no role web: aws iam create-role --role-name web");
}

/// Wherever the service was started: as all files that the configuration names.
#[test]
fn a_program_beside_the_file_is_found_and_one_that_cannot_be_run_is_named() {
    let files = process("900", "");
    let text = configuration(&files, "");
    let (before, _) = text.split_once("command = ").unwrap();
    files.write("imds.toml", &format!("{before}command = \"./keys.sh\"\n"));
    let script = files.path("keys.sh");
    let service = Watched::with(&files, &[]);
    let expected = format!("{} cannot be run (permission denied); may it be executed?", script.display());
    service.says(&expected);
    let message = until("why", || service.told()["Message"].as_str().map(str::to_owned));
    assert!(message.contains(&expected), "{message}");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(until("keys", || service.key()), "ASIA1");
}

#[test]
fn keys_of_a_profile_are_read_from_the_files_of_the_user() {
    let text = "[[instance]]\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\nkind = \"profile\"\nprofile = \"dev\"\n";
    let files = Files::new(&[
        ("imds.toml", text),
        ("credentials", "[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = hunter2-dev\n"),
    ]);
    let mut command = Command::new(IMDS);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready", "--config"]);
    command.arg(files.path("imds.toml")).env("HOME", files.path(""));
    command.env("AWS_SHARED_CREDENTIALS_FILE", "~/credentials").env("AWS_CONFIG_FILE", "/nowhere");
    let service = Watched::spawn(&mut command);
    let told = until("keys", || Some(service.told()).filter(|told| told["Code"] == "Success"));
    assert_eq!((&told["AccessKeyId"], &told["SecretAccessKey"]), (&"AKIADEV".into(), &"hunter2-dev".into()));
    let (_, said) = service.end(Signal::TERM);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_reload_changes_where_they_come_from_but_the_first_of_them_needs_a_start() {
    let files = process("900", "");
    let service = Watched::with(&files, &[]);
    assert_eq!(until("keys", || service.key()), "ASIA1");
    files.write("other.sh", &SCRIPT.replace("ASIA%s", "ASIAOTHER%s"));
    let other = fs::read_to_string(files.path("imds.toml")).unwrap().replace("keys.sh", "other.sh");
    files.replace("imds.toml", &other);
    until("keys of the other", || service.key().filter(|key| key.starts_with("ASIAOTHER")));
    drop(service);

    let files = Files::new(&[("imds.toml", "[[instance]]\n"), ("keys.sh", SCRIPT), ("life", "900")]);
    let service = Watched::with(&files, &[]);
    files.write("imds.toml", &configuration(&files, ""));
    service.says("from the next start on");
    // It is said before guests see it, and the role is there before anything is known of its keys.
    until("the role", || (service.answered().0 == 200).then_some(()));
    until("why", || {
        let told = service.told();
        assert_eq!(told["Code"], "Failed", "{told}");
        told["Message"].as_str().unwrap().contains("has to be started again").then_some(())
    });
    assert!(!files.path("count").exists(), "nothing was run");
}

/// The service, its keeper, which has the door, and the process that fetches, which has those who run errands.
fn processes(service: &Watched) -> [u32; 3] {
    let has_thread = |process: u32, name: &str| {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let mut names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.any(|found| found.trim() == name)
    };
    let all = children(service.child.id());
    assert_eq!(all.len(), 2, "{all:?}");
    let with = |name| until(name, || all.iter().copied().find(|process| has_thread(*process, name)));
    [service.child.id(), with("imds-door"), with("imds-errand")]
}

#[test]
fn each_of_the_three_processes_ends_with_the_others() {
    for killed in ["service", "keeper", "fetcher"] {
        let files = process("900", "");
        files.write("hang", "");
        let mut service = Watched::with(&files, &[]);
        let all @ [_, _, fetcher] = processes(&service);
        let command = until("its command", || children(fetcher).first().copied());
        let (killed, first) = match killed {
            "service" => (all[0], None),
            "keeper" => (all[1], Some(1)),
            _ => (all[2], Some(1)),
        };
        kill_process(Pid::from_raw(i32::try_from(killed).unwrap()).unwrap(), Signal::KILL).unwrap();
        let (ended, said) = service.ended();
        assert_eq!(ended.code(), first, "{said}");
        for (name, process) in [("the keeper", all[1]), ("the fetcher", fetcher), ("its command", command)] {
            until(name, || (!Path::new(&format!("/proc/{process}")).exists()).then_some(()));
        }
        if killed == fetcher {
            assert!(said.contains("the process that fetches them has ended"), "{said}");
        }
    }
}

#[test]
fn the_process_that_fetches_has_nothing_of_what_the_others_have() {
    let other = "[[instance]]\ninstance-id = \"i-0000000a\"\nlocal-ipv4 = \"10.9.9.9\"\n[instance.role]\nname = \"web\"\n\
                 [instance.role.credentials]\nkind = \"static\"\naccess-key-id = \"ASIAFILE\"\n\
                 secret-access-key-file = \"secret\"\n";
    let files = process("900", "");
    files.write("secret", "hunter2-of-a-file");
    let default = configuration(&files, "").replace("[[instance]]", "[[instance]]\ndefault = true");
    files.write("imds.toml", &format!("{default}{other}"));
    // Descriptors that it was given by whoever started it, too.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "exec \"$@\" 7<\"$0\" 8>/dev/null"]).arg(files.path("secret")).arg(IMDS);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready"]);
    command.arg("--config").arg(files.path("imds.toml")).arg("--state").arg(files.path("state"));
    let service = Watched::spawn(command.args(["--ready-fd", "8"]));
    let [_, keeper, fetcher] = processes(&service);
    assert_eq!(until("it has done its work", || service.key()), "ASIA1");
    let mut open: Vec<_> = fs::read_dir(format!("/proc/{fetcher}/fd"))
        .unwrap()
        .flatten()
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_link(entry.path())))
        // What it opens for a moment, it closes.
        .filter_map(|(number, link)| Some((number, link.ok()?.to_str()?.to_owned())))
        .collect();
    open.sort();
    let standard = ["0", "1", "2"];
    let (own, rest): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|(number, _)| standard.contains(&&**number));
    assert_eq!(own.len(), 3, "{own:?}");
    // Its stream, and a second hold on it for those who answer.
    for (number, link) in &rest {
        assert!(link.starts_with("socket:"), "{number} {link}: {rest:?}");
    }
    assert_eq!(rest.len(), 2, "{rest:?}");

    let keyring = fs::read_to_string(files.path("state/keyring")).unwrap();
    let (_, sealing) = keyring.split_once("secret = \"").unwrap();
    let sealing = sealing.split_once('"').unwrap().0;
    assert_ne!(occurrences(keeper, sealing.as_bytes()), 0, "it is looked for in the right way");
    assert_eq!(occurrences(fetcher, sealing.as_bytes()), 0);
    // What the file names it has read for itself, to see what it may run, and has nothing left of it.
    assert_ne!(occurrences(keeper, b"hunter2-of-a-file"), 0);
    assert_eq!(occurrences(fetcher, b"hunter2-of-a-file"), 0);
}

#[test]
fn keys_that_were_replaced_are_in_no_process_any_longer() {
    let files = process("6", "");
    let service = Watched::with(&files, &[]);
    let count = || fs::read_to_string(files.path("count")).unwrap().lines().count();
    until("the third keys", || (count() >= 3).then_some(()));
    let [metadata, keeper, fetcher] = processes(&service);
    let number = until("the current keys", || {
        (2..count() + 1).find(|number| occurrences(keeper, format!("hunter2-secret-{number}").as_bytes()) > 0)
    });
    assert!(number > 1, "it is looked for in the right way");
    for (name, process) in [("metadata", metadata), ("keeper", keeper), ("fetcher", fetcher)] {
        for secret in ["hunter2-secret-1", "hunter2-token-1"] {
            assert_eq!(occurrences(process, secret.as_bytes()), 0, "{name} {secret}");
        }
    }
}

#[test]
fn what_a_file_had_before_it_was_replaced_is_in_no_process_any_longer() {
    const BY_HAND: &str = "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance";
    let text = format!(
        "[[instance]]\nuser-data-file = \"data\"\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\n\
         kind = \"static\"\naccess-key-id = \"ASIAFILE\"\nsecret-access-key-file = \"secret\"\n\
         [[instance.path]]\npath = \"{BY_HAND}\"\nfile = \"keys\"\n"
    );
    let (role, keys) =
        (|number: u32| format!("hunter2-role-{number}"), |number: u32| format!("hunter2-keys-{number}"));
    let files = Files::new(&[("imds.toml", &text), ("secret", &role(1)), ("keys", &keys(1)), ("data", "1")]);
    let service = Watched::with(&files, &[]);
    // Nobody asks for them: what an answer carried away is another matter.
    for number in 2..=3 {
        files.replace("secret", &role(number));
        files.replace("keys", &keys(number));
        files.replace("data", &number.to_string());
        service.serves("/latest/user-data", &number.to_string());
    }
    let metadata = service.child.id();
    let [keeper] = children(metadata)[..] else { panic!("one child") };
    for (name, process) in [("metadata", metadata), ("keeper", keeper)] {
        for (kind, of) in [("role", &role as &dyn Fn(u32) -> String), ("keys", &keys)] {
            let count = |number: u32| {
                let base64 = STANDARD.encode(of(number));
                occurrences(process, of(number).as_bytes()) + occurrences(process, base64.as_bytes())
            };
            until(&format!("{name} has {kind} 3"), || (count(3) > 0).then_some(()));
            for number in [1, 2] {
                until(&format!("{name} has no {kind} {number}"), || (count(number) == 0).then_some(()));
            }
        }
    }
}

/// However fast the service's clock goes, commands are run and the log is written by the machine's.
#[test]
fn a_fast_clock_makes_nobody_hurry() {
    let role = "[instance.role]\nname = \"web\"\n[instance.role.credentials]";
    let own = format!(
        "[[instance]]\ninstance-id = \"i-0000000a\"\nlocal-ipv4 = \"10.9.9.9\"\n{role}\nkind = \"assume-role\"\n\
         role-arn = \"arn:aws:iam::123456789012:role/none\"\n"
    );
    let files = process("900", "");
    let by_service = configuration(&files, "").replace("[[instance]]", "[[instance]]\ndefault = true");
    files.write("imds.toml", &format!("{by_service}clock = \"service\"\n{own}"));
    let begun = Instant::now();
    let service = Watched::with(&files, &["--clock", "86400x"]);
    let count = || fs::read_to_string(files.path("count")).unwrap_or_default().lines().count();
    until("the third time", || (count() >= 3).then_some(()));
    let count = count();
    assert!(count <= 1 + usize::try_from(begun.elapsed().as_secs()).unwrap(), "{count}");
    // The role that is missing is told once, and so are keys that had ended before they came.
    let said = service.said();
    let told = said.lines().filter(|line| line.contains("role/none")).count();
    assert_eq!(told, 1, "{said}");
}
