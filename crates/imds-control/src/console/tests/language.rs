//! Is a text in the language that it is meant to be in? Every table of `words!` asks.

use std::collections::BTreeSet;

/// A text in both languages.
pub(in crate::console) fn check(table: &str, field: &str, en: &str, ja: &str) {
    assert_eq!(wrong(en, ja), None, "{table}.{field}: {en} / {ja}");
}

/// What is wrong with a text.
fn wrong(en: &str, ja: &str) -> Option<&'static str> {
    if en.trim().is_empty() || ja.trim().is_empty() {
        return Some("there is none");
    }
    if [en, ja].iter().any(|text| text.contains('\n') || text.contains("  ")) {
        return Some("there are two blanks, or a line ends");
    }
    if en.contains(is_japanese) {
        return Some("the English is Japanese");
    }
    // Names are the same everywhere. They are no sentences.
    let is_name = en.eq_ignore_ascii_case(ja) && !en.ends_with('.') && en.split(' ').count() <= 3;
    if !ja.contains(is_japanese) && !is_name {
        return Some("the Japanese is none");
    }
    if places(en) != places(ja) {
        return Some("not the same is put into both");
    }
    // As in AWS's own texts.
    let mut pairs = ja.chars().zip(ja.chars().skip(1));
    let is_close = |(left, right)| is_letter(left) && is_latin(right) || is_latin(left) && is_letter(right);
    pairs.any(is_close).then_some("no blank stands between Japanese and Latin letters")
}

fn is_japanese(c: char) -> bool {
    is_letter(c) || matches!(c, '、' | '。' | '「' | '」' | '！'..='～')
}

fn is_letter(c: char) -> bool {
    matches!(c, 'ぁ'..='ヿ' | '一'..='龯' | '々')
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '{' | '}')
}

/// What is put into a text: `{n}`.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(place, _)| place).collect()
}

#[test]
fn a_text_that_is_wrong_is_found() {
    for (en, ja, is_right) in [
        ("Sign in", "サインイン", true),
        ("{n} answered", "応答 {n} 件", true),
        ("ARN", "ARN", true),
        ("Ok", "OK", true),
        ("Use IMDSv2.", "IMDSv2 を使用します。", true),
        ("Sign in", "Sign in here", false),
        ("It was done.", "It was done.", false),
        ("サインイン", "サインイン", false),
        ("Done。", "完了", false),
        ("Use IMDSv2.", "IMDSv2を使用します。", false),
        ("Use IMDSv2.", "これはIMDSv2 です。", false),
        ("{n} answered", "応答{n} 件", false),
        ("{n} answered", "応答 {m} 件", false),
        ("{n} answered", "応答", false),
        ("", "完了", false),
        ("Done", " ", false),
        ("Done  now", "完了", false),
    ] {
        assert_eq!(wrong(en, ja).is_none(), is_right, "{en} / {ja}: {:?}", wrong(en, ja));
    }
}
