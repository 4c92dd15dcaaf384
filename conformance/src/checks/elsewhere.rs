//! The facts that one endpoint, seen from outside and without touching its settings, cannot show.

use crate::check::{Group, NotCheckable};

const fn fact(group: Group, name: &'static str, source: &'static str, reason: &'static str) -> NotCheckable {
    NotCheckable { group, name, source, reason }
}

/// All of them.
pub(crate) const FACTS: &[NotCheckable] = &[
    fact(
        Group::Token,
        "the hop limit of the PUT answer, and of nothing else",
        "decision 7, wire 1.8",
        "needs routers between client and server",
    ),
    fact(
        Group::Token,
        "key id, nonce, sealed expiry and tag of the token",
        "decision 5",
        "sealed; only the server's keyring opens it",
    ),
    fact(
        Group::Token,
        "a token is good after a restart and on every replica",
        "decision 5",
        "needs a restart and a second server",
    ),
    fact(Group::Token, "a replaced key opens for 21,600 s", "decision 5", "needs the server's keyring"),
    fact(
        Group::Token,
        "a token's length is checked before any cryptography",
        "decision 5",
        "not visible in an answer",
    ),
    fact(Group::Token, "a token never reaches a log", "decision 5", "needs the server's log"),
    fact(
        Group::Token,
        "whether TTL 0600 is repeated as 600",
        "wire 1.2, 7.3",
        "no source and no decision says",
    ),
    fact(
        Group::Authentication,
        "nobody known asks: 404",
        "decision 3",
        "needs a client that the server does not know",
    ),
    fact(
        Group::Authentication,
        "endpoint disabled: 403 on everything",
        "decision 3, wire 1.6",
        "needs HttpEndpoint=disabled; then nothing else can be checked",
    ),
    fact(
        Group::Authentication,
        "a token of another instance is 401",
        "wire 1.1 [D], decision 5",
        "needs a second instance",
    ),
    fact(
        Group::Authentication,
        "a token of 6 hours is 401 after them",
        "wire 1.1 [D]",
        "takes 6 hours; TTL 1 is checked instead",
    ),
    fact(
        Group::Authentication,
        "expired at issue + TTL to the millisecond",
        "decision 4",
        "the clocks of both sides differ",
    ),
    fact(
        Group::Authentication,
        "MetadataNoToken and MetadataNoTokenRejected",
        "decision 11, wire 4 [D]",
        "counted by the server, not answered",
    ),
    fact(
        Group::Authentication,
        "ec2:RoleDelivery 1.0 without a token, 2.0 with one",
        "wire 3.3 [D]",
        "seen by IAM, not in the answer",
    ),
    fact(
        Group::Authentication,
        "changed options take effect without a restart",
        "wire 4 [D]",
        "needs the control side",
    ),
    fact(
        Group::Errors,
        "the other value of error-pages",
        "decision 2",
        "one run checks the value it is told; run again with the other",
    ),
    fact(
        Group::Errors,
        "the exact lengths from which 413, 414 and 431 are answered",
        "wire 1.11",
        "no source and no decision gives them",
    ),
    fact(
        Group::Errors,
        "throttling: 429 with Retry-After, or dropped packets",
        "wire 1.10",
        "not decided, and would disturb the endpoint",
    ),
    fact(
        Group::Errors,
        "503 where the request could not be completed",
        "user guide [D]",
        "needs a failing server",
    ),
    fact(
        Group::Headers,
        "Last-Modified moves when the metadata changes",
        "decision 11",
        "needs a change of the instance",
    ),
    fact(
        Group::Headers,
        "Range, If-Modified-Since, If-None-Match, gzip",
        "wire 7.9",
        "no source and no decision says",
    ),
    fact(Group::Listings, "GET /latest/api/", "wire 2.2, 7.11", "no source and no decision says"),
    fact(
        Group::Tree,
        "new credentials appear 5 minutes before the old expire",
        "wire 3.3 [D]",
        "takes hours",
    ),
    fact(
        Group::Tree,
        "a failure of credentials is 200 with Code and Message",
        "wire 3.3 [S]",
        "needs a failing role",
    ),
    fact(
        Group::Tree,
        "pkcs7, rsa2048 and signature verify against the document",
        "wire 3.4 [D]",
        "needs the signer's certificate; the form is checked",
    ),
    fact(
        Group::Tree,
        "user-data comes byte for byte as it was given",
        "wire 2.3 [D]",
        "needs to know what was given",
    ),
    fact(
        Group::Tree,
        "public-hostname, IPv6-only, no role, no key, tags off",
        "wire 2.4 [D] [O]",
        "one instance has each or not; what it has not is checked to be 404",
    ),
    fact(Group::Tree, "tag changes are seen live", "wire 4 [D]", "needs the control side"),
    fact(
        Group::Versions,
        "new categories are missing on older instances",
        "wire 2.5 [D]",
        "needs an instance launched before them",
    ),
    fact(
        Group::Connections,
        "header and idle timeouts are 5 s",
        "decision 13",
        "can be set to other values; a close within 15 s is checked",
    ),
    fact(
        Group::Connections,
        "a connection past a limit is closed",
        "decision 13",
        "the limits can be set, and filling them would disturb the endpoint",
    ),
    fact(
        Group::Connections,
        "169.254.169.254:80 and [fd00:ec2::254]:80",
        "wire 1.9 [D]",
        "a run has the one endpoint that it is given",
    ),
    fact(
        Group::Connections,
        "the name instance-data.ec2.internal",
        "wire 1.9 [S]",
        "needs a resolver; that Host is not checked is checked",
    ),
];
