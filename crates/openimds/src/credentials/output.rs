//! What a credential process prints: a JSON object, version 1.

use imds_core::Timestamp;
use imds_core::credentials::{Credentials, Secret};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Failure;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    #[serde(default)]
    session_token: Option<Zeroizing<String>>,
    #[serde(default)]
    expiration: Option<String>,
}

/// Reads it. What is wrong with it is told by what is missing, never by what is there.
///
/// # Errors
/// When it is not what the SDKs read.
pub fn read(text: &[u8]) -> Result<Credentials, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Versioned {
        version: Option<serde_json::Number>,
    }
    let unread = || Failure::new("the credential process printed something that is no JSON object");
    // An array would be read as well, member by member.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(unread());
    }
    let versioned: Versioned = serde_json::from_slice(text).map_err(|_| unread())?;
    if versioned.version.as_ref().and_then(serde_json::Number::as_u64) != Some(1) {
        return Err(Failure::new("the credential process printed another Version than 1"));
    }
    let mut printed: Printed = serde_json::from_slice(text).map_err(|_| {
        Failure::new("the credential process printed no AccessKeyId or SecretAccessKey, or not as text")
    })?;
    let expiration = printed.expiration.filter(|text| !text.is_empty());
    let expiration = expiration.map(|text| text.parse::<Timestamp>()).transpose();
    let expiration = expiration.map_err(|_| {
        Failure::new("the credential process printed an Expiration that is no time like 2026-11-24T12:00:00Z")
    })?;
    let token = printed.session_token.as_mut().map(|token| std::mem::take(&mut **token));
    Ok(Credentials {
        access_key_id: printed.access_key_id,
        secret_access_key: Secret::new(std::mem::take(&mut printed.secret_access_key)),
        session_token: Secret::new(token.unwrap_or_default()),
        issued: None,
        expiration,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_read() {
        let whole = r#"{"Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "se\"cret", "SessionToken": "token",
            "Expiration": "2026-11-24T14:00:00+02:00", "AccountId": "123456789012"}"#;
        let keys = read(whole.as_bytes()).unwrap();
        assert_eq!((&*keys.access_key_id, keys.secret_access_key.expose()), ("ASIA", "se\"cret"));
        assert_eq!(keys.session_token.expose(), "token");
        assert_eq!(keys.expiration, "2026-11-24T12:00:00Z".parse().ok());
        for least in [
            r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s"}"#,
            r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s","SessionToken":null,"Expiration":null}"#,
        ] {
            let keys = read(least.as_bytes()).unwrap();
            assert_eq!((keys.session_token.expose(), keys.expiration), ("", None));
        }
    }

    #[test]
    fn what_is_refused_is_not_quoted() {
        for (text, expected) in [
            (&b""[..], "no JSON object"),
            (b"hunter2", "no JSON object"),
            (b"\xff\xfe\0hunter2", "no JSON object"),
            (b"[1]", "no JSON object"),
            (b"[1,\"AKIA\",\"hunter2\"]", "no JSON object"),
            (b"{\"Version\":1,\"AccessKeyId\":\"hunter2\"", "no JSON object"),
            (b"{}", "another Version"),
            (b"{\"Version\":2,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"hunter2\"}", "another Version"),
            (b"{\"Version\":1.5,\"SecretAccessKey\":\"hunter2\"}", "another Version"),
            (b"{\"Version\":-1}", "another Version"),
            (b"{\"Version\":1,\"AccessKeyId\":\"hunter2\"}", "no AccessKeyId or"),
            (b"{\"Version\":1,\"AccessKeyId\":7,\"SecretAccessKey\":\"hunter2\"}", "no AccessKeyId or"),
            (
                b"{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"hunter2\"}",
                "an Expiration",
            ),
        ] {
            let failure = read(text).unwrap_err().to_string();
            assert!(failure.contains(expected) && !failure.contains("hunter2"), "{failure}");
        }
    }
}
