//! A small reader of shell text: words, commands and substitutions, with their places. It executes nothing, and stops
//! where it does not understand.

use std::ops::Range;

use super::paste::logical_line;

/// How deep substitutions may be nested.
const DEPTH: usize = 16;
/// How many bytes further down a substitution may end.
const FURTHER: usize = 2048;

/// A simple command.
#[derive(Debug, Default)]
pub(super) struct Command {
    /// `NAME=value` before the command.
    pub(super) assignments: Vec<(String, Word)>,
    /// The command and its arguments.
    pub(super) words: Vec<Word>,
    /// Where its output goes.
    pub(super) output: Output,
}

/// Where the output of a command goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Output {
    /// To who runs it, or to who reads a substitution.
    #[default]
    Caller,
    /// Into a file.
    File,
    /// Into another command.
    Pipe,
    /// To `/dev/null`.
    Nowhere,
}

/// A word, and where it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Word {
    /// Its bytes in the text, quotes included.
    pub(super) span: Range<usize>,
    /// What it is made of.
    pub(super) parts: Vec<Part>,
}

impl Command {
    /// Is there nothing?
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.assignments.is_empty()
    }

    /// From its first word that is not transparent to its last.
    pub(super) fn span(&self) -> Range<usize> {
        let first = self.words.iter().find(|word| !word.plain().is_some_and(is_transparent));
        let start = first.map_or(0, |word| word.span.start);
        start..self.words.last().map_or(start, |word| word.span.end)
    }
}

impl Word {
    /// What it is, if that is one piece of text.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Words behind which a command begins: keywords, prompts, and commands that run their arguments.
const TRANSPARENT: [&str; 26] = [
    "!",
    "$",
    "%",
    "RUN",
    "command",
    "declare",
    "do",
    "elif",
    "else",
    "env",
    "exec",
    "export",
    "if",
    "local",
    "nice",
    "nohup",
    "readonly",
    "sudo",
    "then",
    "time",
    "typeset",
    "until",
    "while",
    "{",
    "CMD",
    "ENTRYPOINT",
];

/// Does a command, or an assignment, begin behind this word?
pub(super) fn is_transparent(word: &str) -> bool {
    TRANSPARENT.contains(&word) || is_prompt(word)
}

/// Is it a prompt? `[ec2-user@ip-172-31-16-10 ~]$` ends with one.
pub(super) fn is_prompt(word: &str) -> bool {
    word == "$"
        || word == "%"
        || word.starts_with('[') && word.contains('@')
        || word.ends_with("]$")
        || word.ends_with("]#")
        || word.contains('@') && word.ends_with(['$', '#'])
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Itself.
    Text(String),
    /// `$NAME`
    Variable(String),
    /// The output of commands, whose number among the substitutions this is.
    Substitution(usize),
    /// What is not understood.
    Unknown,
}

/// Why a piece of text could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// A quote of this kind is not closed.
    Quote(u8),
    /// A substitution is not closed.
    Substitution,
    /// Too many are nested.
    TooDeep,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The commands, in their order.
    pub(super) commands: Vec<Command>,
    /// The commands of each substitution.
    pub(super) substitutions: Vec<Vec<Command>>,
    /// Where it ends: behind the line that a substitution ends on.
    pub(super) end: usize,
    /// Why it ends before its end.
    pub(super) broken: Option<Broken>,
}

/// What ends a list of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    End,
    Parenthesis,
    Backtick,
}

/// Reads what stands at `span` of `text`, and on to where a substitution ends that begins there.
pub(super) fn read(text: &str, span: Range<usize>) -> Reading {
    let mut most = text.len().min(span.end + FURTHER);
    while !text.is_char_boundary(most) {
        most -= 1;
    }
    let mut reader = Reader {
        text,
        at: span.start,
        end: span.end,
        most,
        depth: 0,
        is_in_backticks: false,
        substitutions: Vec::new(),
    };
    let mut commands = Vec::new();
    let broken = reader.commands(Until::End, &mut commands).err();
    Reading { commands, substitutions: reader.substitutions, end: reader.end, broken }
}

/// Is it a name of a variable?
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where the lines end that are read.
    end: usize,
    /// Where a substitution must have ended.
    most: usize,
    depth: usize,
    is_in_backticks: bool,
    substitutions: Vec<Vec<Command>>,
}

