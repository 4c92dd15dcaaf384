//! Proxy variables, and whether they take the metadata address from the proxy.

use std::net::IpAddr;

/// Variables that name a proxy for `http`.
const PROXIES: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
/// Variables that name what needs none.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The variables that lead programs to a proxy when they ask `host`. `read` gives the value of a variable.
pub(super) fn in_the_way(host: &str, read: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let set = |name: &&'static str| read(name).filter(|value| !value.trim().is_empty());
    let exceptions: Vec<String> = EXCEPTIONS.iter().filter_map(set).collect();
    // Programs differ in which of the two they read.
    if !exceptions.is_empty() && exceptions.iter().all(|list| covers(list, host)) {
        return Vec::new();
    }
    PROXIES.into_iter().filter(|name| set(name).is_some()).collect()
}

/// Does a list of exceptions have this host in it?
fn covers(list: &str, host: &str) -> bool {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let host = bare(host);
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*"
            || bare(entry) == host
            || entry.strip_suffix(":80").is_some_and(|entry| bare(entry) == host)
        {
            return true;
        }
        match (address, entry.split_once('/')) {
            (Some(address), Some((network, length))) => is_within(address, network, length),
            (Some(_), None) => false,
            (None, _) => {
                let domain = entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
                host == domain || host.ends_with(&format!(".{domain}"))
            }
        }
    })
}

/// Is the address in the network?
fn is_within(address: IpAddr, network: &str, length: &str) -> bool {
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            u32::from(address) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            u128::from(address) & mask == u128::from(network) & mask
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_covers_an_address_by_itself_by_its_network_or_by_a_star() {
        let (ipv4, ipv6) = ("169.254.169.254", "[fd00:ec2::254]");
        for (list, host, expected) in [
            ("169.254.169.254", ipv4, true),
            ("localhost, 169.254.169.254 ,.corp", ipv4, true),
            ("169.254.169.254:80", ipv4, true),
            ("169.254.0.0/16", ipv4, true),
            ("0.0.0.0/0", ipv4, true),
            ("*", ipv4, true),
            ("169.254.169.253", ipv4, false),
            ("10.0.0.0/8", ipv4, false),
            ("169.254.0.0/99", ipv4, false),
            ("169.254.0.0/x", ipv4, false),
            ("fd00:ec2::254", ipv4, false),
            ("", ipv4, false),
            ("fd00:ec2::254", ipv6, true),
            ("[fd00:ec2::254]", ipv6, true),
            ("fd00:ec2::/32", ipv6, true),
            ("::/0", ipv6, true),
            ("169.254.0.0/16", ipv6, false),
            (".internal", "instance-data.ec2.internal", true),
            ("nal", "instance-data.ec2.internal", false),
        ] {
            assert_eq!(covers(list, host), expected, "{list:?} {host}");
        }
    }

    #[test]
    fn variables_are_named_and_empty_ones_are_none() {
        let given = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        };
        let host = "169.254.169.254";
        assert_eq!(in_the_way(host, given(&[])), [""; 0]);
        assert_eq!(in_the_way(host, given(&[("HTTP_PROXY", "http://p")])), ["HTTP_PROXY"]);
        assert_eq!(in_the_way(host, given(&[("http_proxy", ""), ("ALL_PROXY", "p")])), ["ALL_PROXY"]);
        assert_eq!(in_the_way(host, given(&[("http_proxy", "p"), ("NO_PROXY", "169.254.169.254")])), [""; 0]);
        let one_of_two =
            given(&[("http_proxy", "p"), ("NO_PROXY", "169.254.169.254"), ("no_proxy", "localhost")]);
        assert_eq!(in_the_way(host, one_of_two), ["http_proxy"]);
    }
}
