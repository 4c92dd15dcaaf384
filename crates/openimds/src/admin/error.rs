//! Why a call to a service's control API failed, in a sentence, and what to do about it.

use std::io;

use http::StatusCode;
use serde::Deserialize;

use super::document::Element;
use super::printable;
use super::url::Url;
use crate::client::Failure;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service refused the call.
    #[error("{}", sentence(code, message))]
    Refused {
        /// `InvalidInstanceID.NotFound`
        code: String,
        /// The service's own words.
        message: String,
    },
    /// It takes signed calls alone, and there was nothing to sign this one with.
    #[error(
        "this service asks for signatures: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`imds keys add --state DIR` \
         makes a key); {}: {}",
        printable(code),
        printable(message).trim_end_matches('.')
    )]
    Unsigned {
        /// `InvalidClientTokenId`
        code: String,
        /// The service's own words.
        message: String,
    },
    /// The service refused what AWS has no action for, and says why.
    #[error("{}", printable(.0))]
    Told(String),
    /// The door is shut to this caller, before any action is looked at.
    #[error("{url} refused the call with {status}: {why}")]
    Shut {
        /// Whom it was asked of.
        url: Url,
        /// The HTTP status.
        status: StatusCode,
        /// The service's own words.
        why: String,
    },
    /// What answers is no control API.
    #[error(
        "what answers at {url} ({status}) is not the control API of `imds serve`; name it with --admin URL"
    )]
    Foreign {
        /// Who was asked.
        url: Url,
        /// The HTTP status.
        status: StatusCode,
    },
    /// Nothing listens there.
    #[error(
        "no service answers at {url} ({error}): start one with `{}`, or name it with --admin URL",
        start(url)
    )]
    NotRunning {
        /// Who was asked.
        url: Url,
        /// What the system says.
        error: io::Error,
    },
    /// The name is not known.
    #[error("cannot find {url} ({error}): correct the name in --admin URL")]
    Unknown {
        /// Who was asked.
        url: Url,
        /// What the system says.
        error: io::Error,
    },
    /// The name is that of an address that guests call.
    #[error("{url} is where metadata is served, and no control API: correct --admin URL")]
    Metadata {
        /// Who was to be asked.
        url: Url,
    },
    /// Nothing was heard.
    #[error("{url} does not answer in time: look at the service's log, or name another with --admin URL")]
    Silent {
        /// Who was asked.
        url: Url,
    },
    /// The connection ended before the answer.
    #[error("{url} ended the connection without an answer ({error}): look at the service's log")]
    Broken {
        /// Who was asked.
        url: Url,
        /// What came, or did not.
        error: hyper::Error,
    },
    /// This process could not even ask.
    #[error("the call cannot be made: {0}")]
    Own(io::Error),
}

impl Error {
    /// The service's own code, if it was the service that refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        if let Self::Refused { code, .. } | Self::Unsigned { code, .. } = self { Some(code) } else { None }
    }

    /// The same for a caller without a secret, who has no signature to look for mistakes in.
    pub(super) fn without_secret(self) -> Self {
        if let Self::Refused { code, message } = &self
            && access(code).is_some()
        {
            return Self::Unsigned { code: code.clone(), message: message.clone() };
        }
        self
    }

    /// From an answer that is no success.
    pub(super) fn refused(status: StatusCode, text: &str, url: &Url) -> Self {
        /// How `/api/v1/` says it.
        #[derive(Deserialize)]
        struct Json {
            error: String,
        }
        if let Ok(Json { error }) = serde_json::from_str(text) {
            // What is wrong with a signature is told there in the words of AWS's services, too.
            return match error.split_once(": ").filter(|(code, _)| access(code).is_some()) {
                Some((code, message)) => Self::Refused { code: code.to_owned(), message: message.to_owned() },
                None => Self::Told(error),
            };
        }
        if let Ok(root) = Element::parse(text) {
            let error = root.at("Errors/Error").or_else(|| root.at("Error"));
            if let Some((code, message)) =
                error.and_then(|error| Some((error.text("Code")?, error.text("Message")?)))
            {
                return Self::Refused { code: code.to_owned(), message: message.to_owned() };
            }
        }
        let url = url.clone();
        let why = match status {
            StatusCode::FORBIDDEN => printable(text.lines().next().unwrap_or_default()),
            StatusCode::PAYLOAD_TOO_LARGE => "the request is too large".to_owned(),
            _ => return Self::Foreign { url, status },
        };
        Self::Shut { url, status, why }
    }

    /// From an answer that did not come.
    pub(super) fn unreachable(url: &Url, failure: Failure) -> Self {
        let url = url.clone();
        match failure {
            Failure::Refused(error) => Self::NotRunning { url, error },
            Failure::NoConnection | Failure::NoAnswer => Self::Silent { url },
            Failure::Broken(error) => Self::Broken { url, error },
        }
    }
}

