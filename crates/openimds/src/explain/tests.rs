//! Pasted commands, and what becomes of them.

use super::*;

const RECIPES: &str = include_str!("../../tests/it/run/page-recipes.txt");
const TRANSCRIPT: &str = include_str!("../../tests/it/run/page-transcript.txt");

/// The names of the findings, and the correction.
#[track_caller]
fn explained(text: &str) -> (Vec<&'static str>, String) {
    let explanation = explain(text.as_bytes()).unwrap();
    (explanation.findings.iter().map(|remark| remark.finding.id).collect(), explanation.corrected)
}

/// A text has exactly these findings and this correction, which has none that was corrected.
#[track_caller]
fn check(text: &str, ids: &[&str], corrected: &str) {
    let (found, now) = explained(text);
    assert_eq!(found, ids, "{text}");
    assert_eq!(now, corrected, "{text}");
    assert_eq!(explained(&now), (vec![], now.clone()), "{text}");
}

#[test]
fn the_pages_recipes_are_put_right() {
    let (ids, corrected) = explained(RECIPES);
    assert_eq!(ids, ["curly-quotes", "no-fail"]);
    let put = "curl -f -X PUT \"http://169.254.169.254/latest/api/token\" \
        -H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\"";
    let get = "curl -H \"X-aws-ec2-metadata-token: $TOKEN\" -v http://169.254.169.254/latest/meta-data/";
    assert_eq!(corrected, format!("TOKEN=`{put}`\n{get}\nTOKEN=`{put}` \\\n&& {get}\n"));
    assert_eq!(explain(RECIPES.as_bytes()).unwrap().findings[0].lines, [1, 2, 3, 4]);
    assert_eq!(explained(&corrected), (vec![], corrected.clone()));
}

#[test]
fn the_pages_transcript_shows_a_call_without_a_token() {
    let (ids, corrected) = explained(TRANSCRIPT);
    assert_eq!(ids, ["v1-call", "no-fail"]);
    let lines: Vec<_> = corrected.lines().collect();
    assert_eq!(lines[0], format!("TOKEN=$({PUT})"));
    assert_eq!(lines[1], format!("curl {GET} http://169.254.169.254/latest/meta-data/instance-id"));
}

const PUT: &str = "curl -f -X PUT \"http://169.254.169.254/latest/api/token\" \
    -H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\"";
const GET: &str = "-H \"X-aws-ec2-metadata-token: $TOKEN\"";
const URL: &str = "http://169.254.169.254/latest/meta-data/mac";

#[test]
fn what_is_right_stays_as_it_is() {
    for text in [
        String::new(),
        "\n".to_owned(),
        "echo \"It’s a “quoted” word\"".to_owned(),
        format!("TOKEN=$({PUT})\ncurl {GET} {URL}\n"),
        format!("TOKEN=`{PUT}`\r\ncurl {GET} {URL}\r\n"),
        format!("{PUT}\n"),
        format!("curl -H \"X-aws-ec2-metadata-token: $({PUT})\" {URL}"),
        format!("T=$({PUT}) && curl -s --header \"x-aws-ec2-metadata-token: ${{T}}\" {URL}"),
        "BASE=http://169.254.169.254/latest\nTTL=60\nTOKEN=$(curl -sf -XPUT \"$BASE/api/token\" \
         -H\"X-aws-ec2-metadata-token-ttl-seconds: $TTL\")\n\
         H=\"X-aws-ec2-metadata-token: $TOKEN\"\ncurl -H \"$H\" \"$BASE/meta-data/mac\"\n"
            .to_owned(),
        "TOKEN=$(\n  curl -sSf -X PUT \\\n    -H \"X-aws-ec2-metadata-token-ttl-seconds: 60\" \\\n    \
         http://169.254.169.254/latest/api/token\n)\ncurl -H \"X-aws-ec2-metadata-token: $TOKEN\" \
         http://169.254.169.254/latest/user-data\n"
            .to_owned(),
        format!("curl \"${{ARGS[@]}}\" {URL}"),
        format!("curl $AUTH {URL}"),
        format!("curl -K config {URL}"),
        format!("curl -H @headers {URL}"),
        format!("ID=\"`curl -f {GET} {URL}`\""),
        format!("ID=\"$(curl -f {GET} {URL} || echo \"none\")\""),
        format!("echo \"curl {URL}\""),
        format!("# curl {URL}\n"),
        format!("apt-get install -y curl # for {URL}"),
        "export NO_PROXY=169.254.169.254".to_owned(),
        "iptables -A OUTPUT -d 169.254.169.254 -j DROP".to_owned(),
        "curl -H 'Metadata-Flavor: Google' http://169.254.169.254/computeMetadata/v1/instance/id".to_owned(),
        "curl -H Metadata:true 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'".to_owned(),
        "curl http://169.254.169.254/openstack/latest/meta_data.json".to_owned(),
        "curl http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI".to_owned(),
        "curl https://example.com/latest/".to_owned(),
        format!("code=$(curl -s -o /dev/null -w '%{{http_code}}' {GET} {URL})"),
        format!("export http_proxy=http://proxy no_proxy=localhost,169.254.169.254\ncurl {GET} {URL}"),
        format!("wget -qO- --header \"X-aws-ec2-metadata-token: $TOKEN\" {URL}"),
    ] {
        assert_eq!(explained(&text), (vec![], text.clone()), "{text}");
    }
}

