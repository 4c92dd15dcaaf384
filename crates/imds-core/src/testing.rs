//! Instances for tests: one plain, one that has everything.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::credentials::{Credentials, Grant, Role, Secret};
use crate::document::document;
use crate::events::{Maintenance, SpotAction};
use crate::instance::{Instance, Launch};
use crate::options::{MetadataOptions, Switch};
use crate::signature::{Signature, digest_of};
use crate::timeline::{Action, Code, Lifecycle, Plan, Planned};
use crate::{Timestamp, keyring::Keyring};

/// 2026-11-24T12:00:00Z, the hour of the golden headers.
#[must_use]
pub fn noon() -> Timestamp {
    Timestamp::constant(1_795_521_600, 0)
}

/// A launch with nothing special.
///
/// # Panics
/// Never: the ids are well formed.
#[must_use]
#[allow(clippy::unwrap_used)]
pub fn launch() -> Launch {
    Launch {
        id: "i-12345678901234567".parse().unwrap(),
        account_id: "123456789012".parse().unwrap(),
        availability_zone: "us-east-1a".into(),
        instance_type: "t3.micro".into(),
        local_ipv4: Some(Ipv4Addr::new(172, 31, 16, 10)),
        vpc: (Ipv4Addr::new(172, 31, 0, 0), 16),
        options: MetadataOptions::default(),
        at: noon(),
    }
}

/// A role with keys that nothing accepts.
#[must_use]
pub fn role() -> Role {
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: Secret::new("wJalrXUtnFEMI-example".into()),
        session_token: Secret::new("IQoJb3JpZ2luX2Vj-example".into()),
        issued: None,
        expiration: None,
    };
    Role {
        instance_profile_arn: "arn:aws:iam::123456789012:instance-profile/web".into(),
        instance_profile_id: "AIPAEXAMPLE0000000000".into(),
        grant: Grant::Keys { role: "web".into(), credentials },
    }
}

/// What stands for a signature over the document of this instance, and verifies nothing.
#[must_use]
pub fn signature(instance: &Instance) -> Signature {
    // A name without parts, and the number 1.
    let signer = [0x30, 0x05, 0x30, 0x00, 0x02, 0x01, 0x01];
    Signature { digest: digest_of(&document(instance)), signer: signer.into(), value: [7; 256].into() }
}

/// An instance with every category present.
///
/// # Panics
/// Never.
#[must_use]
#[allow(clippy::unwrap_used)]
pub fn everything() -> Instance {
    let launch = launch();
    let mut second = launch.interface(1, Ipv4Addr::new(172, 31, 16, 11));
    second.local_ipv4s.push(Ipv4Addr::new(172, 31, 16, 12));
    let mut instance = launch.instance();
    instance.interfaces.push(second);
    instance.associate(Ipv4Addr::new(203, 0, 113, 25));
    let primary = &mut instance.interfaces[0];
    primary.ipv6s.push(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10));
    primary.ipv4_prefix.push("172.31.32.0/28".into());
    primary.ipv6_prefix.push("2001:db8:0:1::/80".into());
    primary.subnet_ipv6_cidr_blocks.push("2001:db8::/64".into());
    primary.vpc_ipv6_cidr_blocks.push("2001:db8::/56".into());
    instance.options.instance_metadata_tags = Switch::Enabled;
    instance.ancestor_ami_ids = vec!["ami-0aaaaaaaaaaaaaaaa".into(), "ami-0bbbbbbbbbbbbbbbb".into()];
    instance.autoscaling_target_lifecycle_state = Some("InService".into());
    instance.elastic_gpus.insert("eg-0123".into(), "{}".into());
    instance.elastic_inference.insert("eia-0123".into(), "{}".into());
    instance.hibernation_configured = Some(false);
    instance.kernel_id = Some("aki-0123".into());
    instance.ramdisk_id = Some("ari-0123".into());
    instance.placement.group_name = Some("cluster".into());
    instance.placement.host_id = Some("h-0123".into());
    instance.placement.partition_number = Some(1);
    instance.product_codes = vec!["1abc2defghijklm3nopqrs4tu".into()];
    instance.public_keys = vec![("my-key".into(), "ssh-ed25519 AAAA my-key".into())];
    instance.role = Some(role());
    instance.tags.insert("Name".into(), "web".into());
    instance.tags.insert("empty".into(), String::new());
    instance.user_data = Some(Bytes::from_static(b"#cloud-config\n\xff\x00"));
    instance.events.rebalance = Some(noon());
    instance.events.spot = Some(SpotAction { action: "terminate".into(), time: noon() });
    instance.events.maintenance.push(Maintenance {
        code: "instance-stop".into(),
        description: "The instance is running on degraded hardware".into(),
        event_id: "instance-event-07c59a40db2a78c8a".into(),
        not_before: noon(),
        not_after: None,
        state: "active".into(),
    });
    let planned = |id: &str, plan| Planned {
        id: id.into(),
        plan,
        at: noon(),
        notice: noon(),
        canceled: None,
        is_from_file: false,
    };
    let description = "The host is worked on".into();
    let not_after = Some(noon() + Duration::from_secs(3_600));
    instance.plan(planned("event-0a", Plan::Lifecycle(Lifecycle::InService)));
    instance.plan(planned("event-0b", Plan::Rebalance));
    instance.plan(planned("event-0c", Plan::SpotInterruption(Action::Terminate)));
    instance.plan(Planned {
        canceled: Some(noon()),
        is_from_file: true,
        ..planned(
            "event-07c59a40db2a78c8b",
            Plan::Maintenance { code: Code::SystemMaintenance, description, not_after },
        )
    });
    instance.signature = Some(Arc::new(signature(&instance)));
    instance
}

/// A keyring whose secret is known.
#[must_use]
pub fn keyring() -> Keyring {
    Keyring::new(&[7; 32])
}
