//! *Details*: what the instance is, its metadata options, its tags, and who changed which option.

use askama::Template;
use axum::extract::RawQuery;
use imds_core::Machine;
use imds_core::options::MetadataOptions;
use imds_store::record::{self, Trace};

use super::{Head, Moment, Subject, Tab};
use crate::call::Call;
use crate::console::failure::Failure;
use crate::console::instances::environment::{self, EnvironmentNote};
use crate::console::instances::option::OptionWords;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::query::Error;

/// How many changes are shown.
const CHANGES: usize = 50;

words! {
    /// Texts of the details.
    DetailWords {
        summary: "Instance summary" / "インスタンスの概要";
        id: "Instance ID" / "インスタンス ID";
        state: "Instance state" / "インスタンスの状態";
        instance_type: "Instance type" / "インスタンスタイプ";
        image: "AMI ID" / "AMI ID";
        zone: "Availability Zone" / "アベイラビリティーゾーン";
        private: "Private IPv4 address" / "プライベート IPv4 アドレス";
        public: "Public IPv4 address" / "パブリック IPv4 アドレス";
        ipv6: "IPv6 addresses" / "IPv6 アドレス";
        hostname: "Hostname" / "ホスト名";
        vpc: "VPC ID" / "VPC ID";
        subnet: "Subnet ID" / "サブネット ID";
        role: "IAM role" / "IAM ロール";
        profile: "Instance profile" / "インスタンスプロファイル";
        launched: "Launch time" / "起動時刻";
        options: "Instance metadata options" / "インスタンスメタデータのオプション";
        change: "Modify" / "変更";
        tags_change: "Allow tags in instance metadata" / "インスタンスメタデータのタグを許可";
        pending: "The instance does not run: changed options are applied when it starts." / "インスタンスは実行されていません。変更したオプションは起動時に適用されます。";
        counters: "Calls since the service was started" / "サービスの起動後の呼び出し";
        no_token: "IMDSv1 calls that were answered" / "応答された IMDSv1 の呼び出し";
        rejected: "IMDSv1 calls that were refused" / "拒否された IMDSv1 の呼び出し";
        issued: "IMDSv2 tokens issued" / "発行された IMDSv2 トークン";
        uncounted: "The metadata process does not answer; restart the service." / "メタデータのプロセスが応答しません。サービスを再起動してください。";
        tags: "Tags" / "タグ";
        key: "Key" / "キー";
        value: "Value" / "値";
        no_tags: "It has no tags." / "タグはありません。";
        history: "Changes of metadata options" / "メタデータのオプションの変更履歴";
        at: "Time" / "時刻";
        option: "Option" / "オプション";
        old: "Before" / "変更前";
        new: "After" / "変更後";
        by: "By" / "変更者";
        from: "From" / "変更元";
        file: "configuration file" / "設定ファイル";
        unsigned: "not signed in" / "未サインイン";
        unchanged: "No option was changed since the launch." / "起動後に変更されたオプションはありません。";
        none: "–" / "–";
    }
}

/// A fact about the instance.
struct Fact {
    name: &'static str,
    value: String,
}

/// A change of an option.
struct Change {
    at: Moment,
    option: String,
    old: String,
    new: String,
    by: String,
    from: String,
}

/// What it was asked, as CloudWatch counts it.
struct Counters {
    no_token: u64,
    rejected: u64,
    issued: u64,
}

#[derive(Template)]
#[template(path = "console/instance_details.html")]
pub(super) struct Details {
    shell: Shell,
    head: Head,
    words: &'static DetailWords,
    /// What was done, if one comes from there.
    done: Option<&'static str>,
    facts: Vec<Fact>,
    options: Vec<Fact>,
    environment: Option<EnvironmentNote>,
    is_pending: bool,
    /// `None` when the metadata process does not say.
    counters: Option<Counters>,
    tags: Vec<(String, String)>,
    history: Vec<Change>,
}

