//! What can be wrong with what comes back, and with the place that it is asked from.

use super::Severity::{Error, Note, Warning};
use super::setting::{ALLOW_V1, ENABLE, HOP_LIMIT, REQUIRE_V2};
use super::{Cure, Finding, GET_TOKEN, USE_TOKEN, by_hand};

findings! { ANSWERS:
    /// 401 without a token.
    V1_REFUSED = Finding {
        id: "v1-refused",
        severity: Error,
        what: "this instance requires IMDSv2, and the request came without a token",
        why: "without a token every path is answered with 401, whether there is something behind it or not",
        wire: &["1.6", "6"],
        cure: Cure {
            what: "get a token first, and send it with the call",
            commands: &[GET_TOKEN, USE_TOKEN],
            setting: Some(ALLOW_V1),
        },
    };

    /// 401 with a token.
    TOKEN_REFUSED = Finding {
        id: "token-refused",
        severity: Error,
        what: "the token was not taken",
        why: "it has expired, belongs to another instance, or is not whole: 401, even where IMDSv1 is on",
        wire: &["1.5", "6"],
        cure: Cure { what: "get a new one", commands: &[GET_TOKEN], setting: None },
    };

    /// 403 on the PUT.
    PUT_FORBIDDEN = Finding {
        id: "put-forbidden",
        severity: Error,
        what: "no token is given here",
        why: "the endpoint is disabled, a proxy added X-Forwarded-For, or the path is not exactly /latest/api/token",
        wire: &["1.6", "6"],
        cure: Cure {
            what: "call the service directly, so that nothing adds X-Forwarded-For, or enable the endpoint",
            commands: &[],
            setting: Some(ENABLE),
        },
    };

    /// 404 or 405 on the PUT.
    NO_TOKENS = Finding {
        id: "no-tokens",
        severity: Error,
        what: "this service gives no tokens",
        why: "it is not IMDSv2, or knows no instance at this address",
        wire: &["1.1", "1.6"],
        cure: by_hand("look whether the address is the one of the service, and whether it speaks IMDSv2"),
    };

    /// 403 on everything.
    ENDPOINT_DISABLED = Finding {
        id: "endpoint-disabled",
        severity: Error,
        what: "the metadata endpoint of this instance is disabled",
        why: "while it is, every request gets 403",
        wire: &["1.6", "4"],
        cure: Cure { what: "enable it", commands: &[], setting: Some(ENABLE) },
    };

    /// 404.
    NOTHING_HERE = Finding {
        id: "nothing-here",
        severity: Error,
        what: "there is nothing at this path",
        why: "the path is misspelt, or the instance does not have this: no role, no user data, no public address, \
              tags not enabled",
        wire: &["2.4"],
        cure: by_hand("list the directory above it, and take 404 for absent"),
    };

    /// 429 or 503.
    THROTTLED = Finding {
        id: "throttled",
        severity: Error,
        what: "the service is asked too often",
        why: "calls are limited for each instance, all its programs together, and packets too, with DNS and NTP",
        wire: &["1.10"],
        cure: by_hand("wait, ask less, and keep what was got: a token for its time, credentials until shortly before \
                       they expire"),
    };

    /// Any other refusal.
    OTHER_REFUSAL = Finding {
        id: "refused",
        severity: Error,
        what: "the service refused the request",
        why: "this status is none of those that EC2's service is known for",
        wire: &["1.6"],
        cure: by_hand("try again, and with -v to see what is said"),
    };

    /// No route.
    NO_ROUTE = Finding {
        id: "no-route",
        severity: Error,
        what: "there is no way from here to the metadata address",
        why: "no route leads to it, or a firewall answers that it is unreachable; 169.254.0.0/16 is link-local, and a \
              machine without a default route needs a route of its own for it",
        wire: &["1.9"],
        cure: Cure {
            what: "on an instance, add the route; elsewhere there is no metadata: run the program in `imds run`",
            commands: &["ip route get 169.254.169.254", "ip route add 169.254.169.254/32 dev eth0"],
            setting: None,
        },
    };

    /// Nothing comes back while connecting.
    NO_CONNECTION = Finding {
        id: "no-connection",
        severity: Error,
        what: "packets to the metadata address vanish",
        why: "a firewall or a network policy drops them, or this is no instance and nothing is at the address",
        wire: &["1.9"],
        cure: Cure {
            what: "look for rules that name the address, and let it through",
            commands: &["iptables-save | grep 169.254", "nft list ruleset | grep 169.254"],
            setting: None,
        },
    };

    /// The connection is refused.
    CONNECTION_REFUSED = Finding {
        id: "connection-refused",
        severity: Error,
        what: "the address is there and refuses the connection",
        why: "no service listens on this port, or a firewall rejects the connection",
        wire: &["1.9"],
        cure: Cure {
            what: "start the service, or take away the rule that rejects",
            commands: &["iptables-save | grep 169.254", "nft list ruleset | grep 169.254"],
            setting: None,
        },
    };

    /// This machine forbids the connection.
    FORBIDDEN_HERE = Finding {
        id: "forbidden-here",
        severity: Error,
        what: "this machine does not let this user connect to the metadata address",
        why: "a rule for outgoing packets, or a sandbox, forbids it",
        wire: &["1.9"],
        cure: by_hand("let this user through, or run the program as one who is"),
    };

    /// A connection without an answer.
    NO_ANSWER = Finding {
        id: "no-answer",
        severity: Error,
        what: "a connection is made, and no answer comes",
        why: "something other than the metadata service has the address, or packets vanish on their way back",
        wire: &["1.4"],
        cure: by_hand("look what is between here and the service: a proxy that intercepts, a firewall"),
    };

    /// The token does not come as far as here.
    TOO_FAR = Finding {
        id: "too-far",
        severity: Error,
        what: "tokens do not travel as far as this place",
        why: "calls without a token are answered and the PUT is not: HttpPutResponseHopLimit is lower than the hops \
              from the service to here, as in a container behind a bridge",
        wire: &["1.8", "6"],
        cure: Cure {
            what: "set HttpPutResponseHopLimit to HOPS, or give the container the host's network",
            commands: &[],
            setting: Some(HOP_LIMIT),
        },
    };

    /// The token ends at this machine.
    LAST_HOP = Finding {
        id: "last-hop",
        severity: Note,
        what: "tokens come as far as here, and no hop further",
        why: "a container behind a bridge of this machine would wait for one in vain",
        wire: &["1.8"],
        cure: Cure {
            what: "leave it so unless containers here need metadata",
            commands: &[],
            setting: Some(HOP_LIMIT),
        },
    };

    /// IMDSv1 is on.
    V1_ANSWERS = Finding {
        id: "v1-answers",
        severity: Warning,
        what: "IMDSv1 is on: calls without a token are answered",
        why: "whoever makes a program on this machine fetch an address of his choice gets the role's credentials",
        wire: &["1.5", "4"],
        cure: Cure {
            what: "find what still calls without a token (the metric MetadataNoToken), and require IMDSv2",
            commands: &[],
            setting: Some(REQUIRE_V2),
        },
    };

    /// Nobody is known at this address.
    NOBODY = Finding {
        id: "unknown-caller",
        severity: Error,
        what: "the service knows no instance at the address from which it was asked",
        why: "it tells instances apart by their address, and answers strangers with 404",
        wire: &["1.6"],
        cure: by_hand("ask from the instance's own address, or give the address to an instance (`local-ipv4`)"),
    };

    /// Something else answers.
    OTHER_SERVICE = Finding {
        id: "other-service",
        severity: Error,
        what: "something answers that is not EC2's metadata service",
        why: "the answers are not those that EC2 gives; other clouds use the same address, and proxies intercept it",
        wire: &["1.6"],
        cure: by_hand("look which cloud this is, and whether a proxy stands between (`imds get -v`)"),
    };

    /// The clock is wrong.
    CLOCK = Finding {
        id: "clock",
        severity: Error,
        what: "the clock of this machine and the service's differ by more than five minutes",
        why: "AWS refuses requests whose signature is more than five minutes off, and credentials seem to expire at \
              the wrong time",
        wire: &["1.3"],
        cure: Cure {
            what: "set the clock, and keep it right with the time service at 169.254.169.123",
            commands: &["chronyc makestep", "timedatectl set-ntp true"],
            setting: None,
        },
    };

    /// `AWS_EC2_METADATA_DISABLED=true`
    DISABLED_BY_VARIABLE = Finding {
        id: "disabled-by-variable",
        severity: Warning,
        what: "AWS_EC2_METADATA_DISABLED=true is set",
        why: "AWS's SDKs and command line then ask for no metadata and find no role",
        wire: &["5"],
        cure: Cure {
            what: "unset it, where they are to ask",
            commands: &["unset AWS_EC2_METADATA_DISABLED"],
            setting: None,
        },
    };
}