#[test]
fn quotes_of_web_pages_become_plain_ones() {
    let right = format!("curl {GET} {URL}");
    for (pasted, ids) in [
        (format!("curl -H “X-aws-ec2-metadata-token: $TOKEN” {URL}"), &["curly-quotes"][..]),
        (format!("curl -H ”X-aws-ec2-metadata-token: $TOKEN″ {URL}"), &["curly-quotes"]),
        (format!("curl -H „X-aws-ec2-metadata-token: $TOKEN“ {URL}"), &["curly-quotes"]),
        (format!("curl -H ‘X-aws-ec2-metadata-token: $TOKEN’ {URL}"), &["curly-quotes"]),
        (format!("curl -H \"X-aws-ec2-metadata-token: $TOKEN” {URL}"), &["curly-quotes"]),
        (format!("curl -H “X-aws-ec2-metadata-token: $TOKEN\" {URL}"), &["curly-quotes"]),
        (format!("curl –H \"X-aws-ec2-metadata-token: $TOKEN\" {URL}"), &["web-characters"]),
        (format!("curl\u{a0}-H \"X-aws-ec2-metadata-token:\u{a0}$TOKEN\" {URL}"), &["web-characters"]),
        (format!("curl -H \"X-aws-ec2-metadata-token: $TOKEN\" {URL}\u{200b}"), &["web-characters"]),
        (format!("curl -H \"X-aws-ec2-metadata-token: $TOKEN {URL}"), &["missing-quote"]),
        (format!("curl -H “X-aws-ec2-metadata-token: $TOKEN {URL}"), &["curly-quotes", "missing-quote"]),
        (format!("curl -H 'X-aws-ec2-metadata-token: $TOKEN\" {URL}"), &["missing-quote"]),
    ] {
        check(&pasted, ids, &right);
    }
    check(
        &format!("curl -H \"X-aws-ec2-metadata-token: $TOKEN -v \"{URL}\""),
        &["missing-quote"],
        &format!("curl {GET} -v \"{URL}\""),
    );
    check(
        &format!("curl —request GET ––header “X-aws-ec2-metadata-token: $TOKEN” {URL}"),
        &["web-characters", "curly-quotes"],
        &format!("curl --request GET --header \"X-aws-ec2-metadata-token: $TOKEN\" {URL}"),
    );
    check(
        "TOKEN=‘curl -f -X PUT “http://169.254.169.254/latest/api/token” \
         -H “X-aws-ec2-metadata-token-ttl-seconds: 60“‘",
        &["curly-quotes"],
        "TOKEN=`curl -f -X PUT \"http://169.254.169.254/latest/api/token\" \
         -H \"X-aws-ec2-metadata-token-ttl-seconds: 60\"`",
    );
    check(
        "TOKEN=`curl -f -X PUT \"http://169.254.169.254/latest/api/token -H \"X-aws-ec2-metadata-token-ttl-seconds: 60`",
        &["missing-quote"],
        "TOKEN=`curl -f -X PUT \"http://169.254.169.254/latest/api/token\" -H \"X-aws-ec2-metadata-token-ttl-seconds: 60\"`",
    );
    check(
        &format!("curl -H \"X-aws-ec2-metadata-token: $TOKEN {URL}\""),
        &["missing-quote"],
        &format!("curl {GET} {URL}"),
    );
    check(&format!("curl {GET} \"{URL}"), &["missing-quote"], &format!("curl {GET} \"{URL}\""));
    check(
        &format!("curl {GET} \"$BASE/latest/meta-data/mac\n"),
        &["missing-quote"],
        &format!("curl {GET} \"$BASE/latest/meta-data/mac\"\n"),
    );
    // What is only said is not touched.
    for said in [
        "echo \"The “address” is 169.254.169.254\"".to_owned(),
        "echo 'curly “quotes” of 169.254.169.254'".to_owned(),
        "echo 169.254.169.254 is 5″ from here, isn’t it".to_owned(),
        "# It’s at “169.254.169.254”".to_owned(),
        "ssh web \"\n  curl -sf -H 'X-aws-ec2-metadata-token: $TOKEN' http://169.254.169.254/\n\"".to_owned(),
    ] {
        assert_eq!(explained(&said), (vec![], said.clone()), "{said}");
    }
    // Nor what is not understood.
    let quoted =
        "sh -c \"curl\n -sfH 'X-aws-ec2-metadata-token: $T' 169.254.169.254/latest/; sleep 5; done\" &";
    assert_eq!(explained(quoted), (vec!["unjudged"], quoted.to_owned()));
}

