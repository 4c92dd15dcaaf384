//! Every path of a service, as a client finds it that follows the listings. The service may be anybody's: names that are
//! none, and trees without an end, are left out and told.

use std::collections::BTreeMap;
use std::fmt;

pub(crate) use imds_core::tree::by_hand::holds_keys;
use imds_core::tree::versions::Version;
use zeroize::Zeroize as _;

use super::told::Told;

/// Requests of one crawl. Tests without optimisations have fewer to wait for.
const REQUESTS: usize = if cfg!(test) { 2_500 } else { 20_000 };
/// Directories above a path.
const DEPTH: usize = 16;
/// Names of one directory.
const NAMES: usize = 1_000;
/// Bytes of all answers.
const BYTES: usize = 64 * 1_024 * 1_024;
/// Strange versions that are named.
const STRANGE: usize = 20;
/// Paths in a row that are not answered at all, before it is given up.
const SILENT: usize = 3;
/// Lists a key by number and name, and has it under its number.
const PUBLIC_KEYS: &str = "public-keys/";

/// What a service said at a path, which may be a key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("length", &self.body.len()).finish()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

/// What may be asked for beyond what is nobody's secret.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    /// The keys of roles.
    pub(crate) credentials: bool,
    /// User data.
    pub(crate) user_data: bool,
}

/// What is there and was left out because no flag has it in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unwanted {
    /// The keys of roles.
    pub(crate) credentials: bool,
    /// User data.
    pub(crate) user_data: bool,
}

/// All that was found.
#[derive(Debug, Default)]
pub(crate) struct Crawl {
    /// By path; directories end with a slash.
    pub(crate) found: BTreeMap<String, Reply>,
    /// What could not be had, as sentences.
    pub(crate) told: Told,
    /// What is there and cannot be served here, likewise.
    pub(crate) noted: Vec<String>,
    /// What is listed and was not asked for, since nobody said that it is wanted.
    pub(crate) unwanted: Unwanted,
    requests: usize,
    bytes: usize,
    silent: usize,
    is_over: bool,
}

/// Asks for all paths of the versions that are known here, the current one first.
pub(crate) fn crawl(wish: Wish, ask: &mut impl FnMut(&str) -> anyhow::Result<Reply>) -> Crawl {
    let mut crawl = Crawl::default();
    let Some(versions) = crawl.get("/", ask) else { return crawl };
    let listed = String::from_utf8_lossy(&versions.body).into_owned();
    crawl.found.insert("/".to_owned(), versions);
    let mut strange = Vec::new();
    let known = |version: &&str| Version::named(version.as_bytes()).is_some();
    for version in listed.lines().take(NAMES) {
        if !known(&version) {
            strange.push(shown(version));
        }
    }
    if !strange.is_empty() {
        let more = strange.len().saturating_sub(STRANGE);
        strange.truncate(STRANGE);
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        crawl.noted.push(format!("versions that are not served here: {}{more}", strange.join(", ")));
    }
    let dated = listed.lines().take(NAMES).filter(known).filter(|version| *version != "latest");
    for version in std::iter::once("latest").chain(dated) {
        crawl.directory(&format!("/{version}/"), 1, wish, ask);
    }
    crawl
}

/// May this be asked for? Otherwise it is as if it was not there.
pub(crate) fn is_wanted(path: &str, wish: Wish) -> bool {
    (wish.user_data || !is_user_data(path)) && (wish.credentials || !holds_keys(path))
}

fn is_user_data(path: &str) -> bool {
    path.split('/').nth(2) == Some("user-data")
}

impl Crawl {
    fn get(&mut self, path: &str, ask: &mut impl FnMut(&str) -> anyhow::Result<Reply>) -> Option<Reply> {
        if self.is_over {
            return None;
        }
        if self.requests == REQUESTS || self.bytes > BYTES {
            self.is_over = true;
            self.told.lead(format!(
                "there is more than {REQUESTS} paths or {BYTES} bytes; nothing was asked for from {path} on"
            ));
            return None;
        }
        self.requests += 1;
        match ask(path) {
            Ok(reply) => {
                self.silent = 0;
                self.bytes += path.len() + reply.body.len();
                Some(reply)
            }
            Err(error) => {
                self.told.push(format!("{path}: {error:#}"));
                self.silent += 1;
                if self.silent == SILENT {
                    self.is_over = true;
                    self.told.lead(format!(
                        "{SILENT} paths in a row were not answered; nothing was asked for after that"
                    ));
                }
                None
            }
        }
    }

    fn directory(
        &mut self,
        path: &str,
        depth: usize,
        wish: Wish,
        ask: &mut impl FnMut(&str) -> anyhow::Result<Reply>,
    ) {
        if depth > DEPTH {
            self.told
                .push(format!("{path}: there are more than {DEPTH} directories above it; it was left out"));
            return;
        }
        let Some(reply) = self.get(path, ask) else { return };
        let (status, listed) = (reply.status, String::from_utf8_lossy(&reply.body).into_owned());
        self.found.insert(path.to_owned(), reply);
        if status != 200 {
            return;
        }
        let count = listed.lines().count();
        if count > NAMES {
            self.told.push(format!("{path}: {count} names; those after the first {NAMES} were left out"));
        }
        for line in listed.lines().take(NAMES) {
            let (name, is_directory) = entry(path, line);
            if !is_name(name) {
                self.told.push(format!("{path}: {} is no name; it was left out", shown(line)));
                continue;
            }
            let below = format!("{path}{name}");
            if !is_wanted(&below, wish) {
                self.unwanted.credentials |= holds_keys(&below);
                self.unwanted.user_data |= is_user_data(&below);
                continue;
            }
            if self.found.contains_key(&below) {
                continue;
            }
            if is_directory || (depth == 1 && self.lists(&below, ask)) {
                self.directory(&format!("{below}/"), depth + 1, wish, ask);
            } else if let Some(reply) = self.get(&below, ask) {
                self.found.insert(below, reply);
            }
        }
    }

