//! What the load generator asks, and the answer that every contestant owes.

use super::answer::Body;

/// The id of the built-in instance, and the path that it is read at.
pub(crate) const INSTANCE_ID: &str = "i-12345678901234567";
const INSTANCE_ID_PATH: &str = "/latest/meta-data/instance-id";

/// Characters of a token.
pub(crate) const TOKEN_LENGTH: usize = 56;

/// The kind of call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// The instance id, without a token.
    GetV1,
    /// The instance id, with a token.
    GetV2,
    /// A token for 6 hours.
    PutToken,
}

/// One kind of call, on kept connections or on one connection each.
#[derive(Clone, Copy)]
pub(crate) struct Workload {
    /// The kind of call.
    pub(crate) call: Call,
    /// Whether the client asks to keep the connection.
    pub(crate) kept: bool,
}

/// Every workload, in the order of the report.
pub(crate) const ALL: [Workload; 6] = [
    Workload { call: Call::GetV1, kept: true },
    Workload { call: Call::GetV2, kept: true },
    Workload { call: Call::PutToken, kept: true },
    Workload { call: Call::GetV1, kept: false },
    Workload { call: Call::GetV2, kept: false },
    Workload { call: Call::PutToken, kept: false },
];

impl Workload {
    /// As the report names it.
    pub(crate) fn name(self) -> String {
        let call = match self.call {
            Call::GetV1 => "GET, IMDSv1",
            Call::GetV2 => "GET, IMDSv2",
            Call::PutToken => "PUT token",
        };
        format!("{call}, {}", if self.kept { "kept" } else { "closed" })
    }

    /// The request, byte for byte; `token` is the contestant's own.
    pub(crate) fn request(self, token: &str) -> Vec<u8> {
        let connection = if self.kept { "keep-alive" } else { "close" };
        let (line, header) = match self.call {
            Call::GetV1 => (format!("GET {INSTANCE_ID_PATH}"), String::new()),
            Call::GetV2 => {
                (format!("GET {INSTANCE_ID_PATH}"), format!("X-aws-ec2-metadata-token: {token}\r\n"))
            }
            Call::PutToken => (
                "PUT /latest/api/token".to_owned(),
                "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0\r\n".to_owned(),
            ),
        };
        format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: imds-bench/1\r\nAccept: */*\r\n\
             Connection: {connection}\r\n{header}\r\n"
        )
        .into_bytes()
    }

    /// The body of the answer.
    pub(crate) fn body(self) -> Body {
        match self.call {
            Call::GetV1 | Call::GetV2 => Body::Exactly(INSTANCE_ID.to_owned()),
            Call::PutToken => Body::Token(TOKEN_LENGTH),
        }
    }
}
