//! The fields of the form, each with what helps to fill it in.

use imds_core::language::Language;
use imds_store::record::Image;

use super::Stock;
use super::origin::{Applied, Origin};
use super::typed::Typed;
use crate::console::instances::field::{Control, Field};
use crate::console::instances::option::OptionWords;
use crate::ec2::instance_type;
use crate::query::Error;

words! {
    /// Texts of the fields.
    FieldWords {
        name: "Name" / "名前";
        name_hint: "The tag Name; nothing is needed here." / "Name タグ。省略できます。";
        count: "Number of instances" / "インスタンス数";
        image: "Amazon Machine Image (AMI)" / "Amazon マシンイメージ (AMI)";
        kind: "Instance type" / "インスタンスタイプ";
        kind_hint: "Empty: {type}, as the chosen AMI is for {architecture}." / "空の場合: {type} (選択した AMI は {architecture} 用)。";
        key: "Key pair name" / "キーペア名";
        no_key: "Proceed without a key pair" / "キーペアなしで続行";
        profile: "IAM instance profile" / "IAM インスタンスプロファイル";
        profile_hint: "The role whose credentials the metadata service hands out." / "メタデータサービスが認証情報を渡すロールです。";
        user_data: "User data" / "ユーザーデータ";
        user_data_hint: "Up to 16 KiB, which the instance reads at /latest/user-data." / "16 KiB まで。インスタンスは /latest/user-data で参照できます。";
        recommended: "EC2 recommends using metadata version 2 unless you explicitly require metadata version 1." / "EC2 では、メタデータバージョン 1 が明示的に必要な場合を除き、メタデータバージョン 2 の使用を推奨しています。";
        hops_hint: "From 1 to 64; empty for the default. A container behind a bridge needs 2." / "1～64。空の場合はデフォルト。ブリッジの先のコンテナには 2 が必要です。";
        applies: "Default: {value}. It comes from {origin}." / "デフォルト: {value}。設定元: {origin}。";
        account: "the account's IMDS defaults in this Region" / "このリージョンの IMDS のデフォルト (アカウント)";
        of_image: "the AMI: its ImdsSupport is v2.0" / "AMI (ImdsSupport が v2.0)";
        ec2: "EC2 itself: neither account nor AMI says anything" / "EC2 の既定値 (アカウントにも AMI にも設定なし)";
        ec2_alone: "EC2 itself: the account says nothing" / "EC2 の既定値 (アカウントに設定なし)";
        ipv6_alone: "EC2 itself: accounts have no default for it" / "EC2 の既定値 (アカウントのデフォルトにはない項目)";
    }
}

/// A form that is being written.
pub(super) struct Form<'f> {
    pub(super) language: Language,
    pub(super) stock: &'f Stock,
    /// The image that is chosen.
    pub(super) image: Option<&'f Image>,
    pub(super) typed: &'f Typed,
    /// The field that was refused, if it is known which.
    pub(super) wrong: Option<&'static str>,
}