#[test]
fn a_call_without_a_token_is_given_one() {
    let line = format!("TOKEN=$({PUT})");
    check(&format!("curl {URL}"), &["v1-call"], &format!("{line}\ncurl {GET} {URL}"));
    check(&format!("$ curl {URL}\n"), &["v1-call"], &format!("{line}\ncurl {GET} {URL}\n"));
    check(
        &format!("[ec2-user@ip-10-0-0-1 ~]$ curl {URL}\n"),
        &["v1-call"],
        &format!("{line}\ncurl {GET} {URL}\n"),
    );
    check(
        &format!("ID=$(curl -s {URL})\nMAC=`curl -s {URL}`\n"),
        &["v1-call", "no-fail"],
        &format!(
            "{}\nID=$(curl {GET} -f -s {URL})\nMAC=`curl {GET} -f -s {URL}`\n",
            line.replace(" -f", " -sf")
        ),
    );
    check(
        &format!("get() {{\n  curl {URL}\n}}\nput() {{\n  curl {URL}\n}}\n"),
        &["v1-call"],
        &format!("get() {{\n  {line}\n  curl {GET} {URL}\n}}\nput() {{\n  {line}\n  curl {GET} {URL}\n}}\n"),
    );
    check(
        &format!("if curl -s {URL} > /dev/null; then\n  curl {URL}\nfi\n"),
        &["v1-call"],
        &format!(
            "{}\nif curl {GET} -s {URL} > /dev/null; then\n  curl {GET} {URL}\nfi\n",
            line.replace(" -f", " -sf")
        ),
    );
    check(
        &format!("RUN apk add curl && curl {URL}\n"),
        &["v1-call"],
        &format!("RUN apk add curl && curl -H \"X-aws-ec2-metadata-token: $({PUT})\" {URL}\n"),
    );
    check(
        &format!("*/5 * * * * curl {URL}\n"),
        &["v1-call"],
        &format!("*/5 * * * * curl -H \"X-aws-ec2-metadata-token: $({PUT})\" {URL}\n"),
    );
    check(
        &format!("ssh web 'curl {URL}'\n"),
        &["v1-call"],
        &format!("ssh web 'curl -H \"X-aws-ec2-metadata-token: $({PUT})\" {URL}'\n"),
    );
    check(
        &format!("wget -qO- {URL}\n"),
        &["v1-call"],
        &format!(
            "TOKEN=$(wget -qO- --method=PUT --header=\"X-aws-ec2-metadata-token-ttl-seconds: 21600\" \
             \"http://169.254.169.254/latest/api/token\")\n\
             wget --header=\"X-aws-ec2-metadata-token: $TOKEN\" -qO- {URL}\n"
        ),
    );
    check(
        "TOKEN=secret\ncurl http://169.254.169.254/\n",
        &["v1-call"],
        &format!(
            "TOKEN=secret\nIMDS_{line}\ncurl -H \"X-aws-ec2-metadata-token: $IMDS_TOKEN\" http://169.254.169.254/\n"
        ),
    );
}

