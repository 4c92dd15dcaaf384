//! Whom a command is, and what becomes of that while it runs.

use std::fs;

use super::{A, B, CONFIG, ID, Site};
use crate::run::{Running, Said, until};

/// Asks for a token, and says how that went.
const PUT: &str = "curl -s -m 10 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token";

#[test]
fn two_at_once_are_each_their_own() {
    for site in Site::all() {
        let mut all = [A, B, A].map(|id| (id, site.asker(id)));
        for _ in 0..2 {
            for (id, asker) in &mut all {
                assert_eq!(asker.ask(ID), format!("{id} 200"));
            }
        }
        for (_, asker) in all {
            assert!(asker.end().success());
        }
    }
}

#[test]
fn a_token_of_one_is_none_of_another() {
    for site in Site::all() {
        let token = site.script(A, PUT).well();
        let script = format!(
            "curl -s -o /dev/null -w '%{{http_code}}' -H 'X-aws-ec2-metadata-token: {token}' http://169.254.169.254{ID}"
        );
        assert_eq!(site.script(A, &script).well(), "200");
        assert_eq!(site.script(B, &script).well(), "401");
    }
}

#[test]
fn what_is_changed_the_next_call_sees() {
    for site in Site::all() {
        let (mut a, mut b) = (site.asker(A), site.asker(B));
        for (options, answer) in [
            (["--http-tokens", "required"], " 401"),
            (["--http-tokens", "optional"], "i-0000000000000000a 200"),
            (["--http-endpoint", "disabled"], " 403"),
            (["--http-endpoint", "enabled"], "i-0000000000000000a 200"),
        ] {
            site.set(A, &options);
            assert_eq!(a.ask(ID), answer, "{options:?}");
            assert_eq!(b.ask(ID), "i-0000000000000000b 200");
        }
    }
}

#[test]
fn the_hop_limit_is_that_of_the_instance_and_reaches_its_command() {
    for site in Site::all() {
        for limit in ["1", "64"] {
            site.set(A, &["--hop-limit", limit]);
            assert_eq!(site.script(A, PUT).well().len(), 56, "no router is between");
        }
    }
}

#[test]
fn behind_a_router_a_token_hangs_until_the_limit_is_raised() {
    let put = "curl -s -o /dev/null -w '%{http_code}' -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        http://169.254.169.254/latest/api/token";
    let script = format!("while read -r path; do {put} -m \"$path\"; echo; done");
    for site in Site::all() {
        let mut exec = site.imds(&["exec", "--hops", "1", A, "--", "sh", "-c", &script]);
        let mut run = Running::start(&mut exec);
        assert_eq!(run.ask("1"), "000");
        site.set(A, &["--hop-limit", "2"]);
        assert_eq!(run.ask("10"), "200");
        site.set(A, &["--hop-limit", "1"]);
        assert_eq!(run.ask("1"), "000");
        assert!(run.end().success());
    }
}

#[test]
fn the_ipv6_endpoint_refuses_while_it_is_disabled() {
    let script = "while read -r _; do
        curl -s -m 10 -o /dev/null -w '%{http_code}' 'http://[fd00:ec2::254]/latest/meta-data/'; echo \" $?\"
    done";
    for site in Site::all() {
        let mut run = Running::start(&mut site.exec(A, &["sh", "-c", script]));
        assert_eq!(run.ask(""), "000 7");
        for _ in 0..3 {
            site.set(A, &["--http-protocol-ipv6", "enabled"]);
            assert_eq!(run.ask(""), "200 0");
            assert_eq!(run.ask(""), "200 0");
            // Another that starts meanwhile finds it, too.
            let id = format!("curl -s -m 10 'http://[fd00:ec2::254]{ID}'");
            assert_eq!(site.script(A, &id).well(), A);
            assert_eq!(site.script(B, &id).code, Some(7));
            site.set(A, &["--http-protocol-ipv6", "disabled"]);
            assert_eq!(run.ask(""), "000 7");
        }
        assert!(run.end().success());
        assert!(!site.log().contains("WARN"), "{}", site.log());
    }
}

#[test]
fn a_file_that_changes_is_seen_too() {
    for site in Site::all() {
        let mut a = site.asker(A);
        assert_eq!(a.ask("/latest/user-data"), " 404");
        fs::write(site.path("data"), "more").unwrap();
        let config = CONFIG.replacen("'\n", "'\nuser-data-file = 'data'\n", 1);
        fs::write(site.path("imds.toml"), config).unwrap();
        until("user data", || a.ask("/latest/user-data") == "more 200");
    }
}

#[test]
fn what_stops_or_ends_answers_nobody() {
    for site in Site::all() {
        let mut a = site.asker(A);
        assert_eq!(a.ask(ID), "i-0000000000000000a 200");
        Said::by(&mut site.imds(&["instance", "stop", A])).well();
        assert_eq!(a.ask(ID), " 404");
        Said::by(&mut site.imds(&["instance", "start", A])).well();
        assert_eq!(a.ask(ID), "i-0000000000000000a 200");
        Said::by(&mut site.imds(&["instance", "terminate", A])).well();
        assert_eq!(a.ask(ID), " 404");
        assert_eq!(a.ask("/"), " 404");
        let said = site.script(A, "true");
        assert_eq!(said.code, Some(1));
        assert_eq!(
            said.err,
            format!(
                "imds: instance {A} is terminated; launch another with `imds instance launch`; for an instance of an \
                 environment: `imds exec --environment NAME`\n"
            )
        );
    }
}

