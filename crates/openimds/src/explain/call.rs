//! A call of the metadata service by curl or wget: what is wrong with it, and its correction.

use std::ops::Range;

use imds_core::finding::{
    Finding, HTTPS, LITERAL_TOKEN, MALFORMED_HEADER, NO_FAIL, PROXY, TOKEN_UNUSED, WRONG_VARIABLE,
};

use super::curl::{Call, Program};
use super::edit::{Quoting, header, unquote};
use super::request::{
    self, Place, Problem, TOKEN_PATH, TOKEN_WRITTEN, TTL_WRITTEN, Url, distance, is_like_header, ttl_value,
};
use super::script::{Context, LonePut, Reach, Script};
use super::shell::{Output, is_name};

/// Where a call stands, and what may be done to it.
struct Site<'a> {
    call: &'a Call,
    /// The address's number among the addresses.
    url: usize,
    base: String,
    path: String,
    reach: Reach,
    can_correct: bool,
}

impl Script<'_> {
    /// Looks at a call, if it is one of the metadata service.
    pub(super) fn call(
        &mut self,
        call: Call,
        output: Output,
        context: Context<'_>,
        reach: Reach,
        span: Range<usize>,
    ) {
        let Some((url, found)) =
            call.urls.iter().enumerate().find_map(|(index, value)| Some((index, Url::of(&value.text)?)))
        else {
            return;
        };
        self.calls += 1;
        let (base, path, is_https) = (found.base.to_owned(), found.path.to_owned(), found.is_https);
        let method = call.method.as_ref().map_or(call.implied, |method| method.text.as_str());
        let headers: Vec<&str> = call.headers.iter().map(|header| header.text.as_str()).collect();
        let mut problems = request::problems(method, &path, &headers);
        if call.is_opaque {
            let hidden = |problem: &Problem| {
                matches!(
                    problem,
                    Problem::NoToken | Problem::TtlMissing | Problem::NotPut | Problem::WrongMethod
                )
            };
            problems.retain(|problem| !hidden(problem));
        }
        let at = call.after_name;
        let can_correct = reach != Reach::Foreign && !self.group.is_quoted;
        let site = Site { call: &call, url, base, path, reach, can_correct };
        if is_https {
            let is_corrected = can_correct
                && self.edits.rewrite(self.text, &call.urls[url].span, |raw| {
                    raw.contains("https://").then(|| raw.replacen("https://", "http://", 1))
                });
            self.note(&HTTPS, at, is_corrected);
        }
        self.headers(&site);
        for problem in &problems {
            self.problem(&site, problem);
        }
        self.proxy(&site);
        self.failure(&site, output, context);
        let is_token = matches!(Place::of(&site.path), Place::Token | Place::TokenWrongly(_));
        if is_token {
            match context.assigned {
                Some(name) => self.hold(name, true, self.line_of(at)),
                None if !context.is_substituted && output == Output::Caller => {
                    let can_be_kept =
                        can_correct && reach == Reach::Line && self.group.commands == 1 && !call.is_opaque;
                    let line = self.line_of(at);
                    self.lone_put =
                        Some(LonePut { span, after_name: at, fails: call.fails, line, can_be_kept });
                }
                None => {}
            }
        }
    }

    /// What is wrong with how headers are written, rather than with what they say.
    fn headers(&mut self, site: &Site<'_>) {
        for value in &site.call.headers {
            let raw = self.text.get(value.span.clone()).unwrap_or_default();
            let (quoting, inner) = unquote(raw);
            let name_length = inner.find(':').unwrap_or(0);
            if !is_like_header(inner[..name_length].trim_end()) {
                continue;
            }
            let name = if Place::of(&site.path) == Place::Metadata { TOKEN_WRITTEN } else { TTL_WRITTEN };
            let content = inner[name_length + 1..].trim();
            if quoting == Quoting::None && inner.contains([' ', '\t']) {
                self.rewrite(site, &value.span, |raw| header(raw, name, None), &MALFORMED_HEADER);
            } else if quoting == Quoting::Single && !self.group.is_quoted && content.contains('$') {
                self.rewrite(site, &value.span, |raw| header(raw, name, None), &LITERAL_TOKEN);
            } else if let Some(variable) = variable(content)
                && name == TOKEN_WRITTEN
                && self.is_unset(variable)
                && let Some(held) = self.held(value.span.start).map(|held| held.name.clone())
                && (held.eq_ignore_ascii_case(variable) || distance(&held, variable) <= 2)
            {
                let right = format!("${held}");
                self.rewrite(site, &value.span, |raw| header(raw, name, Some(&right)), &WRONG_VARIABLE);
            }
        }
    }

    fn rewrite(
        &mut self,
        site: &Site<'_>,
        span: &Range<usize>,
        rewrite: impl FnOnce(&str) -> Option<String>,
        finding: &'static Finding,
    ) {
        let is_corrected = site.can_correct && self.edits.rewrite(self.text, span, rewrite);
        self.note(finding, site.call.after_name, is_corrected);
    }

    fn problem(&mut self, site: &Site<'_>, problem: &Problem) {
        let at = site.call.after_name;
        let has_one = self.held(at).is_some_and(|held| held.is_own) || self.lone_put.is_some();
        let is_unused = *problem == Problem::NoToken && has_one;
        let finding = if is_unused { &TOKEN_UNUSED } else { problem.finding() };
        let is_corrected = site.can_correct && self.correct(site, problem);
        self.note(finding, at, is_corrected);
    }

    /// Puts right what is wrong, and says whether it could.
    fn correct(&mut self, site: &Site<'_>, problem: &Problem) -> bool {
        let call = site.call;
        let url = &call.urls[site.url].span;
        let option = if call.program == Program::Curl { " -H " } else { " --header=" };
        match problem {
            Problem::NotPut => self.put(call),
            Problem::WrongMethod => {
                call.method.as_ref().is_some_and(|method| self.edits.remove(self.text, &method.whole))
            }
            Problem::Path(_) => {
                let path = site.path.as_str();
                self.edits.rewrite(self.text, url, |raw| {
                    (!path.is_empty() && raw.contains(path)).then(|| raw.replacen(path, TOKEN_PATH, 1))
                })
            }
            Problem::TtlMissing => {
                self.edits.insert(url.end, format!("{option}\"{TTL_WRITTEN}: 21600\""));
                true
            }
            Problem::TtlOutOfRange(index) => self.header(call, *index, TTL_WRITTEN, Some(&ttl_value(""))),
            Problem::Renamed(index, name) => self.header(call, *index, name, None),
            Problem::Malformed(index, name, value) => self.header(call, *index, name, Some(value)),
            Problem::Forwarded(index) | Problem::Expect(index) => {
                self.edits.remove(self.text, &call.headers[*index].whole)
            }
            Problem::EmptyToken(index) => match self.token(site) {
                Some(token) => self.header(call, *index, TOKEN_WRITTEN, Some(&token)),
                None => false,
            },
            Problem::NoToken => match self.token(site) {
                Some(token) => {
                    self.edits.insert(call.after_name, format!("{option}\"{TOKEN_WRITTEN}: {token}\""));
                    true
                }
                None => false,
            },
        }
    }

    /// Writes a header anew.
    fn header(&mut self, call: &Call, index: usize, name: &str, value: Option<&str>) -> bool {
        self.edits.rewrite(self.text, &call.headers[index].span, |raw| header(raw, name, value))
    }

    /// Makes a PUT of what asks for a token.
    fn put(&mut self, call: &Call) -> bool {
        let option = if call.program == Program::Curl { " -X PUT" } else { " --method=PUT" };
        match (&call.method, call.implied) {
            (Some(method), _) => self.edits.rewrite(self.text, &method.span, |_| Some("PUT".to_owned())),
            (None, "HEAD") => false,
            (None, _) => {
                self.edits.insert(call.after_name, option);
                true
            }
        }
    }

    /// What stands for a token in this call. Where there is none yet, one is fetched.
    fn token(&mut self, site: &Site<'_>) -> Option<String> {
        if !site.can_correct {
            return None;
        }
        let at = site.call.after_name;
        if let Some(held) = self.held(at) {
            return Some(format!("${}", held.name));
        }
        let name = self.new_name();
        let line = self.line_of(at);
        let put = self.lone_put.as_ref().filter(|put| {
            put.can_be_kept && (self.indent(put.line) == 0 || self.indent(put.line) == self.indent(line))
        });
        if let Some(put) = put.cloned() {
            self.lone_put = None;
            self.edits.insert(put.span.start, format!("{name}=$("));
            if !put.fails {
                self.edits.insert(put.after_name, " -f");
            }
            self.edits.insert(put.span.end, ")");
            self.hold(name, true, put.line);
            return Some(format!("${name}"));
        }
        let fetch = fetch(site.call, &site.base);
        if site.reach == Reach::Inline {
            return Some(format!("$({fetch})"));
        }
        self.edits.insert(self.group.start, format!("{}{name}=$({fetch})\n", self.group.lead));
        self.hold(name, false, self.line_of(self.group.start));
        Some(format!("${name}"))
    }

    fn proxy(&mut self, site: &Site<'_>) {
        let call = site.call;
        if let Some(proxy) = &call.proxy {
            let is_corrected = site.can_correct && self.edits.remove(self.text, &proxy.whole);
            self.note(&PROXY, call.after_name, is_corrected);
        } else if self.is_proxied && !self.spares_proxy && !call.bypasses_proxy {
            if site.can_correct {
                let option = match call.program {
                    Program::Curl => " --noproxy \"*\"",
                    Program::Wget => " --no-proxy",
                };
                self.edits.insert(call.after_name, option);
            }
            self.note(&PROXY, call.after_name, site.can_correct);
        }
    }

    /// Output that is kept must not be the page of an error.
    fn failure(&mut self, site: &Site<'_>, output: Output, context: Context<'_>) {
        let call = site.call;
        let is_kept = match output {
            Output::Caller => context.is_substituted,
            Output::File => call.file.as_deref() != Some("/dev/null"),
            Output::Pipe => true,
            Output::Nowhere => false,
        };
        if is_kept && !call.fails && !call.tells_more && !call.is_opaque {
            if site.can_correct {
                self.edits.insert(call.after_name, " -f");
            }
            self.note(&NO_FAIL, call.after_name, site.can_correct);
        }
    }
}

/// The command that fetches a token, with the program of the call.
fn fetch(call: &Call, base: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:[]/_${}-".contains(c);
    let base = base.strip_prefix("https://").map_or(base.to_owned(), |rest| format!("http://{rest}"));
    let base = if base.chars().all(is_plain) { base } else { "http://169.254.169.254".to_owned() };
    let quiet = if call.is_silent { "s" } else { "" };
    match call.program {
        Program::Curl => {
            format!("curl -{quiet}f -X PUT \"{base}{TOKEN_PATH}\" -H \"{TTL_WRITTEN}: 21600\"")
        }
        Program::Wget => {
            format!("wget -qO- --method=PUT --header=\"{TTL_WRITTEN}: 21600\" \"{base}{TOKEN_PATH}\"")
        }
    }
}

/// The variable that a value is.
fn variable(value: &str) -> Option<&str> {
    let name = value.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    is_name(name).then_some(name)
}
