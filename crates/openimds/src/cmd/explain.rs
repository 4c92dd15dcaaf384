//! `imds explain`: what is wrong with a command, a script or an HTTP exchange, and the same without it.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::finding::Known;
use rustix::termios::isatty;

use super::{finding, json};
use crate::admin::printable;
use crate::app::{fail, print};
use crate::args::explain::Explain;
use crate::explain::{self, Explanation, LIMIT, Unreadable};

/// The exit status for what cannot be read, as for any wrong usage.
const USAGE: u8 = 2;

pub(super) fn run(args: &Explain) -> anyhow::Result<ExitCode> {
    let explanation = match explain::explain(&text(args)?) {
        Ok(explanation) => explanation,
        Err(error @ (Unreadable::TooLong | Unreadable::NotText)) => {
            fail(error);
            return Ok(ExitCode::from(USAGE));
        }
    };
    if args.json {
        print(json(&explanation)?.as_bytes());
    } else {
        tell(&explanation);
        print(corrected(&explanation.corrected).as_bytes());
    }
    Ok(if explanation.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is to be explained.
fn text(args: &Explain) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LIMIT)? + 1;
    match (&args.file, args.text.as_slice()) {
        (Some(path), _) => {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            file.take(most)
                .read_to_end(&mut bytes)
                .with_context(|| format!("cannot read {}", path.display()))?;
        }
        (None, []) => {
            if isatty(io::stdin()) {
                let _ =
                    writeln!(io::stderr(), "imds: paste the text, then press Ctrl-D on a line of its own");
            }
            io::stdin().take(most).read_to_end(&mut bytes).context("cannot read standard input")?;
        }
        (None, [whole]) => bytes.extend_from_slice(whole.as_bytes()),
        (None, words) => bytes.extend_from_slice(joined(words).as_bytes()),
    }
    Ok(bytes)
}

/// Words that the shell has taken apart already, as one command again.
fn joined(words: &[String]) -> String {
    let quoted = |word: &String| {
        let is_plain = !word.is_empty()
            && word.chars().all(|c| c.is_alphanumeric() || "%+,-./:=@_[]“”‘’″′–—".contains(c));
        if is_plain || word.contains(['“', '”', '″', '‘', '’']) {
            // With quotes that are none, a word is only a part of what was meant.
            return word.clone();
        }
        let mut quoted = String::from("\"");
        for character in word.chars() {
            // A dollar that came through the first shell was meant for the one that runs the command.
            if "\"\\`".contains(character) {
                quoted.push('\\');
            }
            quoted.push(character);
        }
        quoted + "\""
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Tells what is wrong on standard error.
fn tell(explanation: &Explanation) {
    let mut told = String::new();
    for remark in &explanation.findings {
        let lines: Vec<_> = remark.lines.iter().map(ToString::to_string).collect();
        let plural = if lines.len() == 1 { "" } else { "s" };
        let left = if remark.corrected { "" } else { ", not corrected" };
        let place = format!(", line{plural} {}{left}", lines.join(", "));
        told += &finding::text(remark.finding, &place, &Known::default(), !remark.corrected);
    }
    if explanation.findings.is_empty() {
        told += match explanation.recognised {
            0 => {
                "imds: no call of the metadata service was recognised; it reads sh with curl or wget, and HTTP\n"
            }
            _ => "imds: nothing wrong was found\n",
        };
    }
    // Its reader may be gone.
    let _ = io::stderr().write_all(told.as_bytes());
}

/// The text as it is, or harmless on a terminal, and with an end of its last line.
fn corrected(text: &str) -> String {
    let mut shown = if isatty(io::stdout()) {
        text.split('\n')
            .map(|line| line.split('\t').map(printable).collect::<Vec<_>>().join("\t"))
            .collect::<Vec<_>>()
            .join("\n")
    } else {
        text.to_owned()
    };
    if !shown.is_empty() && !shown.ends_with('\n') {
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_become_a_command_again() {
        let joined =
            |words: &[&str]| super::joined(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(joined(&["curl", "-H", "X: $T", "http://a/"]), "curl -H \"X: $T\" http://a/");
        assert_eq!(joined(&["curl", "", "a\"b`c\\"]), "curl \"\" \"a\\\"b\\`c\\\\\"");
        assert_eq!(joined(&["curl", "-H", "“X:", "60”"]), "curl -H “X: 60”");
    }
}
