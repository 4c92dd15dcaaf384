//! Whoever has no key, or a signature that was made for something else.

use super::*;

/// A change of a request on its way.
type Change = Box<dyn Fn(&mut Sent)>;

/// The `Authorization` header of a request, with one text in the place of another.
fn edited(from: &'static str, to: &'static str) -> Change {
    Box::new(move |sent| {
        let text = sent.headers["authorization"].to_str().unwrap().to_owned();
        assert!(text.contains(from), "{text}");
        sent.set("authorization", &text.replace(from, to));
    })
}

fn header(name: &'static str, value: &'static str) -> Change {
    Box::new(move |sent| sent.set(name, value))
}

fn more(name: &'static str, value: &'static str) -> Change {
    Box::new(move |sent| {
        sent.headers.append(name, HeaderValue::from_static(value));
    })
}

fn without(name: &'static str) -> Change {
    Box::new(move |sent| {
        sent.headers.remove(name);
    })
}

fn uri(uri: &'static str) -> Change {
    Box::new(move |sent| sent.uri = uri.parse().unwrap())
}

#[test]
fn whatever_is_altered_on_the_way_is_noticed() {
    let good = call().signed();
    assert!(good.verdict().is_ok());
    let changes: Vec<(&str, Change, Kind)> = vec![
        ("method", Box::new(|sent| sent.method = Method::GET), Kind::Mismatch),
        ("path", uri("/metrics?b=2&a=1"), Kind::Mismatch),
        ("a parameter's value", uri("/?b=2&a=2"), Kind::Mismatch),
        ("a parameter's name", uri("/?b=2&c=1"), Kind::Mismatch),
        ("a parameter more", uri("/?b=2&a=1&c"), Kind::Mismatch),
        ("a parameter less", uri("/?b=2"), Kind::Mismatch),
        ("no parameter", uri("/"), Kind::Mismatch),
        ("a plus that was none", uri("/?b=2&a=%2B1"), Kind::Mismatch),
        ("body", Box::new(|sent| sent.body[0] = b'B'), Kind::Mismatch),
        ("no body", Box::new(|sent| sent.body.clear()), Kind::Mismatch),
        ("more body", Box::new(|sent| sent.body.push(b'&')), Kind::Mismatch),
        ("host", header("host", "localhost:1339"), Kind::Mismatch),
        ("the host's port", header("host", "127.0.0.1:1340"), Kind::Mismatch),
        ("content type", header("content-type", "text/plain"), Kind::Mismatch),
        ("a header of AWS's", header("x-amz-meta", "b"), Kind::Mismatch),
        ("a second value", more("x-amz-meta", "a"), Kind::Mismatch),
        ("a signed header less", without("x-amz-meta"), Kind::Mismatch),
        ("one that is not signed", header("x-amz-target", "x"), Kind::Mismatch),
        ("a token that is not signed", header("x-amz-security-token", "x"), Kind::Mismatch),
        ("a later date", header("x-amz-date", "20150830T123601Z"), Kind::Mismatch),
        ("another day", header("x-amz-date", "20150831T123600Z"), Kind::Mismatch),
        ("no date", without("x-amz-date"), Kind::Incomplete),
        ("two dates", more("x-amz-date", "20150830T123600Z"), Kind::Incomplete),
        ("a wrong hash", header("x-amz-content-sha256", "00"), Kind::Mismatch),
        ("no hash", header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), Kind::Mismatch),
        ("another key", edited("AKIDEXAMPLE", "AKIDEXAMPLF"), Kind::Unknown),
        ("the scope's day", edited("/20150830/", "/20150829/"), Kind::Mismatch),
        ("region", edited("us-east-1", "us-east-2"), Kind::Mismatch),
        ("service", edited("/sts/", "/iam/"), Kind::Mismatch),
        ("host not signed", edited("host;", ""), Kind::Mismatch),
        ("date not signed", edited(";x-amz-date", ""), Kind::Mismatch),
        ("type not signed", edited("content-type;", ""), Kind::Mismatch),
        ("one signed that did not come", edited("x-amz-date;", "x-amz-date;x-amz-e;"), Kind::Mismatch),
        (
            "great digits",
            Box::new(|sent| {
                let text = sent.headers["authorization"].to_str().unwrap().to_owned();
                let (before, value) = text.rsplit_once('=').unwrap();
                sent.set("authorization", &format!("{before}={}", value.to_uppercase()));
            }),
            Kind::Mismatch,
        ),
        ("signed twice over", uri("/?b=2&a=1&X-Amz-Signature=00"), Kind::Incomplete),
        ("not signed", without("authorization"), Kind::Missing),
    ];
    for (what, change, expected) in changes {
        let mut sent = good.clone();
        change(&mut sent);
        assert_eq!(kind(sent.verdict()), expected, "{what}");
    }
    // What is nobody's business is not signed.
    let mut sent = good.clone();
    sent.set("x-amzn-trace-id", "Root=1");
    sent.set("x-amz-user-agent", "browser");
    assert!(sent.verdict().is_ok());
}

