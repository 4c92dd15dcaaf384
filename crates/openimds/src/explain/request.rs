//! What is wrong with one request, whoever made it: the rules, without a word about shells.

use imds_core::finding::{
    DATED_TOKEN_PATH, EMPTY_TOKEN, EXPECT, FORWARDED, Finding, MALFORMED_HEADER, TOKEN_NOT_PUT,
    TOKEN_PATH_SLASH, TTL_MISSING, TTL_OUT_OF_RANGE, V1_CALL, WRONG_HEADER, WRONG_METHOD, WRONG_TOKEN_PATH,
};
use imds_core::token::Ttl;

use crate::client::{TOKEN, TTL};

/// The one path of tokens.
pub(super) const TOKEN_PATH: &str = "/latest/api/token";
/// The headers as AWS writes them.
pub(super) const TTL_WRITTEN: &str = "X-aws-ec2-metadata-token-ttl-seconds";
pub(super) const TOKEN_WRITTEN: &str = "X-aws-ec2-metadata-token";

/// What text about instance metadata says somewhere.
const MARKS: [&str; 10] = [
    "169.254.169.254",
    "fd00:ec2",
    "instance-data",
    "metadata-token",
    "ec2-metadata",
    "ec2metadata",
    "/api/token",
    "/meta-data",
    "/user-data",
    "/dynamic/",
];

/// Has it to do with instance metadata?
pub(super) fn is_of_interest(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Is it a host by which the service is known?
pub(super) fn is_metadata_host(host: &str) -> bool {
    let host = host.strip_suffix(":80").unwrap_or(host);
    ["169.254.169.254", "[fd00:ec2::254]", "instance-data", "instance-data.ec2.internal"].contains(&host)
}

/// Is it one of our headers, or nearly so?
pub(super) fn is_like_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_written_so = name.contains("metadata") && (name.contains("token") || name.contains("ttl"));
    is_written_so || (name.len() > 12 && (distance(&name, TOKEN) <= 3 || distance(&name, TTL) <= 3))
}

/// How many letters must be put in, taken out or changed. Names are short; a long one is far from everything.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    if one.len() > LONGEST || other.len() > LONGEST {
        return LONGEST;
    }
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.bytes().enumerate() {
        let mut now = vec![row + 1];
        for (column, b) in other.bytes().enumerate() {
            let changed = before[column] + usize::from(a != b);
            now.push(changed.min(before[column + 1] + 1).min(now[column] + 1));
        }
        before = now;
    }
    before[other.len()]
}

/// An address, in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url<'a> {
    /// `http://169.254.169.254`, as it is written.
    pub(super) base: &'a str,
    /// From the first slash on.
    pub(super) path: &'a str,
    pub(super) is_https: bool,
}

impl<'a> Url<'a> {
    /// The address in `text`, if it is one of the metadata service.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let scheme = if text.starts_with("http://") {
            7
        } else if text.starts_with("https://") {
            8
        } else {
            0
        };
        let rest = text.get(scheme..)?;
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(host_end);
        let place = Place::of(path);
        let is_ours = match place {
            _ if is_metadata_host(host) => place != Place::Elsewhere,
            Place::Token | Place::TokenWrongly(_) => !host.is_empty() && is_deep(path),
            Place::Metadata => !host.is_empty() && is_deep(path),
            Place::Elsewhere => false,
        };
        is_ours.then_some(Self { base: &text[..scheme + host_end], path, is_https: scheme == 8 })
    }
}

/// Does the path say so much of the service that the host need not be known?
fn is_deep(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_category = |part: &str| ["meta-data", "user-data", "dynamic", "api"].contains(&part);
    is_version(first) && is_category(second)
}

