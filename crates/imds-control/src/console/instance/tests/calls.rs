//! *Calls*: what was called, and why some of it got nothing.

use imds_core::audit::{Recorded, Tallies, Version};
use imds_core::options::Switch;
use imds_core::testing::{launch, noon};

use super::{PAGE, get, running, with};
use crate::console::testing::Browser;
use crate::door::Door;
use crate::plane::{Plane, Question};

/// One that remembers these calls.
fn remembering(calls: Vec<Recorded>) -> Plane {
    Plane::answering(move |question| match question {
        Question::Calls { answer, .. } => drop(answer.send(calls.clone())),
        Question::Faults(answer) => drop(answer.send(Vec::new())),
        Question::Forget(answer) => drop(answer.send(())),
        Question::Tallies(answer) => drop(answer.send(Tallies::default())),
        Question::Tally { answer, .. } => drop(answer.send(None)),
        Question::View { answer, .. } => drop(answer.send(None)),
    })
}

fn call(number: u64, method: &str, status: u16, version: Version) -> Recorded {
    Recorded {
        number,
        at: noon(),
        instance: Some(launch().id),
        source: [10, 0, 0, 1].into(),
        method: method.into(),
        path: "/latest/meta-data/".into(),
        status,
        version,
        user_agent: "curl/8".into(),
        micros: 12,
        fault: None,
    }
}

#[tokio::test]
async fn calls_are_told_newest_first_with_what_they_were() {
    let calls = vec![
        call(1, "GET", 200, Version::V1),
        Recorded { path: "/latest/meta-data/ami-id".into(), ..call(2, "PUT", 200, Version::V2) },
        call(3, "GET", 401, Version::V1),
    ];
    let door = Door { plane: remembering(calls), ..with(&running()) };
    let page = get(&door, &format!("{PAGE}/calls")).await;
    assert!(page.contains("<section id=\"calls\" data-refresh=\"5\""), "{page}");
    let numbers: Vec<_> = page.split("<dd class=\"number\">").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(numbers, ["3", "2", "1"]);
    let order = [page.find("401 Unauthorized"), page.find("<code>PUT "), page.rfind("200 OK")];
    assert!(order.is_sorted() && order[0].is_some(), "{page}");
    let many = (0..300).map(|number| call(number, "GET", 200, Version::V2)).collect();
    let door = Door { plane: remembering(many), ..door };
    assert_eq!(get(&door, &format!("{PAGE}/calls")).await.matches("200 OK").count(), 100);
}

#[tokio::test]
async fn each_refused_call_is_explained_once_with_its_cure() {
    let calls = vec![
        call(1, "GET", 401, Version::V1),
        call(2, "GET", 401, Version::V1),
        call(3, "GET", 401, Version::V2),
        call(4, "PUT", 400, Version::V2),
        call(5, "GET", 403, Version::V2),
        call(6, "GET", 404, Version::V2),
    ];
    let mut machine = running();
    let door = Door { plane: remembering(calls), ..with(&machine) };
    for (language, told) in [
        ("en", "This instance requires IMDSv2, and the request came without a token."),
        ("ja", "このインスタンスでは IMDSv2 が必須ですが、リクエストにトークンがありません。"),
    ] {
        let (_, page) = Browser::new(&door, language).get(&format!("{PAGE}/calls")).await;
        assert_eq!(page.matches(told).count(), 3, "in two rows and explained: {page}");
        for id in ["v1-refused", "token-refused", "ttl-refused", "endpoint-disabled"] {
            assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} {page}");
            assert!(page.contains(&format!("href=\"#{id}\"")), "{id} {page}");
        }
        let command = "aws ec2 modify-instance-metadata-options --instance-id i-12345678901234567 \
                       --http-tokens optional --http-endpoint enabled \
                       --endpoint-url http://127.0.0.1:1339 --region us-east-1";
        assert!(page.contains(command), "{page}");
        assert!(!page.contains("INSTANCE") && !page.contains("ENVIRONMENT"), "{page}");
    }
    // An instance of an environment has the environment's way too.
    machine.instance.tags.insert("elasticbeanstalk:environment-name".into(), "shop-dev".into());
    let door = Door { plane: door.plane, ..with(&machine) };
    let page = get(&door, &format!("{PAGE}/calls")).await;
    assert!(page.contains("--environment-name shop-dev "), "{page}");
}

