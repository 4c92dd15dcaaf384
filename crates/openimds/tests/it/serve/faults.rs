//! Faults on request: each kind as a client in plain bytes sees it, and whom it concerns, how often and how long.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::kept::{Kept, connect_from, exchange_from, header, rest};
use super::{Files, Watched, until};
use crate::support::{IMDS, body, exchange, status};

const ID: &str = "/latest/meta-data/instance-id";
const PUT: &str = "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);

impl Watched {
    fn fault_output(&self, words: &str) -> Output {
        let mut command = Command::new(IMDS);
        command
            .arg("fault")
            .args(words.split_whitespace())
            .env("IMDS_ADMIN", format!("http://{}", self.admin));
        command.env_remove("AWS_SECRET_ACCESS_KEY").output().unwrap()
    }

    /// What `imds fault` prints, which must go well.
    #[track_caller]
    fn fault(&self, words: &str) -> String {
        let output = self.fault_output(words);
        assert!(output.status.success(), "{words}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn sent(&self, request: &str) -> TcpStream {
        let mut stream = connect_from(Ipv4Addr::LOCALHOST, self.listen[0]).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n\r\n")
}

#[test]
fn each_kind_is_what_it_is_called() {
    let service = Watched::start(&[]);
    let id = service.fault("add status --status 503");
    let answer = service.get(ID, None);
    assert_eq!((status(&answer), header(&answer, "Content-Type")), (503, Some("text/html")), "{answer}");
    assert!(body(&answer).contains("<title>503 - Service Unavailable</title>"), "{answer}");
    service.fault(&format!("remove {id}"));

    service.fault("add empty");
    let answer = service.get(ID, None);
    assert_eq!((status(&answer), header(&answer, "Content-Length"), body(&answer)), (200, Some("0"), ""));
    service.fault("remove --all");

    for (words, bytes) in [
        ("truncate", "i-1234567"),
        ("truncate --after 3", "i-1"),
        ("truncate --after 99", "i-1234567890123456"),
    ] {
        service.fault(&format!("add {words}"));
        let answer = service.get(ID, None);
        let got = (status(&answer), header(&answer, "Content-Length"), body(&answer));
        assert_eq!(got, (200, Some("19"), bytes), "{words}");
        service.fault("remove --all");
    }

    service.fault("add reset");
    let error = service.sent(&get(ID)).read(&mut [0; 64]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    service.fault("remove --all");

    service.fault("add drop");
    let mut stream = service.sent(&get(ID));
    stream.set_read_timeout(Some(SECOND)).unwrap();
    assert_eq!(stream.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
    service.fault("remove --all");

    service.fault("add latency --delay 500ms");
    let start = Instant::now();
    assert_eq!(status(&service.get(ID, None)), 200);
    assert!(start.elapsed() >= SECOND / 2, "{:?}", start.elapsed());
    service.fault("remove --all");

    service.fault("add throttle --rate 2");
    // All at once: a busy machine may ask one after the other so slowly that there is room for each.
    let burst = get(ID).replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n").repeat(20) + &get(ID);
    let mut good = 0;
    let refused = until("there is no room", || {
        let answers = exchange(service.listen[0], burst.as_bytes());
        let refused = answers.find("HTTP/1.1 429");
        let (before, refused) = answers.split_at(refused.unwrap_or(answers.len()));
        good += before.matches("HTTP/1.1 200").count();
        (!refused.is_empty()).then(|| refused.to_owned())
    });
    assert!(good >= 2, "{good} {refused}");
    assert_eq!(header(&refused, "Retry-After"), Some("1"));
    until("there is room again", || (status(&service.get(ID, None)) == 200).then_some(()));
    service.fault("remove --all");
    assert_eq!(status(&service.get(ID, None)), 200);
}

#[test]
fn the_token_path_is_dead_and_v1_answers() {
    let service = Watched::start(&[]);
    let id = service.fault("add drop --path /latest/api/token");
    let mut held = service.sent(PUT);
    assert_eq!(body(&service.get(ID, None)), "i-12345678901234567");
    until("it has struck", || service.fault("list").contains(" 1       active").then_some(()));
    // What is removed is not waited for any longer, and the connection has no answer.
    service.fault(&format!("remove {id}"));
    assert_eq!(rest(&mut held), b"");
    assert_eq!(service.token().len(), 56);
    assert_eq!(service.fault("list").lines().count(), 1);
}

#[test]
fn a_fault_keeps_to_its_instance_its_path_its_method_its_number_and_its_time() {
    let files = Files::new(&[(
        "imds.toml",
        "[[instance]]\ninstance-id = \"i-0000000a\"\nlocal-ipv4 = \"127.0.9.8\"\n\
         [[instance]]\ninstance-id = \"i-0000000b\"\ndefault = true\n",
    )]);
    let service = Watched::with(&files, &[]);
    let of = |last: u8, request: &str| {
        status(&exchange_from([127, 0, 9, last].into(), service.listen[0], request.as_bytes()))
    };
    let ask = |last| of(last, &get(ID));
    service.fault("add status --instance i-0000000a --path /latest/meta-data --method GET");
    assert_eq!([ask(8), ask(9)], [500, 200]);
    assert_eq!(
        [of(8, PUT), of(8, &get("/latest/")), of(8, &format!("HEAD {ID} HTTP/1.1\r\n\r\n"))],
        [200; 3]
    );
    service.fault("remove --all");
    service.fault("add status --status 403 --count 2 --path */instance-?d");
    assert_eq!([ask(8), ask(9), ask(8), ask(9)], [403, 403, 200, 200]);
    assert!(service.fault("list --json").contains("\"spent\""));
    service.fault("remove --all");
    service.fault("add status --probability 0");
    service.fault("add status --status 429 --for 2m --probability 1 --instance all");
    assert_eq!(ask(8), 429);
    // Its time is the service's.
    let clock = |words: &str| crate::control::clock::clock(&service, words);
    clock("advance 1m");
    assert_eq!(ask(8), 429);
    clock("advance 1m");
    assert_eq!(ask(8), 200);
    // What HTTP refuses, and strangers, are nobody's.
    service.fault("add reset");
    assert_eq!(status(&exchange(service.listen[0], b"nonsense\r\n\r\n")), 400);
}

#[test]
fn a_held_connection_counts_until_its_client_leaves() {
    let service = Watched::start(&["--max-connections-per-source", "2", "--header-timeout", "1s"]);
    service.fault(&format!("add drop --path {ID}"));
    let held = [service.sent(&get(ID)), service.sent(&get(ID))];
    until("both are held", || service.fault("list").contains(" 2       active").then_some(()));
    assert_eq!(rest(&mut service.sent(&get("/"))), b"", "one too many");
    // Other limits in time do not end what is held on request.
    let started = Instant::now();
    while started.elapsed() < 2 * SECOND {
        assert_eq!(rest(&mut service.sent(&get("/"))), b"");
    }
    drop(held);
    until("their places are free", || {
        rest(&mut service.sent(&get("/"))).starts_with(b"HTTP/1.1 200").then_some(())
    });
}

#[test]
fn a_kept_connection_goes_on_after_a_fault_that_answers() {
    let service = Watched::start(&[]);
    let mut kept = Kept::connect(service.listen[0]).unwrap();
    service.fault("add status --count 1");
    service.fault("add latency --delay 100ms --count 2");
    let statuses: Vec<_> = (0..3).map(|_| status(&kept.get(ID).unwrap())).collect();
    assert_eq!(statuses, [500, 200, 200]);
}

#[test]
fn those_of_the_file_are_there_with_the_first_call_and_live() {
    let drop = "[[fault]]\nkind = \"status\"\nstatus = 404\npath = \"/latest/meta-data\"\n";
    let files = Files::new(&[("imds.toml", drop)]);
    let service = Watched::with(&files, &[]);
    assert_eq!(status(&service.get(ID, None)), 404);
    assert_eq!(service.fault("add empty --count 1"), "2");
    assert!(service.fault("list").contains("file"));
    // One bound for both, and nothing is done of a file that is too much with what calls asked for.
    let tagged = "[[instance]]\ntags = { a = \"b\" }\n[instance.metadata-options]\ninstance-metadata-tags = \"enabled\"\n";
    let other = "[[fault]]\nkind = \"status\"\nstatus = 418\n";
    files.replace("imds.toml", &format!("{tagged}{}", other.repeat(256)));
    service.says("more than 256 faults, by the file and by calls together, are too many; remove some first");
    assert_eq!(status(&service.get(ID, None)), 404);
    service.fault("remove 2");
    files.replace("imds.toml", "[service]\n");
    until("the file's is gone", || (status(&service.get(ID, None)) == 200).then_some(()));
    files.replace("imds.toml", "[[fault]]\nkind = \"status\"\nstatus = 200\n");
    service.says("imds.toml line 1: the status 200 is not permitted: 400 to 599");
    files.replace("imds.toml", &"[[fault]]\nkind = \"drop\"\n".repeat(257));
    service.says("more than 256 faults, by the file and by calls together, are too many");
}

#[test]
fn one_of_the_file_lasts_from_the_start_of_a_service_whose_clock_is_ahead() {
    let files = Files::new(&[("imds.toml", "[[fault]]\nkind = \"status\"\nfor = \"1h\"\n")]);
    let state = files.text("state");
    let service = Watched::with(&files, &["--state", &state]);
    let clock = |service: &Watched, words: &str| crate::control::clock::clock(service, words);
    clock(&service, "advance 30d");
    assert_eq!(status(&service.get(ID, None)), 200);
    service.end(rustix::process::Signal::TERM);
    let again = Watched::with(&files, &["--state", &state]);
    assert_eq!(status(&again.get(ID, None)), 500);
    clock(&again, "advance 1h");
    assert_eq!(status(&again.get(ID, None)), 200);
}

#[test]
fn what_was_sent_is_told_with_its_fault() {
    let service = Watched::start(&["--log", "json"]);
    service.fault("add status --status 418 --count 1");
    service.fault("add reset --count 1");
    assert_eq!(status(&service.get(ID, None)), 418);
    rest(&mut service.sent(&get("/")));
    service.says("\"status\":418,\"version\":\"v1\",\"user_agent\":\"\",");
    service.says("\"fault\":\"reset\"}");
    let ask = b"GET /api/v1/calls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let told = until("both calls are told", || {
        let told: serde_json::Value = serde_json::from_str(body(&exchange(service.admin, ask))).unwrap();
        (told["calls"].as_array().unwrap().len() == 2).then_some(told)
    });
    let calls: Vec<_> =
        told["calls"].as_array().unwrap().iter().map(|call| (&call["status"], &call["fault"])).collect();
    assert_eq!(calls, [(&418.into(), &"status".into()), (&0.into(), &"reset".into())]);
    let metrics = service.metrics();
    assert!(
        metrics.contains("imds_requests_total{instance=\"i-12345678901234567\",status=\"other\"} 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("imds_requests_total{instance=\"i-12345678901234567\",status=\"200\"} 0\n"),
        "{metrics}"
    );
}

#[test]
fn what_is_absurd_is_wrong_usage_and_says_what_is_permitted() {
    let service = Watched::start(&[]);
    for (words, code, why) in [
        ("add explode", 2, "latency, status, reset"),
        ("add latency --delay 1h", 2, "60s at most"),
        ("add drop --status 500", 2, "`status` belongs to status"),
        ("add drop --instance i-0000000c", 1, "there is no instance i-0000000c"),
        ("remove 7", 1, "there is no fault"),
        ("remove", 2, "--all"),
    ] {
        let output = service.fault_output(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && said.contains(why), "{words}: {said}");
    }
}