pub(super) async fn show(RawQuery(query): RawQuery, subject: Subject) -> Result<Page<Details>, Failure> {
    let id = subject.id().clone();
    let traces = subject.visit.ask(move |call| last_traces(call, id.as_str())).await?;
    let words = DetailWords::of(subject.visit.language);
    let head = subject.head(Tab::Details);
    let done = done(query.as_deref().unwrap_or_default()).and_then(|word| head.actions.done(&word));
    let instance = &subject.machine.instance;
    Ok(Page(Details {
        shell: subject.shell(),
        done,
        facts: facts(&subject.machine, &head, words),
        options: options(&instance.options, OptionWords::of(subject.visit.language)),
        environment: environment::note(&subject.machine, subject.visit.language),
        is_pending: subject.machine.has_pending_options,
        counters: counters(&subject).await,
        tags: instance.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        history: traces.into_iter().map(|trace| change(trace, words)).collect(),
        head,
        words,
    }))
}

/// The word that `?done=` has.
fn done(query: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find_map(|(name, value)| (name == "done").then(|| value.into_owned()))
}

/// The last changes, newest first.
fn last_traces(call: &Call<'_>, id: &str) -> Result<Vec<Trace>, Error> {
    // Names of traces sort by time.
    let traces = record::list::<Trace>(call.store, &format!("{id}/"))?;
    Ok(traces.into_iter().rev().take(CHANGES).map(|(_, found)| found.record).collect())
}

fn change(trace: Trace, words: &DetailWords) -> Change {
    let Trace { at, option, old, new, by } = trace;
    let is_file = by.address == "file";
    let unsigned = if is_file { words.none } else { words.unsigned };
    Change {
        at: Moment::of(at),
        option,
        old,
        new,
        by: by.access_key.unwrap_or_else(|| unsigned.to_owned()),
        from: if is_file { words.file.to_owned() } else { by.address },
    }
}

/// What was counted of this instance; nothing of one that guests cannot be.
async fn counters(subject: &Subject) -> Option<Counters> {
    // That it is gone is told on the page.
    let counts = subject.visit.door.plane.tally(subject.id().clone()).await.ok()?;
    let counts = counts.unwrap_or_default();
    Some(Counters {
        no_token: counts.metadata_no_token,
        rejected: counts.metadata_no_token_rejected,
        issued: counts.tokens_issued,
    })
}

fn facts(machine: &Machine, head: &Head, words: &'static DetailWords) -> Vec<Fact> {
    let instance = &machine.instance;
    // What is gone has no place in a network any more, as on EC2.
    let primary = Some(instance.primary()).filter(|_| !machine.state.is_terminated());
    let list = |texts: Vec<String>| Some(texts.join(", ")).filter(|text| !text.is_empty());
    let private = primary.map(|of| of.local_ipv4s.iter().map(ToString::to_string).collect());
    let public =
        primary.map(|of| of.ipv4_associations.iter().map(|(public, _)| public.to_string()).collect());
    let ipv6 = primary.map(|of| of.ipv6s.iter().map(ToString::to_string).collect());
    let facts = [
        (words.id, Some(head.id.clone())),
        ("Name", head.name.clone()),
        (words.state, Some(head.state_told.to_owned())),
        (words.instance_type, Some(instance.instance_type.clone())),
        (words.image, Some(instance.ami_id.clone())),
        (words.zone, Some(instance.placement.availability_zone.clone())),
        (words.private, private.and_then(list)),
        (words.public, public.and_then(list)),
        (words.ipv6, ipv6.and_then(list)),
        (words.hostname, primary.map(|_| instance.hostname.clone())),
        (words.vpc, primary.map(|of| of.vpc_id.clone())),
        (words.subnet, primary.map(|of| of.subnet_id.clone())),
        (words.role, instance.role.as_ref().and_then(|role| role.name()).map(str::to_owned)),
        (words.profile, machine.profile.as_ref().map(|profile| profile.arn.clone())),
        (words.launched, Some(Moment::of(instance.pending_time).told())),
    ];
    let told = |(name, value): (_, Option<String>)| Fact { name, value: value.unwrap_or(words.none.into()) };
    facts.into_iter().map(told).collect()
}

fn options(options: &MetadataOptions, words: &'static OptionWords) -> Vec<Fact> {
    let hops = options.http_put_response_hop_limit.hops().to_string();
    [
        (words.service, words.switch(options.http_endpoint)),
        ("IMDSv2", words.tokens(options.http_tokens)),
        (words.hop_limit, &hops),
        (words.ipv6, words.switch(options.http_protocol_ipv6)),
        (words.tags, words.switch(options.instance_metadata_tags)),
    ]
    .map(|(name, value)| Fact { name, value: value.to_owned() })
    .into()
}
