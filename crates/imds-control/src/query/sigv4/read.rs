//! Reading a signature: where it is, and what it says.

use axum::http::header::{AUTHORIZATION, DATE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use imds_core::Timestamp;
use imds_core::credentials::Secret;

use super::error::Kind;
use super::{ALGORITHM, Credential, Error, Signature, TERMINATOR, TOKEN, canonical};

/// Headers that one signature names; real clients sign a dozen.
const MOST_SIGNED: usize = 256;
/// Seconds that a signature in the query string is good for: AWS's most, and ours for one that does not say it.
const LONGEST: u32 = 604_800;
const USUAL: u32 = 900;

/// Parameters that say that the query string is signed.
const SAYS_SO: [&str; 3] = ["X-Amz-Algorithm", "X-Amz-Credential", canonical::VALUE];

fn incomplete(why: impl Into<String>) -> Error {
    Kind::Incomplete.error(why)
}

/// The signature of a request, if it has one.
pub(super) fn signature(uri: &Uri, headers: &HeaderMap) -> Result<Option<Signature>, Error> {
    let query = Query::of(uri);
    let mut in_headers = headers.get_all(AUTHORIZATION).iter();
    match (in_headers.next(), in_headers.next(), query.is_signed()) {
        (None, None, false) => Ok(None),
        (None, None, true) => query.signature().map(Some),
        (Some(authorization), None, false) => header(authorization, headers).map(Some),
        _ => Err(incomplete(
            "The request has more than one signature: sign it in one Authorization header, or in the query string",
        )),
    }
}

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
fn header(authorization: &HeaderValue, headers: &HeaderMap) -> Result<Signature, Error> {
    let text =
        authorization.to_str().map_err(|_| incomplete("Authorization header is not of ASCII letters"))?;
    let (algorithm, fields) = text.trim().split_once(' ').unwrap_or((text, ""));
    if algorithm.starts_with("AWS4-") {
        check_algorithm(algorithm)?;
    }
    let mut found = [None; 3];
    let names = ["Credential", "Signature", "SignedHeaders"];
    if algorithm == ALGORITHM {
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').ok_or_else(|| {
                incomplete(
                    "A part of the Authorization header is not a valid key=value pair (missing equal-sign)",
                )
            })?;
            let Some(index) = names.iter().position(|known| *known == name) else { continue };
            if found[index].replace(value).is_some() {
                return Err(incomplete(format!("Authorization header has '{name}' more than once.")));
            }
        }
    }
    let date = headers.get(&super::DATE).or_else(|| headers.get(DATE));
    let mut missing: Vec<String> = names
        .iter()
        .zip(&found)
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
        .collect();
    if date.is_none() {
        let why = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        missing.push(why.to_owned());
    }
    let ([Some(credential), Some(value), Some(signed)], Some(date)) = (found, date) else {
        return Err(incomplete(missing.join(" ")));
    };
    if headers.get_all(&super::DATE).iter().nth(1).is_some() {
        return Err(incomplete("The request has 'X-Amz-Date' more than once."));
    }
    let mut tokens = headers.get_all(&TOKEN).iter();
    let token = match (tokens.next().map(HeaderValue::to_str), tokens.next()) {
        (None, _) => None,
        (Some(Ok(token)), None) => Some(Secret::new(token.to_owned())),
        (Some(_), _) => return Err(Error::unknown()),
    };
    Ok(Signature {
        credential: self::credential(credential)?,
        token,
        signed: signed_headers(signed)?,
        value: value.to_owned(),
        at: time(date.to_str().unwrap_or_default())?,
        expires: None,
    })
}

