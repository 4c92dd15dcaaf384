//! A client of a running service's control API: what `imds instance`, `imds defaults` and `imds environment` speak.

mod api;
mod document;
mod error;
mod form;
mod instance;
mod url;

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, InvalidHeaderValue, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use imds_control::Signer;
use imds_core::Timestamp;
use imds_core::credentials::Secret;
use imds_core::date::parse_http_date;

use crate::client::exchange;

pub use api::{Api, Outcome};
pub use document::Element;
pub use error::Error;
pub use form::Form;
pub use instance::{Instance, MetadataOptions, version};
pub(crate) use url::is_metadata;
pub use url::{ADMIN, Url};

/// How long an answer may take: it comes when the change is on disk and guests see it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds between two clocks that may be why a signature is refused.
const SKEW: i64 = 60;
/// The region when nothing names one.
const REGION: &str = "us-east-1";
/// The access key of calls when the environment has none.
const KEY: &str = "imds";

/// A service that is asked, in one region, in one name.
pub struct Admin {
    url: Url,
    region: String,
    /// Was the region named, by the caller or by the environment?
    is_named: bool,
    key: String,
    /// What calls are signed with; without it they carry the name of the key alone.
    secret: Option<Secret>,
    /// What goes with temporary keys.
    token: Option<Secret>,
}

