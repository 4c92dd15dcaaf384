//! The form of a request in which it is signed: the same whatever was on the way.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

use super::Request;

/// The parameter that cannot be under itself.
pub(super) const VALUE: &str = "X-Amz-Signature";

/// The canonical request: method, path, query, the signed headers, the hash of the body.
pub(super) fn request(request: &Request<'_>, signed: &[String], is_in_query: bool, hash: &str) -> Vec<u8> {
    let query = query(request.uri.query().unwrap_or_default(), is_in_query);
    let mut text = Vec::new();
    for line in [request.method.as_str(), &path(request.uri.path()), &query] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    for name in signed {
        text.extend_from_slice(name.as_bytes());
        for (index, value) in request.headers.get_all(name).iter().enumerate() {
            text.push(if index == 0 { b':' } else { b',' });
            folded(value.as_bytes(), &mut text);
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(signed.join(";").as_bytes());
    text.push(b'\n');
    text.extend_from_slice(hash.as_bytes());
    text
}

/// The hash of a body.
pub(super) fn payload_hash(body: &[u8]) -> String {
    hex(digest(&SHA256, body).as_ref())
}

/// Small hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A header's value without blanks around it, each run of them inside as one.
fn folded(value: &[u8], text: &mut Vec<u8>) {
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// The path: without `.`, `..` and empty segments, and encoded once more than it came.
fn path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut text = String::from("/");
    text.push_str(&kept.join("/"));
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if is_folder && !kept.is_empty() {
        text.push('/');
    }
    encoded(text.as_bytes(), true)
}

/// The query, by encoded name and then by encoded value.
fn query(query: &str, is_in_query: bool) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encoded(&decoded(name), false), encoded(&decoded(value), false))
    });
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| !(is_in_query && name == VALUE)).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The bytes that a form's text stands for: a plus is a blank, and a percent sign without two digits is itself.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit =
                    |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(16 * digit(high).unwrap_or_default() + digit(low).unwrap_or_default());
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn encoded(bytes: &[u8], is_path: bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            b'/' if is_path => text.push('/'),
            byte => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalised_and_encoded_once_more() {
        for (sent, canonical) in [
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/a/..", "/"),
            ("/../../a", "/a"),
            ("/a/./b//c/../d/", "/a/b/d/"),
            ("/a/b/.", "/a/b/"),
            ("/api/v1/instances/i-0", "/api/v1/instances/i-0"),
            ("/a%20b~c", "/a%2520b~c"),
            ("/ü", "/%C3%BC"),
            ("/...", "/..."),
        ] {
            assert_eq!(path(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn a_query_is_in_the_order_of_its_encoded_names_and_values() {
        for (sent, canonical) in [
            ("", ""),
            ("&&", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a", "a="),
            ("a=b=c", "a=b%3Dc"),
            ("=x", "=x"),
            ("a=2&a=1&a=", "a=&a=1&a=2"),
            ("a+b=%20%2B+", "a%20b=%20%2B%20"),
            ("%61=%7e", "a=~"),
            ("z=%E1%88%B4&z=%ff", "z=%E1%88%B4&z=%FF"),
            ("p=%&q=%4&r=%zz&s=%ü", "p=%25&q=%254&r=%25zz&s=%25%C3%BC"),
            // By what is encoded: `%3A` comes before `A`.
            ("A=1&%3A=1", "%3A=1&A=1"),
        ] {
            assert_eq!(query(sent, false), canonical, "{sent}");
        }
        let signed = "X-Amz-Date=x&%58-Amz-Signature=y&x-amz-signature=z";
        assert_eq!(query(signed, true), "X-Amz-Date=x&x-amz-signature=z");
        assert!(query(signed, false).contains("X-Amz-Signature=y"));
    }

    #[test]
    fn blanks_of_a_header_are_folded() {
        for (sent, canonical) in [("", ""), ("   ", ""), ("  a   b\tc ", "a b\tc"), ("\"a   b\"", "\"a b\"")]
        {
            let mut text = Vec::new();
            folded(sent.as_bytes(), &mut text);
            assert_eq!(text, canonical.as_bytes(), "{sent:?}");
        }
    }
}
