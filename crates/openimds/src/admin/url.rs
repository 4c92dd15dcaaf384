//! `--admin`: where a service's control API is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;

/// Where the door is when nothing is said.
pub const ADMIN: &str = "127.0.0.1:1339";

/// Where metadata and credentials are served to guests: nobody's control API is there.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
];

/// `http://HOST:PORT`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    host: String,
    port: u16,
    authority: String,
}

impl Url {
    /// A name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they were written: the `Host` of requests.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Is it the one that a service has when it is told nothing?
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.authority == ADMIN
    }
}

impl Default for Url {
    fn default() -> Self {
        let (host, port) = ADMIN.rsplit_once(':').unwrap_or((ADMIN, ""));
        Self { host: host.to_owned(), port: port.parse().unwrap_or(80), authority: ADMIN.to_owned() }
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A variable that is empty is as good as none.
        if text.is_empty() {
            return Ok(Self::default());
        }
        let shape = || format!("it must be like http://{ADMIN}");
        let uri: Uri = text.parse().map_err(|_| shape())?;
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(shape)?;
        if uri.scheme_str() != Some("http") || uri.path() != "/" || uri.query().is_some() {
            return Err(shape());
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(shape());
        }
        if host.parse().is_ok_and(is_metadata) {
            return Err("that is where metadata is served, and no control API".to_owned());
        }
        let port = uri.port_u16().unwrap_or(80);
        Ok(Self { host: host.to_owned(), port, authority: authority.as_str().to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// Is this an address that guests call, in whichever notation?
pub(crate) fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_url_without_a_path() {
        let url: Url = "http://[::1]:8080/".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.authority()), ("::1", 8080, "[::1]:8080"));
        let url: Url = "http://box.example".parse().unwrap();
        assert_eq!(
            (url.host(), url.port(), url.to_string().as_str()),
            ("box.example", 80, "http://box.example")
        );
        let default: Url = "http://127.0.0.1:1339".parse().unwrap();
        assert!(default.is_default() && default == Url::default() && "".parse() == Ok(default));
        for bad in [
            "127.0.0.1:1339",
            "https://127.0.0.1:1339",
            "http://",
            "http://u:p@localhost",
            "http://localhost/console",
            "http://localhost?x",
            "/",
        ] {
            assert!(bad.parse::<Url>().unwrap_err().contains("http://127.0.0.1:1339"), "{bad}");
        }
    }

    #[test]
    fn metadata_addresses_are_refused() {
        for address in ["169.254.169.254", "[fd00:ec2::254]", "169.254.170.2", "[::ffff:169.254.169.254]"] {
            for url in [format!("http://{address}"), format!("http://{address}:1339")] {
                assert!(url.parse::<Url>().unwrap_err().contains("metadata"), "{url}");
            }
        }
    }
}
