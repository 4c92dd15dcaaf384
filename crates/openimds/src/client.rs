//! A small client of instance metadata: what `imds get` and `imds token` speak.

mod advice;
mod exchange;

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Bytes;

pub use advice::advice;
pub(crate) use exchange::{Failure, converse, exchange, send};

/// The service's own address.
pub(crate) const REAL: &str = "http://169.254.169.254";
/// How long an answer may take. A token that cannot travel so far never comes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks one endpoint.
pub struct Client {
    endpoint: Uri,
    is_verbose: bool,
}

/// What came back.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client of `endpoint`, else of the one the environment names, else of the real address.
    ///
    /// # Errors
    /// When the environment says that there is no metadata here, or the endpoint is not an `http` URL.
    pub fn new(endpoint: Option<&str>, is_verbose: bool) -> anyhow::Result<Self> {
        let endpoint = self::endpoint(endpoint)?.unwrap_or(Uri::from_static(REAL));
        Ok(Self { endpoint, is_verbose })
    }

    /// Sends a request without a body.
    ///
    /// # Errors
    /// When there is no connection, or no answer in time.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.exchange(method, path, headers))
    }

    async fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let host = self.endpoint.host().unwrap_or_default();
        let port = self.endpoint.port_u16().unwrap_or(80);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let authority = self.endpoint.authority().map_or(host, http::uri::Authority::as_str);
        let mut request =
            Request::builder().method(method).uri(path).header("Host", authority).header("Accept", "*/*");
        request = request.header("User-Agent", concat!("imds/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<Bytes>::default()).context("this cannot be asked")?;
        self.show_request(&request);
        let response = exchange((bare, port), request, PATIENCE).await.map_err(|failure| match failure {
            Failure::NoConnection => {
                anyhow!("{host} port {port} does not answer; is there a metadata service, and a route to it?")
            }
            Failure::Refused(error) => anyhow::Error::new(error)
                .context(format!("cannot connect to {host} port {port}; is a metadata service running there?")),
            Failure::NoAnswer if method == "PUT" => anyhow!(
                "no token came: behind a bridge or a router, HttpPutResponseHopLimit may be too low for this place; raise \
                 it: `imds instance set INSTANCE --hop-limit 2`"
            ),
            Failure::NoAnswer => anyhow!("no answer came"),
            Failure::Broken(error) => {
                anyhow::Error::new(error).context("the connection ended without an answer")
            }
        })?;
        self.show_response(&response);
        Ok(Answer { status: response.status(), body: response.into_body() })
    }

    fn show_request(&self, request: &Request<Full<Bytes>>) {
        if self.is_verbose {
            show(format_args!("> {} {} HTTP/1.1", request.method(), request.uri()));
            show_headers('>', request.headers());
        }
    }

    fn show_response(&self, response: &Response<Bytes>) {
        if self.is_verbose {
            show(format_args!("< {:?} {}", response.version(), response.status()));
            show_headers('<', response.headers());
        }
    }
}

/// The endpoint that is given, else the one that the environment names. Nothing, if it is the real address.
///
/// # Errors
/// When the environment says that there is no metadata here, or the endpoint is not an `http` URL.
pub(crate) fn endpoint(given: Option<&str>) -> anyhow::Result<Option<Uri>> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(named) = given.map(str::to_owned).or_else(|| variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    else {
        if is_disabled() {
            bail!(
                "AWS_EC2_METADATA_DISABLED=true says not to ask for metadata here; give --endpoint, or unset it"
            );
        }
        return Ok(None);
    };
    let endpoint: Uri = named.parse().with_context(|| format!("`{named}` is not a URL"))?;
    if endpoint.scheme_str() != Some("http") || endpoint.host().is_none() {
        bail!("`{named}` is not an endpoint: it must be like http://127.0.0.1:1338");
    }
    Ok(Some(endpoint))
}

/// Does the environment say that there is no metadata here?
pub(crate) fn is_disabled() -> bool {
    std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Headers as they are, but for the token. The library has their names in lower case; on the wire they are not.
fn show_headers(side: char, headers: &http::HeaderMap) {
    for (name, value) in headers {
        let words = name.as_str().split('-').map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        });
        let name_on_wire = words.collect::<Vec<_>>().join("-");
        let shown = if name == TOKEN { "(a token)" } else { value.to_str().unwrap_or("(not text)") };
        show(format_args!("{side} {name_on_wire}: {shown}"));
    }
    show(format_args!("{side}"));
}

/// A line on standard error, whose reader may be gone.
fn show(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The header that carries a token.
pub const TOKEN: &str = "x-aws-ec2-metadata-token";
/// The header that asks for one, and tells how long it lives.
pub const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
