//! What a guest asked, as far as the answer depends on it.

/// A request for metadata or for a token, borrowed from the bytes that came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What is to be done.
    pub method: Method,
    /// The path as it came, without query and fragment; nothing is decoded (wire.md decision 9).
    pub path: &'a [u8],
    /// `X-aws-ec2-metadata-token`
    pub token: Header<'a>,
    /// `X-aws-ec2-metadata-token-ttl-seconds`
    pub ttl: Header<'a>,
    /// Did an `X-Forwarded-For` come along?
    pub forwarded: bool,
}

/// The methods that EC2 tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// PUT
    Put,
    /// OPTIONS
    Options,
    /// Everything else, which is never allowed.
    Other,
}

/// A header that may come once at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header<'a> {
    /// It did not come.
    Absent,
    /// It came once, with this value, without the blanks around it.
    Once(&'a [u8]),
    /// It came more than once.
    Repeated,
}

impl<'a> Header<'a> {
    /// The header that these values make.
    pub fn from_values(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::Once(value),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }
}
