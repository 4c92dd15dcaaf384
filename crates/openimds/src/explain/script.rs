//! Walks through shell text, command by command, as far as it is understood, and knows at each what was set before.

use std::collections::HashMap;

use imds_core::finding::Finding;

use super::Found;
use super::curl::{self, Program};
use super::edit::{Edits, Quoting, unquote};
use super::paste::logical_line;
use super::request::{is_metadata_host, is_of_interest};
use super::shell::{self, Broken, Command, Output, Part, Reading, Word};

/// Commands whose arguments are words and not commands.
pub(super) const TALKING: [&str; 16] = [
    "alias", "apk", "apt", "apt-get", "brew", "dnf", "dpkg", "echo", "grep", "man", "pip", "printf", "rpm",
    "type", "which", "yum",
];
/// How deep strings that hold commands may be nested.
const DEPTH: usize = 3;

/// What was found in shell text, the text without it, and how many calls of the service are in it.
pub(super) fn check(text: &str) -> (Vec<Found>, String, usize) {
    let mut script = Script::new(text);
    script.lines(0..text.len());
    (script.found, script.edits.apply(text), script.calls)
}

/// The commands of a transcript, without prompts and without what was printed. Nothing, if there is no prompt in it.
pub(super) fn without_prompts(text: &str) -> Option<String> {
    let mut commands = String::new();
    let mut at = 0;
    while at < text.len() {
        let line = at + logical_line(&text[at..]);
        let reading = shell::read(text, at..line);
        let mut end = reading.end.max(line);
        let command = behind_prompt(&text[at..end]).map(|length| at + length);
        if let Some(command) = command {
            if let Some(Broken::Quote(quote)) = reading.broken
                && let Some(closed) = text[end..].find(char::from(quote))
            {
                end += closed + logical_line(&text[end + closed..]);
            }
            commands.push_str(&text[command..end]);
        }
        at = end;
    }
    (!commands.is_empty()).then_some(commands)
}

/// Where the command begins behind a prompt.
fn behind_prompt(line: &str) -> Option<usize> {
    let mut rest = line.trim_start_matches([' ', '\t']);
    let mut has_prompt = false;
    while let Some((word, more)) = rest.split_once(' ').filter(|(word, _)| shell::is_prompt(word)) {
        has_prompt = true;
        rest = more.trim_start_matches(' ');
        // The heading of curl's progress begins with a sign that is a prompt of other shells.
        if word == "%" && rest.starts_with("Total ") {
            return None;
        }
    }
    has_prompt.then(|| line.len() - rest.len())
}

pub(super) struct Script<'a> {
    pub(super) text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
    /// What is set. Of some the value is not known.
    variables: HashMap<String, Option<String>>,
    /// Variables that hold a token.
    pub(super) tokens: Vec<Held>,
    /// A PUT whose token nobody keeps.
    pub(super) lone_put: Option<LonePut>,
    pub(super) is_proxied: bool,
    pub(super) spares_proxy: bool,
    pub(super) group: Group,
    depth: usize,
    /// How many calls of the service there are.
    pub(super) calls: usize,
    found: Vec<Found>,
    pub(super) edits: Edits,
}

/// A variable that holds a token.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) name: String,
    /// Was it there before it was corrected?
    pub(super) is_own: bool,
    /// Where it is set, and how far that line is indented.
    line: usize,
    indent: usize,
}

/// A PUT that stands alone.
#[derive(Debug, Clone)]
pub(super) struct LonePut {
    pub(super) span: std::ops::Range<usize>,
    pub(super) after_name: usize,
    pub(super) fails: bool,
    pub(super) line: usize,
    /// Can it be made an assignment?
    pub(super) can_be_kept: bool,
}

/// The line, with those that belong to it, that is being read.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    /// Blanks and a prompt, before its first command.
    pub(super) lead: String,
    /// Can a line be put in before it?
    pub(super) is_own_line: bool,
    /// Does it stand in a string in double quotes that began further up?
    pub(super) is_quoted: bool,
    /// How many commands it has.
    pub(super) commands: usize,
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context<'a> {
    /// The variable that its output is put into.
    pub(super) assigned: Option<&'a str>,
    /// Is its output put into anything?
    pub(super) is_substituted: bool,
}

/// How a command can be corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It can, and a line put in before it.
    Line,
    /// It can, where it stands.
    Inline,
    /// It runs elsewhere.
    Foreign,
}

/// Is it one of a crontab's first words, or what `timeout` is told?
fn is_time(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == '*')
}

