//! What the service answers the door, on its way. Whoever has taken the service over may say what it likes: what has not
//! the form of an answer is left out.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use imds_core::Timestamp;
use imds_core::audit::{Recorded, Version, Whose};
use imds_core::view::{Side, View};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::counted::Counted;

/// Calls of an answer.
const CALLS: usize = 10_000;
/// Bytes of a body. Metadata has a few thousand, user data 16,384; what is more than all of it could have is no answer.
const BODY: usize = 1_024 * 1_024;
/// Characters of a path or a user agent: 256 bytes, of which each may be escaped.
const TEXT: usize = 4 * 256;

/// An answer, which must be one to what was asked.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    /// The counters.
    Counted(Counted),
    /// The calls that are remembered.
    Calls(Vec<CallForm>),
    /// There are none any longer.
    Forgotten,
    /// What an instance is answered.
    View(Option<ViewForm>),
    /// How often each fault struck, by its number.
    Faults(Vec<(u64, u64)>),
}

/// A call that is remembered.
#[derive(Serialize, Deserialize)]
pub(super) struct CallForm {
    number: u64,
    at: Timestamp,
    instance: Option<String>,
    source: IpAddr,
    method: String,
    path: String,
    status: u16,
    is_v2: bool,
    user_agent: String,
    micros: u64,
    fault: Option<String>,
}

/// The two answers at a path.
#[derive(Serialize, Deserialize)]
pub(super) struct ViewForm {
    v1: SideForm,
    v2: SideForm,
}

/// One answer, with its body in base64: it may hold keys.
#[derive(Serialize, Deserialize)]
struct SideForm {
    status: u16,
    body: Option<Zeroizing<String>>,
}

impl From<Recorded> for CallForm {
    fn from(call: Recorded) -> Self {
        Self {
            number: call.number,
            at: call.at,
            instance: call.instance.map(|id| id.to_string()),
            source: call.source,
            method: call.method,
            path: call.path,
            status: call.status,
            is_v2: matches!(call.version, Version::V2),
            user_agent: call.user_agent,
            micros: call.micros,
            fault: call.fault.map(|kind| kind.to_string()),
        }
    }
}

/// Those of the calls that have the form of one, are whose they are to be, and come in order.
pub(super) fn calls(told: Vec<CallForm>, of: &Whose) -> Vec<Recorded> {
    let mut last = 0;
    let is_next = |call: &Recorded| {
        let is_next = call.number > last;
        last = last.max(call.number);
        is_next
    };
    let is_of = |call: &Recorded| match of {
        Whose::All => true,
        Whose::Instance(id) => call.instance.as_ref() == Some(id),
        Whose::Strangers => call.instance.is_none(),
    };
    told.into_iter().take(CALLS).filter_map(Option::from).filter(is_of).filter(is_next).collect()
}

impl From<CallForm> for Option<Recorded> {
    fn from(call: CallForm) -> Self {
        let is_text =
            |text: &String| text.len() <= TEXT && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if ![&call.method, &call.path, &call.user_agent].into_iter().all(is_text) {
            return None;
        }
        let fault = call.fault.map(|kind| kind.parse()).transpose().ok()?;
        Some(Recorded {
            number: call.number,
            at: call.at,
            instance: call.instance.map(|id| id.parse()).transpose().ok()?,
            source: call.source,
            method: call.method,
            path: call.path,
            // A fault may leave a call without an answer.
            status: if fault.is_some() && call.status == 0 { 0 } else { status(call.status)? },
            version: if call.is_v2 { Version::V2 } else { Version::V1 },
            user_agent: call.user_agent,
            micros: call.micros,
            fault,
        })
    }
}

impl From<View> for ViewForm {
    fn from(view: View) -> Self {
        Self { v1: view.v1.into(), v2: view.v2.into() }
    }
}

impl From<ViewForm> for Option<View> {
    fn from(view: ViewForm) -> Self {
        Some(View { v1: Option::from(view.v1)?, v2: Option::from(view.v2)? })
    }
}

impl From<Side> for SideForm {
    fn from(side: Side) -> Self {
        let body = side.body.map(|mut body| {
            let text = Zeroizing::new(BASE64.encode(&body));
            body.zeroize();
            text
        });
        Self { status: side.status, body }
    }
}

