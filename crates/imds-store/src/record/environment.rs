//! Elastic Beanstalk: applications, their versions, environments, and what happened to them.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use imds_core::environment::Status;
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
    /// What becomes of old versions.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// The calls that delete it, once its environments are terminated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletions: Vec<String>,
    /// When the last of those was told that it begins: its end is later.
    #[serde(default)]
    pub last_event: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Application {
    /// Its name below `application/`.
    #[must_use]
    pub fn record_name(region: &str, name: &str) -> String {
        format!("{region}/{name}")
    }
}

/// `ApplicationResourceLifecycleConfig`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lifecycle {
    /// The role that deletes versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_role: Option<String>,
    /// How many versions are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<LifecycleRule>,
    /// For how many days a version is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<LifecycleRule>,
}

/// `MaxCountRule` or `MaxAgeRule`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// Does it apply?
    pub is_enabled: bool,
    /// Versions, or days.
    pub limit: u32,
    /// Does the source go too?
    #[serde(default)]
    pub deletes_source: bool,
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
    /// `Process`: was its source looked through?
    #[serde(default)]
    pub is_processed: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl ApplicationVersion {
    /// Its name below `application-version/`. A label may hold slashes, an application's name does not.
    #[must_use]
    pub fn record_name(region: &str, application: &str, label: &str) -> String {
        format!("{region}/{application}/{label}")
    }
}

/// `configuration-template/REGION/APPLICATION/NAME`: settings that environments can be launched with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationTemplate {
    /// The application.
    pub application: String,
    /// Its name, unique in the application.
    pub name: String,
    /// What its owner says about it.
    #[serde(default)]
    pub description: String,
    /// Its solution stack.
    pub solution_stack: String,
    /// What was chosen.
    #[serde(default)]
    pub settings: Settings,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl ConfigurationTemplate {
    /// Its name below `configuration-template/`.
    #[must_use]
    pub fn record_name(region: &str, application: &str, name: &str) -> String {
        format!("{region}/{application}/{name}")
    }
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
    /// The version of the launch template that its instances have; 0 where that is none of this template.
    #[serde(default)]
    pub template_version: u64,
    /// Those before it that were replaced, the oldest first: some of them are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_template_versions: Vec<u64>,
    /// Did no launch succeed yet, since it was made or rebuilt? What it lacks then is not launched by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unlaunched: bool,
    /// The name of its Auto Scaling group.
    #[serde(default)]
    pub group: String,
    /// Its instances, in the order of their launch.
    #[serde(default)]
    pub instances: Vec<String>,
    /// Where it is reached: the address of its first instance, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The configuration template that it was launched with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_name: Option<String>,
    /// `OperationsRole`: an ARN, which is shown and means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations_role: Option<String>,
    /// What is being done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// The time of its last event: the next one is later.
    pub last_event: Timestamp,
    /// Its own tags, which its instances get.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Environment {
    /// Its name below `environment/`.
    #[must_use]
    pub fn record_name(region: &str, id: &str) -> String {
        format!("{region}/{id}")
    }

    /// Is it gone for good?
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.status == Status::Terminated.as_str()
    }
}

/// What is being done to an environment, and how far that is. Each step is one commit, so that after a crash the next one
/// is done as if nothing had been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What is done.
    pub task: Task,
    /// How far it is.
    pub phase: Phase,
    /// The call that asked for it: its events carry this.
    pub request_id: String,
    /// When the next step is due.
    pub due: Timestamp,
    /// The settings as they are to be.
    pub settings: Settings,
    /// The solution stack as it is to be.
    pub solution_stack: String,
    /// The label of the version that is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What its owner is to say about it; `None` where that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Instances that were launched for it and are to take over.
    #[serde(default)]
    pub launched: Vec<String>,
    /// The version of the launch template that was made for it and is to take over; 0 while there is none.
    #[serde(default)]
    pub template_version: u64,
    /// Later calls that asked for the same: each is told the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<String>,
    /// `TerminateResources=false`: do the instances outlive the environment?
    #[serde(default)]
    pub keeps_resources: bool,
}

/// How far something is that is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It was asked for.
    Begun,
    /// What it takes is there, and takes over with the next step.
    Prepared,
    /// It failed, and is taken back with the next step.
    Failed,
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
    /// What the names of those of a region begin with.
    #[must_use]
    pub fn beginning(region: &str) -> String {
        format!("{region}/")
    }

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
