//! What is told of a recording: as many sentences as somebody reads, and how many more there are. A service that is
//! hostile could give cause for millions.

use std::ops::Deref;

/// Sentences that are kept.
const SENTENCES: usize = 100;
/// Characters of one.
const LENGTH: usize = 400;

/// Sentences, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Told {
    sentences: Vec<String>,
    more: usize,
}

impl Told {
    /// A sentence more.
    pub(crate) fn push(&mut self, sentence: impl Into<String>) {
        if self.sentences.len() >= SENTENCES {
            self.more += 1;
            return;
        }
        self.sentences.push(cut(sentence.into()));
    }

    /// One that must not be missed: it comes first.
    pub(crate) fn lead(&mut self, sentence: impl Into<String>) {
        self.sentences.insert(0, cut(sentence.into()));
    }

    /// What another one has to say.
    pub(crate) fn extend(&mut self, other: &Self) {
        for sentence in other.iter() {
            self.push(sentence.as_str());
        }
        self.more += other.more;
    }

    /// All, to be printed.
    pub(crate) fn into_lines(self) -> Vec<String> {
        let mut lines = self.sentences;
        if self.more > 0 {
            lines.push(format!("and {} more like these", self.more));
        }
        lines
    }
}

impl Deref for Told {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.sentences
    }
}

fn cut(sentence: String) -> String {
    match sentence.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millions_cost_no_more_than_a_hundred() {
        let mut told = Told::default();
        for number in 0..1_000_000 {
            told.push(if number == 0 { "é".repeat(5_000) } else { "x".to_owned() });
        }
        told.lead("it is over");
        let mut both = Told::default();
        both.extend(&told);
        for told in [told, both] {
            let lines = told.into_lines();
            assert!(lines.len() <= SENTENCES + 2 && lines[0] == "it is over", "{}", lines.len());
            assert_eq!(lines[1].chars().count(), LENGTH + 1);
            let last = lines.last().unwrap();
            assert!(last.ends_with("more like these") && last.contains("9999"), "{last}");
        }
    }
}