#[test]
fn whom_there_is_not_nobody_can_be() {
    for site in Site::all() {
        let said = site.script("i-0000000000000000c", "touch ran");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        assert_eq!(said.err, "imds: there is no instance i-0000000000000000c; see `imds instance list`\n");
        let name = Said::by(&mut site.imds(&["exec", "web-env", "--", "true"]));
        assert!(name.code == Some(2) && name.err.contains("`--environment web-env`"), "{name:?}");
        for words in [&["exec", "--", "true"][..], &["exec", "me", "--", "true"], &["exec", A, "true"]] {
            assert_eq!(Said::by(&mut site.imds(words)).code, Some(2), "{words:?}");
        }
    }
}

#[test]
fn an_instance_of_an_environment_is_found_by_its_name() {
    // Its IMDSv1 is disabled, as the solution stack has it: the page that all this began with.
    let script = "\"$IMDS\" get instance-id && \"$IMDS\" get placement/region
        curl -s -o /dev/null -w '%{http_code}' http://169.254.169.254/latest/meta-data/instance-id";
    for site in Site::all() {
        let create = ["environment", "create", "shop-dev", "--application", "shop"];
        Said::by(&mut site.imds(&create)).well();
        let exec = |options: &[&str]| {
            let mut exec = site.imds(&["exec", "--environment", "shop-dev"]);
            Said::by(exec.args(options).args(["--", "sh", "-c", script]))
        };
        // A name is looked up by a thread, which is no reason to fail.
        for options in [&[][..], &["--admin", "http://localhost:1339"]] {
            let out = exec(options).well();
            assert!(out.starts_with("i-") && out.ends_with("us-east-1401"), "{out}");
            assert!(!out.contains(A) && !out.contains(B), "{out}");
        }
        let elsewhere = exec(&["--region", "eu-west-1"]);
        assert_eq!(elsewhere.code, Some(1));
        assert!(
            elsewhere.err.starts_with("imds: there is no environment `shop-dev` in eu-west-1; "),
            "{elsewhere:?}"
        );
    }
}

#[test]
fn the_calls_are_counted_and_told_as_the_instances() {
    for site in Site::all() {
        let get = format!("curl -s -A asker http://169.254.169.254{ID}");
        for _ in 0..3 {
            assert_eq!(site.script(B, &get).well(), B);
        }
        let line = format!("{B} 169.254.169.254 GET {ID} 200 v1 \"asker\"");
        until("three lines of the log", || site.log().matches(&line).count() == 3);
        let mut metrics = site.program("curl");
        let metrics = Said::by(metrics.args(["-s", "http://127.0.0.1:1339/metrics"])).well();
        assert!(metrics.contains(&format!("MetadataNoToken{{instance=\"{B}\"}} 3")), "{metrics}");
    }
}

#[test]
fn fifty_at_once_have_each_their_own_and_nothing_is_left_of_them() {
    for mut site in Site::all() {
        let pid = site.service().child.id();
        let files = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        // Its log's pipe, the reactors' and so on are there from the first answer on.
        assert_eq!(site.script(A, &format!("curl -s http://169.254.169.254{ID}")).well(), A);
        let before = files();
        let mut all: Vec<_> = (0..50)
            .map(|number| {
                let id = if number % 2 == 0 { A } else { B };
                (id, site.asker(id))
            })
            .collect();
        for _ in 0..2 {
            for (id, asker) in &mut all {
                assert_eq!(asker.ask(ID), format!("{id} 200"));
            }
        }
        assert!(files() >= before + 50);
        for (_, asker) in all {
            assert!(asker.end().success());
        }
        until("the sockets of those who went", || files() <= before);
        assert!(!site.log().contains("WARN") && !site.log().contains("ERROR"), "{}", site.log());
    }
}

#[test]
fn the_story_of_an_environment_is_lived_through() {
    for site in Site::all() {
        let imds = |words: &str| Said::by(&mut site.imds(&words.split(' ').collect::<Vec<_>>()));
        let exec = |script: &str| {
            Said::by(&mut site.imds(&["exec", "--environment", "shop-dev", "--", "sh", "-c", script]))
        };
        imds("environment create shop-dev").well();
        let get = format!("curl -s -w '%{{http_code}}' http://169.254.169.254{ID}");
        let page = exec(&get).well();
        assert!(page.contains("401 - Unauthorized") && page.ends_with("401"), "{page}");
        let token = format!(
            "TOKEN=$({PUT}); curl -s -H \"X-aws-ec2-metadata-token: $TOKEN\" http://169.254.169.254{ID}"
        );
        let before = exec(&token).well();
        assert!(before.starts_with("i-"), "{before}");
        imds("environment set shop-dev --imdsv1 enabled").well();
        let after = exec(&get).well();
        let id = after.strip_suffix("200").unwrap_or_else(|| panic!("{after}"));
        assert!(id.starts_with("i-") && id != before, "{after}");
        imds("environment terminate shop-dev").well();
        for name in ["shop-dev", "nobodys"] {
            let said = Said::by(&mut site.imds(&["exec", "--environment", name, "--", "true"]));
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains("imds environment"), "{said:?}");
        }
    }
}