fn is_version(part: &str) -> bool {
    let is_date = part.len() == 10
        && part.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    part == "latest" || part == "1.0" || is_date
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To tokens.
    Token,
    /// It was to lead to tokens, and this is wrong with it.
    TokenWrongly(&'static Finding),
    /// To metadata.
    Metadata,
    /// To something that is not EC2's.
    Elsewhere,
}

impl Place {
    pub(super) fn of(path: &str) -> Self {
        let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if path == TOKEN_PATH {
            return Self::Token;
        }
        match parts[..] {
            ["latest", "api", "token"] => Self::TokenWrongly(&TOKEN_PATH_SLASH),
            [version, "api", "token"] if is_version(version) => Self::TokenWrongly(&DATED_TOKEN_PATH),
            // What a variable stands for is not known.
            [variable, "api", "token"] if variable.starts_with('$') && !path.ends_with('/') => Self::Token,
            ["api", "token"] | ["latest", "meta-data", "api", "token"] => {
                Self::TokenWrongly(&WRONG_TOKEN_PATH)
            }
            [] => Self::Metadata,
            [first, ..] if is_version(first) || first.starts_with('$') => Self::Metadata,
            _ => Self::Elsewhere,
        }
    }
}

/// Something wrong with a request. A number is that of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// The method is not PUT.
    NotPut,
    /// The method is not GET.
    WrongMethod,
    /// The token's path.
    Path(&'static Finding),
    /// No TTL.
    TtlMissing,
    /// A TTL that is none.
    TtlOutOfRange(usize),
    /// Another name than this one.
    Renamed(usize, &'static str),
    /// Not `NAME: VALUE`: what it should be.
    Malformed(usize, &'static str, String),
    /// `X-Forwarded-For`
    Forwarded(usize),
    /// `Expect`
    Expect(usize),
    /// No token.
    NoToken,
    /// A token's header without a value.
    EmptyToken(usize),
}

impl Problem {
    pub(super) fn finding(&self) -> &'static Finding {
        match self {
            Self::NotPut => &TOKEN_NOT_PUT,
            Self::WrongMethod => &WRONG_METHOD,
            Self::Path(finding) => finding,
            Self::TtlMissing => &TTL_MISSING,
            Self::TtlOutOfRange(_) => &TTL_OUT_OF_RANGE,
            Self::Renamed(..) => &WRONG_HEADER,
            Self::Malformed(..) => &MALFORMED_HEADER,
            Self::Forwarded(_) => &FORWARDED,
            Self::Expect(_) => &EXPECT,
            Self::NoToken => &V1_CALL,
            Self::EmptyToken(_) => &EMPTY_TOKEN,
        }
    }
}

/// A header in its parts.
struct Header<'a> {
    name: String,
    value: &'a str,
    is_well_formed: bool,
}

impl<'a> Header<'a> {
    fn of(line: &'a str) -> Self {
        // Where there is no colon, the name ends with what is no letter of a name.
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let trimmed = rest.trim_start();
        let value = trimmed.strip_prefix([':', '=', ';']).unwrap_or(trimmed);
        Self { name: name.to_ascii_lowercase(), value: value.trim(), is_well_formed: rest.starts_with(':') }
    }
}

/// What is wrong with a request for this `path` of the service. `headers` are lines; `$NAME` in them is not known.
pub(super) fn problems(method: &str, path: &str, headers: &[&str]) -> Vec<Problem> {
    let headers: Vec<Header<'_>> = headers.iter().map(|line| Header::of(line)).collect();
    // Other clouds have the same address.
    if headers.iter().any(|header| ["metadata-flavor", "metadata"].contains(&header.name.as_str())) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let place = Place::of(path);
    match place {
        Place::Token | Place::TokenWrongly(_) => {
            if method != "PUT" {
                problems.push(Problem::NotPut);
            }
            if let Place::TokenWrongly(finding) = place {
                problems.push(Problem::Path(finding));
            }
            ttl(&headers, &mut problems);
            for (index, header) in headers.iter().enumerate() {
                if header.name == "x-forwarded-for" {
                    problems.push(Problem::Forwarded(index));
                }
            }
        }
        Place::Metadata => {
            if !["GET", "HEAD"].contains(&method) {
                problems.push(Problem::WrongMethod);
            }
            token(&headers, &mut problems);
        }
        Place::Elsewhere => return problems,
    }
    for (index, header) in headers.iter().enumerate() {
        if header.name == "expect" && !header.value.is_empty() {
            problems.push(Problem::Expect(index));
        }
    }
    problems
}

/// The header of a PUT.
fn ttl(headers: &[Header<'_>], problems: &mut Vec<Problem>) {
    let exact = headers.iter().position(|header| header.name == TTL);
    let near = || headers.iter().position(|header| is_like_header(&header.name) && may_be_ttl(header.value));
    let Some(index) = exact.or_else(near) else {
        problems.push(Problem::TtlMissing);
        return;
    };
    let header = &headers[index];
    if !header.is_well_formed {
        problems.push(Problem::Malformed(index, TTL_WRITTEN, ttl_value(header.value)));
    } else if header.name != TTL {
        problems.push(Problem::Renamed(index, TTL_WRITTEN));
    }
    let is_known = !header.value.contains(['$', '`']);
    if is_known && Ttl::parse(header.value.as_bytes()).is_none() {
        problems.push(Problem::TtlOutOfRange(index));
    }
}

/// A number, or a variable that may hold one.
fn may_be_ttl(value: &str) -> bool {
    value.is_empty() || value.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) || {
        value.starts_with('$') && !value.to_ascii_lowercase().contains("token")
    }
}

/// A TTL that can be had.
pub(super) fn ttl_value(value: &str) -> String {
    let is_good = value.contains(['$', '`']) || Ttl::parse(value.as_bytes()).is_some();
    if is_good { value.to_owned() } else { Ttl::MAX.seconds().to_string() }
}

/// The header of a GET.
fn token(headers: &[Header<'_>], problems: &mut Vec<Problem>) {
    let is_number = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let exact = headers.iter().position(|header| header.name == TOKEN);
    let near = || headers.iter().position(|header| is_like_header(&header.name) && !is_number(header.value));
    let Some(index) = exact.or_else(near) else {
        problems.push(Problem::NoToken);
        return;
    };
    let header = &headers[index];
    if header.value.is_empty() {
        problems.push(Problem::EmptyToken(index));
    } else if !header.is_well_formed {
        problems.push(Problem::Malformed(index, TOKEN_WRITTEN, header.value.to_owned()));
    } else if header.name != TOKEN {
        problems.push(Problem::Renamed(index, TOKEN_WRITTEN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_its_host_or_by_its_path() {
        for (text, base, path) in [
            ("http://169.254.169.254/latest/meta-data/", "http://169.254.169.254", "/latest/meta-data/"),
            ("169.254.169.254/", "169.254.169.254", "/"),
            ("http://169.254.169.254", "http://169.254.169.254", ""),
            ("http://[fd00:ec2::254]/latest/api/token", "http://[fd00:ec2::254]", "/latest/api/token"),
            ("http://instance-data/1.0/user-data", "http://instance-data", "/1.0/user-data"),
            ("http://127.0.0.1:1338/latest/api/token", "http://127.0.0.1:1338", "/latest/api/token"),
            ("$BASE/latest/meta-data/mac", "$BASE", "/latest/meta-data/mac"),
            ("http://169.254.169.254/$1", "http://169.254.169.254", "/$1"),
        ] {
            let is_https = false;
            assert_eq!(Url::of(text), Some(Url { base, path, is_https }), "{text}");
        }
        for text in [
            "",
            "http://",
            "/latest/meta-data/",
            "http://example.com/",
            "http://example.com/latest/news",
            "http://169.254.169.254/computeMetadata/v1/",
            "http://169.254.169.254/metadata/instance?api-version=2021-02-01",
            "http://169.254.169.254/openstack/latest/meta_data.json",
            "http://169.254.170.2/v2/credentials",
        ] {
            assert_eq!(Url::of(text), None, "{text}");
        }
    }

    #[test]
    fn every_mistake_of_a_request_is_seen() {
        use Problem::*;
        let put = "X-aws-ec2-metadata-token-ttl-seconds: 21600";
        let get = "X-aws-ec2-metadata-token: $TOKEN";
        let malformed = |name, value: &str| vec![Malformed(0, name, value.to_owned())];
        for (method, path, headers, expected) in [
            ("PUT", TOKEN_PATH, &[put][..], vec![]),
            ("PUT", TOKEN_PATH, &["x-AWS-ec2-metadata-token-ttl-seconds:60"], vec![]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token-ttl-seconds: $TTL"], vec![]),
            ("PUT", TOKEN_PATH, &[], vec![TtlMissing]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token-ttl-seconds: 0"], vec![TtlOutOfRange(0)]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token-ttl-seconds: 21601"], vec![TtlOutOfRange(0)]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token-ttl-seconds: 6h"], vec![TtlOutOfRange(0)]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token-ttl-seconds:"], vec![TtlOutOfRange(0)]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2metadata-token-ttl-seconds: 60"], vec![Renamed(0, TTL_WRITTEN)]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token: 60"], vec![Renamed(0, TTL_WRITTEN)]),
            ("PUT", TOKEN_PATH, &["X-aws-ec2-metadata-token-ttl-seconds=60"], malformed(TTL_WRITTEN, "60")),
            ("PUT", TOKEN_PATH, &[put, "X-Forwarded-For: 192.0.2.1"], vec![Forwarded(1)]),
            ("PUT", TOKEN_PATH, &[put, "Expect: 100-continue"], vec![Expect(1)]),
            ("PUT", TOKEN_PATH, &[put, "Expect:"], vec![]),
            ("GET", TOKEN_PATH, &[put], vec![NotPut]),
            ("put", TOKEN_PATH, &[put], vec![NotPut]),
            ("PUT", "/latest/api/token/", &[put], vec![Path(&TOKEN_PATH_SLASH)]),
            ("PUT", "//latest/api/token", &[put], vec![Path(&TOKEN_PATH_SLASH)]),
            ("PUT", "/2021-03-23/api/token", &[put], vec![Path(&DATED_TOKEN_PATH)]),
            ("PUT", "/api/token", &[put], vec![Path(&WRONG_TOKEN_PATH)]),
            ("GET", "/latest/meta-data/", &[get], vec![]),
            ("HEAD", "/latest/meta-data/", &[get], vec![]),
            ("GET", "/latest/meta-data/", &[], vec![NoToken]),
            ("GET", "/", &[put], vec![NoToken]),
            ("GET", "/latest/meta-data/", &["X-aws-ec2-metadata-token:"], vec![EmptyToken(0)]),
            ("GET", "/latest/meta-data/", &["X-aws-metadata-token: $T"], vec![Renamed(0, TOKEN_WRITTEN)]),
            ("GET", "/2009-04-04/", &["X-aws-ec2-metadat-token: $T"], vec![Renamed(0, TOKEN_WRITTEN)]),
            (
                "GET",
                "/latest/",
                &["X-aws-ec2-metadata-token-ttl-seconds: $TOKEN"],
                vec![Renamed(0, TOKEN_WRITTEN)],
            ),
            ("GET", "/latest/", &["X-aws-ec2-metadata-token $T"], malformed(TOKEN_WRITTEN, "$T")),
            ("GET", "/latest/", &["X-aws-ec2-metadata-token : $T"], malformed(TOKEN_WRITTEN, "$T")),
            ("POST", "/latest/meta-data/", &[get], vec![WrongMethod]),
            ("GET", "/latest/meta-data/", &[get, "X-Forwarded-For: 192.0.2.1"], vec![]),
            ("GET", "/latest/", &["Metadata-Flavor: Google"], vec![]),
            ("GET", "/computeMetadata/v1/", &[], vec![]),
        ] {
            assert_eq!(problems(method, path, headers), expected, "{method} {path} {headers:?}");
        }
    }

    #[test]
    fn names_that_are_nearly_right_are_known_and_others_are_not() {
        for name in [
            "X-aws-ec2-metadata-token",
            "x-aws-metadata-token",
            "X-aws-ec2metadata-token-ttl-seconds",
            "X-aws-ec2-metdata-token",
            "aws-ec2-metadata-token",
            "X-aws-ec2-metadata-ttl-seconds",
        ] {
            assert!(is_like_header(name), "{name}");
        }
        for name in
            ["", "Host", "X-Forwarded-For", "Authorization", "X-Amz-Security-Token", "Metadata", "Accept"]
        {
            assert!(!is_like_header(name), "{name}");
        }
        assert_eq!(distance("token", "tokens"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
