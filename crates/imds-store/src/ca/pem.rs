//! PEM, as OpenSSL writes it and people paste it: text around the blocks is no matter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What is between two lines of dashes.
pub(super) struct Block<'t> {
    pub(super) label: &'t str,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// All blocks of a text.
///
/// # Errors
/// When one has no end, or is no base64.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, &'static str> {
    let mut lines = text.lines().map(str::trim);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = dashed(line, "BEGIN ") else { continue };
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            match lines.next() {
                Some(line) if dashed(line, "END ") == Some(label) => break,
                // `Proc-Type: 4,ENCRYPTED`, of old.
                Some(line) if line.contains(':') => return Err("it is encrypted"),
                Some(line) => body.push_str(line),
                None => return Err("a block of it has no end"),
            }
        }
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| "a block of it is no base64")?;
        blocks.push(Block { label, der: Zeroizing::new(der) });
    }
    Ok(blocks)
}

fn dashed<'l>(line: &'l str, what: &str) -> Option<&'l str> {
    line.strip_prefix("-----")?.strip_prefix(what)?.strip_suffix("-----")
}

/// A block, in lines of 64 columns.
pub(super) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let mut text =
        Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 80 + 2 * label.len()));
    *text += "-----BEGIN ";
    *text += label;
    *text += "-----";
    for (index, character) in base64.chars().enumerate() {
        if index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    *text += "\n-----END ";
    *text += label;
    *text += "-----\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in [1, 47, 48, 49, 1200] {
            let bytes = vec![0x5a; length];
            let text = format!("subject=x\n{}\r\nmore\n{}", *encode("ONE", &bytes), *encode("TWO", b"x"));
            let read = blocks(&text).unwrap();
            assert_eq!(read.iter().map(|block| block.label).collect::<Vec<_>>(), ["ONE", "TWO"]);
            assert_eq!(*read[0].der, bytes);
            assert!(text.lines().all(|line| line.len() <= 64));
        }
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        for bad in [
            "-----BEGIN A-----",
            "-----BEGIN A-----\nAAAA\n-----END B-----",
            "-----BEGIN A-----\nA\n-----END A-----",
            "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----",
            "-----BEGIN A-----\n\u{fffd}\n-----END A-----",
        ] {
            assert!(blocks(bad).is_err(), "{bad}");
        }
        for none in ["", "\n", "-----", "-----BEGIN", "-----BEGIN A----", "-----END A-----", "----------"] {
            assert!(blocks(none).unwrap().is_empty(), "{none}");
        }
    }
}
