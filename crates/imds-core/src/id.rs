//! Identifiers with a form that EC2 fixes.

use std::fmt;
use std::str::FromStr;

use crate::Error;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $permits:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The identifier as it is written on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let permits: fn(&str) -> bool = $permits;
                if permits(text) { Ok(Self(text.into())) } else { Err(Error::malformed(text, $expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// The id of an instance: `i-` and 17 hexadecimal digits, or 8 as before 2016.
    InstanceId,
    "an instance id: `i-` and 17 (or 8) lower-case hexadecimal digits",
    |text| text.strip_prefix("i-").is_some_and(|hex| {
        matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
);

identifier!(
    /// An AWS account: 12 digits.
    AccountId,
    "an account id: 12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

/// The letters and digits of IAM's ids of keys, users, roles, profiles and policies.
pub const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An id of IAM's: letters that say of what (`AKIA`, `AROA`), and one of [`LETTERS`] for each byte (IAM User Guide, "IAM
/// identifiers").
#[must_use]
pub fn unique(kind: &str, bytes: &[u8]) -> String {
    let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    kind.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_ec2s_form_are_taken() {
        for good in ["i-12345678901234567", "i-0123456789abcdef0", "i-0a1b2c3d"] {
            assert_eq!(good.parse::<InstanceId>().unwrap().as_str(), good);
        }
        for bad in
            ["", "i-", "i-1234", "i-0123456789ABCDEF0", "i-0123456789abcdef01", "j-0a1b2c3d", "i-0a1b2c3d\n"]
        {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad:?}");
        }
        assert!("123456789012".parse::<AccountId>().is_ok());
        assert!("12345678901x".parse::<AccountId>().is_err());
    }

    #[test]
    fn an_id_of_iam_has_a_letter_for_each_byte() {
        assert_eq!(unique("AKIA", &[0, 25, 26, 31, 32, 255]), "AKIAAZ27A7");
    }
}
