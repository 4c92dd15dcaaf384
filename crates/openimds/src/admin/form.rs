//! The parameters of an action, as EC2 writes them (docs/control-api.md).

use std::collections::BTreeMap;
use std::fmt::Display;

use imds_core::options::{Choice, HopLimit};

/// Names and values.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// With one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// With one more, if there is a value.
    #[must_use]
    pub fn option(self, name: impl Into<String>, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a list: `InstanceId.1`, `InstanceId.2`.
    #[must_use]
    pub fn list(self, name: &str, values: impl IntoIterator<Item = impl Display>) -> Self {
        let numbered = values.into_iter().zip(1..);
        numbered.fold(self, |form, (value, number)| form.with(format!("{name}.{number}"), value))
    }

    /// With metadata options; those that are left open are left out.
    #[must_use]
    pub fn options(self, prefix: &str, choice: &Choice) -> Self {
        self.option(format!("{prefix}HttpTokens"), choice.http_tokens)
            .option(
                format!("{prefix}HttpPutResponseHopLimit"),
                choice.http_put_response_hop_limit.map(HopLimit::hops),
            )
            .option(format!("{prefix}HttpEndpoint"), choice.http_endpoint)
            .option(format!("{prefix}HttpProtocolIpv6"), choice.http_protocol_ipv6)
            .option(format!("{prefix}InstanceMetadataTags"), choice.instance_metadata_tags)
    }

    /// With tags, `prefix` before `Tag.1.Key`.
    #[must_use]
    pub fn tags<'a>(self, prefix: &str, tags: impl IntoIterator<Item = &'a (String, String)>) -> Self {
        tags.into_iter().zip(1..).fold(self, |form, ((key, value), number)| {
            form.with(format!("{prefix}Tag.{number}.Key"), key)
                .with(format!("{prefix}Tag.{number}.Value"), value)
        })
    }

    /// With filters. Of one name, any value will do; of several names, all must be met.
    #[must_use]
    pub fn filters<'a>(self, filters: impl IntoIterator<Item = &'a (String, String)>) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in filters {
            by_name.entry(name).or_default().push(value);
        }
        by_name.into_iter().zip(1..).fold(self, |form, ((name, values), number)| {
            form.with(format!("Filter.{number}.Name"), name).list(&format!("Filter.{number}.Value"), values)
        })
    }

    /// The body of the call.
    pub(crate) fn encode(&self, action: &str, version: &str) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair("Action", action).append_pair("Version", version);
        text.extend_pairs(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::options::{HttpTokens, Switch};

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn lists_are_numbered_and_values_are_encoded() {
        let choice = Choice {
            http_tokens: Some(HttpTokens::Required),
            http_put_response_hop_limit: Some(HopLimit::TWO),
            instance_metadata_tags: Some(Switch::Enabled),
            ..Choice::default()
        };
        let form = Form::default()
            .list("InstanceId", ["i-0000000a", "i-0000000b"])
            .option("KeyName", None::<&str>)
            .options("MetadataOptions.", &choice)
            .tags("TagSpecification.1.", &[pair("Name", "web & co"), pair("empty", "")])
            .filters(&[pair("tag:Name", "w*"), pair("image-id", "ami-1"), pair("tag:Name", "ü")]);
        let body = form.encode("X", "2016-11-15");
        insta::assert_snapshot!(body.replace('&', "\n"), @r"
        Action=X
        Version=2016-11-15
        InstanceId.1=i-0000000a
        InstanceId.2=i-0000000b
        MetadataOptions.HttpTokens=required
        MetadataOptions.HttpPutResponseHopLimit=2
        MetadataOptions.InstanceMetadataTags=enabled
        TagSpecification.1.Tag.1.Key=Name
        TagSpecification.1.Tag.1.Value=web+%26+co
        TagSpecification.1.Tag.2.Key=empty
        TagSpecification.1.Tag.2.Value=
        Filter.1.Name=image-id
        Filter.1.Value.1=ami-1
        Filter.2.Name=tag%3AName
        Filter.2.Value.1=w*
        Filter.2.Value.2=%C3%BC
        ");
    }
}