/// The parameters of a query string, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        // Most queries say nothing of signatures, and need not be taken apart.
        if !query.to_ascii_lowercase().contains("amz-") {
            return Self(Vec::new());
        }
        let pairs = form_urlencoded::parse(query.as_bytes());
        let pairs = pairs.filter(|(name, _)| name.starts_with("X-Amz-"));
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(super) fn is_signed(&self) -> bool {
        self.0.iter().any(|(name, _)| SAYS_SO.contains(&name.as_str()))
    }

    /// The value of a parameter, which can be there once.
    fn one(&self, name: &str) -> Result<Option<&str>, Error> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(incomplete(format!("The query string has '{name}' more than once."))),
        }
    }

    fn need(&self, name: &str) -> Result<&str, Error> {
        let missing = || incomplete(format!("AWS query-string parameters must include '{name}'."));
        self.one(name)?.ok_or_else(missing)
    }

    fn signature(&self) -> Result<Signature, Error> {
        check_algorithm(self.need("X-Amz-Algorithm")?)?;
        let expires = match self.one("X-Amz-Expires")? {
            None => USUAL,
            Some(text) => {
                let seconds = text.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
                seconds.ok_or_else(|| incomplete("X-Amz-Expires must be a number of seconds, 1 to 604800"))?
            }
        };
        Ok(Signature {
            credential: credential(self.need("X-Amz-Credential")?)?,
            token: self.one("X-Amz-Security-Token")?.map(|token| Secret::new(token.to_owned())),
            signed: signed_headers(self.need("X-Amz-SignedHeaders")?)?,
            value: self.need(canonical::VALUE)?.to_owned(),
            at: time(self.need("X-Amz-Date")?)?,
            expires: Some(expires),
        })
    }
}

fn check_algorithm(algorithm: &str) -> Result<(), Error> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    if algorithm == "AWS4-ECDSA-P256-SHA256" {
        return Err(incomplete(
            "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not supported here: sign with AWS4-HMAC-SHA256",
        ));
    }
    Err(incomplete("The algorithm of the signature is not supported: sign with AWS4-HMAC-SHA256"))
}

/// `AKID/20150830/us-east-1/ec2/aws4_request`
pub(super) fn credential(text: &str) -> Result<Credential, Error> {
    // A key may hold slashes, the rest cannot.
    let parts: Vec<_> = text.rsplitn(5, '/').collect();
    let [terminator, service, region, date, key] = parts[..] else {
        return Err(incomplete(
            "Credential must have exactly 5 slash-delimited elements: KEY/YYYYMMDD/REGION/SERVICE/aws4_request",
        ));
    };
    let is_name = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let why = if terminator != TERMINATOR {
        "Credential should be scoped with a valid terminator: 'aws4_request'"
    } else if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        "Credential should be scoped with a date of the form YYYYMMDD"
    } else if !is_name(region) {
        "Credential should be scoped to a valid region"
    } else if !is_name(service) {
        "Credential should be scoped to a service"
    } else if key.is_empty() {
        "Credential must begin with an access key"
    } else {
        return Ok(Credential {
            access_key: key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        });
    };
    Err(incomplete(why))
}

/// `host;x-amz-date`, which must be in order, each once.
fn signed_headers(text: &str) -> Result<Vec<String>, Error> {
    let names: Vec<_> = text.split(';').take(MOST_SIGNED + 1).map(str::to_ascii_lowercase).collect();
    // What AWS makes of other orders is not known. [assumed]
    if names.len() > MOST_SIGNED || !names.is_sorted_by(|one, other| one < other) {
        return Err(incomplete("SignedHeaders must be names of headers in order, each once"));
    }
    Ok(names)
}

/// `20150830T123600Z`, or as HTTP writes it.
fn time(text: &str) -> Result<Timestamp, Error> {
    let basic = || {
        let parts =
            [0..4, 4..6, 6..8, 9..11, 11..13, 13..15].map(|range| text.get(range).unwrap_or_default());
        let is_whole = text.len() == 16 && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let is_shaped = text.get(8..9) == Some("T") && text.ends_with('Z');
        let [year, month, day, hour, minute, second] = parts;
        let text = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
        text.parse().ok().filter(|_| is_whole && is_shaped)
    };
    let http = || {
        let text = text.strip_suffix("GMT").map(|text| format!("{text}+0000"))?;
        Timestamp::strptime("%a, %d %b %Y %H:%M:%S %z", &text).ok()
    };
    basic().or_else(http).ok_or_else(|| {
        incomplete("Date must be in ISO-8601 'basic format', as YYYYMMDDTHHMMSSZ, or as HTTP writes it")
    })
}