impl<'a> Reader<'a> {
    /// Where reading ends at the moment.
    fn limit(&self) -> usize {
        if self.depth == 0 { self.end } else { self.most }
    }

    /// What is still to be read.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..self.limit()).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn next_is(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Steps over so many bytes, as far as they are there.
    fn step(&mut self, by: usize) {
        self.at = (self.at + by).min(self.limit());
    }

    /// Reads commands up to what ends them, and over it.
    fn commands(&mut self, until: Until, commands: &mut Vec<Command>) -> Result<(), Broken> {
        let mut command = Command::default();
        let mut open = 0_usize;
        loop {
            let Some(byte) = self.peek() else {
                commands.push(command);
                return if until == Until::End { Ok(()) } else { Err(Broken::Substitution) };
            };
            match byte {
                b' ' | b'\t' | b'\r' => self.step(1),
                b'\\' if self.next_is("\\\n") => self.step(2),
                b'#' => self.comment(),
                b')' if until == Until::Parenthesis && open == 0 => {
                    self.step(1);
                    commands.push(command);
                    return Ok(());
                }
                b'`' if until == Until::Backtick => {
                    self.step(1);
                    commands.push(command);
                    return Ok(());
                }
                b'\n' | b';' | b'&' | b'|' | b'(' | b')' => {
                    if self.next_is("&>") {
                        self.step(1);
                        continue;
                    }
                    let is_pipe = byte == b'|' && !self.next_is("||");
                    open = match byte {
                        b'(' => open + 1,
                        b')' => open.saturating_sub(1),
                        _ => open,
                    };
                    self.step(if self.next_is("&&") || self.next_is("||") { 2 } else { 1 });
                    let mut ended = std::mem::take(&mut command);
                    if is_pipe && ended.output == Output::Caller {
                        ended.output = Output::Pipe;
                    }
                    commands.push(ended);
                }
                b'<' | b'>' => self.redirect(&mut command, true)?,
                _ => self.argument(&mut command)?,
            }
        }
    }