impl From<SideForm> for Option<Side> {
    fn from(side: SideForm) -> Self {
        let body = match side.body {
            Some(text) => Some(body(&text)?),
            None => None,
        };
        Some(Side { status: status(side.status)?, body })
    }
}

/// The bytes of a body, unless there are too many: what comes out of here is made into pages.
fn body(text: &str) -> Option<Vec<u8>> {
    if text.len() > base64::encoded_len(BODY, true)? {
        return None;
    }
    BASE64.decode(text).ok().filter(|bytes| bytes.len() <= BODY)
}

/// A status of HTTP.
fn status(status: u16) -> Option<u16> {
    (100..=599).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::fault::Kind;
    use imds_core::testing::{launch, noon};

    fn call(number: u64) -> Recorded {
        Recorded {
            number,
            at: noon(),
            instance: Some(launch().id),
            source: [10, 0, 0, 1].into(),
            method: "GET".into(),
            path: "/latest/\\xff".into(),
            status: 200,
            version: Version::V2,
            user_agent: "curl/8".into(),
            micros: 12,
            fault: None,
        }
    }

    fn sent(calls: &[Recorded]) -> Vec<CallForm> {
        let forms: Vec<CallForm> = calls.iter().cloned().map(CallForm::from).collect();
        serde_json::from_slice(&serde_json::to_vec(&forms).unwrap()).unwrap()
    }

    #[test]
    fn calls_come_back_as_they_were() {
        let stranger = Recorded { instance: None, version: Version::V1, ..call(8) };
        let dropped = Recorded { number: 9, status: 0, fault: Some(Kind::Drop), ..call(9) };
        let all = [call(7), stranger, dropped];
        assert_eq!(calls(sent(&all), &Whose::All), all);
        assert_eq!(calls(sent(&all), &Whose::Strangers), all[1..2]);
        assert_eq!(calls(sent(&all[..2]), &Whose::Instance(launch().id)), all[..1]);
        assert_eq!(calls(sent(&all), &Whose::Instance("i-00000000".parse().unwrap())), []);
    }

    #[test]
    fn a_call_that_is_none_is_left_out() {
        let long = "x".repeat(TEXT + 1);
        for (what, nonsense) in [
            ("a path too long", Recorded { path: long.clone(), ..call(2) }),
            ("a user agent too long", Recorded { user_agent: long.clone(), ..call(2) }),
            ("a method too long", Recorded { method: long, ..call(2) }),
            ("what ends a line", Recorded { path: "/\n".into(), ..call(2) }),
            ("what is not ASCII", Recorded { user_agent: "\u{202e}".into(), ..call(2) }),
            ("no status", Recorded { status: 0, ..call(2) }),
            ("no status either", Recorded { status: 600, ..call(2) }),
            ("the number of another", call(1)),
            ("no number", call(0)),
        ] {
            assert_eq!(calls(sent(&[call(1), nonsense, call(3)]), &Whose::All), [call(1), call(3)], "{what}");
        }
        let mut nobody = sent(&[call(1)]);
        nobody[0].instance = Some("x".into());
        assert_eq!(calls(nobody, &Whose::All), []);
        assert_eq!(calls(sent(&vec![call(1); 3]), &Whose::All), [call(1)]);
        let many: Vec<_> = (1..=10_001).map(call).collect();
        assert_eq!(calls(many.into_iter().map(CallForm::from).collect(), &Whose::All).len(), CALLS);
    }

    #[test]
    fn a_body_comes_back_byte_for_byte() {
        let view = View {
            v1: Side { status: 401, body: None },
            v2: Side { status: 200, body: Some((0..=255).collect()) },
        };
        let sent = serde_json::to_vec(&ViewForm::from(view.clone())).unwrap();
        let form: ViewForm = serde_json::from_slice(&sent).unwrap();
        assert_eq!(Option::<View>::from(form), Some(view));
    }

    #[test]
    fn a_body_that_is_too_big_is_none() {
        let none = || Side { status: 200, body: None };
        for (length, is_answer) in [(BODY, true), (BODY + 1, false), (BODY + 3, false), (32 * BODY, false)] {
            let big = || Side { status: 200, body: Some(vec![b'\n'; length]) };
            for view in [View { v1: big(), v2: none() }, View { v1: none(), v2: big() }] {
                let form = ViewForm::from(view.clone());
                assert_eq!(Option::<View>::from(form), is_answer.then_some(view), "{length}");
            }
        }
    }
}
