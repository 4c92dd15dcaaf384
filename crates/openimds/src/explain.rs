//! What is wrong with a command, a script or an HTTP exchange that is meant for the metadata service, and the same
//! without it.
//!
//! Nothing is executed. What is not understood stays as it is, and is not called wrong.

mod call;
mod curl;
mod edit;
mod exchange;
mod paste;
mod request;
mod script;
mod shell;
mod unjudged;

use imds_core::finding::Finding;
use serde::Serialize;

pub(crate) use request::distance;

/// The longest text that is read, in bytes.
pub const LIMIT: usize = 256 * 1024;

/// What is wrong with a text, and its correction.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What is wrong, in the order of the lines.
    pub findings: Vec<Remark>,
    /// How many calls, requests and answers were recognised.
    pub recognised: usize,
    /// The text, corrected; as it was, if nothing is wrong with it.
    pub corrected: String,
}

/// One finding, wherever it was made.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The lines, counted from 1.
    pub lines: Vec<usize>,
    /// Is it gone from the corrected text?
    pub corrected: bool,
    /// What it is.
    #[serde(flatten)]
    pub finding: &'static Finding,
}

/// Why a text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is too long.
    #[error("more than 256 KiB of text: give only the part that calls the metadata service")]
    TooLong,
    /// It is binary.
    #[error("this is not text: give a command, a script or an HTTP exchange, in UTF-8")]
    NotText,
}

/// A finding at one place.
#[derive(Debug)]
struct Found {
    finding: &'static Finding,
    line: usize,
    is_corrected: bool,
}

/// Explains a text.
///
/// # Errors
/// When it is too long, or no text.
pub fn explain(bytes: &[u8]) -> Result<Explanation, Unreadable> {
    if bytes.len() > LIMIT {
        return Err(Unreadable::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotText)?;
    if text.contains('\0') {
        return Err(Unreadable::NotText);
    }
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let (plain, mut found) = paste::repair(&bare);
    let (in_script, mut corrected, mut recognised) = script::check(&plain);
    found.extend(in_script);
    if let Some((in_exchange, commands, turns)) = exchange::check(&bare) {
        recognised += turns;
        if found.is_empty() {
            corrected = commands.unwrap_or(corrected);
            found = in_exchange;
        } else {
            // The commands whose output this is have been explained already; what they do not show is added.
            found.extend(in_exchange.into_iter().filter(|each| !is_consequence(each.finding)));
        }
    }
    if found.is_empty() {
        text.clone_into(&mut corrected);
    }
    // A transcript is a script once it has neither prompts nor what the commands printed.
    if found.iter().any(|each| each.is_corrected)
        && let Some(commands) = script::without_prompts(&corrected)
    {
        corrected = commands;
    }
    if recognised == 0 {
        found.extend(unjudged::check(&bare));
    }
    Ok(Explanation { findings: remarks(found), recognised, corrected })
}

/// Does it follow from what the commands say?
fn is_consequence(finding: &Finding) -> bool {
    ["v1-call", "v1-refused", "token-refused", "ttl-refused", "ttl-missing", "put-forbidden", "nothing-here"]
        .contains(&finding.id)
}

/// The same findings together.
fn remarks(mut found: Vec<Found>) -> Vec<Remark> {
    found.sort_by_key(|each| each.line);
    let mut remarks: Vec<Remark> = Vec::new();
    for Found { finding, line, is_corrected } in found {
        match remarks.iter_mut().find(|remark| remark.finding.id == finding.id) {
            Some(remark) => {
                if remark.lines.last() != Some(&line) {
                    remark.lines.push(line);
                }
                remark.corrected &= is_corrected;
            }
            None => remarks.push(Remark { lines: vec![line], corrected: is_corrected, finding }),
        }
    }
    remarks
}

#[cfg(test)]
mod tests;