/// How to start the service that was asked for.
fn start(url: &Url) -> String {
    if url.is_default() { "imds serve".to_owned() } else { format!("imds serve --admin {}", url.authority()) }
}

/// Code, message, and the cure where there is one.
fn sentence(code: &str, message: &str) -> String {
    let (code, message) = (printable(code), printable(message));
    let message = message.trim_end_matches('.');
    match cure(&code, message) {
        Some(cure) => format!("{code}: {message}; {cure}"),
        None => format!("{code}: {message}"),
    }
}

/// The cure for a signature that is not taken.
fn access(code: &str) -> Option<&'static str> {
    Some(match code {
        "MissingAuthenticationToken" | "IncompleteSignature" | "InvalidClientTokenId" | "AuthFailure" => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key of the service (and AWS_SESSION_TOKEN, if it is a \
             temporary one); `imds keys add --state DIR` makes one"
        }
        "SignatureDoesNotMatch" | "RequestExpired" | "ExpiredToken" => {
            "see that AWS_SECRET_ACCESS_KEY is the secret of AWS_ACCESS_KEY_ID, that AWS_SESSION_TOKEN has not expired, \
             and that this machine's clock is right"
        }
        _ => return None,
    })
}

fn cure(code: &str, message: &str) -> Option<&'static str> {
    if let Some(cure) = access(code) {
        return Some(cure);
    }
    Some(match code {
        "InvalidInstanceID.NotFound" => {
            "`imds instance list` shows the instances of the region, --region chooses another"
        }
        "InvalidAMIID.NotFound" | "InvalidAMIID.Malformed" => {
            "`imds instance launch --help` names images that there are"
        }
        "InvalidLaunchTemplateName.NotFoundException"
        | "InvalidLaunchTemplateId.NotFound"
        | "InvalidLaunchTemplateId.VersionNotFound" => {
            "`aws ec2 describe-launch-template-versions` shows what there is"
        }
        "InvalidKeyPair.Duplicate" => "give it another name with --ssh-key-name",
        "InvalidIPAddress.InUse" => "leave out --private-ip, and an address is found",
        "UnsupportedOperation" if message.contains("httpTokensEnforced") => {
            "here: `--metadata-version v2`, or `imds defaults set --enforce disabled`"
        }
        "OperationNotPermitted" => {
            "`aws ec2 modify-instance-attribute` with --no-disable-api-termination or --no-disable-api-stop lifts it"
        }
        "IncorrectInstanceState" => "`imds instance show` tells the state",
        "InvalidParameterValue" if message.starts_with("No Environment found") => {
            "`imds environment list` shows those of the region, --region chooses another"
        }
        "InvalidParameterValue"
            if message.ends_with("Must be Ready") || message.ends_with("pending deployment") =>
        {
            "`imds environment show` tells its status and what is being done"
        }
        "InvalidParameterValue"
            if message.starts_with("Environment ") && message.ends_with("already exists") =>
        {
            "give another name, or change it with `imds environment set`"
        }
        "InvalidParameterValue" if message.starts_with("No Solution Stack") => {
            "`aws elasticbeanstalk list-available-solution-stacks` names those that there are"
        }
        "ConfigurationValidationException" => {
            "`aws elasticbeanstalk describe-configuration-options` names the options and their values"
        }
        "InvalidAction" => "the service is of another release than this command: use the same of both",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, text: &str) -> String {
        Error::refused(StatusCode::from_u16(status).unwrap(), text, &Url::default()).to_string()
    }

    #[test]
    fn a_refusal_is_told_in_the_services_words_and_with_its_cure() {
        let ec2 = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code>\
                   <Message>The instance ID 'i-0000000a' does not exist</Message></Error></Errors><RequestID>U</RequestID></Response>";
        insta::assert_snapshot!(refused(400, ec2), @"InvalidInstanceID.NotFound: The instance ID 'i-0000000a' does not exist; `imds instance list` shows the instances of the region, --region chooses another");
        let query = "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>MissingParameter\
                     </Code><Message>The request must contain the parameter Action</Message></Error></ErrorResponse>";
        insta::assert_snapshot!(refused(400, query), @"MissingParameter: The request must contain the parameter Action");
        let json = r#"{"error":"`-` is not a host name: it has letters"}"#;
        insta::assert_snapshot!(refused(400, json), @"`-` is not a host name: it has letters");
    }

    #[test]
    fn who_is_not_let_in_is_told_which_keys_to_set() {
        for code in
            ["MissingAuthenticationToken", "AuthFailure", "InvalidClientTokenId", "IncompleteSignature"]
        {
            for told in [
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>M.</Message></Error></Errors></Response>"
                ),
                format!("{{\"error\":\"{code}: M.\"}}"),
            ] {
                let sentence = refused(403, &told);
                assert!(sentence.starts_with(&format!("{code}: M; set AWS_ACCESS_KEY_ID and")), "{sentence}");
                assert!(sentence.contains("`imds keys add"), "{sentence}");
            }
        }
        let told = r#"{"error":"InvalidClientTokenId: The key is not known."}"#;
        let error = Error::refused(StatusCode::FORBIDDEN, told, &Url::default()).without_secret();
        insta::assert_snapshot!(error, @"this service asks for signatures: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`imds keys add --state DIR` makes a key); InvalidClientTokenId: The key is not known");
        let late = r#"{"error":"SignatureDoesNotMatch: Signature expired: 1 is now earlier than 2"}"#;
        assert!(refused(403, late).contains("clock"), "{}", refused(403, late));
    }

    #[test]
    fn a_code_of_many_meanings_has_a_cure_for_each() {
        for (message, cure) in [
            ("No Environment found for EnvironmentName = 'x'.", Some("`imds environment list`")),
            (
                "Environment named x is in an invalid state for this operation. Must be Ready.",
                Some("`imds environment show`"),
            ),
            ("Environment x already exists.", Some("`imds environment set`")),
            ("No Solution Stack named 'x' found.", Some("list-available-solution-stacks")),
            ("Something else.", None),
        ] {
            let sentence = sentence("InvalidParameterValue", message);
            assert_eq!(sentence.contains("; "), cure.is_some(), "{sentence}");
            assert!(cure.is_none_or(|cure| sentence.contains(cure)), "{sentence}");
        }
    }

    #[test]
    fn what_is_no_answer_of_an_action_is_told_as_such() {
        insta::assert_snapshot!(refused(403, "the host is not ours\n"), @"http://127.0.0.1:1339 refused the call with 403 Forbidden: the host is not ours");
        insta::assert_snapshot!(refused(404, "<html></html>"), @"what answers at http://127.0.0.1:1339 (404 Not Found) is not the control API of `imds serve`; name it with --admin URL");
        insta::assert_snapshot!(refused(413, ""), @"http://127.0.0.1:1339 refused the call with 413 Payload Too Large: the request is too large");
    }

    #[test]
    fn a_service_that_does_not_run_is_told_how_to_start() {
        for (url, command) in
            [("", "`imds serve`"), ("http://127.0.0.1:9", "`imds serve --admin 127.0.0.1:9`")]
        {
            let failure = Failure::Refused(io::ErrorKind::ConnectionRefused.into());
            let error = Error::unreachable(&url.parse().unwrap(), failure).to_string();
            assert!(error.contains(command) && error.contains("--admin URL"), "{error}");
        }
    }
}
