//! What can be wrong with a call, as it is written.

use super::Severity::{Error, Warning};
use super::setting::ALLOW_V1;
use super::{Cure, Finding, GET_TOKEN, USE_TOKEN, by_hand};
use crate::language::Text;

findings! { CALLS:
    /// A call that carries no token.
    V1_CALL = Finding {
        id: "v1-call",
        severity: Error,
        what: Text {
            en: "this call sends no token: it speaks IMDSv1",
            ja: "この呼び出しはトークンを送信していないため、IMDSv1 の呼び出しです",
        },
        why: Text {
            en: "an instance that requires IMDSv2 answers it with 401 before it looks at the path; where \
                 IMDSv1 is still on, it works until somebody turns it off",
            ja: "IMDSv2 が必須のインスタンスは、パスを確認する前に 401 を返します。\
                 IMDSv1 が有効なインスタンスでは動作しますが、無効にされると動作しなくなります",
        },
        wire: &["1.5", "6"],
        cure: Cure {
            what: Text {
                en: "get a token first, and send it with the call",
                ja: "先にトークンを取得し、呼び出しに付けて送信してください",
            },
            commands: &[GET_TOKEN, USE_TOKEN],
            setting: Some(ALLOW_V1),
        },
    };

    /// A token was fetched, and a later call goes without it.
    TOKEN_UNUSED = Finding {
        id: "token-unused",
        severity: Error,
        what: Text {
            en: "a token is fetched, but this call does not send it",
            ja: "トークンは取得されていますが、この呼び出しでは送信されていません",
        },
        why: Text {
            en: "a call without the token's header is an IMDSv1 call, whatever was fetched before: 401 where \
                 IMDSv2 is required",
            ja: "トークンのヘッダーがない呼び出しは、先にトークンを取得していても IMDSv1 の呼び出しです。\
                 IMDSv2 が必須の場合は 401 が返ります",
        },
        wire: &["1.5", "6"],
        cure: Cure {
            what: Text {
                en: "keep the token in a variable, and send it with each call",
                ja: "トークンを変数に保存し、呼び出しのたびに送信してください",
            },
            commands: &[USE_TOKEN],
            setting: None,
        },
    };

    /// The token's header has no value.
    EMPTY_TOKEN = Finding {
        id: "empty-token",
        severity: Error,
        what: Text {
            en: "the token's header has no value",
            ja: "トークンのヘッダーに値がありません",
        },
        why: Text {
            en: "curl leaves out a header that has none, and so this is an IMDSv1 call",
            ja: "curl は値のないヘッダーを送信しないため、IMDSv1 の呼び出しになります",
        },
        wire: &["1.5", "6"],
        cure: by_hand(Text {
            en: "send the token's value, and look at the status of the PUT that fetches it",
            ja: "トークンの値を送信してください。トークンを取得する PUT のステータスも確認してください",
        }),
    };

    /// The header names a variable that nobody set.
    WRONG_VARIABLE = Finding {
        id: "wrong-variable",
        severity: Error,
        what: Text {
            en: "the header names a variable that nothing here sets",
            ja: "ヘッダーで使われている変数が、どこにも設定されていません",
        },
        why: Text {
            en: "an unset variable is empty, curl leaves out a header without a value, and so this is an \
                 IMDSv1 call",
            ja: "設定されていない変数は空になり、curl は値のないヘッダーを送信しないため、\
                 IMDSv1 の呼び出しになります",
        },
        wire: &["6"],
        cure: by_hand(Text {
            en: "name the variable that the token was put into",
            ja: "トークンを保存した変数の名前を指定してください",
        }),
    };

    /// `'X-aws-ec2-metadata-token: $TOKEN'`
    LITERAL_TOKEN = Finding {
        id: "literal-token",
        severity: Error,
        what: Text {
            en: "single quotes keep the shell from putting the token in place of its variable",
            ja: "一重引用符で囲まれているため、シェルが変数をトークンに置き換えません",
        },
        why: Text {
            en: "the service is sent the variable's name, which is no token: 401",
            ja: "サービスには、トークンではない変数の名前が送信され、401 が返ります",
        },
        wire: &["1.6"],
        cure: by_hand(Text {
            en: "use plain double quotes",
            ja: "半角の二重引用符を使ってください",
        }),
    };

    /// A header whose name is nearly right.
    WRONG_HEADER = Finding {
        id: "wrong-header",
        severity: Error,
        what: Text {
            en: "a header's name is not one that the service knows",
            ja: "サービスが認識しない名前のヘッダーがあります",
        },
        why: Text {
            en: "it is ignored: without the TTL's header the PUT gets 400, and without the token's header \
                 the call is an IMDSv1 call",
            ja: "このヘッダーは無視されます。TTL のヘッダーがない PUT には 400 が返り、\
                 トークンのヘッダーがない呼び出しは IMDSv1 の呼び出しになります",
        },
        wire: &["1.5", "6"],
        cure: by_hand(Text {
            en: "the PUT takes X-aws-ec2-metadata-token-ttl-seconds, and each call X-aws-ec2-metadata-token; \
                 upper and lower case do not matter",
            ja: "PUT には X-aws-ec2-metadata-token-ttl-seconds を、各呼び出しには X-aws-ec2-metadata-token \
                 を付けてください。大文字と小文字は区別されません",
        }),
    };

    /// `X-aws-ec2-metadata-token=…`
    MALFORMED_HEADER = Finding {
        id: "malformed-header",
        severity: Error,
        what: Text {
            en: "a header is not written as name, colon, value",
            ja: "ヘッダーが「名前、コロン、値」の形で書かれていません",
        },
        why: Text {
            en: "curl sends nothing for it, or the service refuses it",
            ja: "curl がヘッダーを送信しないか、サービスがヘッダーを拒否します",
        },
        wire: &["6"],
        cure: by_hand(Text {
            en: "write \"NAME: VALUE\" in one pair of double quotes",
            ja: "1 組の二重引用符の中に \"NAME: VALUE\" と書いてください",
        }),
    };

    /// Curly quotes and primes.
    CURLY_QUOTES = Finding {
        id: "curly-quotes",
        severity: Error,
        what: Text {
            en: "quotes of a web page (“ ” ‘ ’ ″) stand where the shell needs plain ones",
            ja: "シェルに必要な半角の引用符の代わりに、Web ページの引用符 (“ ” ‘ ’ ″) が使われています",
        },
        why: Text {
            en: "the shell takes them for letters: the header's name and the address begin with a quote, and \
                 blanks cut them into pieces",
            ja: "シェルはこれを普通の文字とみなします。ヘッダーの名前とアドレスは引用符で始まり、\
                 空白のところで分割されます",
        },
        wire: &["6"],
        cure: by_hand(Text {
            en: "type the quotes anew, as \"",
            ja: "引用符を \" に入力し直してください",
        }),
    };

    /// Dashes and blanks of a web page.
    WEB_CHARACTERS = Finding {
        id: "web-characters",
        severity: Error,
        what: Text {
            en: "a dash or a blank of a web page (–, a no-break or an invisible blank) stands where the \
                 shell needs a plain one",
            ja: "シェルに必要な半角の文字の代わりに、Web ページのダッシュまたは空白 (–、改行しない空白、\
                 見えない空白) が使われています",
        },
        why: Text {
            en: "the shell takes it for a letter",
            ja: "シェルはこれを普通の文字とみなします",
        },
        wire: &["6"],
        cure: by_hand(Text {
            en: "type it anew, as - or as a blank",
            ja: "- または半角の空白に入力し直してください",
        }),
    };

    /// A quote that is not closed.
    MISSING_QUOTE = Finding {
        id: "missing-quote",
        severity: Error,
        what: Text { en: "a quote is opened and not closed", ja: "引用符が閉じられていません" },
        why: Text {
            en: "the shell waits for more, or takes what follows for a part of the header",
            ja: "シェルは続きを待つか、後に続く部分をヘッダーの一部とみなします",
        },
        wire: &["6"],
        cure: by_hand(Text {
            en: "close it where the header's value ends",
            ja: "ヘッダーの値が終わるところで引用符を閉じてください",
        }),
    };

    /// A PUT without a TTL.
    TTL_MISSING = Finding {
        id: "ttl-missing",
        severity: Error,
        what: Text {
            en: "the PUT does not say how long the token is to live",
            ja: "PUT でトークンの有効期間が指定されていません",
        },
        why: Text {
            en: "without X-aws-ec2-metadata-token-ttl-seconds it gets 400",
            ja: "X-aws-ec2-metadata-token-ttl-seconds がないと 400 が返ります",
        },
        wire: &["1.1", "1.6"],
        cure: by_hand(Text {
            en: "send X-aws-ec2-metadata-token-ttl-seconds with it, a number of seconds from 1 to 21600",
            ja: "X-aws-ec2-metadata-token-ttl-seconds を付け、1 から 21600 までの秒数を指定してください",
        }),
    };

    /// A TTL that no token can have.
    TTL_OUT_OF_RANGE = Finding {
        id: "ttl-out-of-range",
        severity: Error,
        what: Text {
            en: "no token can live that long",
            ja: "トークンにこの有効期間は指定できません",
        },
        why: Text {
            en: "the TTL is a number of seconds from 1 to 21600, six hours; all else gets 400",
            ja: "TTL は 1 から 21600 (6 時間) までの秒数です。それ以外の値には 400 が返ります",
        },
        wire: &["1.1", "1.6"],
        cure: by_hand(Text {
            en: "ask for 1 to 21600 seconds",
            ja: "1 から 21600 までの秒数を指定してください",
        }),
    };

    /// 400 on the PUT.
    TTL_REFUSED = Finding {
        id: "ttl-refused",
        severity: Error,
        what: Text { en: "the TTL was not taken", ja: "TTL が受け付けられませんでした" },
        why: Text {
            en: "the PUT needs X-aws-ec2-metadata-token-ttl-seconds, once and spelt so, with a number of \
                 seconds",
            ja: "PUT には X-aws-ec2-metadata-token-ttl-seconds を、このつづりで 1 回だけ、\
                 秒数とともに付ける必要があります",
        },
        wire: &["1.1", "1.6"],
        cure: by_hand(Text {
            en: "it must be a number from 1 to 21600",
            ja: "1 から 21600 までの数値を指定してください",
        }),
    };

    /// `/latest/api/token/`
    TOKEN_PATH_SLASH = Finding {
        id: "token-path-slash",
        severity: Error,
        what: Text {
            en: "the token's path has a slash too many",
            ja: "トークンのパスに余分なスラッシュがあります",
        },
        why: Text {
            en: "it is matched exactly, and any other path gets 403 for a PUT",
            ja: "このパスは完全に一致する必要があり、ほかのパスへの PUT には 403 が返ります",
        },
        wire: &["1.6", "6"],
        cure: by_hand(Text {
            en: "ask at /latest/api/token, without a slash at its end",
            ja: "末尾にスラッシュを付けず、/latest/api/token にリクエストしてください",
        }),
    };

    /// `/2021-03-23/api/token`
    DATED_TOKEN_PATH = Finding {
        id: "dated-token-path",
        severity: Error,
        what: Text {
            en: "tokens are not given under a dated version",
            ja: "日付のバージョンのパスではトークンは発行されません",
        },
        why: Text {
            en: "only /latest/api/token gives them, and they are good for every version; a dated path gets \
                 403",
            ja: "トークンを発行するのは /latest/api/token だけで、そのトークンはすべてのバージョンで\
                 使えます。日付のパスには 403 が返ります",
        },
        wire: &["1.1", "1.6"],
        cure: by_hand(Text {
            en: "ask at /latest/api/token",
            ja: "/latest/api/token にリクエストしてください",
        }),
    };

    /// `/api/token`
    WRONG_TOKEN_PATH = Finding {
        id: "wrong-token-path",
        severity: Error,
        what: Text {
            en: "this is not the path of tokens",
            ja: "これはトークンのパスではありません",
        },
        why: Text {
            en: "only /latest/api/token gives them; any other path gets 403 for a PUT",
            ja: "トークンを発行するのは /latest/api/token だけです。ほかのパスへの PUT には 403 が返ります",
        },
        wire: &["1.1", "1.6"],
        cure: by_hand(Text {
            en: "ask at /latest/api/token",
            ja: "/latest/api/token にリクエストしてください",
        }),
    };

    /// A token asked for by GET.
    TOKEN_NOT_PUT = Finding {
        id: "token-not-put",
        severity: Error,
        what: Text {
            en: "a token is asked for by another method than PUT",
            ja: "PUT 以外のメソッドでトークンをリクエストしています",
        },
        why: Text {
            en: "the token's path answers all else with 405",
            ja: "トークンのパスは、PUT 以外のメソッドに 405 を返します",
        },
        wire: &["1.6"],
        cure: by_hand(Text {
            en: "use curl -X PUT, in capitals",
            ja: "curl -X PUT を使ってください。PUT は大文字で書いてください",
        }),
    };

    /// Metadata asked for by POST.
    WRONG_METHOD = Finding {
        id: "wrong-method",
        severity: Error,
        what: Text {
            en: "metadata is asked for by another method than GET",
            ja: "GET 以外のメソッドでメタデータをリクエストしています",
        },
        why: Text {
            en: "only GET and HEAD are allowed: a PUT gets 403, all else 405",
            ja: "使えるのは GET と HEAD だけです。PUT には 403 が、それ以外には 405 が返ります",
        },
        wire: &["1.6"],
        cure: by_hand(Text {
            en: "leave the method out",
            ja: "メソッドの指定を取り除いてください",
        }),
    };

    /// Output that is kept, without `-f`.
    NO_FAIL = Finding {
        id: "no-fail",
        severity: Warning,
        what: Text {
            en: "curl is not told to fail on an error",
            ja: "curl がエラーのときに失敗するように指定されていません",
        },
        why: Text {
            en: "without -f the page of an error is kept as if it were the value, and curl ends with status \
                 0",
            ja: "-f がないと、エラーのページが値として保存され、curl はステータス 0 で終了します",
        },
        wire: &["6"],
        cure: by_hand(Text { en: "add -f", ja: "-f を付けてください" }),
    };

    /// `Expect: 100-continue`
    EXPECT = Finding {
        id: "expect-header",
        severity: Warning,
        what: Text {
            en: "the request says Expect: 100-continue",
            ja: "リクエストに Expect: 100-continue が付いています",
        },
        why: Text {
            en: "older hardware of EC2 answers it with 417; libcurl adds it by itself to what it uploads",
            ja: "EC2 の古いハードウェアは、このヘッダーに 417 を返します。libcurl は、\
                 アップロードするときにこのヘッダーを自動的に付けます",
        },
        wire: &["1.1"],
        cure: by_hand(Text {
            en: "leave it out; where libcurl adds it, give it -H \"Expect:\"",
            ja: "このヘッダーを取り除いてください。libcurl が付ける場合は、-H \"Expect:\" を指定してください",
        }),
    };

    /// `X-Forwarded-For` on the PUT.
    FORWARDED = Finding {
        id: "forwarded-header",
        severity: Error,
        what: Text {
            en: "the PUT carries X-Forwarded-For",
            ja: "PUT に X-Forwarded-For が付いています",
        },
        why: Text {
            en: "by this the service knows a proxy, and gives no token: 403",
            ja: "サービスは、これを見てプロキシを経由したと判断し、トークンを発行せずに 403 を返します",
        },
        wire: &["1.6", "6"],
        cure: by_hand(Text {
            en: "ask the service directly, without a proxy and without the header",
            ja: "プロキシを経由せず、このヘッダーも付けずに、サービスに直接リクエストしてください",
        }),
    };

    /// A proxy between.
    PROXY = Finding {
        id: "proxy",
        severity: Error,
        what: Text {
            en: "calls of the metadata address go through a proxy",
            ja: "メタデータのアドレスへの呼び出しがプロキシを経由しています",
        },
        why: Text {
            en: "the proxy answers 403 or 404, or with the metadata of the machine that it runs on",
            ja: "プロキシは 403 か 404 を返すか、プロキシが動作しているマシンのメタデータを返します",
        },
        wire: &["6"],
        cure: Cure {
            what: Text {
                en: "take the metadata addresses from the proxy",
                ja: "メタデータのアドレスをプロキシの対象から除外してください",
            },
            commands: &[
                "export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}169.254.169.254,fd00:ec2::254\"",
                "export no_proxy=\"$NO_PROXY\"",
            ],
            setting: None,
        },
    };

    /// An address in text that is not understood.
    UNJUDGED = Finding {
        id: "unjudged",
        severity: Warning,
        what: Text {
            en: "an address of the metadata service stands in a language that is not judged",
            ja: "判定できない言語の中に、メタデータサービスのアドレスが書かれています",
        },
        why: Text {
            en: "only sh with curl or wget, and HTTP, are read here: whether a token is asked for cannot be told, and \
                 without one the call speaks IMDSv1",
            ja: "ここで読み取れるのは、curl か wget を使う sh と HTTP だけです。トークンを取得しているかどうかは\
                 わかりません。トークンがなければ、その呼び出しは IMDSv1 です",
        },
        wire: &["1.5", "6"],
        cure: by_hand(Text {
            en: "look whether it asks for a token first, by PUT of /latest/api/token, and sends it with each call",
            ja: "先に /latest/api/token への PUT でトークンを取得し、そのトークンを各呼び出しに付けて\
                 送信しているかどうかを確認してください",
        }),
    };

    /// `https://169.254.169.254`
    HTTPS = Finding {
        id: "https",
        severity: Error,
        what: Text {
            en: "the service does not speak TLS",
            ja: "サービスは TLS に対応していません",
        },
        why: Text {
            en: "nothing listens on port 443 of the metadata address",
            ja: "メタデータのアドレスのポート 443 では、何も待ち受けていません",
        },
        wire: &["1.9"],
        cure: by_hand(Text { en: "write http://", ja: "http:// と書いてください" }),
    };
}
