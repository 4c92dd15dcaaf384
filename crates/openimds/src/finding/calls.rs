//! What can be wrong with a call, as it is written.

use super::Severity::{Error, Warning};
use super::setting::ALLOW_V1;
use super::{Cure, Finding, GET_TOKEN, USE_TOKEN, by_hand};

findings! { CALLS:
    /// A call that carries no token.
    V1_CALL = Finding {
        id: "v1-call",
        severity: Error,
        what: "this call sends no token: it speaks IMDSv1",
        why: "an instance that requires IMDSv2 answers it with 401 before it looks at the path; where IMDSv1 is \
              still on, it works until somebody turns it off",
        wire: &["1.5", "6"],
        cure: Cure {
            what: "get a token first, and send it with the call",
            commands: &[GET_TOKEN, USE_TOKEN],
            setting: Some(ALLOW_V1),
        },
    };

    /// A token was fetched, and a later call goes without it.
    TOKEN_UNUSED = Finding {
        id: "token-unused",
        severity: Error,
        what: "a token is fetched, but this call does not send it",
        why: "a call without the token's header is an IMDSv1 call, whatever was fetched before: 401 where IMDSv2 is \
              required",
        wire: &["1.5", "6"],
        cure: Cure {
            what: "keep the token in a variable, and send it with each call",
            commands: &[USE_TOKEN],
            setting: None,
        },
    };

    /// The token's header has no value.
    EMPTY_TOKEN = Finding {
        id: "empty-token",
        severity: Error,
        what: "the token's header has no value",
        why: "curl leaves out a header that has none, and so this is an IMDSv1 call",
        wire: &["1.5", "6"],
        cure: by_hand("send the token's value, and look at the status of the PUT that fetches it"),
    };

    /// The header names a variable that nobody set.
    WRONG_VARIABLE = Finding {
        id: "wrong-variable",
        severity: Error,
        what: "the header names a variable that nothing here sets",
        why: "an unset variable is empty, curl leaves out a header without a value, and so this is an IMDSv1 call",
        wire: &["6"],
        cure: by_hand("name the variable that the token was put into"),
    };

    /// `'X-aws-ec2-metadata-token: $TOKEN'`
    LITERAL_TOKEN = Finding {
        id: "literal-token",
        severity: Error,
        what: "single quotes keep the shell from putting the token in place of its variable",
        why: "the service is sent the variable's name, which is no token: 401",
        wire: &["1.6"],
        cure: by_hand("use plain double quotes"),
    };

    /// A header whose name is nearly right.
    WRONG_HEADER = Finding {
        id: "wrong-header",
        severity: Error,
        what: "a header's name is not one that the service knows",
        why: "it is ignored: without the TTL's header the PUT gets 400, and without the token's header the call is an \
              IMDSv1 call",
        wire: &["1.5", "6"],
        cure: by_hand(
            "the PUT takes X-aws-ec2-metadata-token-ttl-seconds, and each call X-aws-ec2-metadata-token; upper and \
             lower case do not matter",
        ),
    };

    /// `X-aws-ec2-metadata-token=…`
    MALFORMED_HEADER = Finding {
        id: "malformed-header",
        severity: Error,
        what: "a header is not written as name, colon, value",
        why: "curl sends nothing for it, or the service refuses it",
        wire: &["6"],
        cure: by_hand("write \"NAME: VALUE\" in one pair of double quotes"),
    };

    /// Curly quotes and primes.
    CURLY_QUOTES = Finding {
        id: "curly-quotes",
        severity: Error,
        what: "quotes of a web page (“ ” ‘ ’ ″) stand where the shell needs plain ones",
        why: "the shell takes them for letters: the header's name and the address begin with a quote, and blanks cut \
              them into pieces",
        wire: &["6"],
        cure: by_hand("type the quotes anew, as \""),
    };

    /// Dashes and blanks of a web page.
    WEB_CHARACTERS = Finding {
        id: "web-characters",
        severity: Error,
        what: "a dash or a blank of a web page (–, a no-break or an invisible blank) stands where the shell needs a \
               plain one",
        why: "the shell takes it for a letter",
        wire: &["6"],
        cure: by_hand("type it anew, as - or as a blank"),
    };

    /// A quote that is not closed.
    MISSING_QUOTE = Finding {
        id: "missing-quote",
        severity: Error,
        what: "a quote is opened and not closed",
        why: "the shell waits for more, or takes what follows for a part of the header",
        wire: &["6"],
        cure: by_hand("close it where the header's value ends"),
    };

    /// A PUT without a TTL.
    TTL_MISSING = Finding {
        id: "ttl-missing",
        severity: Error,
        what: "the PUT does not say how long the token is to live",
        why: "without X-aws-ec2-metadata-token-ttl-seconds it gets 400",
        wire: &["1.1", "1.6"],
        cure: by_hand("send X-aws-ec2-metadata-token-ttl-seconds with it, a number of seconds from 1 to 21600"),
    };

    /// A TTL that no token can have.
    TTL_OUT_OF_RANGE = Finding {
        id: "ttl-out-of-range",
        severity: Error,
        what: "no token can live that long",
        why: "the TTL is a number of seconds from 1 to 21600, six hours; all else gets 400",
        wire: &["1.1", "1.6"],
        cure: by_hand("ask for 1 to 21600 seconds"),
    };

    /// 400 on the PUT.
    TTL_REFUSED = Finding {
        id: "ttl-refused",
        severity: Error,
        what: "the TTL was not taken",
        why: "the PUT needs X-aws-ec2-metadata-token-ttl-seconds, once and spelt so, with a number of seconds",
        wire: &["1.1", "1.6"],
        cure: by_hand("it must be a number from 1 to 21600"),
    };

    /// `/latest/api/token/`
    TOKEN_PATH_SLASH = Finding {
        id: "token-path-slash",
        severity: Error,
        what: "the token's path has a slash too many",
        why: "it is matched exactly, and any other path gets 403 for a PUT",
        wire: &["1.6", "6"],
        cure: by_hand("ask at /latest/api/token, without a slash at its end"),
    };

    /// `/2021-03-23/api/token`
    DATED_TOKEN_PATH = Finding {
        id: "dated-token-path",
        severity: Error,
        what: "tokens are not given under a dated version",
        why: "only /latest/api/token gives them, and they are good for every version; a dated path gets 403",
        wire: &["1.1", "1.6"],
        cure: by_hand("ask at /latest/api/token"),
    };

    /// `/api/token`
    WRONG_TOKEN_PATH = Finding {
        id: "wrong-token-path",
        severity: Error,
        what: "this is not the path of tokens",
        why: "only /latest/api/token gives them; any other path gets 403 for a PUT",
        wire: &["1.1", "1.6"],
        cure: by_hand("ask at /latest/api/token"),
    };

    /// A token asked for by GET.
    TOKEN_NOT_PUT = Finding {
        id: "token-not-put",
        severity: Error,
        what: "a token is asked for by another method than PUT",
        why: "the token's path answers all else with 405",
        wire: &["1.6"],
        cure: by_hand("use curl -X PUT, in capitals"),
    };

    /// Metadata asked for by POST.
    WRONG_METHOD = Finding {
        id: "wrong-method",
        severity: Error,
        what: "metadata is asked for by another method than GET",
        why: "only GET and HEAD are allowed: a PUT gets 403, all else 405",
        wire: &["1.6"],
        cure: by_hand("leave the method out"),
    };

    /// Output that is kept, without `-f`.
    NO_FAIL = Finding {
        id: "no-fail",
        severity: Warning,
        what: "curl is not told to fail on an error",
        why: "without -f the page of an error is kept as if it were the value, and curl ends with status 0",
        wire: &["6"],
        cure: by_hand("add -f"),
    };

    /// `Expect: 100-continue`
    EXPECT = Finding {
        id: "expect-header",
        severity: Warning,
        what: "the request says Expect: 100-continue",
        why: "older hardware of EC2 answers it with 417; libcurl adds it by itself to what it uploads",
        wire: &["1.1"],
        cure: by_hand("leave it out; where libcurl adds it, give it -H \"Expect:\""),
    };

    /// `X-Forwarded-For` on the PUT.
    FORWARDED = Finding {
        id: "forwarded-header",
        severity: Error,
        what: "the PUT carries X-Forwarded-For",
        why: "by this the service knows a proxy, and gives no token: 403",
        wire: &["1.6", "6"],
        cure: by_hand("ask the service directly, without a proxy and without the header"),
    };

    /// A proxy between.
    PROXY = Finding {
        id: "proxy",
        severity: Error,
        what: "calls of the metadata address go through a proxy",
        why: "the proxy answers 403 or 404, or with the metadata of the machine that it runs on",
        wire: &["6"],
        cure: Cure {
            what: "take the metadata addresses from the proxy",
            commands: &[
                "export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}169.254.169.254,fd00:ec2::254\"",
                "export no_proxy=\"$NO_PROXY\"",
            ],
            setting: None,
        },
    };

    /// `https://169.254.169.254`
    HTTPS = Finding {
        id: "https",
        severity: Error,
        what: "the service does not speak TLS",
        why: "nothing listens on port 443 of the metadata address",
        wire: &["1.9"],
        cure: by_hand("write http://"),
    };
}