impl Form<'_> {
    /// What every launch is asked for.
    pub(super) fn basics(&self) -> Vec<Field> {
        let (words, typed, stock) = (FieldWords::of(self.language), self.typed, self.stock);
        let chosen = self.image.map(|image| image.id.as_str()).unwrap_or_default();
        // What is not there was named by no page: it is refused when it is sent, not taken for another.
        let image = if typed.image.is_empty() { chosen } else { &typed.image };
        let images = stock.images.iter().map(|image| (image.id.clone(), titled(image))).collect();
        let architecture = self.image.map(|image| image.architecture.as_str()).unwrap_or_default();
        let kind_hint = words
            .kind_hint
            .replace("{type}", instance_type::default(architecture))
            .replace("{architecture}", architecture);
        let types = instance_type::all().into_iter().map(|known| known.name).collect();
        let options = OptionWords::of(self.language);
        vec![
            self.field("name", words.name, Control::Text(Vec::new()), &typed.name).hint(words.name_hint),
            self.field("count", words.count, Control::Number(1_000), &typed.count),
            self.field("image", words.image, Control::Select(images), image),
            self.field("type", words.kind, Control::Text(types), &typed.instance_type).hint(kind_hint),
            self.field("key", words.key, names(words.no_key, &stock.keys), &typed.key),
            self.field("profile", words.profile, names(options.select, &stock.profiles), &typed.profile)
                .hint(words.profile_hint),
        ]
    }

    /// *Advanced details*, in the order of EC2's screen.
    pub(super) fn advanced(&self) -> Vec<Field> {
        let (words, options) = (FieldWords::of(self.language), OptionWords::of(self.language));
        let typed = self.typed;
        let support = self.image.map(Image::imds_support).unwrap_or_default();
        let applied = Applied::of(&self.stock.defaults, support);
        let now = &applied.options;
        let switch = [("enabled", options.enabled), ("disabled", options.disabled)];
        let switch = || Control::words(options.select, switch);
        let versions = [("optional", options.both), ("required", options.only_v2)];
        let versions = Control::words(options.select, versions);
        let allow = [("enabled", options.enable), ("disabled", options.disable)];
        let allow = Control::words(options.select, allow);
        let tokens_from = origin(words, applied.tokens, words.ec2);
        let hops_from = origin(words, applied.hops, words.ec2);
        let hops = now.http_put_response_hop_limit.hops().to_string();
        vec![
            self.field("endpoint", options.accessible, switch(), &typed.endpoint).hint(applies(
                words,
                options.switch(now.http_endpoint),
                origin(words, applied.endpoint, words.ec2_alone),
            )),
            self.field("ipv6", options.ipv6, switch(), &typed.ipv6).hint(applies(
                words,
                options.switch(now.http_protocol_ipv6),
                origin(words, applied.ipv6, words.ipv6_alone),
            )),
            self.field("tokens", options.version, versions, &typed.tokens)
                .hint(words.recommended)
                .hint(applies(words, options.version(now.http_tokens), tokens_from)),
            self.field("hops", options.hop_limit, Control::Number(64), &typed.hops)
                .hint(words.hops_hint)
                .hint(applies(words, &hops, hops_from)),
            self.field("tags", options.tags, allow, &typed.tags).hint(applies(
                words,
                options.switch(now.instance_metadata_tags),
                origin(words, applied.tags, words.ec2_alone),
            )),
            self.field("user_data", words.user_data, Control::Lines, &typed.user_data)
                .hint(words.user_data_hint),
        ]
    }

    fn field(&self, name: &'static str, label: &'static str, control: Control, value: &str) -> Field {
        Field::new(name, label, control).with(value, self.wrong)
    }
}

/// What an image is called in a list.
pub(super) fn titled(image: &Image) -> String {
    let title = if image.description.is_empty() { &image.name } else { &image.description };
    let support = if image.has_imds_v2 { " · ImdsSupport v2.0" } else { "" };
    format!("{title} · {}{support} · {}", image.architecture, image.id)
}

fn names(none: &str, names: &[String]) -> Control {
    let named = names.iter().map(|name| (name.clone(), name.clone()));
    Control::Select([(String::new(), none.to_owned())].into_iter().chain(named).collect())
}

fn applies(words: &FieldWords, value: &str, origin: &str) -> String {
    words.applies.replace("{value}", value).replace("{origin}", origin)
}

fn origin(words: &FieldWords, origin: Origin, ec2: &'static str) -> &'static str {
    match origin {
        Origin::Account => words.account,
        Origin::Image => words.of_image,
        Origin::Ec2 => ec2,
    }
}

/// The field that a refusal is about, by what it names.
pub(super) fn wrong(error: &Error) -> Option<&'static str> {
    let named = [
        ("for HttpEndpoint.", "endpoint"),
        ("for HttpProtocolIpv6.", "ipv6"),
        ("for HttpTokens.", "tokens"),
        ("httpTokensEnforced", "tokens"),
        ("for HttpPutResponseHopLimit.", "hops"),
        ("for InstanceMetadataTags.", "tags"),
        ("for InstanceType.", "type"),
        ("of the specified instance type", "type"),
        ("parameter minCount", "count"),
        ("parameter iamInstanceProfile", "profile"),
        ("user data", "user_data"),
        ("User data", "user_data"),
        ("parameter ImageId", "image"),
    ];
    let by_code = [
        ("InvalidAMIID.NotFound", "image"),
        ("InvalidAMIID.Malformed", "image"),
        ("InvalidKeyPair.NotFound", "key"),
        ("InstanceLimitExceeded", "count"),
        ("InsufficientFreeAddressesInSubnet", "count"),
    ];
    let by_code = by_code.into_iter().find(|(code, _)| error.code == *code);
    by_code
        .or_else(|| named.into_iter().find(|(words, _)| error.message.contains(words)))
        .map(|(_, field)| field)
}
