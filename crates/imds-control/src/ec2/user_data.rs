//! User data as the API takes it: base64 of at most 16 KiB (docs/control-api.md).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::query::Error;

/// Bytes of user data, raw.
const MOST: usize = 16_384;

/// Some clients leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user data that a parameter holds.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Error> {
    read(text).map_err(Error::invalid_value)
}

/// Refuses user data of a launch template that no launch could take. The code is another one than that of launches, and
/// the words end with a dot; for what is too long, both are [assumed].
pub(crate) fn check(text: &str) -> Result<(), Error> {
    let refused = |why| Error::new("InvalidUserData.Malformed", format!("{why}."));
    read(text).map(|_| ()).map_err(refused)
}

/// What a text encodes, or why it is refused.
fn read(text: &str) -> Result<Vec<u8>, String> {
    // `base64` of the shell breaks lines.
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let raw = LENIENT.decode(text).map_err(|_| "Invalid BASE64 encoding of user data".to_owned())?;
    if raw.len() > MOST {
        return Err(format!("User data is limited to {MOST} bytes"));
    }
    Ok(raw)
}

/// User data as a call is told it.
pub(crate) fn encode(raw: &[u8]) -> String {
    STANDARD.encode(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_base64_of_sixteen_kibibytes_at_most() {
        assert_eq!(decode("aGVsbG8gd29ybGQ=").unwrap(), b"hello world");
        assert_eq!(decode("aGVsbG8g\nd29ybGQ\n").unwrap(), b"hello world");
        assert_eq!(decode(&encode(&[b'x'; MOST])).unwrap().len(), MOST);
        assert_eq!(
            decode(&encode(&[b'x'; MOST + 1])).unwrap_err().message,
            "User data is limited to 16384 bytes"
        );
        let error = decode("#!/bin/sh").unwrap_err();
        assert_eq!(error, Error::invalid_value("Invalid BASE64 encoding of user data"));
        let error = check("#!/bin/sh").unwrap_err();
        let words = "Invalid BASE64 encoding of user data.";
        assert_eq!(error, Error::new("InvalidUserData.Malformed", words));
        assert!(check(&encode(&[b'x'; MOST])).is_ok() && check(&encode(&[b'x'; MOST + 1])).is_err());
    }
}
