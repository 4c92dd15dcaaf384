//! Refusals before a request is read, each in the form that who asks there can read: a document of the Query APIs at `/`, whose
//! clients take anything else for a broken answer and ask again; JSON of ours; else a line of text.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::api::Refusal;
use crate::call::request_id;
use crate::query::{Error, Service, envelope};

/// A refusal of what was sent to `path`. The code is for the Query APIs. Which of them it is for is not known yet: all
/// read this form.
pub(crate) fn refused(status: StatusCode, code: &'static str, path: &str, why: &str) -> Response {
    if path == "/" {
        let id = request_id();
        let document = envelope::error(Service::Iam, &Error { status, ..Error::new(code, why) }, &id);
        let headers = [
            (CONTENT_TYPE, "text/xml;charset=UTF-8"),
            (HeaderName::from_static("x-amzn-requestid"), id.as_str()),
        ];
        (status, headers, document).into_response()
    } else if path.starts_with("/api/") {
        Refusal::new(status, why).into_response()
    } else {
        (status, format!("{why}\n")).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, request, text};

    #[tokio::test]
    async fn each_in_the_form_of_its_path() {
        let door = door();
        let long = "x".repeat(256 * 1024 + 1);
        let page = [("origin", "http://evil.test")];
        let site = "the request comes from a page of another site";
        for (headers, body, status, code, why) in [
            (
                &[][..],
                long.as_str(),
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "the body has more than 256 KiB",
            ),
            (&page, "", StatusCode::FORBIDDEN, "AccessDenied", site),
        ] {
            let (told, document) = request(&door, "POST", "/", headers, body).await;
            assert_eq!((told, text(&document, "Code")), (status, Some(code)), "{document}");
            assert_eq!(text(&document, "Message"), Some(why));
            assert!(
                document.contains("<ErrorResponse ") && text(&document, "RequestId").is_some(),
                "{document}"
            );
            let told = request(&door, "PATCH", "/api/v1/instances/i-12345678901234567", headers, body).await;
            assert_eq!(told, (status, format!("{{\"error\":\"{why}\"}}")));
            assert_eq!(request(&door, "POST", "/healthz", headers, body).await, (status, format!("{why}\n")));
        }
    }
}
