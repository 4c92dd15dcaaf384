//! What is around every page: names, ways to the other pages, language and region.

use axum::http::StatusCode;
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
        reason: "The service did not accept it, for the reason that follows, in English as AWS tells it:" / "サービスが受け付けませんでした。理由は次のとおりです (AWS と同じ英語のメッセージです):";
        not_known: "It is not known whether it was done" / "実行されたかどうかを確認できませんでした";
        not_shown: "This page cannot be shown" / "表示できません";
        nothing_here: "There is nothing at this address." / "このアドレスには何もありません。";
        to_form: "Go back to the form" / "フォームに戻る";
        to_dashboard: "Go to the dashboard" / "ダッシュボードに戻る";
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
    /// The list that another region is chosen for, on a page of one thing, which is of its own region.
    pub(super) list: Option<&'static str>,
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
            list: None,
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

    /// That of a page of one thing, which stays in its region: who chooses another one sees this list of what is there.
    pub(super) fn of_one(self, list: &'static str) -> Self {
        Self { list: Some(list), ..self }
    }

    /// What is shown in another region: the address, and the fields of its query.
    pub(super) fn elsewhere(&self) -> (&str, &[(&'static str, String)]) {
        self.list.map_or((&self.path, &self.query), |list| (list, &[]))
    }

    /// The address of this page in another language.
    pub(super) fn in_language(&self, tag: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query).append_pair(LANGUAGE, tag);
        format!("{}?{}", self.path, query.finish())
    }

    /// What is said above the refusal of a form that was sent. Nobody knows how far the service came that fails: it may
    /// have kept what it was asked for.
    pub(super) fn failed(&self, status: &StatusCode) -> &'static str {
        if status.is_server_error() { self.words.not_known } else { self.words.failed }
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
