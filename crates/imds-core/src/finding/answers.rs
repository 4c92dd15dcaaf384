//! What can be wrong with what comes back, and with the place that it is asked from.

use super::Severity::{Error, Note, Warning};
use super::setting::{ALLOW_V1, ENABLE, HOP_LIMIT, REQUIRE_V2};
use super::{Cure, Finding, GET_TOKEN, USE_TOKEN, by_hand};
use crate::language::Text;

findings! { ANSWERS:
    /// 401 without a token.
    V1_REFUSED = Finding {
        id: "v1-refused",
        severity: Error,
        what: Text {
            en: "this instance requires IMDSv2, and the request came without a token",
            ja: "このインスタンスでは IMDSv2 が必須ですが、リクエストにトークンがありません",
        },
        why: Text {
            en: "without a token every path is answered with 401, whether there is something behind it or \
                 not",
            ja: "トークンがないと、パスの先にデータがあるかどうかにかかわらず、すべてのパスで 401 が返ります",
        },
        wire: &["1.6", "6"],
        cure: Cure {
            what: Text {
                en: "get a token first, and send it with the call",
                ja: "先にトークンを取得し、呼び出しに付けて送信してください",
            },
            commands: &[GET_TOKEN, USE_TOKEN],
            setting: Some(ALLOW_V1),
        },
    };

    /// 401 with a token.
    TOKEN_REFUSED = Finding {
        id: "token-refused",
        severity: Error,
        what: Text { en: "the token was not taken", ja: "トークンが受け付けられませんでした" },
        why: Text {
            en: "it has expired, belongs to another instance, or is not whole: 401, even where IMDSv1 is on",
            ja: "期限切れのトークン、別のインスタンスのトークン、一部が欠けたトークンには、\
                 IMDSv1 が有効でも 401 が返ります",
        },
        wire: &["1.5", "6"],
        cure: Cure {
            what: Text { en: "get a new one", ja: "新しいトークンを取得してください" },
            commands: &[GET_TOKEN],
            setting: None,
        },
    };

    /// 403 on the PUT.
    PUT_FORBIDDEN = Finding {
        id: "put-forbidden",
        severity: Error,
        what: Text { en: "no token is given here", ja: "ここではトークンが発行されません" },
        why: Text {
            en: "the endpoint is disabled, a proxy added X-Forwarded-For, the path is not exactly \
                 /latest/api/token, or real credentials are behind the service and Host is none of its own names",
            ja: "エンドポイントが無効になっているか、プロキシが X-Forwarded-For を付けたか、\
                 パスが /latest/api/token と完全には一致していません。または、実際の認証情報を扱うサービスで、\
                 Host がサービス自身の名前ではありません",
        },
        wire: &["1.6", "6"],
        cure: Cure {
            what: Text {
                en: "call the service directly and by its address, so that nothing adds X-Forwarded-For and Host is \
                     its own, or start it with --server-name; or enable the endpoint",
                ja: "X-Forwarded-For が付かず、Host がサービス自身のものになるように、サービスをアドレスで直接\
                     呼び出してください。または、サービスを --server-name 付きで起動するか、エンドポイントを\
                     有効にしてください",
            },
            commands: &[],
            setting: Some(ENABLE),
        },
    };

    /// 404 or 405 on the PUT.
    NO_TOKENS = Finding {
        id: "no-tokens",
        severity: Error,
        what: Text {
            en: "this service gives no tokens",
            ja: "このサービスはトークンを発行しません",
        },
        why: Text {
            en: "it is not IMDSv2, or knows no instance at this address",
            ja: "IMDSv2 のサービスではないか、このアドレスのインスタンスを認識していません",
        },
        wire: &["1.1", "1.6"],
        cure: by_hand(Text {
            en: "look whether the address is the one of the service, and whether it speaks IMDSv2",
            ja: "アドレスがサービスのものであるか、サービスが IMDSv2 に対応しているかを確認してください",
        }),
    };

    /// 403 on everything.
    ENDPOINT_DISABLED = Finding {
        id: "endpoint-disabled",
        severity: Error,
        what: Text {
            en: "the metadata endpoint of this instance is disabled",
            ja: "このインスタンスのメタデータエンドポイントは無効になっています",
        },
        why: Text {
            en: "while it is, every request gets 403; a service with real credentials behind it also answers \
                 so when Host is none of its own names",
            ja: "無効になっている間は、すべてのリクエストに 403 が返ります。実際の認証情報を扱うサービスは、\
                 Host が自身の名前でない場合にも 403 を返します",
        },
        wire: &["1.6", "4"],
        cure: Cure {
            what: Text { en: "enable it", ja: "エンドポイントを有効にしてください" },
            commands: &[],
            setting: Some(ENABLE),
        },
    };

    /// 404.
    NOTHING_HERE = Finding {
        id: "nothing-here",
        severity: Error,
        what: Text { en: "there is nothing at this path", ja: "このパスには何もありません" },
        why: Text {
            en: "the path is misspelt, or the instance does not have this: no role, no user data, no public \
                 address, tags not enabled",
            ja: "パスのつづりが間違っているか、インスタンスにその項目がありません。ロール、ユーザーデータ、\
                 パブリックアドレスがない場合や、タグが有効になっていない場合です",
        },
        wire: &["2.4"],
        cure: by_hand(Text {
            en: "list the directory above it, and take 404 for absent",
            ja: "1 つ上のディレクトリの一覧を取得し、404 は項目が存在しないものとして扱ってください",
        }),
    };

    /// 429 or 503.
    THROTTLED = Finding {
        id: "throttled",
        severity: Error,
        what: Text {
            en: "the service is asked too often",
            ja: "サービスへのリクエストが多すぎます",
        },
        why: Text {
            en: "calls are limited for each instance, all its programs together, and packets too, with DNS \
                 and NTP",
            ja: "呼び出しの数は、インスタンスごとにすべてのプログラムの合計で制限されます。パケットの数も、\
                 DNS や NTP と合わせて制限されます",
        },
        wire: &["1.10"],
        cure: by_hand(Text {
            en: "wait, ask less, and keep what was got: a token for its time, credentials until shortly \
                 before they expire",
            ja: "時間を置いてリクエストを減らし、取得したものを保持してください。トークンは有効期間の間、\
                 認証情報は有効期限の少し前まで使えます",
        }),
    };

    /// Any other refusal.
    OTHER_REFUSAL = Finding {
        id: "refused",
        severity: Error,
        what: Text {
            en: "the service refused the request",
            ja: "サービスがリクエストを拒否しました",
        },
        why: Text {
            en: "this status is none of those that EC2's service is known for",
            ja: "このステータスは、EC2 のサービスが返すものとして知られていません",
        },
        wire: &["1.6"],
        cure: by_hand(Text {
            en: "try again, and with -v to see what is said",
            ja: "もう一度試し、-v を付けて応答の内容を確認してください",
        }),
    };

    /// No route.
    NO_ROUTE = Finding {
        id: "no-route",
        severity: Error,
        what: Text {
            en: "there is no way from here to the metadata address",
            ja: "ここからメタデータのアドレスへの経路がありません",
        },
        why: Text {
            en: "no route leads to it, or a firewall answers that it is unreachable; 169.254.0.0/16 is \
                 link-local, and a machine without a default route needs a route of its own for it",
            ja: "アドレスへのルートがないか、ファイアウォールが到達不能と応答しています。\
                 169.254.0.0/16 はリンクローカルのため、デフォルトルートがないマシンには専用のルートが\
                 必要です",
        },
        wire: &["1.9"],
        cure: Cure {
            what: Text {
                en: "on an instance, add the route; elsewhere there is no metadata: run the program in `imds \
                     run`",
                ja: "インスタンスではルートを追加してください。インスタンス以外にはメタデータがないため、\
                     プログラムを `imds run` で実行してください",
            },
            commands: &["ip route get 169.254.169.254", "ip route add 169.254.169.254/32 dev eth0"],
            setting: None,
        },
    };

    /// Nothing comes back while connecting.
    NO_CONNECTION = Finding {
        id: "no-connection",
        severity: Error,
        what: Text {
            en: "packets to the metadata address vanish",
            ja: "メタデータのアドレスに送ったパケットが失われています",
        },
        why: Text {
            en: "a firewall or a network policy drops them, or this is no instance and nothing is at the \
                 address",
            ja: "ファイアウォールかネットワークポリシーがパケットを破棄しているか、\
                 ここがインスタンスではなく、アドレスに何もありません",
        },
        wire: &["1.9"],
        cure: Cure {
            what: Text {
                en: "look for rules that name the address, and let it through",
                ja: "このアドレスを含むルールを探し、通信を許可してください",
            },
            commands: &["iptables-save | grep 169.254", "nft list ruleset | grep 169.254"],
            setting: None,
        },
    };

    /// The connection is refused.
    CONNECTION_REFUSED = Finding {
        id: "connection-refused",
        severity: Error,
        what: Text {
            en: "the address is there and refuses the connection",
            ja: "アドレスは存在しますが、接続が拒否されます",
        },
        why: Text {
            en: "no service listens on this port, or a firewall rejects the connection",
            ja: "このポートで待ち受けているサービスがないか、ファイアウォールが接続を拒否しています",
        },
        wire: &["1.9"],
        cure: Cure {
            what: Text {
                en: "start the service, or take away the rule that rejects",
                ja: "サービスを起動するか、拒否しているルールを取り除いてください",
            },
            commands: &["iptables-save | grep 169.254", "nft list ruleset | grep 169.254"],
            setting: None,
        },
    };

    /// This machine forbids the connection.
    FORBIDDEN_HERE = Finding {
        id: "forbidden-here",
        severity: Error,
        what: Text {
            en: "this machine does not let this user connect to the metadata address",
            ja: "このマシンは、このユーザーがメタデータのアドレスに接続することを許可していません",
        },
        why: Text {
            en: "a rule for outgoing packets, or a sandbox, forbids it",
            ja: "送信パケットに対するルールか、サンドボックスが接続を禁止しています",
        },
        wire: &["1.9"],
        cure: by_hand(Text {
            en: "let this user through, or run the program as one who is",
            ja: "このユーザーに接続を許可するか、許可されているユーザーでプログラムを実行してください",
        }),
    };

    /// A connection without an answer.
    NO_ANSWER = Finding {
        id: "no-answer",
        severity: Error,
        what: Text {
            en: "a connection is made, and no answer comes",
            ja: "接続はできますが、応答がありません",
        },
        why: Text {
            en: "something other than the metadata service has the address, or packets vanish on their way \
                 back",
            ja: "メタデータサービス以外のものがこのアドレスを使っているか、戻りのパケットが失われています",
        },
        wire: &["1.4"],
        cure: by_hand(Text {
            en: "look what is between here and the service: a proxy that intercepts, a firewall",
            ja: "サービスとの間に、通信を横取りするプロキシやファイアウォールがないかを確認してください",
        }),
    };

    /// The token does not come as far as here.
    TOO_FAR = Finding {
        id: "too-far",
        severity: Error,
        what: Text {
            en: "tokens do not travel as far as this place",
            ja: "トークンがここまで届きません",
        },
        why: Text {
            en: "calls without a token are answered and the PUT is not: HttpPutResponseHopLimit is lower \
                 than the hops from the service to here, as in a container behind a bridge",
            ja: "トークンのない呼び出しには応答がありますが、PUT には応答がありません。\
                 HttpPutResponseHopLimit が、サービスからここまでのホップ数より小さいためです。\
                 ブリッジの先のコンテナなどで起こります",
        },
        wire: &["1.8", "6"],
        cure: Cure {
            what: Text {
                en: "set HttpPutResponseHopLimit to HOPS, or give the container the host's network",
                ja: "HttpPutResponseHopLimit を HOPS に設定するか、コンテナでホストのネットワークを\
                     使ってください",
            },
            commands: &[],
            setting: Some(HOP_LIMIT),
        },
    };

    /// The token ends at this machine.
    LAST_HOP = Finding {
        id: "last-hop",
        severity: Note,
        what: Text {
            en: "tokens come as far as here, and no hop further",
            ja: "トークンはここまで届きますが、1 ホップ先には届きません",
        },
        why: Text {
            en: "a container behind a bridge of this machine would wait for one in vain",
            ja: "このマシンのブリッジの先にあるコンテナは、トークンを待っても受け取れません",
        },
        wire: &["1.8"],
        cure: Cure {
            what: Text {
                en: "leave it so unless containers here need metadata",
                ja: "ここのコンテナがメタデータを必要としない限り、そのままにしてください",
            },
            commands: &[],
            setting: Some(HOP_LIMIT),
        },
    };

    /// IMDSv1 is on.
    V1_ANSWERS = Finding {
        id: "v1-answers",
        severity: Warning,
        what: Text {
            en: "IMDSv1 is on: calls without a token are answered",
            ja: "IMDSv1 が有効で、トークンのない呼び出しにも応答があります",
        },
        why: Text {
            en: "whoever makes a program on this machine fetch an address of his choice gets the role's \
                 credentials",
            ja: "このマシンのプログラムに任意のアドレスへアクセスさせることができれば、\
                 だれでもロールの認証情報を入手できます",
        },
        wire: &["1.5", "4"],
        cure: Cure {
            what: Text {
                en: "find what still calls without a token (the metric MetadataNoToken), and require IMDSv2",
                ja: "トークンなしで呼び出しているものをメトリクス MetadataNoToken を使って探し、\
                     IMDSv2 を必須にしてください",
            },
            commands: &[],
            setting: Some(REQUIRE_V2),
        },
    };

    /// Nobody is known at this address.
    NOBODY = Finding {
        id: "unknown-caller",
        severity: Error,
        what: Text {
            en: "the service knows no instance at the address from which it was asked",
            ja: "リクエスト元のアドレスのインスタンスを、サービスが認識していません",
        },
        why: Text {
            en: "it tells instances apart by their address, and answers strangers with 404",
            ja: "サービスはインスタンスをアドレスで区別し、認識していない相手には 404 を返します",
        },
        wire: &["1.6"],
        cure: by_hand(Text {
            en: "ask from the instance's own address, or give the address to an instance (`local-ipv4`)",
            ja: "インスタンス自身のアドレスからリクエストするか、このアドレスをインスタンスの `local-ipv4` \
                 に設定してください",
        }),
    };

    /// Something else answers.
    OTHER_SERVICE = Finding {
        id: "other-service",
        severity: Error,
        what: Text {
            en: "something answers that is not EC2's metadata service",
            ja: "EC2 のメタデータサービスではないものが応答しています",
        },
        why: Text {
            en: "the answers are not those that EC2 gives; other clouds use the same address, and proxies \
                 intercept it",
            ja: "応答が EC2 のものと異なります。ほかのクラウドも同じアドレスを使います。また、\
                 プロキシがこのアドレスへの通信を横取りすることもあります",
        },
        wire: &["1.6"],
        cure: by_hand(Text {
            en: "look which cloud this is, and whether a proxy stands between (`imds get -v`)",
            ja: "`imds get -v` を使って、どのクラウドであるか、間にプロキシがないかを確認してください",
        }),
    };

    /// The clock is wrong.
    CLOCK = Finding {
        id: "clock",
        severity: Error,
        what: Text {
            en: "the clock of this machine and the service's differ by more than five minutes",
            ja: "このマシンの時計とサービスの時計が 5 分を超えてずれています",
        },
        why: Text {
            en: "AWS refuses requests whose signature is more than five minutes off, and credentials seem to \
                 expire at the wrong time",
            ja: "署名の時刻が 5 分を超えてずれているリクエストは AWS に拒否されます。また、認証情報が、\
                 実際とは異なる時刻に期限切れになるように見えます",
        },
        wire: &["1.3"],
        cure: Cure {
            what: Text {
                en: "set the clock, and keep it right with the time service at 169.254.169.123; where the service \
                     is an `imds serve` whose clock was advanced, paused or hastened (`imds clock show`), leave \
                     this machine's as it is",
                ja: "時計を合わせ、169.254.169.123 の時刻サービスで正しい時刻を保ってください。サービスが \
                     `imds serve` で、その時計を進めたり、止めたり、速めたりしている場合は (`imds clock show` で\
                     確認できます)、このマシンの時計はそのままにしてください",
            },
            commands: &["chronyc makestep", "timedatectl set-ntp true"],
            setting: None,
        },
    };

    /// `AWS_EC2_METADATA_DISABLED=true`
    DISABLED_BY_VARIABLE = Finding {
        id: "disabled-by-variable",
        severity: Warning,
        what: Text {
            en: "AWS_EC2_METADATA_DISABLED=true is set",
            ja: "AWS_EC2_METADATA_DISABLED=true が設定されています",
        },
        why: Text {
            en: "AWS's SDKs and command line then ask for no metadata and find no role",
            ja: "AWS の SDK とコマンドラインは、メタデータを取得せず、ロールを見つけられません",
        },
        wire: &["5"],
        cure: Cure {
            what: Text {
                en: "unset it, where they are to ask",
                ja: "メタデータを取得させる場所では、この変数の設定を解除してください",
            },
            commands: &["unset AWS_EC2_METADATA_DISABLED"],
            setting: None,
        },
    };
}
