//! What is around every page: names, ways to the other pages, language and region.

use imds_core::language::Language;

use super::preference::LANGUAGE;
use super::visit::Visit;
use crate::ec2::describe_regions::REGIONS;

/// The parts of the console, as its navigation names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What there is.
    Dashboard,
    /// Instances of EC2.
    Instances,
    /// The account's defaults.
    Defaults,
    /// Elastic Beanstalk.
    Environments,
    /// None of them.
    Nowhere,
}

words! {
    /// Texts that every page has.
    ShellWords {
        skip: "Skip to the content" / "本文へスキップ";
        navigation: "Console" / "コンソール";
        trail: "You are here" / "現在の位置";
        dashboard: "Dashboard" / "ダッシュボード";
        instances: "Instances" / "インスタンス";
        defaults: "IMDS defaults" / "IMDS のデフォルト";
        environments: "Environments" / "環境";
        region: "Region" / "リージョン";
        change: "Change" / "変更";
        language: "Language" / "言語";
        sign_out: "Sign out" / "サインアウト";
        failed: "It was not done" / "実行されませんでした";
        nothing_here: "There is nothing at this address." / "このアドレスには何もありません。";
        to_dashboard: "Go to the dashboard" / "ダッシュボードへ";
        not_signed_in: "Nobody is signed in here." / "サインインしていません。";
        how_to_sign_in: "Run this where your access keys are; it prints an address that can be opened once:" / "アクセスキーのある端末で次を実行すると、一度だけ開けるアドレスが表示されます。";
        not_ours: "This form belongs to a session that is over, or to none. Nothing was changed." / "このフォームは終了したセッションのもの、または無効なものです。何も変更されていません。";
        again: "Open the page anew and try again." / "ページを開き直してやり直してください。";
    }
}

/// What the page around a content needs.
#[derive(Debug)]
pub(super) struct Shell {
    /// Its texts.
    pub(super) words: &'static ShellWords,
    /// `en` or `ja`
    pub(super) tag: &'static str,
    /// The region that lists are of.
    pub(super) region: String,
    /// Those that there are.
    pub(super) regions: Vec<String>,
    /// Where this is, without a query.
    pub(super) path: String,
    /// The fields of the query that name what is shown, so that it stays so in another language or region.
    pub(super) query: Vec<(&'static str, String)>,
    /// What forms carry.
    pub(super) seal: String,
    /// The part of the console.
    pub(super) here: Section,
    /// Who is signed in; `None` where nobody needs to be.
    pub(super) who: Option<String>,
}

impl Shell {
    /// That of a visit, around a page of this part.
    pub(super) fn of(visit: &Visit, here: Section) -> Self {
        Self {
            words: ShellWords::of(visit.language),
            tag: tag(visit.language),
            region: visit.region.clone(),
            regions: regions(&visit.region),
            path: visit.path.clone(),
            query: Vec::new(),
            seal: visit.seal.clone(),
            here,
            who: visit.who.clone(),
        }
    }

    /// That of a page whose address has these fields. Those that are empty are left out.
    pub(super) fn keeping(mut self, fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.query = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self
    }

    /// The address of this page in another language.
    pub(super) fn in_language(&self, tag: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query).append_pair(LANGUAGE, tag);
        format!("{}?{}", self.path, query.finish())
    }

    /// `aria-current` of a link to a part of the console.
    pub(super) fn current(&self, section: Section) -> &'static str {
        if self.here == section { "page" } else { "false" }
    }
}

/// The language in HTML.
pub(super) fn tag(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Ja => "ja",
    }
}

fn regions(own: &str) -> Vec<String> {
    let mut all: Vec<String> = REGIONS.iter().map(ToString::to_string).collect();
    if !all.iter().any(|region| region == own) {
        all.push(own.to_owned());
    }
    all
}
