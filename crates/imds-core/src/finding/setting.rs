//! The settings of an instance that cure something, and the ways to them.

use super::{Setting, Way};
use crate::language::Text;

/// How IMDSv1 comes back, for software that cannot be changed.
pub(super) const ALLOW_V1: Setting = Setting {
    what: Text {
        en: "where the program cannot be changed, allow IMDSv1 again",
        ja: "プログラムを変更できない場合は、IMDSv1 を再び許可してください",
    },
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-tokens optional --http-endpoint enabled",
        ),
        console: Text {
            en: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                 IMDSv2: Optional → Save",
            ja: "「インスタンス」→ 対象のインスタンス →「アクション」→「インスタンスの設定」→\
                 「インスタンスメタデータのオプションを変更」→「IMDSv2」を「オプション」にする →「保存」",
        },
    },
    beanstalk: Way {
        command: Some(
            "aws elasticbeanstalk update-environment --environment-name ENVIRONMENT --option-settings \
             Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=false",
        ),
        console: Text {
            en: "Environments → the environment → Configuration → Instances → Edit → Instance metadata \
                 service (IMDS): clear the box that disables IMDSv1 → Apply; the instances are replaced",
            ja: "「環境」→ 対象の環境 →「設定」→「インスタンス」の「編集」→「インスタンスメタデータサービス \
                 (IMDS)」→ IMDSv1 の「無効」のチェックを外す →「適用」。インスタンスは置き換えられます",
        },
    },
};

/// How IMDSv1 is turned off.
pub(super) const REQUIRE_V2: Setting = Setting {
    what: Text { en: "require IMDSv2", ja: "IMDSv2 を必須にしてください" },
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-tokens required --http-endpoint enabled",
        ),
        console: Text {
            en: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                 IMDSv2: Required → Save",
            ja: "「インスタンス」→ 対象のインスタンス →「アクション」→「インスタンスの設定」→\
                 「インスタンスメタデータのオプションを変更」→「IMDSv2」を「必須」にする →「保存」",
        },
    },
    beanstalk: Way {
        command: Some(
            "aws elasticbeanstalk update-environment --environment-name ENVIRONMENT --option-settings \
             Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=true",
        ),
        console: Text {
            en: "Environments → the environment → Configuration → Instances → Edit → Instance metadata \
                 service (IMDS): set the box that disables IMDSv1 → Apply; the instances are replaced",
            ja: "「環境」→ 対象の環境 →「設定」→「インスタンス」の「編集」→「インスタンスメタデータサービス \
                 (IMDS)」→ IMDSv1 の「無効」にチェックを入れる →「適用」。インスタンスは置き換えられます",
        },
    },
};

/// How metadata is served at all.
pub const ENABLE: Setting = Setting {
    what: Text { en: "enable the endpoint", ja: "エンドポイントを有効にしてください" },
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-endpoint enabled",
        ),
        console: Text {
            en: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                 Instance metadata service: Enable → Save",
            ja: "「インスタンス」→ 対象のインスタンス →「アクション」→「インスタンスの設定」→\
                 「インスタンスメタデータのオプションを変更」→「インスタンスメタデータサービス」を\
                 「有効にする」→「保存」",
        },
    },
    beanstalk: Way {
        command: None,
        console: Text {
            en: "there is no option for it: change the environment's instances as instances of EC2",
            ja: "このオプションはありません。環境のインスタンスを、EC2 のインスタンスとして変更してください",
        },
    },
};

/// How a token travels further. The Japanese path to the defaults of an account is `[assumed]`.
pub(super) const HOP_LIMIT: Setting = Setting {
    what: Text { en: "let a token travel further", ja: "ホップ制限を大きくしてください" },
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-put-response-hop-limit HOPS --http-endpoint enabled",
        ),
        console: Text {
            en: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                 Metadata response hop limit: HOPS → Save; for later launches Dashboard → Account attributes \
                 → Data protection and security → IMDS defaults → Manage",
            ja: "「インスタンス」→ 対象のインスタンス →「アクション」→「インスタンスの設定」→\
                 「インスタンスメタデータのオプションを変更」→「メタデータレスポンスのホップ制限」を HOPS \
                 にする →「保存」。今後の起動については「ダッシュボード」→「アカウントの属性」→\
                 「データ保護とセキュリティ」→「IMDS のデフォルト」→「管理」",
        },
    },
    beanstalk: Way {
        command: None,
        console: Text {
            en: "there is no option for it: change the environment's instances as instances of EC2, and \
                 those that replace them",
            ja: "このオプションはありません。環境のインスタンスを、EC2 のインスタンスとして\
                 変更してください。後から置き換わるインスタンスも同様です",
        },
    },
};