impl<'a> Script<'a> {
    fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
        Self {
            text,
            starts,
            variables: HashMap::new(),
            tokens: Vec::new(),
            lone_put: None,
            is_proxied: false,
            spares_proxy: false,
            group: Group::default(),
            depth: 0,
            calls: 0,
            found: Vec::new(),
            edits: Edits::default(),
        }
    }

    /// The number of the line at this byte, from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    pub(super) fn note(&mut self, finding: &'static Finding, at: usize, is_corrected: bool) {
        let line = self.line_of(at);
        self.found.push(Found { finding, line, is_corrected });
    }

    /// Reads lines one after the other, each with those that belong to it.
    fn lines(&mut self, span: std::ops::Range<usize>) {
        let mut at = span.start;
        // Where a string in double quotes ends that goes over several lines.
        let mut quoted_until = 0;
        while at < span.end {
            let end = (at + logical_line(&self.text[at..])).min(span.end);
            let reading = shell::read(self.text, at..end);
            self.group = self.group_of(at, end, &reading);
            self.group.is_quoted = at < quoted_until;
            self.commands(&reading.commands, &reading, Context::default());
            if reading.broken == Some(Broken::Quote(b'"')) && at >= quoted_until {
                quoted_until = self.text[end..].find('"').map_or(0, |length| end + length);
            }
            at = reading.end.max(end);
        }
    }

    fn group_of(&self, start: usize, end: usize, reading: &Reading) -> Group {
        let line = &self.text[start..end];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let first = reading.commands.iter().find(|command| !command.is_empty());
        let words = first.map(|command| command.words.as_slice()).unwrap_or_default();
        let prompt = words
            .iter()
            .take_while(|word| word.plain().is_some_and(|word| shell::is_prompt(word) || word == "~]$"))
            .last();
        let lead = prompt.map_or(start + indent, |word| (word.span.end + 1).min(end));
        let opening = words.iter().find(|word| word.span.start >= lead).and_then(Word::plain);
        // Of a Dockerfile, or a crontab, or an `else`.
        let is_listed = opening.is_some_and(|word| {
            ["RUN", "CMD", "ENTRYPOINT", "elif", "else"].contains(&word) || is_time(word)
        });
        let before = self.text[..start].trim_end();
        let goes_on = ["&&", "||", "|"].iter().any(|end| before.ends_with(end));
        Group {
            start,
            lead: self.text.get(start..lead).unwrap_or_default().to_owned(),
            is_own_line: !is_listed && !goes_on && self.depth == 0,
            is_quoted: false,
            commands: reading.commands.iter().filter(|command| !command.is_empty()).count(),
        }
    }

    fn commands(&mut self, commands: &[Command], reading: &Reading, context: Context<'_>) {
        for command in commands {
            self.command(command, reading, context);
        }
    }

    fn command(&mut self, command: &Command, reading: &Reading, context: Context<'_>) {
        let program = self.program(command);
        let before = (self.is_proxied, self.spares_proxy);
        for (name, word) in &command.assignments {
            self.assign(name, word, reading);
        }
        for word in &command.words {
            self.substitutions(word, reading, Context { assigned: None, is_substituted: true });
        }
        match program {
            Some((index, program, reach)) => {
                let expand = |word: &Word| self.expand(word);
                let name = &command.words[index];
                let call = curl::arguments(program, name, &command.words[index + 1..], self.text, &expand);
                let output = if call.file.is_some() { Output::File } else { command.output };
                self.call(call, output, context, reach, command.span());
            }
            None => self.other(command),
        }
        let is_run = command.words.iter().any(|word| !word.plain().is_some_and(shell::is_transparent));
        if is_run && !command.assignments.is_empty() {
            (self.is_proxied, self.spares_proxy) = before;
        }
    }

    /// The program among the words that is understood, and how far it can be corrected.
    fn program(&self, command: &Command) -> Option<(usize, Program, Reach)> {
        let mut reach = Reach::Line;
        for (index, word) in command.words.iter().enumerate() {
            let plain = word.plain().unwrap_or_default();
            let raw = self.text.get(word.span.clone()).unwrap_or_default();
            if unquote(raw).0 == Quoting::None
                && let Some(program) = Program::of(plain)
            {
                let before = self.text.get(self.group.start..word.span.start).unwrap_or_default();
                let is_in_case = before.matches(')').count() > before.matches('(').count();
                if reach == Reach::Line && (is_in_case || !self.group.is_own_line) {
                    reach = Reach::Inline;
                }
                return Some((index, program, reach));
            }
            if index == 0 && TALKING.contains(&plain) {
                return None;
            }
            // What YAML makes of a line is not what a shell does.
            let is_known = shell::is_transparent(plain)
                || (plain.starts_with('-') && plain != "-")
                || is_time(plain)
                || ["timeout", "~]$"].contains(&plain);
            if !is_known {
                reach = Reach::Foreign;
            }
        }
        None
    }

    fn substitutions(&mut self, word: &Word, reading: &Reading, context: Context<'_>) {
        for part in &word.parts {
            if let Part::Substitution(number) = part
                && let Some(commands) = reading.substitutions.get(*number)
            {
                self.commands(commands, reading, context);
            }
        }
    }

    fn assign(&mut self, name: &str, word: &Word, reading: &Reading) {
        let assigned = matches!(word.parts[..], [Part::Substitution(_)]).then_some(name);
        self.substitutions(word, reading, Context { assigned, is_substituted: true });
        let is_known = word.parts.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Variable(name) => matches!(self.variables.get(name), Some(Some(_))),
            Part::Substitution(_) | Part::Unknown => false,
        });
        let value = is_known.then(|| self.expand(word));
        let is_set = value.as_ref().is_none_or(|value| !value.is_empty());
        match name {
            "http_proxy" | "all_proxy" | "ALL_PROXY" => self.is_proxied = is_set,
            "no_proxy" | "NO_PROXY" => {
                self.spares_proxy = value.as_ref().is_none_or(|value| {
                    value
                        .split(',')
                        .map(str::trim)
                        .any(|entry| entry == "*" || is_metadata_host(entry) || entry.starts_with("169.254."))
                });
            }
            _ => {}
        }
        self.variables.insert(name.to_owned(), value);
    }

    /// A command that is no call: it may unset variables, or run one that is an argument of it.
    fn other(&mut self, command: &Command) {
        let first = command.words.first().and_then(Word::plain).unwrap_or_default();
        if first == "unset" {
            for name in command.words.iter().filter_map(Word::plain) {
                self.variables.remove(name);
                self.is_proxied &= !["http_proxy", "all_proxy", "ALL_PROXY"].contains(&name);
            }
        }
        if TALKING.contains(&first) || self.depth == DEPTH {
            return;
        }
        for word in command.words.iter().skip(1) {
            let raw = self.text.get(word.span.clone()).unwrap_or_default();
            let (quoting, inner) = unquote(raw);
            if is_of_interest(inner) && (inner.contains("curl ") || inner.contains("wget ")) {
                self.nested(word.span.start + 1, inner.len(), quoting);
            }
        }
    }

    /// Commands in a string: `ssh web 'curl …'`. In double quotes they are not corrected.
    fn nested(&mut self, start: usize, length: usize, quoting: Quoting) {
        let is_quoted = match quoting {
            Quoting::Single => self.group.is_quoted,
            Quoting::Double => true,
            Quoting::None | Quoting::Mixed => return,
        };
        let group = self.group.clone();
        let tokens = std::mem::take(&mut self.tokens);
        let lone_put = self.lone_put.take();
        self.depth += 1;
        let mut at = start;
        let end = start + length;
        while at < end {
            let line_end = (at + logical_line(&self.text[at..end])).min(end);
            let mut reading = shell::read(&self.text[..end], at..line_end);
            self.group = self.group_of(at, line_end, &reading);
            self.group.is_quoted = is_quoted;
            let commands = std::mem::take(&mut reading.commands);
            self.commands(&commands, &reading, Context::default());
            at = reading.end.max(line_end);
        }
        self.depth -= 1;
        self.tokens = tokens;
        self.lone_put = lone_put;
        self.group = group;
    }

    /// What the shell makes of a word, as far as it can be known; a variable that is not known stays one.
    pub(super) fn expand(&self, word: &Word) -> String {
        let mut text = String::new();
        for part in &word.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable(name) => match self.variables.get(name) {
                    Some(Some(value)) if text.len() + value.len() < 4096 => text.push_str(value),
                    Some(_) | None => text.extend(["$", name]),
                },
                Part::Substitution(_) => text.push_str("$(…)"),
                Part::Unknown => text.push_str("$…"),
            }
        }
        text
    }

    /// Remembers a variable that holds a token from here on.
    pub(super) fn hold(&mut self, name: &str, is_own: bool, line: usize) {
        let indent = self.indent(line);
        self.tokens.push(Held { name: name.to_owned(), is_own, line, indent });
    }

    /// The variable that holds a token where `at` is: it is set further up, and not in another block.
    pub(super) fn held(&self, at: usize) -> Option<&Held> {
        let line = self.line_of(at);
        self.tokens.iter().rev().find(|held| {
            let mut between = held.line + 1..=line;
            held.line == line || between.all(|line| self.is_blank(line) || self.indent(line) >= held.indent)
        })
    }

    /// Is nothing set under this name anywhere?
    pub(super) fn is_unset(&self, name: &str) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !self.text.match_indices(name).any(|(at, _)| {
            let before = self.text[..at].chars().next_back();
            let after = self.text[at + name.len()..].chars().next();
            !before.is_some_and(|c| is_part(c) || c == '$' || c == '{') && !after.is_some_and(is_part)
        })
    }

    /// A name for a token that nothing else has.
    pub(super) fn new_name(&self) -> &'static str {
        let is_taken =
            self.variables.contains_key("TOKEN") && !self.tokens.iter().any(|held| held.name == "TOKEN");
        if is_taken { "IMDS_TOKEN" } else { "TOKEN" }
    }

    fn text_of(&self, line: usize) -> &str {
        let start = self.starts.get(line - 1).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }

    fn is_blank(&self, line: usize) -> bool {
        self.text_of(line).trim().is_empty()
    }

    pub(super) fn indent(&self, line: usize) -> usize {
        let text = self.text_of(line);
        text.len() - text.trim_start_matches([' ', '\t']).len()
    }
}
