//! The names that the service goes by, checked where the credentials behind it are real (wire.md, decision 14): a web page
//! whose name was made to lead here (DNS rebinding) asks with that name.

use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use crate::source::{IPV4_ENDPOINT, IPV6_ENDPOINT};

/// The names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// A further one, beside the addresses.
    pub server_name: Option<String>,
}

impl Hosts {
    /// Does a request that came to the address `local` name the service, and nothing else? Ports do not matter: a page
    /// cannot choose the address, and behind a port that is forwarded it is another one.
    #[must_use]
    pub fn permit(&self, parts: &Parts, local: IpAddr) -> bool {
        let mut named = parts.headers.get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else { return false };
        // A target that is a whole URL has a name of its own.
        let target = parts.uri.authority().is_none_or(|authority| self.is_known(authority.host(), local));
        let host = host.to_str().ok().and_then(|host| host.trim().parse::<Authority>().ok());
        target && host.is_some_and(|host| !host.as_str().contains('@') && self.is_known(host.host(), local))
    }

    fn is_known(&self, host: &str, local: IpAddr) -> bool {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) => {
                let address = address.to_canonical();
                address == local.to_canonical() || address == IPV4_ENDPOINT || address == IPV6_ENDPOINT
            }
            Err(_) => self.server_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_asked_by_its_addresses_and_its_name_and_by_nothing_else() {
        let hosts = Hosts { server_name: Some("imds.test".into()) };
        for (headers, target, local, expected) in [
            (&["169.254.169.254"][..], "/latest", "10.0.0.1", true),
            (&["169.254.169.254:80"], "/latest", "10.0.0.1", true),
            (&["[fd00:ec2::254]"], "/latest", "10.0.0.1", true),
            (&["[fd00:ec2:0::254]:80"], "/latest", "10.0.0.1", true),
            (&["127.0.0.1:1338"], "/latest", "127.0.0.1", true),
            (&["127.0.0.1:8080"], "/latest", "127.0.0.1", true),
            (&["127.0.0.1"], "/latest", "::ffff:127.0.0.1", true),
            (&["[::1]:1338"], "/latest", "::1", true),
            (&["IMDS.test:1338"], "/latest", "127.0.0.1", true),
            (&["imds.test"], "http://169.254.169.254/latest", "127.0.0.1", true),
            (&["127.0.0.1:1338"], "/latest", "10.0.0.1", false),
            (&["localhost:1338"], "/latest", "127.0.0.1", false),
            (&["evil.example"], "/latest", "127.0.0.1", false),
            (&["imds.test.evil.example"], "/latest", "127.0.0.1", false),
            (&["169.254.169.254.evil.example"], "/latest", "127.0.0.1", false),
            (&["169.254.169.254@evil.example"], "/latest", "127.0.0.1", false),
            (&["evil.example@169.254.169.254"], "/latest", "127.0.0.1", false),
            (&["2852039166"], "/latest", "127.0.0.1", false),
            (&["169.254.169.254"], "http://evil.example/latest", "127.0.0.1", false),
            (&["evil.example"], "http://169.254.169.254/latest", "127.0.0.1", false),
            (&["169.254.169.254", "evil.example"], "/latest", "127.0.0.1", false),
            (&[""], "/latest", "127.0.0.1", false),
            (&["a b"], "/latest", "127.0.0.1", false),
            (&[], "/latest", "127.0.0.1", false),
        ] {
            let mut request = http::Request::builder().uri(target);
            for host in headers {
                request = request.header(HOST, *host);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(
                hosts.permit(&parts, local.parse().unwrap()),
                expected,
                "{headers:?} {target} {local}"
            );
        }
        let unnamed = Hosts { server_name: None };
        let (parts, ()) = http::Request::builder().header(HOST, "imds.test").body(()).unwrap().into_parts();
        assert!(!unnamed.permit(&parts, "127.0.0.1".parse().unwrap()));
    }
}