    fn comment(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.step(1);
        }
    }

    /// A word, an assignment, or the number of a file that is redirected.
    fn argument(&mut self, command: &mut Command) -> Result<(), Broken> {
        let may_assign = command.words.iter().all(|word| word.plain().is_some_and(is_transparent));
        let assigned = if may_assign { self.assigned() } else { None };
        if let Some(name) = &assigned {
            self.step(name.len());
            self.step(if self.next_is("+") { 2 } else { 1 });
        }
        let word = self.word()?;
        if let Some(name) = assigned {
            command.assignments.push((name, word));
            return Ok(());
        }
        if word.span.is_empty() {
            // Nothing that a word begins with.
            self.step(1);
            return Ok(());
        }
        let number = self.text.get(word.span.clone()).unwrap_or_default();
        if matches!(self.peek(), Some(b'<' | b'>')) && number.bytes().all(|byte| byte.is_ascii_digit()) {
            let is_output = number == "1";
            return self.redirect(command, is_output);
        }
        command.words.push(word);
        Ok(())
    }

    /// The name that is assigned to here.
    fn assigned(&self) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let (name, after) = rest.split_at(end);
        let is_assigned = after.starts_with('=') || after.starts_with("+=");
        (is_assigned && is_name(name)).then(|| name.to_owned())
    }

    /// A redirection. What it leads to is a word.
    fn redirect(&mut self, command: &mut Command, is_output: bool) -> Result<(), Broken> {
        let is_writing = self.peek() == Some(b'>');
        while matches!(self.peek(), Some(b'<' | b'>' | b'&' | b'-')) {
            self.step(1);
        }
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.step(1);
        }
        if matches!(self.peek(), None | Some(b'\n' | b';' | b'|' | b'(' | b')' | b'`')) {
            return Ok(());
        }
        let target = self.word()?;
        let target = self.text.get(target.span).unwrap_or_default();
        if is_writing && is_output && !target.bytes().all(|byte| byte.is_ascii_digit()) {
            command.output = if target == "/dev/null" { Output::Nowhere } else { Output::File };
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Word, Broken> {
        let start = self.at;
        let mut parts = Parts::default();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\\' if self.next_is("\\\n") => break,
                b'\\' => {
                    self.step(1);
                    self.character(&mut parts);
                }
                b'\'' => self.single(&mut parts)?,
                b'"' => self.double(&mut parts)?,
                // It ends the substitution.
                b'`' if self.is_in_backticks => break,
                b'`' => self.backticks(&mut parts)?,
                b'$' => self.dollar(&mut parts)?,
                _ => self.character(&mut parts),
            }
        }
        Ok(Word { span: start..self.at, parts: parts.done() })
    }

    /// The character here, whatever its length.
    fn character(&mut self, parts: &mut Parts) {
        if let Some(character) = self.rest().chars().next() {
            parts.text.push(character);
            self.step(character.len_utf8());
        }
    }

    fn single(&mut self, parts: &mut Parts) -> Result<(), Broken> {
        self.step(1);
        let rest = self.rest();
        let length = rest.find('\'').ok_or(Broken::Quote(b'\''))?;
        parts.text.push_str(&rest[..length]);
        self.step(length + 1);
        Ok(())
    }

    fn double(&mut self, parts: &mut Parts) -> Result<(), Broken> {
        self.step(1);
        loop {
            match self.peek().ok_or(Broken::Quote(b'"'))? {
                b'"' => {
                    self.step(1);
                    return Ok(());
                }
                b'\\' => {
                    self.step(1);
                    if self.peek() == Some(b'\n') {
                        self.step(1);
                    } else {
                        self.character(parts);
                    }
                }
                b'`' if self.is_in_backticks => return Err(Broken::Quote(b'"')),
                b'`' => self.backticks(parts)?,
                b'$' => self.dollar(parts)?,
                _ => self.character(parts),
            }
        }
    }

    /// What a dollar begins: a variable, a substitution, or itself.
    fn dollar(&mut self, parts: &mut Parts) -> Result<(), Broken> {
        let rest = self.rest().get(1..).unwrap_or_default();
        if rest.starts_with("((") {
            let length = rest.find("))").ok_or(Broken::Substitution)?;
            self.step(1 + length + 2);
            parts.unknown();
        } else if rest.starts_with('(') {
            self.step(2);
            self.substitution(Until::Parenthesis, parts)?;
        } else if let Some(braced) = rest.strip_prefix('{') {
            let length = braced.find('}').ok_or(Broken::Substitution)?;
            let name = &braced[..length];
            if is_name(name) {
                parts.variable(name);
            } else {
                parts.unknown();
            }
            self.step(2 + length + 1);
        } else {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = &rest[..length];
            if is_name(name) {
                parts.variable(name);
                self.step(1 + length);
            } else if rest.starts_with(|c: char| c.is_ascii_digit() || "@*?!-".contains(c)) {
                parts.unknown();
                self.step(2);
            } else {
                parts.text.push('$');
                self.step(1);
            }
        }
        Ok(())
    }

    fn backticks(&mut self, parts: &mut Parts) -> Result<(), Broken> {
        self.step(1);
        self.substitution(Until::Backtick, parts)
    }

    fn substitution(&mut self, until: Until, parts: &mut Parts) -> Result<(), Broken> {
        if self.depth == DEPTH {
            return Err(Broken::TooDeep);
        }
        let around = std::mem::replace(&mut self.is_in_backticks, until == Until::Backtick);
        self.depth += 1;
        let mut commands = Vec::new();
        let result = self.commands(until, &mut commands);
        self.depth -= 1;
        self.is_in_backticks = around;
        self.substitutions.push(commands);
        parts.push(Part::Substitution(self.substitutions.len() - 1));
        if self.depth == 0 && self.at > self.end {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.end = self.at + logical_line(rest);
            self.most = self.most.max(self.end);
        }
        result
    }
}

/// The parts of a word that is being read.
#[derive(Default)]
struct Parts {
    text: String,
    parts: Vec<Part>,
}

impl Parts {
    fn push(&mut self, part: Part) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
        self.parts.push(part);
    }

    fn variable(&mut self, name: &str) {
        self.push(Part::Variable(name.to_owned()));
    }

    fn unknown(&mut self) {
        self.push(Part::Unknown);
    }

    fn done(mut self) -> Vec<Part> {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(self.text));
        }
        self.parts
    }
}