#[test]
fn a_token_that_was_fetched_is_used() {
    let line = format!("TOKEN=$({PUT})");
    check(&format!("{line}\ncurl {URL}\n"), &["token-unused"], &format!("{line}\ncurl {GET} {URL}\n"));
    check(
        &format!("T=$({PUT}) && curl {URL}\n"),
        &["token-unused"],
        &format!("T=$({PUT}) && curl -H \"X-aws-ec2-metadata-token: $T\" {URL}\n"),
    );
    check(
        &format!("{}\ncurl {URL}\n", PUT.replace(" -f", "")),
        &["token-unused"],
        &format!("{line}\ncurl {GET} {URL}\n"),
    );
    check(
        &format!("{line}\ncurl -H \"X-aws-ec2-metadata-token:\" {URL}\n"),
        &["empty-token"],
        &format!("{line}\ncurl {GET} {URL}\n"),
    );
    check(
        &format!("{line}\ncurl -H \"X-aws-ec2-metadata-token: $TOKN\" {URL}\n"),
        &["wrong-variable"],
        &format!("{line}\ncurl {GET} {URL}\n"),
    );
    check(
        &format!("{line}\ncurl -H 'X-aws-ec2-metadata-token: $TOKEN' {URL}\n"),
        &["literal-token"],
        &format!("{line}\ncurl {GET} {URL}\n"),
    );
}

#[test]
fn headers_paths_and_methods_are_put_right() {
    let put = |headers: &str| format!("curl -f -X PUT \"http://169.254.169.254/latest/api/token\" {headers}");
    let right = put("-H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\"");
    for (wrong, id) in [
        (put("-H \"X-aws-ec2metadata-token-ttl-seconds: 21600\""), "wrong-header"),
        (put("-H \"X-aws-ec2-metadata-token: 21600\""), "wrong-header"),
        (put("-H 'X-aws-ec2-metadata-token-ttl-seconds=21600'"), "malformed-header"),
        (put("-H X-aws-ec2-metadata-token-ttl-seconds: 21600"), "malformed-header"),
        (put("-H \"X-aws-ec2-metadata-token-ttl-seconds: 30000\""), "ttl-out-of-range"),
        (put("-H \"X-aws-ec2-metadata-token-ttl-seconds: 0\""), "ttl-out-of-range"),
        (put("-H 'X-aws-ec2-metadata-token-ttl-seconds: six hours'"), "ttl-out-of-range"),
        (right.replace("/token\"", "/token/\""), "token-path-slash"),
        (right.replace("/latest", "//latest"), "token-path-slash"),
        (right.replace("/latest", "/2021-03-23"), "dated-token-path"),
        (right.replace("/latest", ""), "wrong-token-path"),
        (right.replace("PUT", "POST"), "token-not-put"),
        (right.replace("PUT", "put"), "token-not-put"),
        (right.replace("http:", "https:"), "https"),
        (
            put("-H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\" -H \"X-Forwarded-For: 10.0.0.1\""),
            "forwarded-header",
        ),
        (
            put("-H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\" -H 'Expect: 100-continue'"),
            "expect-header",
        ),
        (put("-H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\" -x http://proxy:3128"), "proxy"),
    ] {
        check(&wrong, &[id], &right);
    }
    check(
        &right.replace(" -X PUT", "").replace("-f", "-f -s"),
        &["token-not-put"],
        &right.replace("-f -X PUT", "-X PUT -f -s"),
    );
    check(
        "curl -X PUT http://169.254.169.254/latest/api/token",
        &["ttl-missing"],
        "curl -X PUT http://169.254.169.254/latest/api/token -H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\"",
    );
    for (wrong, id) in [
        (format!("curl -H \"X-aws-metadata-token: $TOKEN\" {URL}"), "wrong-header"),
        (format!("curl -H X-aws-ec2-metadata-token-ttl-seconds:$TOKEN {URL}"), "wrong-header"),
        (format!("curl -H \"X-aws-ec2-metadata-token $TOKEN\" {URL}"), "malformed-header"),
        (format!("curl -H X-aws-ec2-metadata-token: $TOKEN {URL}"), "malformed-header"),
        (format!("curl -X POST {GET} {URL}"), "wrong-method"),
        (format!("curl {GET} {}", URL.replace("http:", "https:")), "https"),
    ] {
        check(&wrong, &[id], &format!("curl {GET} {URL}"));
    }
}