impl Admin {
    /// The service at `url`. Calls are for `region`, else for the region of the environment, else for us-east-1; they
    /// are signed with the environment's access key, and without its secret they carry its name, so that the service can
    /// say who made a change.
    ///
    /// # Errors
    /// When the region, or what is said of the key, is none.
    pub fn new(url: &Url, region: Option<&str>) -> anyhow::Result<Self> {
        let named = named_region(region);
        let is_named = named.is_some();
        let region = named.unwrap_or_else(|| REGION.to_owned());
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            bail!("`{}` is not a region: it must be like us-east-1", region.escape_default());
        }
        let key = variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| KEY.to_owned());
        if !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
            bail!("AWS_ACCESS_KEY_ID does not hold an access key: correct it, or unset it");
        }
        let secret = |name| variable(name).map(Secret::new);
        let (secret, token) = (secret("AWS_SECRET_ACCESS_KEY"), secret("AWS_SESSION_TOKEN"));
        if token.as_ref().is_some_and(|token| !token.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
            bail!("AWS_SESSION_TOKEN does not hold a session token: correct it, or unset it");
        }
        Ok(Self { url: url.clone(), region, is_named, key, secret, token })
    }

    /// The service at `url`, in this region, whatever the environment says: calls carry the name of a key, and no
    /// signature.
    pub(crate) fn plain(url: &Url, region: &str) -> Self {
        let (region, key) = (region.to_owned(), KEY.to_owned());
        Self { url: url.clone(), region, is_named: true, key, secret: None, token: None }
    }

    /// The region that calls are for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The region that the caller or the environment names.
    #[must_use]
    pub fn named_region(&self) -> Option<&str> {
        self.is_named.then_some(&self.region)
    }

    /// Calls an action of EC2, and gives the answer's document.
    ///
    /// # Errors
    /// When nothing answers, or the call is refused.
    pub fn call(&self, action: &str, form: &Form) -> Result<Element, Error> {
        self.ask(Api::Ec2, action, form)
    }

    /// Calls an action of another service, of those that speak the query protocol.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn query(&self, api: Api, action: &str, form: &Form) -> Result<Outcome, Error> {
        self.ask(api, action, form).map(|answer| Outcome::of(action, answer))
    }

    fn ask(&self, api: Api, action: &str, form: &Form) -> Result<Element, Error> {
        let body = form.encode(action, api.version());
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let answer = self.send(api, Method::POST, "/", Some((form, body)))?;
        self.read(&answer, |text| Element::parse(text).ok())
    }

    /// GETs something that AWS has no action for, as JSON.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn get(&self, path: &str) -> Result<serde_json::Value, Error> {
        let answer = self.send(Api::Ec2, Method::GET, path, None)?;
        self.read(&answer, |text| serde_json::from_str(text).ok())
    }

    /// POSTs nothing where AWS has no action for it, and gives what is answered.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn post(&self, path: &str) -> Result<serde_json::Value, Error> {
        let answer = self.send(Api::Ec2, Method::POST, path, Some(("application/json", String::new())))?;
        self.read(&answer, |text| serde_json::from_str(text).ok())
    }

    /// POSTs JSON where AWS has no action for it, and gives what is answered.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn post_json(&self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value, Error> {
        let answer = self.send(Api::Ec2, Method::POST, path, Some(("application/json", body.to_string())))?;
        self.read(&answer, |text| serde_json::from_str(text).ok())
    }

    /// DELETEs something that AWS has no action for, and gives what is answered, which may be nothing.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn delete(&self, path: &str) -> Result<serde_json::Value, Error> {
        let answer = self.send(Api::Ec2, Method::DELETE, path, None)?;
        self.read(&answer, |text| {
            if text.is_empty() { Some(serde_json::Value::Null) } else { serde_json::from_str(text).ok() }
        })
    }

    /// PATCHes something that AWS has no action for.
    ///
    /// # Errors
    /// As [`Admin::call`].
    pub fn patch(&self, path: &str, change: &serde_json::Value) -> Result<(), Error> {
        let answer =
            self.send(Api::Ec2, Method::PATCH, path, Some(("application/json", change.to_string())))?;
        self.read(&answer, |_| Some(()))
    }

    fn read<T>(&self, answer: &Response<Bytes>, read: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        let text = String::from_utf8_lossy(answer.body());
        if !answer.status().is_success() {
            let error = Error::refused(answer.status(), &text, &self.url);
            return Err(if self.secret.is_none() { error.without_secret() } else { error });
        }
        read(&text).ok_or_else(|| Error::Foreign { url: self.url.clone(), status: answer.status() })
    }

    fn send(
        &self,
        api: Api,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Response<Bytes>, Error> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Own)?;
        let now = Timestamp::now();
        let request = |at| self.request(api, &method, path, body.as_ref(), at);
        runtime.block_on(async {
            let found = tokio::net::lookup_host((self.url.host(), self.url.port())).await;
            let found = found.map_err(|error| Error::Unknown { url: self.url.clone(), error })?;
            let addresses: Vec<SocketAddr> = found.collect();
            // Names are looked up here and not later, so that what was checked is what is connected to.
            if addresses.iter().any(|address| url::is_metadata(address.ip())) {
                return Err(Error::Metadata { url: self.url.clone() });
            }
            let unreachable = |failure| Error::unreachable(&self.url, failure);
            let answer = exchange(&addresses[..], request(now)?, PATIENCE).await.map_err(unreachable)?;
            match self.elsewhen(&answer, now) {
                // Nothing was done: it is signed as of the time that it is there.
                Some(date) => exchange(&addresses[..], request(date)?, PATIENCE).await.map_err(unreachable),
                None => Ok(answer),
            }
        })
    }

    /// The time of a service whose clock is not this machine's, if that may be why it refused a signature.
    fn elsewhen(&self, answer: &Response<Bytes>, now: Timestamp) -> Option<Timestamp> {
        let is_refused = matches!(answer.status().as_u16(), 400 | 401 | 403) && self.secret.is_some();
        let date = answer.headers().get(DATE).filter(|_| is_refused)?;
        let date = parse_http_date(date.to_str().ok()?)?;
        ((date.as_second() - now.as_second()).abs() > SKEW).then_some(date)
    }

    fn request(
        &self,
        api: Api,
        method: &Method,
        path: &str,
        body: Option<&(&str, String)>,
        now: Timestamp,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let own = |error: http::Error| Error::Own(std::io::Error::other(error));
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.url.authority());
        if let Some((kind, _)) = body {
            request = request.header(CONTENT_TYPE, *kind);
        }
        let body = body.map(|(_, text)| Bytes::from(text.clone())).unwrap_or_default();
        let mut request = request.body(body).map_err(own)?;
        self.sign(api, &mut request, now).map_err(|error| own(error.into()))?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
        let agent = HeaderValue::from_static(concat!("imds/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        Ok(request.map(Full::new))
    }

    /// Signs a request. Without a secret it only says in which region, and in whose name, as a signature does.
    fn sign(&self, api: Api, request: &mut Request<Bytes>, now: Timestamp) -> Result<(), InvalidHeaderValue> {
        let (key, region, service) = (&*self.key, &*self.region, api.name());
        let Some(secret) = &self.secret else {
            let date = now.strftime("%Y%m%d");
            let unsigned = format!(
                "AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/{service}/aws4_request, SignedHeaders=host, \
                 Signature=unsigned"
            );
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::try_from(unsigned)?);
            return Ok(());
        };
        let (secret, token) = (secret.expose(), self.token.as_ref().map(Secret::expose));
        let signer = Signer { access_key: key, secret, token, region, service };
        let (method, uri, body) = (request.method().clone(), request.uri().clone(), request.body().clone());
        signer.sign(&method, &uri, request.headers_mut(), &body, now)
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The region that is given, else the one that the environment names.
fn named_region(given: Option<&str>) -> Option<String> {
    let given = given.map(str::to_owned);
    given.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"))
}

/// A text of the service, for a terminal: what would move its cursor or change its colours is shown as a mark.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests;