#[test]
fn every_digit_of_a_signature_counts() {
    let good = call().signed();
    let text = good.headers["authorization"].to_str().unwrap().to_owned();
    let (before, value) = text.rsplit_once('=').unwrap();
    let mut forged: Vec<String> = (0..value.len())
        .map(|index| {
            let mut value = value.as_bytes().to_vec();
            value[index] = if value[index] == b'0' { b'1' } else { b'0' };
            String::from_utf8(value).unwrap()
        })
        .collect();
    forged.extend((0..value.len()).map(|length| value[..length].to_owned()));
    forged.extend([format!("{value}0"), "unsigned".into(), "0".repeat(64), "é".into()]);
    for forged in forged {
        let mut sent = good.clone();
        let text = HeaderValue::from_bytes(format!("{before}={forged}").as_bytes()).unwrap();
        sent.headers.insert("authorization", text);
        assert!(sent.verdict().is_err(), "{forged}");
    }
}

#[test]
fn a_clock_may_be_off_by_a_quarter_of_an_hour() {
    let sent = call().signed();
    for (seconds, expected) in [
        (0, None),
        (900, None),
        (-900, None),
        (
            901,
            Some((
                Kind::Late,
                "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)",
            )),
        ),
        (
            -901,
            Some((
                Kind::Early,
                "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)",
            )),
        ),
        (86_400, Some((Kind::Late, "Signature expired: "))),
    ] {
        let verdict = sent.verdict_with(SECRET, after(seconds)).err();
        assert_eq!(verdict.as_ref().map(|error| error.kind), expected.map(|(kind, _)| kind), "{seconds}");
        if let (Some(error), Some((_, why))) = (verdict, expected) {
            assert!(error.why.starts_with(why), "{}", error.why);
        }
    }
    for now in [Timestamp::MIN, Timestamp::MAX] {
        assert!(sent.verdict_with(SECRET, now).is_err());
    }
}

/// The request, signed in the query string by hand: with these parameters, of which the signature is the last.
fn in_query(date: &str, expires: &str, more: &str) -> Sent {
    let mut sent = Sent::new("GET", "/", &[("host", "127.0.0.1:1339")], "");
    let scope = format!("{KEY}%2F20150830%2Fus-east-1%2Fsts%2Faws4_request");
    let query = format!(
        "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={date}&\
         X-Amz-SignedHeaders=host{expires}{more}"
    );
    let sign = |sent: &mut Sent, value: &str| {
        sent.uri = format!("/?{query}&X-Amz-Signature={value}").parse().unwrap();
    };
    sign(&mut sent, "00");
    let Ok(Some(signature)) = Signature::read(&sent.uri, &sent.headers) else { return sent };
    let hash = super::super::canonical::payload_hash(b"");
    let canonical = super::super::canonical::request(&sent.request(), &signature.signed, true, &hash);
    let stamp = super::super::stamp(signature.at);
    sign(&mut sent, &super::super::sign::value(SECRET, &signature.credential, &stamp, &canonical));
    sent
}

