//! What is known of an option: where it stands, its default, what it can be, and what a change of it costs.

use imds_store::record::environment::Settings;

use crate::elasticbeanstalk::platform::Platform;

/// An option, or the options with one name of every namespace that begins alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    /// `aws:autoscaling:asg`; with `*` at its end it stands for every namespace that begins so.
    pub(crate) namespace: &'static str,
    /// `MinSize`; `*` for any.
    pub(crate) name: &'static str,
    /// Its value while none was chosen.
    pub(super) default: Standard,
    /// What a change of it costs.
    pub(crate) severity: Severity,
    /// What it can be.
    pub(crate) values: Values,
    /// Where it is.
    pub(super) scope: Scope,
    /// `AWSEBAutoScalingGroup`: the resource that it is a property of.
    pub(crate) resource: Option<&'static str>,
}

/// The default of an option.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standard {
    /// It has no value.
    None,
    /// Always the same.
    Is(&'static str),
    /// On Amazon Linux 2023, and on Amazon Linux 2.
    BySystem(&'static str, &'static str),
    /// For one instance, and behind a load balancer.
    ByType(&'static str, &'static str),
}

/// What a change of an option costs (Elastic Beanstalk API Reference, `ConfigurationOptionDescription`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Nothing.
    NoInterruption,
    /// The application is started anew.
    RestartApplicationServer,
    /// The environment is: its instances are replaced.
    RestartEnvironment,
}

impl Severity {
    /// As the API names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoInterruption => "NoInterruption",
            Self::RestartApplicationServer => "RestartApplicationServer",
            Self::RestartEnvironment => "RestartEnvironment",
        }
    }
}

/// What an option can be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values {
    /// Any text up to a length, which may not be limited.
    Text(Option<usize>),
    /// Values with commas between them.
    List,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// `true` or `false`, in any case.
    Flag,
    /// A whole number from one to the other.
    Number(i64, i64),
    /// The name of an instance type.
    InstanceType,
    /// Names of instance types with commas between them.
    InstanceTypes,
    /// What a rule takes: the rule as a pattern and by name, and as a function.
    Pattern(&'static str, &'static str, fn(&str) -> bool),
}

/// Which environments have an option.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// Those of these platforms.
    on: Option<&'static [&'static str]>,
    /// But those of these.
    not_on: &'static [&'static str],
    /// Those with a load balancer.
    balancer: Balancer,
    /// Those of the worker tier.
    is_worker: bool,
}

/// Load balancers that an option is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Balancer {
    /// None is needed.
    Any,
    /// One of any type.
    Some,
    /// A classic one.
    Classic,
    /// An application or network load balancer.
    Second,
}

/// An option of any text, whose change interrupts nothing.
pub(super) const fn option(namespace: &'static str, name: &'static str) -> Spec {
    Spec {
        namespace,
        name,
        default: Standard::None,
        severity: Severity::NoInterruption,
        values: Values::Text(None),
        scope: Scope { on: None, not_on: &[], balancer: Balancer::Any, is_worker: false },
        resource: None,
    }
}

/// An option that is `true` or `false`.
pub(super) const fn flag(namespace: &'static str, name: &'static str) -> Spec {
    Spec { values: Values::Flag, ..option(namespace, name) }
}

/// An option that is a number.
pub(super) const fn number(namespace: &'static str, name: &'static str, least: i64, most: i64) -> Spec {
    Spec { values: Values::Number(least, most), ..option(namespace, name) }
}

/// An option that is one of some words.
pub(super) const fn word(
    namespace: &'static str,
    name: &'static str,
    words: &'static [&'static str],
) -> Spec {
    Spec { values: Values::OneOf(words), ..option(namespace, name) }
}

/// An option with values between commas.
pub(super) const fn list(namespace: &'static str, name: &'static str) -> Spec {
    Spec { values: Values::List, ..option(namespace, name) }
}

impl Spec {
    pub(super) const fn is(self, default: &'static str) -> Self {
        Self { default: Standard::Is(default), ..self }
    }

    pub(super) const fn by_system(self, al2023: &'static str, al2: &'static str) -> Self {
        Self { default: Standard::BySystem(al2023, al2), ..self }
    }

    pub(super) const fn by_type(self, single: &'static str, balanced: &'static str) -> Self {
        Self { default: Standard::ByType(single, balanced), ..self }
    }

    pub(super) const fn replaces(self) -> Self {
        Self { severity: Severity::RestartEnvironment, ..self }
    }

    pub(super) const fn restarts(self) -> Self {
        Self { severity: Severity::RestartApplicationServer, ..self }
    }

    pub(super) const fn of(self, values: Values) -> Self {
        Self { values, ..self }
    }

    pub(super) const fn on(self, platforms: &'static [&'static str]) -> Self {
        Self { scope: Scope { on: Some(platforms), ..self.scope }, ..self }
    }

    pub(super) const fn not_on(self, platforms: &'static [&'static str]) -> Self {
        Self { scope: Scope { not_on: platforms, ..self.scope }, ..self }
    }

    pub(super) const fn behind(self, balancer: Balancer) -> Self {
        Self { scope: Scope { balancer, ..self.scope }, ..self }
    }

    pub(super) const fn of_workers(self) -> Self {
        Self { scope: Scope { is_worker: true, ..self.scope }, ..self }
    }

    pub(super) const fn part_of(self, resource: &'static str) -> Self {
        Self { resource: Some(resource), ..self }
    }

    /// Is it there on a platform?
    pub(super) fn is_on(&self, platform: &Platform) -> bool {
        let of = platform.branch.platform;
        self.scope.on.is_none_or(|on| on.contains(&of)) && !self.scope.not_on.contains(&of)
    }

    /// Is it this option?
    pub(super) fn matches(&self, namespace: &str, name: &str) -> bool {
        let is_namespace = match self.namespace.strip_suffix('*') {
            Some(beginning) => namespace.strip_prefix(beginning).is_some_and(|rest| !rest.is_empty()),
            None => self.namespace == namespace,
        };
        is_namespace && (self.name == "*" || self.name == name)
    }

    /// Does it stand for many, of which there is none until it is chosen?
    pub(super) fn is_open(&self) -> bool {
        self.name == "*" || self.namespace.ends_with('*') || self.namespace == super::OF_RESOURCES
    }

    /// Has an environment with these settings it?
    pub(super) fn is_of(&self, settings: &Settings, tier: &str) -> bool {
        let is_worker = tier == "Worker";
        let kind = settings.get("aws:elasticbeanstalk:environment", "LoadBalancerType");
        let is_classic = matches!(kind, None | Some("classic"));
        let is_balanced = !super::is_single(settings);
        let fits = match self.scope.balancer {
            Balancer::Any => true,
            Balancer::Some => is_balanced,
            Balancer::Classic => is_balanced && is_classic && !is_worker,
            Balancer::Second => is_balanced && !is_classic && !is_worker,
        };
        fits && (is_worker || !self.scope.is_worker)
    }

    /// Its default, where there is one.
    pub(crate) fn default(&self, platform: &Platform, settings: &Settings) -> Option<&'static str> {
        match self.default {
            Standard::None => None,
            Standard::Is(value) => Some(value),
            Standard::BySystem(al2023, al2) => Some(if platform.is_al2023() { al2023 } else { al2 }),
            Standard::ByType(single, balanced) => {
                Some(if super::is_single(settings) { single } else { balanced })
            }
        }
    }
}