    /// Below a version, directories are listed as leaves are: one is known by what it lists.
    fn lists(&mut self, path: &str, ask: &mut impl FnMut(&str) -> anyhow::Result<Reply>) -> bool {
        match path.rsplit('/').next() {
            Some("meta-data" | "dynamic") => return true,
            Some("user-data") => return false,
            _ => {}
        }
        let Some(reply) = self.get(path, ask).filter(|reply| reply.status == 200) else { return false };
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let Some(first) = text.lines().next().filter(|line| is_name(line.trim_end_matches('/'))) else {
            return false;
        };
        let first = self.get(&format!("{path}/{first}"), ask);
        first.is_some_and(|first| first.status == 200 && first != reply)
    }
}

/// The name in a line of a listing, and whether it is a directory's.
fn entry<'l>(directory: &str, line: &'l str) -> (&'l str, bool) {
    if directory.ends_with(PUBLIC_KEYS) {
        return (line.split('=').next().unwrap_or(line), true);
    }
    line.strip_suffix('/').map_or((line, false), |name| (name, true))
}

/// The names that a listing leads to.
pub(crate) fn names(directory: &str, listing: &[u8]) -> Vec<String> {
    let listing = String::from_utf8_lossy(listing);
    let names = listing.lines().take(NAMES).map(|line| entry(directory, line).0.to_owned());
    names.filter(|name| is_name(name)).collect()
}

/// Can it be a segment of a path, as it stands?
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"/%?#".contains(&byte);
    !matches!(name, "" | "." | "..") && name.len() <= 256 && name.bytes().all(is_plain)
}

/// A line of somebody else's, for a terminal.
fn shown(line: &str) -> String {
    format!("\"{}\"", line.chars().take(80).flat_map(char::escape_debug).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> anyhow::Result<Reply> {
        Ok(Reply { status: 200, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn a_tree_without_an_end_is_cut_and_told() {
        let mut asked = 0;
        let found = crawl(Wish::default(), &mut |path| {
            asked += 1;
            assert!(path.split('/').count() < 24, "{path}");
            reply(if path == "/" { "latest" } else { "a/\nb/" })
        });
        assert!(asked <= REQUESTS, "{asked}");
        assert!(
            found.told.iter().any(|told| told.contains("directories above it")),
            "{:?}",
            found.told.first()
        );
        assert!(found.told.iter().any(|told| told.contains("nothing was asked for from")));
    }

    #[test]
    fn names_that_are_none_are_never_asked_for() {
        let hostile = "../\n..\n.\n/\n//evil.test/x\na b\n\u{1b}[2J\na%2f..\na?x\na#x\ngood\n\ngood";
        let mut asked = Vec::new();
        let found = crawl(Wish::default(), &mut |path| {
            asked.push(path.to_owned());
            match path {
                "/" => reply("latest\n2099-01-01\n../"),
                "/latest/" => reply("meta-data"),
                "/latest/meta-data/" => reply(hostile),
                _ => reply("x"),
            }
        });
        assert_eq!(asked, ["/", "/latest/", "/latest/meta-data/", "/latest/meta-data/good"]);
        assert_eq!(found.told.len(), 11, "{:?}", found.told);
        assert_eq!(found.noted[0], "versions that are not served here: \"2099-01-01\", \"../\"");
        assert!(found.told.iter().all(|told| !told.contains('\u{1b}')));
    }

    #[test]
    fn absurd_counts_and_silence_are_told() {
        let many = (0..5_000).map(|number| format!("n{number}\n")).collect::<String>();
        let found = crawl(Wish::default(), &mut |path| match path {
            "/" => reply("latest"),
            "/latest/" => reply("meta-data"),
            "/latest/meta-data/" => reply(&many),
            _ => reply(""),
        });
        assert_eq!((found.found.len(), found.told.len()), (1_003, 1));
        assert!(found.told[0].contains("5000 names"), "{:?}", found.told);
        let mut asked = 0;
        let found = crawl(Wish::default(), &mut |path| {
            asked += 1;
            match path {
                "/" => reply("latest\n1.0"),
                "/latest/" => reply("meta-data"),
                "/latest/meta-data/" => reply(&many),
                _ => anyhow::bail!("no answer came"),
            }
        });
        assert_eq!((asked, found.told.len()), (6, 5));
        assert!(found.told[0].contains("nothing was asked for after that"), "{:?}", found.told);
        assert_eq!(found.told[2], "/latest/meta-data/n0: no answer came");
    }

    #[test]
    fn secrets_are_not_asked_for_unless_they_are_wanted() {
        for (credentials, user_data) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut asked = Vec::new();
            let found = crawl(Wish { credentials, user_data }, &mut |path| {
                asked.push(path.to_owned());
                match path {
                    "/" => reply("latest"),
                    "/latest/" => reply("meta-data\nuser-data"),
                    "/latest/meta-data/" => reply("iam/"),
                    "/latest/meta-data/iam/" => reply("info\nsecurity-credentials/"),
                    "/latest/meta-data/iam/security-credentials/" => reply("web"),
                    _ => reply("x"),
                }
            });
            let has = |part: &str| asked.iter().any(|path| path.contains(part));
            assert_eq!((has("security-credentials"), has("user-data")), (credentials, user_data));
            assert!(has("iam/info"));
            let unwanted = Unwanted { credentials: !credentials, user_data: !user_data };
            assert_eq!(found.unwanted, unwanted, "what is there and left out can be told");
        }
    }
}
