//! A client of a running service's control API: what `imds instance` and `imds defaults` speak.

mod document;
mod error;
mod form;
mod instance;
mod url;

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use imds_core::Timestamp;

use crate::client::exchange;

pub use document::Element;
pub use error::Error;
pub use form::Form;
pub use instance::{Instance, MetadataOptions, version};
pub use url::Url;

/// How long an answer may take: it comes when the change is on disk and guests see it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The version of EC2's API.
const VERSION: &str = "2016-11-15";
/// The region when nothing names one.
const REGION: &str = "us-east-1";
/// The access key of calls when the environment has none.
const KEY: &str = "imds";

/// A service that is asked, in one region, in one name.
pub struct Admin {
    url: Url,
    region: String,
    key: String,
}

impl Admin {
    /// The service at `url`. Calls are for `region`, else for the region of the environment, else for us-east-1; they
    /// carry the name of the environment's access key, so that the service can say who made a change.
    ///
    /// # Errors
    /// When the region, or the name of the key, is none.
    pub fn new(url: &Url, region: Option<&str>) -> anyhow::Result<Self> {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let region = region.map(str::to_owned);
        let region = region.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = region.unwrap_or_else(|| REGION.to_owned());
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            bail!("`{}` is not a region: it must be like us-east-1", region.escape_default());
        }
        let key = variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| KEY.to_owned());
        if !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
            bail!("AWS_ACCESS_KEY_ID does not hold an access key: correct it, or unset it");
        }
        Ok(Self { url: url.clone(), region, key })
    }

    /// The region that calls are for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Calls an action of EC2, and gives the answer's document.
    ///
    /// # Errors
    /// When nothing answers, or the call is refused.
    pub fn call(&self, action: &str, form: &Form) -> Result<Element, Error> {
        let body = form.encode(action, VERSION);
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let answer = self.send(Method::POST, "/", Some((form, body)))?;
        self.read(&answer, |text| Element::parse(text).ok())
    }

    /// GETs something that AWS has no action for, as JSON.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn get(&self, path: &str) -> Result<serde_json::Value, Error> {
        let answer = self.send(Method::GET, path, None)?;
        self.read(&answer, |text| serde_json::from_str(text).ok())
    }

    /// PATCHes something that AWS has no action for.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn patch(&self, path: &str, change: &serde_json::Value) -> Result<(), Error> {
        let answer = self.send(Method::PATCH, path, Some(("application/json", change.to_string())))?;
        self.read(&answer, |_| Some(()))
    }

    fn read<T>(&self, answer: &Response<Bytes>, read: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        let text = String::from_utf8_lossy(answer.body());
        if !answer.status().is_success() {
            return Err(Error::refused(answer.status(), &text, &self.url));
        }
        read(&text).ok_or_else(|| Error::Foreign { url: self.url.clone(), status: answer.status() })
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Response<Bytes>, Error> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Own)?;
        let request = self.request(method, path, body)?;
        runtime.block_on(async {
            let found = tokio::net::lookup_host((self.url.host(), self.url.port())).await;
            let found = found.map_err(|error| Error::Unknown { url: self.url.clone(), error })?;
            let addresses: Vec<SocketAddr> = found.collect();
            // Names are looked up here and not later, so that what was checked is what is connected to.
            if addresses.iter().any(|address| url::is_metadata(address.ip())) {
                return Err(Error::Metadata { url: self.url.clone() });
            }
            let answer = exchange(&addresses[..], request, PATIENCE).await;
            answer.map_err(|failure| Error::unreachable(&self.url, failure))
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.url.authority())
            .header(AUTHORIZATION, self.authorization(Timestamp::now()))
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, concat!("imds/", env!("CARGO_PKG_VERSION")));
        if let Some((kind, _)) = &body {
            request = request.header(CONTENT_TYPE, *kind);
        }
        let body = body.map(|(_, text)| Bytes::from(text)).unwrap_or_default();
        request.body(Full::new(body)).map_err(|error| Error::Own(std::io::Error::other(error)))
    }

    /// Says in which region, and in whose name, as a signature does. It is none: the service verifies nothing.
    fn authorization(&self, now: Timestamp) -> String {
        let (key, region) = (&self.key, &self.region);
        let date = now.strftime("%Y%m%d");
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/ec2/aws4_request, SignedHeaders=host, Signature=unsigned"
        )
    }
}

/// A text of the service, for a terminal: what would move its cursor or change its colours is shown as a mark.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests;
