//! What can be wrong with an answer after it was decided, by name.

use super::fake::{Asked, Fake, Reply};

/// Spoils a reply by the fake's flaw.
pub(super) fn spoil(fake: &Fake, asked: &Asked, reply: &mut Reply) {
    let ok = reply.line.ends_with("200 OK");
    let put = asked.method == "PUT";
    let probe = asked.target.ends_with("instance-id") && asked.all("x-aws-ec2-metadata-token").is_empty();
    let listing = ok && (asked.target.ends_with('/') || asked.target == "/latest");
    match fake.flaw {
        "says-wrong" if !(probe && fake.required) => {
            reply.line = "HTTP/1.1 200 OK".into();
            reply.headers = vec![("Content-Length".into(), "5".into())];
            reply.body = b"wrong".to_vec();
        }
        "says-404" if !probe && !put => {
            reply.line = "HTTP/1.1 404 Not Found".into();
        }
        "says-nothing" if !probe => {
            reply.body.clear();
            set(reply, "Content-Length", "0");
        }
        "v1-is-odd" if ok && !put && asked.all("x-aws-ec2-metadata-token").is_empty() => {
            reply.headers.insert(0, ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds".into(), "1".into()));
            replace(reply, "odd");
        }
        "values-wrong" if ok && !put && !listing && !probe => replace(reply, "wrong value\n"),
        "listings-wrong" if listing => {
            let text = format!("{}\n", String::from_utf8_lossy(&reply.body).replace('/', ""));
            replace(reply, &text);
        }
        "lists-backwards" if listing => {
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let lines: Vec<&str> = text.split('\n').rev().collect();
            replace(reply, &lines.join("\n"));
        }
        "lowercase-names" => reply.headers.iter_mut().for_each(|(name, _)| *name = name.to_lowercase()),
        "order-swapped" => {
            let last = reply.headers.len() - 1;
            reply.headers.swap(last - 1, last);
        }
        "etag" => reply.headers.push(("ETag".into(), "\"1\"".into())),
        "charset" if ok => {
            let kind = format!("{}; charset=utf-8", find(reply, "Content-Type"));
            set(reply, "Content-Type", &kind);
        }
        "user-data-text" if ok => set(reply, "Content-Type", "text/plain"),
        "length-off" if ok && asked.method == "HEAD" => set(reply, "Content-Length", "0"),
        "method-not-allowed" => reply.line = reply.line.replace("Not Allowed", "Method Not Allowed"),
        "no-last-lf" if !ok => {
            let text = String::from_utf8_lossy(&reply.body).trim_end().to_owned();
            replace(reply, &text);
        }
        "token-lf" if ok && put => {
            let text = format!("{}\n", String::from_utf8_lossy(&reply.body));
            replace(reply, &text);
        }
        "ttl-not-repeated" if ok && put => set(reply, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600"),
        "last-modified-now" => {
            static SECONDS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let second = SECONDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 60;
            set(reply, "Last-Modified", &format!("Wed, 11 Jun 2025 15:38:{second:02} GMT"));
        }
        "keeps-and-says-so" if find(reply, "Connection").is_empty() => {
            reply.headers.push(("Connection".into(), "keep-alive".into()));
        }
        _ => {}
    }
}

fn find(reply: &Reply, name: &str) -> String {
    reply.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn set(reply: &mut Reply, name: &str, value: &str) {
    for (_, old) in reply.headers.iter_mut().filter(|(have, _)| have == name) {
        value.clone_into(old);
    }
}

fn replace(reply: &mut Reply, body: &str) {
    reply.body = body.as_bytes().to_vec();
    let length = reply.body.len().to_string();
    set(reply, "Content-Length", &length);
}