#[test]
fn proxies_and_output_that_is_kept_are_seen() {
    for variable in ["export http_proxy=http://p:3128\n", "all_proxy=$P ", "ALL_PROXY=p NO_PROXY=localhost "]
    {
        check(
            &format!("{variable}curl {GET} {URL}"),
            &["proxy"],
            &format!("{variable}curl --noproxy \"*\" {GET} {URL}"),
        );
    }
    let right = format!("curl {GET} {URL}");
    for text in [
        format!("http_proxy=p apt-get update\n{right}"),
        format!("export http_proxy=p\nunset http_proxy\n{right}"),
        format!("export HTTPS_PROXY=p\n{right}"),
    ] {
        assert_eq!(explained(&text), (vec![], text.clone()), "{text}");
    }
    for (text, corrected) in [
        (format!("{right} > id"), format!("curl -f {GET} {URL} > id")),
        (format!("{right} -o id"), format!("curl -f {GET} {URL} -o id")),
        (format!("{right} | sh"), format!("curl -f {GET} {URL} | sh")),
        (format!("echo \"$({right})\""), format!("echo \"$(curl -f {GET} {URL})\"")),
    ] {
        check(&text, &["no-fail"], &corrected);
    }
}

#[test]
fn what_cannot_be_corrected_is_named_and_left() {
    for text in [
        format!("docker exec web curl {URL}\n"),
        format!("kubectl exec web -- curl -s {URL}\n"),
        format!("ssh web \"curl {URL}\"\n"),
        format!("ssh web \"\n  curl {URL}\n\"\n"),
        format!("- name: id\n  shell: curl {URL}\n"),
        format!("script:\n  - curl {URL}\n"),
    ] {
        let explanation = explain(text.as_bytes()).unwrap();
        assert_eq!(explanation.findings.len(), 1, "{text}");
        assert_eq!(explanation.findings[0].finding.id, "v1-call", "{text}");
        assert!(!explanation.findings[0].corrected, "{text}");
        assert_eq!(explanation.corrected, text);
    }
}

#[test]
fn what_is_not_recognised_is_not_called_right() {
    for (text, recognised) in [
        (format!("echo \"{URL}\""), 0),
        (format!("curl {GET} {URL}; curl {GET} {URL}"), 2),
        ("HTTP/1.1 200 OK\n".to_owned(), 1),
    ] {
        let explanation = explain(text.as_bytes()).unwrap();
        assert_eq!((explanation.findings.len(), explanation.recognised), (0, recognised), "{text}");
    }
}

