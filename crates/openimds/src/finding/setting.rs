//! The settings of an instance that cure something, and the ways to them.

use super::{Setting, Way};

/// How IMDSv1 comes back, for software that cannot be changed.
pub(super) const ALLOW_V1: Setting = Setting {
    what: "where the program cannot be changed, allow IMDSv1 again",
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-tokens optional --http-endpoint enabled",
        ),
        console: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                  IMDSv2: Optional → Save",
    },
    beanstalk: Way {
        command: Some(
            "aws elasticbeanstalk update-environment --environment-name ENVIRONMENT --option-settings \
             Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=false",
        ),
        console: "Environments → the environment → Configuration → Instances → Edit → Instance metadata service \
                  (IMDS): clear the box that disables IMDSv1 → Apply; the instances are replaced",
    },
};

/// How IMDSv1 is turned off.
pub(super) const REQUIRE_V2: Setting = Setting {
    what: "require IMDSv2",
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-tokens required --http-endpoint enabled",
        ),
        console: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                  IMDSv2: Required → Save",
    },
    beanstalk: Way {
        command: Some(
            "aws elasticbeanstalk update-environment --environment-name ENVIRONMENT --option-settings \
             Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=true",
        ),
        console: "Environments → the environment → Configuration → Instances → Edit → Instance metadata service \
                  (IMDS): set the box that disables IMDSv1 → Apply; the instances are replaced",
    },
};

/// How metadata is served at all.
pub(super) const ENABLE: Setting = Setting {
    what: "enable the endpoint",
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-endpoint enabled",
        ),
        console: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                  Instance metadata service: Enable → Save",
    },
    beanstalk: Way {
        command: None,
        console: "there is no option for it: change the environment's instances as instances of EC2",
    },
};

/// How a token travels further.
pub(super) const HOP_LIMIT: Setting = Setting {
    what: "let a token travel further",
    ec2: Way {
        command: Some(
            "aws ec2 modify-instance-metadata-options --instance-id INSTANCE --http-put-response-hop-limit HOPS --http-endpoint enabled",
        ),
        console: "Instances → the instance → Actions → Instance settings → Modify instance metadata options → \
                  Metadata response hop limit: HOPS → Save; for later launches Dashboard → Account attributes → \
                  Data protection and security → IMDS defaults → Manage",
    },
    beanstalk: Way {
        command: None,
        console: "there is no option for it: change the environment's instances as instances of EC2, \
                  and those that replace them",
    },
};
