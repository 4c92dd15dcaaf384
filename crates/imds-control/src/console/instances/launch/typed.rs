//! What the form has, and the call that it makes.

use crate::console::form::Form;
use crate::ec2::user_data;

/// What was typed and chosen; empty for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) count: String,
    pub(super) image: String,
    pub(super) instance_type: String,
    pub(super) key: String,
    pub(super) profile: String,
    pub(super) endpoint: String,
    pub(super) ipv6: String,
    pub(super) tokens: String,
    pub(super) hops: String,
    pub(super) tags: String,
    pub(super) user_data: String,
}

impl Typed {
    /// One that nobody has typed into.
    pub(super) fn fresh() -> Self {
        Self { count: "1".to_owned(), ..Self::default() }
    }

    /// What came.
    pub(super) fn of(form: &Form) -> Self {
        let text = |name| form.get(name).unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            count: text("count"),
            image: text("image"),
            instance_type: text("type"),
            key: text("key"),
            profile: text("profile"),
            endpoint: text("endpoint"),
            ipv6: text("ipv6"),
            tokens: text("tokens"),
            hops: text("hops"),
            tags: text("tags"),
            // A form sends line ends as CR LF, and no shell takes a script with those.
            user_data: form.raw("user_data").replace("\r\n", "\n"),
        }
    }

    /// The parameters of `RunInstances`. What nothing was chosen for is left out, so that the defaults decide.
    pub(super) fn params(&self, once: Option<&str>) -> Vec<(String, String)> {
        let user_data = if self.user_data.is_empty() {
            String::new()
        } else {
            user_data::encode(self.user_data.as_bytes())
        };
        let count = if self.count.is_empty() { "1" } else { &self.count };
        let mut all = vec![
            ("ImageId", self.image.as_str()),
            ("MinCount", count),
            ("MaxCount", count),
            ("InstanceType", &self.instance_type),
            ("KeyName", &self.key),
            ("IamInstanceProfile.Name", &self.profile),
            ("MetadataOptions.HttpEndpoint", &self.endpoint),
            ("MetadataOptions.HttpProtocolIpv6", &self.ipv6),
            ("MetadataOptions.HttpTokens", &self.tokens),
            ("MetadataOptions.HttpPutResponseHopLimit", &self.hops),
            ("MetadataOptions.InstanceMetadataTags", &self.tags),
            ("UserData", &user_data),
            ("ClientToken", once.unwrap_or_default()),
        ];
        if !self.name.is_empty() {
            all.push(("TagSpecification.1.ResourceType", "instance"));
            all.push(("TagSpecification.1.Tag.1.Key", "Name"));
            all.push(("TagSpecification.1.Tag.1.Value", &self.name));
        }
        let said = all.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
