//! Commands to be pasted: to which service and region they go. None goes to AWS, and none elsewhere than the page says.

use axum::http::HeaderMap;
use axum::http::header::HOST;

/// The host of a door that was told nothing else, which `imds` asks by itself.
const USUAL_HOST: &str = "127.0.0.1:1339";

/// The door's host and port as the browser called it, if a shell takes it for nothing but a host; else the usual one.
pub(super) fn host(headers: &HeaderMap) -> String {
    let called = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    let plain = called.filter(|host| !host.is_empty() && host.len() <= 255 && host.bytes().all(is_plain));
    plain.unwrap_or(USUAL_HOST).to_owned()
}

/// A command of the AWS CLI, sent to the door of this host and to this region.
pub(super) fn at_door(command: &str, host: &str, region: &str) -> String {
    format!("{command} --endpoint-url {} --region {region}", url(host))
}

/// Which service `imds` asks, unless it is the usual one.
pub(super) fn admin(host: &str) -> String {
    if host == USUAL_HOST { String::new() } else { format!(" --admin {}", url(host)) }
}

/// The door's URL, as a word of a shell.
fn url(host: &str) -> String {
    // Brackets are patterns of file names.
    if host.contains('[') { format!("'http://{host}'") } else { format!("http://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_word_of_a_shell_and_every_command_says_where_it_goes() {
        for (host, word, admin_of) in [
            (USUAL_HOST, "http://127.0.0.1:1339", ""),
            ("[::1]:1339", "'http://[::1]:1339'", " --admin 'http://[::1]:1339'"),
            ("imds:80", "http://imds:80", " --admin http://imds:80"),
        ] {
            let sent = format!("aws x --endpoint-url {word} --region us-east-1");
            assert_eq!(at_door("aws x", host, "us-east-1"), sent);
            assert_eq!(admin(host), admin_of);
        }
    }
}
