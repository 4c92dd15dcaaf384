//! Elastic Beanstalk: applications, their versions, environments, and what happened to them.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use serde::{Deserialize, Serialize};

/// `application/REGION/NAME`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Its name, unique in its region.
    pub name: String,
    /// Its region.
    pub region: String,
    /// What its owner says about it.
    #[serde(default)]
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// `application-version/REGION/APPLICATION/LABEL`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationVersion {
    /// The application.
    pub application: String,
    /// Its label, unique in the application.
    pub label: String,
    /// What its owner says about it.
    #[serde(default)]
    pub description: String,
    /// Bucket and key of its source; `None` for the sample application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<(String, String)>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Option settings that were chosen: namespace, then name, then value. What is not here has its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, BTreeMap<String, String>>);

impl Settings {
    /// The value of an option, if one was chosen.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        self.0.get(namespace)?.get(name).map(String::as_str)
    }

    /// Chooses a value.
    pub fn set(&mut self, namespace: &str, name: &str, value: &str) {
        self.0.entry(namespace.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
    }

    /// Goes back to the default.
    pub fn clear(&mut self, namespace: &str, name: &str) {
        if let Some(options) = self.0.get_mut(namespace) {
            options.remove(name);
            if options.is_empty() {
                self.0.remove(namespace);
            }
        }
    }

    /// What was chosen: namespace, name, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().flat_map(|(namespace, options)| {
            options.iter().map(move |(name, value)| (namespace.as_str(), name.as_str(), value.as_str()))
        })
    }
}

/// `environment/REGION/ID`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// `e-` and ten letters and digits.
    pub id: String,
    /// Its name, unique among those of its region that are not terminated.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Its application.
    pub application: String,
    /// What its owner says about it.
    #[serde(default)]
    pub description: String,
    /// The label of the version that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its solution stack.
    pub solution_stack: String,
    /// `WebServer` or `Worker`
    pub tier: String,
    /// The first part of its host name.
    pub cname_prefix: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// A word of [`Status`](imds_core::environment::Status).
    pub status: String,
    /// A word of [`Health`](imds_core::environment::Health).
    pub health: String,
    /// What was chosen, and is deployed.
    #[serde(default)]
    pub settings: Settings,
    /// Its launch template, from the launch on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The version of the launch template that its instances have.
    #[serde(default)]
    pub template_version: u64,
    /// The name of its Auto Scaling group.
    #[serde(default)]
    pub group: String,
    /// Its instances, in the order of their launch.
    #[serde(default)]
    pub instances: Vec<String>,
    /// What is being done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// The time of its last event: the next one is later.
    pub last_event: Timestamp,
    /// Its own tags, which its instances get.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What is being done to an environment, and how far that is. Each step is one commit, so that after a crash the next one
/// is done as if nothing had been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What is done.
    pub task: Task,
    /// The call that asked for it: its events carry this.
    pub request_id: String,
    /// When the next step is due.
    pub due: Timestamp,
    /// The settings as they are to be.
    pub settings: Settings,
    /// The label of the version that is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Instances that were launched for it and are to take over.
    #[serde(default)]
    pub launched: Vec<String>,
    /// Steps that are done.
    #[serde(default)]
    pub steps: u32,
}

/// What can be done to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// `CreateEnvironment`
    Create,
    /// `UpdateEnvironment`
    Update,
    /// `AbortEnvironmentUpdate`
    Abort,
    /// `RebuildEnvironment`
    Rebuild,
    /// `RestartAppServer`
    Restart,
    /// `TerminateEnvironment`
    Terminate,
}

/// `environment-name/REGION/NAME` and `environment-cname/REGION/PREFIX`: which environment has a name. Their keys keep two
/// from having it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentName {
    /// `e-…`
    pub id: String,
}

/// `environment-cname/REGION/PREFIX`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentCname {
    /// `e-…`
    pub id: String,
}

/// `environment-event/REGION/TIME-…`: something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentEvent {
    /// When, to the millisecond; no two of one environment are at the same time.
    pub at: Timestamp,
    /// The application.
    pub application: String,
    /// Name and id of the environment; `None` for what concerns the application alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<(String, String)>,
    /// The version's label, where it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The solution stack of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution_stack: Option<String>,
    /// A word of [`Severity`](imds_core::environment::Severity).
    pub severity: String,
    /// What happened.
    pub message: String,
    /// The call that it follows from; `None` where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl EnvironmentEvent {
    /// Its name below `environment-event/`: those of a region sort by time. `id` is anything that tells two events apart.
    #[must_use]
    pub fn record_name(region: &str, at: Timestamp, id: &str) -> String {
        format!("{region}/{:020}-{id}", at.as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_by_namespace_and_name() {
        let mut settings = Settings::default();
        settings.set("b", "x", "1");
        settings.set("a", "y", "");
        settings.set("b", "x", "2");
        assert_eq!(settings.get("b", "x"), Some("2"));
        assert_eq!(settings.iter().collect::<Vec<_>>(), [("a", "y", ""), ("b", "x", "2")]);
        assert_eq!(serde_json::to_string(&settings).unwrap(), r#"{"a":{"y":""},"b":{"x":"2"}}"#);
        settings.clear("b", "x");
        settings.clear("c", "x");
        assert_eq!((settings.get("b", "x"), settings.iter().count()), (None, 1));
    }
}
