//! Metadata options in the words of AWS's screens.

use imds_core::options::{HttpTokens, Switch};

words! {
    /// Texts of metadata options and their values.
    OptionWords {
        accessible: "Metadata accessible" / "メタデータにアクセス可能";
        service: "Instance metadata service" / "インスタンスメタデータサービス";
        ipv6: "Metadata IPv6 endpoint" / "メタデータ IPv6 エンドポイント";
        version: "Metadata version" / "メタデータのバージョン";
        hop_limit: "Metadata response hop limit" / "メタデータレスポンスのホップ制限";
        tags: "Allow tags in metadata" / "メタデータのタグを許可";
        select: "Select" / "選択";
        no_preference: "No preference" / "設定なし";
        enabled: "Enabled" / "有効";
        disabled: "Disabled" / "無効";
        enable: "Enable" / "有効化";
        disable: "Disable" / "無効化";
        both: "V1 and V2 (token optional)" / "V1 および V2 (トークンはオプション)";
        only_v2: "V2 only (token required)" / "V2 (トークンは必須)";
        optional: "Optional" / "オプション";
        required: "Required" / "必須";
        save: "Save" / "保存";
        cancel: "Cancel" / "キャンセル";
        is_enforced: "IMDSv2 is enforced in this Region: nothing can be launched with IMDSv1, and no instance can be switched back to it." / "このリージョンでは IMDSv2 が強制されています。IMDSv1 での起動も、IMDSv1 への変更もできません。";
        to_defaults: "IMDS defaults" / "IMDS のデフォルト";
    }
}

impl OptionWords {
    /// On or off.
    pub(in crate::console) fn switch(&self, switch: Switch) -> &'static str {
        match switch {
            Switch::Enabled => self.enabled,
            Switch::Disabled => self.disabled,
        }
    }

    /// *IMDSv2* of an instance.
    pub(in crate::console) fn tokens(&self, tokens: HttpTokens) -> &'static str {
        match tokens {
            HttpTokens::Optional => self.optional,
            HttpTokens::Required => self.required,
        }
    }

    /// A choice of *Metadata version*.
    pub(in crate::console) fn version(&self, tokens: HttpTokens) -> &'static str {
        match tokens {
            HttpTokens::Optional => self.both,
            HttpTokens::Required => self.only_v2,
        }
    }
}
