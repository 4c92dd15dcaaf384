//! Why a request was refused, in a sentence, and what to do about it (wire.md section 6).

/// The reason and the cure for a status that came back for a request. `has_token` says whether one was sent.
#[must_use]
pub fn advice(method: &str, status: u16, has_token: bool) -> &'static str {
    match (method, status, has_token) {
        ("PUT", 400, _) => "the TTL was not taken: it must be a number from 1 to 21600",
        ("PUT", 403, _) => {
            "no token is given here: the endpoint is disabled (enable it with `aws ec2 modify-instance-metadata-options \
             --http-endpoint enabled`), or a proxy added X-Forwarded-For (call the service directly)"
        }
        ("PUT", 404 | 405, _) => {
            "this service gives no tokens: it is not IMDSv2, or no instance is known at this address"
        }
        (_, 401, false) => {
            "this instance requires IMDSv2, and the request came without a token: leave out --v1, or allow IMDSv1 with \
             `aws ec2 modify-instance-metadata-options --http-tokens optional`"
        }
        (_, 401, true) => {
            "the token was not taken: it has expired or belongs to another instance; get a new one"
        }
        (_, 403, _) => {
            "the metadata endpoint of this instance is disabled: enable it with `aws ec2 \
             modify-instance-metadata-options --http-endpoint enabled`"
        }
        (_, 404, _) => {
            "there is nothing at this path: list the directory above it, or the instance does not have this \
             (no role, no user data, no public address, tags not enabled)"
        }
        _ => "the service refused the request; try again, and with -v to see what is said",
    }
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn each_refusal_has_its_own_cure() {
        for (method, status, has_token, cure) in [
            ("GET", 401, false, "leave out --v1"),
            ("GET", 401, true, "get a new one"),
            ("GET", 403, true, "--http-endpoint enabled"),
            ("GET", 404, true, "list the directory above"),
            ("PUT", 400, false, "1 to 21600"),
            ("PUT", 403, false, "X-Forwarded-For"),
        ] {
            assert!(advice(method, status, has_token).contains(cure), "{method} {status} {has_token}");
        }
    }
}