#[tokio::test]
async fn what_a_guest_sent_is_text() {
    let hostile = Recorded {
        method: "<b>GET".into(),
        path: "/\"><img src=x onerror=alert(1)>".into(),
        user_agent: "<script>alert(1)</script>".into(),
        ..call(1, "GET", 405, Version::V1)
    };
    let door = Door { plane: remembering(vec![hostile]), ..with(&running()) };
    let page = get(&door, &format!("{PAGE}/calls")).await;
    for raw in ["<b>GET", "<img", "<script>alert"] {
        assert!(!page.contains(raw), "{page}");
    }
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{page}");
}

#[tokio::test]
async fn what_is_absent_is_not_refused() {
    let door = Door { plane: remembering(vec![call(1, "GET", 404, Version::V2)]), ..with(&running()) };
    let page = get(&door, &format!("{PAGE}/calls")).await;
    let numbers: Vec<_> = page.split("<dd class=\"number\">").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(numbers, ["1", "0", "0"]);
    assert!(page.contains("<span class=\"badge \" lang=\"en\">404 Not Found"), "{page}");
    assert!(page.contains("id=\"nothing-here\""), "{page}");
}

#[tokio::test]
async fn a_put_that_was_forbidden_is_explained_by_its_path() {
    const ENABLE: &str = "--http-endpoint enabled";
    for (endpoint, path, id) in [
        (Switch::Enabled, "/latest/api/token", "put-forbidden"),
        (Switch::Enabled, "/latest/api/token/", "token-path-slash"),
        (Switch::Enabled, "/latest//api/token", "token-path-slash"),
        (Switch::Enabled, "/2021-03-23/api/token", "dated-token-path"),
        (Switch::Enabled, "/api/token", "wrong-token-path"),
        (Switch::Enabled, "/latest/meta-data/", "wrong-token-path"),
        (Switch::Enabled, "/\"><script>alert(1)</script>", "wrong-token-path"),
        (Switch::Enabled, "", "wrong-token-path"),
        (Switch::Disabled, "/latest/api/token", "endpoint-disabled"),
        (Switch::Disabled, "/latest/api/token/", "endpoint-disabled"),
    ] {
        let mut machine = running();
        machine.instance.options.http_endpoint = endpoint;
        let put = Recorded { path: path.into(), ..call(1, "PUT", 403, Version::V1) };
        let door = Door { plane: remembering(vec![put]), ..with(&machine) };
        let page = get(&door, &format!("{PAGE}/calls")).await;
        assert_eq!(page.matches("<div class=\"card\" id=").count(), 1, "{page}");
        assert!(page.contains(&format!("<div class=\"card\" id=\"{id}\"")), "{path} {page}");
        // Nobody is told to enable what is enabled.
        assert_eq!(page.contains(ENABLE), endpoint == Switch::Disabled, "{path} {page}");
        assert!(!page.contains("<script>alert"), "{page}");
    }
    // And nothing is said twice.
    let mut machine = running();
    machine.instance.options.http_endpoint = Switch::Disabled;
    let calls = vec![call(1, "GET", 403, Version::V1)];
    let door = Door { plane: remembering(calls), ..with(&machine) };
    let (_, page) = Browser::new(&door, "ja").get(&format!("{PAGE}/calls")).await;
    assert_eq!(page.matches("エンドポイントを有効にしてください").count(), 1, "{page}");
}

#[tokio::test]
async fn a_finding_of_an_environments_instance_leads_to_the_environments_configuration() {
    let mut machine = running();
    machine.instance.tags.insert("elasticbeanstalk:environment-name".into(), "shop-dev".into());
    let calls = vec![call(1, "GET", 401, Version::V1)];
    let door = Door { plane: remembering(calls), ..with(&machine) };
    let page = get(&door, &format!("{PAGE}/calls")).await;
    assert!(
        page.contains("href=\"/console/environments/shop-dev/configuration?region=us-east-1\""),
        "{page}"
    );
    assert!(page.contains("Instances of an environment are replaced"), "{page}");
}