#[test]
fn a_signed_query_is_good_for_as_long_as_it_says() {
    let now = "20150830T123600Z";
    for (expires, seconds, expected) in [
        ("&X-Amz-Expires=60", 60, None),
        ("&X-Amz-Expires=60", 61, Some(Kind::Late)),
        ("&X-Amz-Expires=1", 2, Some(Kind::Late)),
        ("&X-Amz-Expires=604800", 604_800, None),
        ("&X-Amz-Expires=604800", 604_801, Some(Kind::Late)),
        ("&X-Amz-Expires=604800", -901, Some(Kind::Early)),
        ("", 900, None),
        ("", 901, Some(Kind::Late)),
        ("&X-Amz-Expires=0", 0, Some(Kind::Incomplete)),
        ("&X-Amz-Expires=604801", 0, Some(Kind::Incomplete)),
        ("&X-Amz-Expires=-1", 0, Some(Kind::Incomplete)),
        ("&X-Amz-Expires=", 0, Some(Kind::Incomplete)),
        ("&X-Amz-Expires=60&X-Amz-Expires=604800", 0, Some(Kind::Incomplete)),
    ] {
        let verdict = in_query(now, expires, "").verdict_with(SECRET, after(seconds));
        assert_eq!(verdict.err().map(|error| error.kind), expected, "{expires} after {seconds}");
    }
}

#[test]
fn a_signed_query_cannot_be_altered_either() {
    let good = in_query("20150830T123600Z", "&X-Amz-Expires=60", "");
    assert!(good.verdict().is_ok());
    let text = good.uri.to_string();
    for (from, to, expected) in [
        ("GetCallerIdentity", "DeleteEverything", Kind::Mismatch),
        ("Expires=60", "Expires=604800", Kind::Mismatch),
        ("T123600Z", "T123601Z", Kind::Mismatch),
        ("X-Amz-Date=20150830", "X-Amz-Date=20150831", Kind::Mismatch),
        ("us-east-1", "us-east-2", Kind::Mismatch),
        ("AKIDEXAMPLE", "AKIDEXAMPLF", Kind::Unknown),
        ("SignedHeaders=host", "SignedHeaders=", Kind::Mismatch),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", Kind::Incomplete),
        ("&X-Amz-SignedHeaders=host", "", Kind::Incomplete),
        ("X-Amz-Signature", "X-Amz-Sign", Kind::Incomplete),
        ("&X-Amz-Signature", "&X-Amz-Security-Token=x&X-Amz-Signature", Kind::Mismatch),
        ("&X-Amz-Signature", "&X-Amz-Signature=00&X-Amz-Signature", Kind::Incomplete),
        ("X-Amz-", "x-amz-", Kind::Missing),
    ] {
        assert!(text.contains(from), "{from}");
        let sent = Sent { uri: text.replace(from, to).parse().unwrap(), ..good.clone() };
        assert_eq!(kind(sent.verdict()), expected, "{from} as {to}");
    }
    let with_body = Sent { body: b"x".to_vec(), ..good.clone() };
    assert_eq!(kind(with_body.verdict()), Kind::Mismatch);
    let mut twice = good;
    twice.set("authorization", "AWS4-HMAC-SHA256 x");
    assert_eq!(kind(twice.verdict()), Kind::Incomplete);
}

