//! Metadata addresses in text of which no call was recognised, as in a program in another language.

use imds_core::finding::UNJUDGED;

use super::Found;
use super::request::Place;
use super::script::TALKING;
use super::shell::is_prompt;

const ADDRESSES: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
/// Commands that name the address and do not call it.
const NETWORK: [&str; 7] = ["iptables", "ip6tables", "nft", "ip", "route", "ufw", "firewall-cmd"];

/// The lines that may call the service in a way that is not understood here.
pub(super) fn check(text: &str) -> Vec<Found> {
    let lines = text.lines().enumerate().filter(|(_, line)| may_call(line));
    lines.map(|(index, _)| Found { finding: &UNJUDGED, line: index + 1, is_corrected: false }).collect()
}

fn may_call(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let is_remark = line.trim_start().starts_with('#') || line.trim_start().starts_with("//");
    let mut words = line.split_whitespace().skip_while(|word| is_prompt(word) || *word == "sudo");
    let is_known = words.next().is_some_and(|first| TALKING.contains(&first) || NETWORK.contains(&first));
    !is_remark
        && !is_known
        && !line.contains("no_proxy")
        && ADDRESSES.iter().any(|name| is_asked(&line, name))
}

/// Is the address there, and not only with a path of another cloud's?
fn is_asked(line: &str, address: &str) -> bool {
    line.match_indices(address).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let rest = &line[at + address.len()..];
        let is_part = |c: char| c.is_ascii_alphanumeric();
        if before.is_some_and(|c| is_part(c) || c == '.') || rest.starts_with(is_part) {
            return false;
        }
        let rest = rest.strip_prefix(']').unwrap_or(rest);
        let rest = rest.strip_prefix(":80").unwrap_or(rest);
        let end = rest.find(|c: char| c.is_whitespace() || "\"'`,;)>]}\\".contains(c)).unwrap_or(rest.len());
        let path = &rest[..end];
        !path.starts_with('/') || Place::of(path) != Place::Elsewhere
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_seen_in_any_language_and_not_where_nothing_is_called() {
        for (line, may) in [
            ("requests.get(\"http://169.254.169.254/latest/meta-data/\")", true),
            ("Invoke-RestMethod -Uri http://169.254.169.254/latest/meta-data/", true),
            ("HOST = '169.254.169.254'", true),
            ("http.Get(`http://[FD00:EC2::254]/latest/`)", true),
            ("$ python3 -c 'get(\"http://169.254.169.254:80/\")'", true),
            ("nc 169.254.169.254 80", true),
            ("get(\"http://169.254.169.254/metadata/instance\"), get(\"http://169.254.169.254/\")", true),
            ("get(\"http://169.254.169.254/metadata/instance?api-version=2021-02-01\")", false),
            ("get('http://169.254.169.254/computeMetadata/v1/instance/id')", false),
            ("# asks 169.254.169.254", false),
            ("  // asks 169.254.169.254", false),
            ("sudo iptables -A OUTPUT -d 169.254.169.254 -j DROP", false),
            ("os.environ['NO_PROXY'] = '169.254.169.254'", false),
            ("ping 1169.254.169.254", false),
            ("ping 169.254.169.2540", false),
            ("get('http://169.254.170.2/')", false),
        ] {
            assert_eq!(may_call(line), may, "{line}");
        }
        let lines = check("import requests\r\nget('169.254.169.254')\r\n\nget('169.254.169.254')");
        assert_eq!(lines.iter().map(|found| found.line).collect::<Vec<_>>(), [2, 4]);
    }
}
