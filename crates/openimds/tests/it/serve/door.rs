//! The door: health and metrics for the owner, and nothing of it for guests.

use std::collections::BTreeMap;

use super::abuse::paged;
use super::{Files, Watched, until};
use crate::support::{body, exchange, status};

const ID: &str = "i-12345678901234567";
const GET_ID: &str = "/latest/meta-data/instance-id";

fn ask(service: &Watched, path: &str, headers: &str) -> String {
    exchange(service.admin, format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes())
}

/// The samples of /metrics, by name and labels.
fn metrics(service: &Watched) -> BTreeMap<String, f64> {
    let answer = service.metrics();
    assert!(answer.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{answer}");
    let samples = body(&answer).lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

fn of(name: &str) -> String {
    format!("{name}{{instance=\"{ID}\"}}")
}

#[test]
fn health_is_told_to_the_owners_own_names() {
    let service = Watched::start(&["--server-name", "imds.test"]);
    let port = service.admin.port();
    for host in
        ["localhost", &format!("127.0.0.1:{port}"), &format!("localhost:{port}"), "imds.test", "[::1]"]
    {
        let answer = ask(&service, "/healthz", &format!("Host: {host}\r\n"));
        assert_eq!((status(&answer), body(&answer)), (200, "ok\n"), "{host}");
    }
    for headers in [
        "",
        "Host: evil.test\r\n",
        "Host: 169.254.169.254\r\n",
        "Host: 127.0.0.1.evil.test\r\n",
        "Host: localhost\r\nHost: evil.test\r\n",
    ] {
        for path in ["/healthz", "/metrics", "/nowhere"] {
            let answer = ask(&service, path, headers);
            assert!(matches!(status(&answer), 400 | 403), "{path} {headers}: {answer}");
            assert!(!answer.contains("imds_"), "{answer}");
        }
    }
    assert_eq!(status(&ask(&service, "/healthz", "Host: evil.test\r\n")), 403);
}

#[test]
fn a_page_of_another_site_is_refused() {
    let service = Watched::start(&[]);
    let own = format!("localhost:{}", service.admin.port());
    let answer = ask(&service, "/healthz", &format!("Host: {own}\r\nOrigin: http://{own}\r\n"));
    assert_eq!(status(&answer), 200, "the door's own pages");
    for header in ["Origin: http://evil.test", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        let answer = ask(&service, "/metrics", &format!("Host: localhost\r\n{header}\r\n"));
        assert_eq!(status(&answer), 403, "{header}");
    }
}

#[test]
fn guests_see_nothing_of_the_door_and_the_door_no_metadata() {
    let service = Watched::start(&[]);
    for path in ["/metrics", "/healthz", "/api/v1/", "/console"] {
        assert_eq!(status(&service.get(path, None)), 404, "{path}");
    }
    for path in [GET_ID, "/latest/", "/latest/user-data"] {
        let answer = ask(&service, path, "Host: localhost\r\n");
        assert_eq!(status(&answer), 404, "{path}");
        assert!(!answer.contains(ID) && !answer.contains("EC2ws"), "{answer}");
    }
    let put = b"PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
    let answer = exchange(service.admin, put);
    assert_eq!((status(&answer), answer.contains("AQAEA")), (404, false), "{answer}");
}

#[test]
fn cloudwatchs_counters_are_there_in_their_mode_alone() {
    let entry = |tokens| format!("[[instance]]\nmetadata-options = {{ http-tokens = \"{tokens}\" }}\n");
    let files = Files::new(&[("imds.toml", &entry("optional"))]);
    let service = Watched::with(&files, &[]);
    let (optional, required) = (of("MetadataNoToken"), of("MetadataNoTokenRejected"));
    let shown = || {
        let metrics = metrics(&service);
        (metrics.get(&optional).copied(), metrics.get(&required).copied())
    };
    assert_eq!(shown(), (Some(0.0), None));
    let token = service.token();
    for (path, token) in
        [(GET_ID, None), ("/latest/", None), ("/nowhere", None), (GET_ID, Some(&*token)), (GET_ID, Some("x"))]
    {
        service.get(path, token);
    }
    assert_eq!(shown(), (Some(2.0), None), "answered and tokenless");
    files.write("imds.toml", &entry("required"));
    until("tokens are required", || (shown() == (None, Some(0.0))).then_some(()));
    for (path, token) in [(GET_ID, None), ("/nowhere", None), ("/", None), (GET_ID, Some("x"))] {
        assert_eq!(status(&service.get(path, token)), 401);
    }
    assert_eq!(shown(), (None, Some(3.0)), "refused and tokenless");
    files.write("imds.toml", &entry("optional"));
    until("tokens are optional again, and counted on", || (shown() == (Some(2.0), None)).then_some(()));
}

#[test]
fn calls_are_counted_by_status_and_by_time() {
    let service = Watched::start(&[]);
    for _ in 0..3 {
        service.token();
    }
    for request in [
        "GET / HTTP/1.1",
        "PUT / HTTP/1.1",
        "POST / HTTP/1.1",
        "PUT /latest/api/token HTTP/1.1",
        "GET /x HTTP/1.1",
        "GET /y HTTP/1.1",
    ] {
        service.exchange(&format!("{request}\r\n\r\n"));
    }
    service.get("/", Some("x"));
    for status in [400, 413, 414, 431] {
        paged(service.listen[0], status);
    }
    let metrics = metrics(&service);
    let requests = |id: &str, status: u16| {
        metrics[&format!("imds_requests_total{{instance=\"{id}\",status=\"{status}\"}}")]
    };
    for (status, count) in
        [(200, 4.0), (400, 1.0), (401, 1.0), (403, 1.0), (404, 2.0), (405, 1.0), (413, 1.0)]
    {
        assert_eq!(requests(ID, status), count, "{status}");
    }
    for status in [400, 414, 431] {
        assert_eq!(requests("", status), 1.0, "{status}");
    }
    assert_eq!(metrics[&of("imds_tokens_issued_total")], 3.0);
    assert_eq!(metrics[&of("imds_request_duration_seconds_count")], 11.0);
    let start = format!("imds_request_duration_seconds_bucket{{instance=\"{ID}\",le=\"");
    let mut buckets: Vec<_> = metrics
        .iter()
        .filter_map(|(name, count)| {
            let bound = name.strip_prefix(&start)?.strip_suffix("\"}")?;
            Some((bound.parse().unwrap_or(f64::INFINITY), *count))
        })
        .collect();
    buckets.sort_by(|a: &(f64, f64), b| a.0.total_cmp(&b.0));
    assert!(buckets.len() >= 5 && buckets.is_sorted_by(|a, b| a.1 <= b.1), "{buckets:?}");
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, 11.0)));
    assert!(metrics[&of("imds_request_duration_seconds_sum")] > 0.0);
    assert_eq!(metrics["imds_connections_total"], 14.0);
}

#[test]
fn what_strangers_send_makes_no_new_samples() {
    let service = Watched::start(&[]);
    let before: Vec<_> = metrics(&service).into_keys().collect();
    for number in 0..50 {
        service.exchange(&format!("M{number} /path/{number} HTTP/1.1\r\nUser-Agent: {number}\r\n\r\n"));
    }
    assert_eq!(metrics(&service).into_keys().collect::<Vec<_>>(), before);
}