#[test]
fn what_is_no_signature_is_told_as_such() {
    let scope = "Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request";
    let with = |part: &str, other: &str| {
        format!("AWS4-HMAC-SHA256 {}, SignedHeaders=host, Signature=00", scope.replace(part, other))
    };
    for (authorization, why) in [
        (
            "",
            "requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header \
              requires 'SignedHeaders' parameter.",
        ),
        ("Basic dTpw", "requires 'Credential' parameter"),
        ("Bearer AWS4-HMAC-SHA256", "requires 'Credential' parameter"),
        ("AWS AKID:c2ln", "requires 'Credential' parameter"),
        ("AWS4-HMAC-SHA256", "requires 'Credential' parameter"),
        ("AWS4-HMAC-SHA256 ,,,", "requires 'Credential' parameter"),
        (&format!("AWS4-HMAC-SHA256 {scope}"), "requires 'Signature' parameter"),
        (&format!("AWS4-HMAC-SHA256 {scope}, Signature=00"), "requires 'SignedHeaders' parameter"),
        (&format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature"), "missing equal-sign"),
        (&format!("AWS4-HMAC-SHA256 {scope}, {scope}"), "more than once"),
        (&format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=x;host, Signature=00"), "in order, each once"),
        (&format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host;host, Signature=00"), "in order, each once"),
        (
            &format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders={}, Signature=00", "a;".repeat(5_000)),
            "in order",
        ),
        (
            &format!("AWS4-ECDSA-P256-SHA256 {scope}, SignedHeaders=host, Signature=00"),
            "4A) is not supported",
        ),
        (
            &format!("AWS4-HMAC-SHA512 {scope}, SignedHeaders=host, Signature=00"),
            "sign with AWS4-HMAC-SHA256",
        ),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00", "exactly 5 slash-delimited"),
        ("AWS4-HMAC-SHA256 Credential=////, SignedHeaders=host, Signature=00", "'aws4_request'"),
        (&with("AKIDEXAMPLE", ""), "an access key"),
        (&with("us-east-1", ".."), "a valid region"),
        (&with("us-east-1", "__"), "a valid region"),
        (&with("/sts/", "//"), "to a service"),
        (&with("20150830", "2015083x"), "YYYYMMDD"),
    ] {
        let mut sent = call();
        sent.set("x-amz-date", "20150830T123600Z");
        sent.set("authorization", authorization);
        let error = sent.verdict().unwrap_err();
        assert!(error.kind == Kind::Incomplete && error.why.contains(why), "{authorization}: {error:?}");
    }
    let mut two = call().signed();
    two.headers.append("authorization", two.headers["authorization"].clone());
    assert_eq!(kind(two.verdict()), Kind::Incomplete);
}

#[test]
fn a_date_is_as_aws_or_as_http_writes_it() {
    for (date, is_read) in [
        ("20150830T123600Z", true),
        ("Sun, 30 Aug 2015 12:36:00 GMT", true),
        ("", false),
        ("20150830", false),
        ("20150830T123600", false),
        ("2015-08-30T12:36:00Z", false),
        ("20150830 123600Z", false),
        ("20151330T123600Z", false),
        ("+0150830T123600Z", false),
        ("20150830T12360éZ", false),
        ("Sun, 30 Aug 2015 12:36:00", false),
    ] {
        let mut sent = call().signed();
        sent.headers.remove("x-amz-date");
        sent.headers.insert("date", HeaderValue::from_bytes(date.as_bytes()).unwrap());
        let expected = if is_read { Kind::Mismatch } else { Kind::Incomplete };
        assert_eq!(kind(sent.verdict()), expected, "{date}");
    }
}

#[test]
fn no_edit_of_a_signature_breaks_the_reader_or_gets_in() {
    let good = call().signed();
    let text = good.headers["authorization"].to_str().unwrap().as_bytes().to_vec();
    let plain = |text: &[u8]| -> Vec<u8> {
        text.iter().filter(|byte| !b" ,\t".contains(byte)).map(u8::to_ascii_lowercase).collect()
    };
    let pieces: [&[u8]; 12] = [
        b"=",
        b",",
        b"/",
        b";",
        b" ",
        b"\xff",
        b"%",
        b"Credential=",
        b"Signature=",
        b"SignedHeaders=",
        b"0",
        b"host;",
    ];
    let mut dice = Dice(2);
    for _ in 0..30_000 {
        let mut edited = text.clone();
        for _ in 0..1 + dice.below(3) {
            let at = dice.below(edited.len());
            match dice.below(4) {
                0 => edited.truncate(at.max(1)),
                1 => drop(edited.splice(at..at, dice.one(&pieces).iter().copied())),
                2 => drop(edited.remove(at)),
                _ => edited[at] ^= 1 << dice.below(7),
            }
            if edited.is_empty() {
                edited.push(b' ');
            }
        }
        let Ok(value) = HeaderValue::from_bytes(&edited) else { continue };
        let mut sent = good.clone();
        sent.headers.insert("authorization", value);
        // Blanks, and whether names are written with great letters, are nothing.
        assert!(sent.verdict().is_err() || plain(&edited) == plain(&text), "{}", edited.escape_ascii());
    }
}

#[test]
fn no_edit_of_a_signed_query_breaks_the_reader_or_gets_in() {
    let good = in_query("20150830T123600Z", "&X-Amz-Expires=60", "&Value=a%20b");
    assert!(good.verdict().is_ok());
    let text = good.uri.to_string();
    let means = |uri: &str| {
        let query = uri.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.sort();
        pairs
    };
    let pieces = ["=", "&", "%", "%26", "+", "%2", "X-Amz-Signature=", "%00", "%ff", "/", ";"];
    let mut dice = Dice(3);
    for _ in 0..30_000 {
        let mut edited = text.clone();
        for _ in 0..1 + dice.below(3) {
            let at = 2 + dice.below(edited.len() - 2);
            match dice.below(3) {
                0 => edited.truncate(at),
                1 => edited.insert_str(at, dice.one::<&str>(&pieces)),
                _ => drop(edited.remove(at)),
            }
            if edited.len() < 4 {
                edited.push_str("&&");
            }
        }
        let Ok(uri) = edited.parse() else { continue };
        let sent = Sent { uri, ..good.clone() };
        assert!(sent.verdict().is_err() || means(&edited) == means(&text), "{edited}");
    }
}

#[test]
fn a_signature_does_not_print_its_token_nor_an_error_what_was_sent() {
    let mut sent = call();
    sent.set("x-amz-security-token", "SECRETTOKEN");
    let sent = sent.signed();
    assert!(!format!("{:?}", sent.verdict().unwrap()).contains("SECRETTOKEN"));
    let mut refused = sent;
    refused.set("authorization", "Basic U0VDUkVU");
    assert!(!format!("{:?}", refused.verdict().unwrap_err()).contains("U0VDUkVU"));
}

#[test]
fn each_family_has_its_own_words() {
    use crate::query::Service;
    let told = |error: Error, service| {
        let error = error.of(service);
        (error.code.into_owned(), error.status.as_u16(), error.message)
    };
    for (error, ec2, sts) in [
        (Error::missing(), ("MissingAuthenticationToken", 403), ("MissingAuthenticationToken", 403)),
        (Error::unknown(), ("AuthFailure", 401), ("InvalidClientTokenId", 403)),
        (Error::ended(), ("RequestExpired", 400), ("ExpiredToken", 403)),
        (Kind::Mismatch.error("x"), ("AuthFailure", 401), ("SignatureDoesNotMatch", 403)),
        (Kind::Late.error("x"), ("RequestExpired", 400), ("SignatureDoesNotMatch", 403)),
        (Kind::Early.error("x"), ("RequestExpired", 400), ("SignatureDoesNotMatch", 403)),
        (Kind::Incomplete.error("x"), ("IncompleteSignature", 400), ("IncompleteSignature", 400)),
    ] {
        let (code, status, message) = told(error.clone(), Some(Service::Ec2));
        assert_eq!((code.as_str(), status), ec2);
        match ec2.0 {
            "AuthFailure" => {
                assert_eq!(message, "AWS was not able to validate the provided access credentials");
            }
            "RequestExpired" => assert_eq!(message, "Request has expired."),
            _ => assert_eq!(message, error.why),
        }
        for service in [Some(Service::Sts), Some(Service::ElasticBeanstalk), None] {
            let (code, status, message) = told(error.clone(), service);
            assert_eq!((code.as_str(), status, message), (sts.0, sts.1, error.why.clone()));
        }
    }
}