#[test]
fn a_call_in_another_language_is_no_reason_to_pass() {
    for text in [
        format!("requests.get(\"{URL}\")"),
        format!("Invoke-RestMethod -Uri {URL}\r\n"),
        "fetch('http://[fd00:ec2::254]/latest/user-data')".to_owned(),
    ] {
        let explanation = explain(text.as_bytes()).unwrap();
        assert_eq!(explained(&text), (vec!["unjudged"], text.clone()));
        assert!(!explanation.findings[0].corrected, "{text}");
    }
    // Where a call is recognised, it is judged.
    assert_eq!(
        explained(&format!("HOST=169.254.169.254\ncurl {GET} http://$HOST/latest/")).0,
        Vec::<&str>::new()
    );
}

#[test]
fn a_transcript_becomes_a_script() {
    let page = "<?xml version=\"1.0\"?>\n <body>\n  <h1>401 - Unauthorized</h1>\n </body>\n";
    let progress = "  % Total    % Received % Xferd\n                                 Dload\n";
    let right = format!("TOKEN=$({PUT})\ncurl {GET} {URL}\n");
    for prompt in ["$ ", "% ", "[ec2-user@ip-172-31-16-10 ~]$ ", "[root@web ~]# ", "  $ "] {
        check(&format!("{prompt}curl {URL}\n{page}"), &["v1-call"], &right);
    }
    check(
        &format!(
            "$ curl -X PUT \\\n  http://169.254.169.254/latest/api/token\n{progress}$ echo \"a\nb\"\na\nb\n"
        ),
        &["ttl-missing"],
        "curl -X PUT \\\n  http://169.254.169.254/latest/api/token -H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\"\n\
         echo \"a\nb\"\n",
    );
    // Nothing wrong, nothing changed.
    let text = format!("$ curl {GET} {URL}\n02:00:00:00:00:01\n");
    assert_eq!(explained(&text), (vec![], text.clone()));
}

#[test]
fn what_is_no_text_is_refused() {
    assert_eq!(explain(b"\x7fELF\0\0"), Err(Unreadable::NotText));
    assert_eq!(explain(b"curl \xff"), Err(Unreadable::NotText));
    assert_eq!(explain(&vec![b' '; LIMIT + 1]), Err(Unreadable::TooLong));
    assert!(explain(&vec![b' '; LIMIT]).is_ok());
}

#[test]
fn no_text_whatever_it_is_like_does_harm() {
    let texts = [
        RECIPES,
        TRANSCRIPT,
        "bash -c 'curl http://169.254.169.254/ \"$(a `b ${c} $((1)) <<E' # x\n> GET / HTTP/1.1\n",
    ];
    for text in texts {
        for end in 0..text.len() {
            let _ = explain(&text.as_bytes()[..end]);
            let _ = explain(&text.as_bytes()[end..]);
        }
        for at in 0..text.len() {
            for byte in b"\"'`\\$(){}|&;<>#=:- \n\r\0/aX0\xe2\x80\x9c".iter() {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = *byte;
                let _ = explain(&bytes);
            }
            for inserted in ["“", "’", "″", "–", "\u{a0}", "$(", "`", "\\\n"] {
                if text.is_char_boundary(at) {
                    let _ = explain(format!("{}{inserted}{}", &text[..at], &text[at..]).as_bytes());
                }
            }
        }
    }
}

#[test]
fn a_long_hostile_text_takes_no_long_time() {
    let begun = std::time::Instant::now();
    for piece in [
        "\"",
        "'",
        "`",
        "$(",
        "“",
        "’a",
        "\\",
        "\\\n",
        "(",
        "curl 169.254.169.254 ",
        "curl http://169.254.169.254/\n",
        "$(curl http://169.254.169.254/\n",
        "X=$X$X\n",
        "bash -c 'curl 169.254.169.254' ",
        "169.254.169.254 ’a ‘ \" “",
    ] {
        let _ = explain(piece.repeat(LIMIT / piece.len()).as_bytes());
    }
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
