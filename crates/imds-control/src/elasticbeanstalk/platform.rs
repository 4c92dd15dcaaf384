//! The platforms that there are: branches, their versions, and the solution stacks that these are named by. The branches
//! are AWS's; that each has just one listed version, and what its number is, is [assumed].

use imds_core::partition;
use imds_store::record::Image;

use crate::query::Error;

/// The solution stack of environments that name no platform.
pub(crate) const DEFAULT: &str = "64bit Amazon Linux 2023 v4.7.0 running Python 3.11";

/// What environments of each branch can be (`SupportedTierList`).
pub(crate) const TIERS: [&str; 2] = ["WebServer/Standard", "Worker/SQS/HTTP"];
/// `SupportedAddonList`
pub(crate) const ADDONS: [&str; 3] = ["Log/S3", "Monitoring/Healthd", "WorkerDaemon/SQSD"];
/// Who made all of them.
pub(crate) const OWNER: &str = "AWSElasticBeanstalk";

/// Platform versions with one runtime on one system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    /// `Python`: the platform that it is a branch of, which is its category too.
    pub(crate) platform: &'static str,
    /// `Python 3.11`, as branches and ARNs have it.
    pub(crate) title: &'static str,
    /// `Python 3.11`, as solution stacks have it.
    pub(crate) running: &'static str,
    /// Is it on Amazon Linux 2023, and not on Amazon Linux 2?
    pub(crate) is_al2023: bool,
    /// `Supported`, `Deprecated` or `Retired`
    pub(crate) state: &'static str,
    /// The newest version, and the only one that is listed.
    pub(crate) newest: &'static str,
    /// Its language, and the version of that.
    pub(crate) language: Option<(&'static str, &'static str)>,
    /// Its framework, and the version of that.
    pub(crate) framework: Option<(&'static str, &'static str)>,
}

/// A version of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    /// The branch.
    pub(crate) branch: &'static Branch,
    /// `4.7.0`
    pub(crate) version: String,
}

const fn al2023(platform: &'static str, runtime: &'static str, newest: &'static str) -> Branch {
    Branch {
        platform,
        title: runtime,
        running: runtime,
        is_al2023: true,
        state: "Supported",
        newest,
        language: None,
        framework: None,
    }
}

/// Amazon Linux 2 is not maintained any longer (`https://aws.amazon.com/amazon-linux-2/faqs/`).
const fn al2(platform: &'static str, runtime: &'static str, newest: &'static str) -> Branch {
    Branch { is_al2023: false, state: "Deprecated", ..al2023(platform, runtime, newest) }
}

impl Branch {
    const fn retired(self) -> Self {
        Self { state: "Retired", ..self }
    }

    const fn titled(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    const fn speaks(self, language: &'static str, version: &'static str) -> Self {
        Self { language: Some((language, version)), ..self }
    }

    const fn frames(self, framework: &'static str, version: &'static str) -> Self {
        Self { framework: Some((framework, version)), ..self }
    }

    /// Every branch, the newest of each platform first.
    pub(crate) const ALL: &[Self] = &[
        al2023("Docker", "Docker", "4.7.0"),
        al2023("Docker", "ECS", "4.3.0"),
        al2("Docker", "Docker", "4.3.0"),
        al2("Docker", "ECS", "3.8.0"),
        al2023("Python", "Python 3.13", "4.7.0").speaks("Python", "3.13"),
        al2023("Python", "Python 3.12", "4.7.0").speaks("Python", "3.12"),
        al2023("Python", "Python 3.11", "4.7.0").speaks("Python", "3.11"),
        al2023("Python", "Python 3.9", "4.7.0").speaks("Python", "3.9"),
        al2("Python", "Python 3.8", "3.7.5").speaks("Python", "3.8").retired(),
        al2023("Node.js", "Node.js 22", "6.6.0").speaks("JavaScript", "ES6"),
        al2023("Node.js", "Node.js 20", "6.6.0").speaks("JavaScript", "ES6"),
        al2("Node.js", "Node.js 18", "5.10.0").speaks("JavaScript", "ES6").retired(),
        al2023("Java", "Corretto 21", "4.6.0").speaks("Java", "21"),
        al2023("Java", "Corretto 17", "4.6.0").speaks("Java", "17"),
        al2023("Java", "Corretto 11", "4.6.0").speaks("Java", "11"),
        al2023("Java", "Corretto 8", "4.6.0").speaks("Java", "8"),
        al2("Java", "Corretto 11", "3.9.0").speaks("Java", "11"),
        al2("Java", "Corretto 8", "3.9.0").speaks("Java", "8"),
        al2023("Tomcat", "Tomcat 11 Corretto 21", "5.7.0")
            .titled("Tomcat 11 with Corretto 21")
            .speaks("Java", "21")
            .frames("Tomcat", "11"),
        al2023("Tomcat", "Tomcat 10 Corretto 17", "5.7.0")
            .titled("Tomcat 10 with Corretto 17")
            .speaks("Java", "17")
            .frames("Tomcat", "10"),
        al2023("Tomcat", "Tomcat 9 Corretto 11", "5.7.0")
            .titled("Tomcat 9 with Corretto 11")
            .speaks("Java", "11")
            .frames("Tomcat", "9"),
        al2("Tomcat", "Tomcat 8.5 Corretto 11", "4.9.0")
            .titled("Tomcat 8.5 with Corretto 11")
            .speaks("Java", "11")
            .frames("Tomcat", "8.5"),
        al2023("PHP", "PHP 8.4", "4.7.0").speaks("PHP", "8.4"),
        al2023("PHP", "PHP 8.3", "4.7.0").speaks("PHP", "8.3"),
        al2023("PHP", "PHP 8.2", "4.7.0").speaks("PHP", "8.2"),
        al2("PHP", "PHP 8.1", "3.9.0").speaks("PHP", "8.1").retired(),
        al2023("Ruby", "Ruby 3.4", "4.6.0").speaks("Ruby", "3.4"),
        al2023("Ruby", "Ruby 3.3", "4.6.0").speaks("Ruby", "3.3"),
        al2023("Ruby", "Ruby 3.2", "4.6.0").speaks("Ruby", "3.2"),
        al2023("Go", "Go 1", "4.4.0").speaks("Go", "1"),
        al2("Go", "Go 1", "3.12.0").speaks("Go", "1"),
        al2023(".NET on Linux", ".NET 9", "3.5.0").frames(".NET", "9"),
        al2023(".NET on Linux", ".NET 8", "3.5.0").frames(".NET", "8"),
        al2(".NET on Linux", ".NET Core", "2.11.0").frames(".NET Core", "8"),
    ];

    /// `64bit Amazon Linux 2023`
    fn system(&self) -> &'static str {
        if self.is_al2023 { "64bit Amazon Linux 2023" } else { "64bit Amazon Linux 2" }
    }

    /// `2023` or `2`
    pub(crate) fn system_version(&self) -> &'static str {
        if self.is_al2023 { "2023" } else { "2" }
    }

    /// `Python 3.11 running on 64bit Amazon Linux 2023`
    pub(crate) fn name(&self) -> String {
        format!("{} running on {}", self.title, self.system())
    }

    /// Its newest version.
    pub(crate) fn newest(&'static self) -> Platform {
        Platform { branch: self, version: self.newest.to_owned() }
    }

    /// `arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023`, of which ARNs of its
    /// versions are made.
    fn arn(&self, region: &str) -> String {
        format!("arn:{}:elasticbeanstalk:{region}::platform/{}", partition(region), self.name())
    }
}

impl Platform {
    /// The platform of a solution stack. Any version of a branch is taken, whether or not AWS ever had it: Terraform files
    /// name the one of their day [assumed].
    ///
    /// # Errors
    /// When there is no such branch, or the version is none.
    pub(crate) fn by_stack(name: &str) -> Result<Self, Error> {
        let of_branch = |branch: &'static Branch| {
            let version = name.strip_prefix(branch.system())?.strip_prefix(" v")?;
            let version = version.strip_suffix(branch.running)?.strip_suffix(" running ")?;
            is_version(version).then(|| Self { branch, version: version.to_owned() })
        };
        let found = Branch::ALL.iter().find_map(of_branch);
        found.ok_or_else(|| Error::invalid_value(format!("No Solution Stack named '{name}' found.")))
    }

    /// The platform with an ARN of this region; without a version it is the newest [assumed].
    ///
    /// # Errors
    /// As [`Platform::by_stack`].
    pub(crate) fn by_arn(region: &str, arn: &str) -> Result<Self, Error> {
        let of_branch = |branch: &'static Branch| {
            let version = arn.strip_prefix(&branch.arn(region))?;
            if version.is_empty() {
                return Some(branch.newest());
            }
            let version = version.strip_prefix('/')?;
            is_version(version).then(|| Self { branch, version: version.to_owned() })
        };
        let found = Branch::ALL.iter().find_map(of_branch);
        found.ok_or_else(|| Error::invalid_value(format!("No Platform named '{arn}' found.")))
    }

    /// The newest version of each branch.
    pub(crate) fn listed() -> impl Iterator<Item = Self> {
        Branch::ALL.iter().map(Branch::newest)
    }

    /// `64bit Amazon Linux 2023 v4.7.0 running Python 3.11`
    pub(crate) fn stack(&self) -> String {
        format!("{} v{} running {}", self.branch.system(), self.version, self.branch.running)
    }

    /// `arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.0`
    pub(crate) fn arn(&self, region: &str) -> String {
        format!("{}/{}", self.branch.arn(region), self.version)
    }

    /// `Recommended` for the newest version of a branch that is supported.
    pub(crate) fn state(&self) -> Option<&'static str> {
        (self.branch.state == "Supported" && self.version == self.branch.newest).then_some("Recommended")
    }

    /// Does it run on Amazon Linux 2023?
    pub(crate) fn is_al2023(&self) -> bool {
        self.branch.is_al2023
    }

    /// The image of its instances: of Amazon Linux 2023, which asks for IMDSv2, or of Amazon Linux 2, which does not.
    /// `None` for an architecture that there is none of.
    pub(crate) fn image(&self, architecture: &str) -> Option<String> {
        let mut seeds = Image::seeds().into_iter();
        let image = seeds
            .find(|image| image.has_imds_v2 == self.is_al2023() && image.architecture == architecture)?;
        Some(image.id)
    }
}

/// Three numbers with dots between them.
fn is_version(text: &str) -> bool {
    let is_number =
        |part: &str| (1..=5).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() == 3 && text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_is_found_by_stack_and_by_arn() {
        for platform in Platform::listed() {
            assert_eq!(Platform::by_stack(&platform.stack()), Ok(platform.clone()));
            for region in ["us-east-1", "cn-north-1"] {
                assert_eq!(Platform::by_arn(region, &platform.arn(region)), Ok(platform.clone()));
            }
            for architecture in ["x86_64", "arm64"] {
                assert!(platform.image(architecture).is_some());
            }
        }
        let default = Platform::by_stack(DEFAULT).unwrap();
        assert_eq!(default.stack(), DEFAULT);
        assert_eq!(
            default.arn("us-east-1"),
            "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.0"
        );
        assert!(default.is_al2023() && default.state() == Some("Recommended"));
        assert_eq!(default.image("x86_64").as_deref(), Some("ami-0abcdef1234562023"));
        assert_eq!(default.image("vax"), None);
    }

    #[test]
    fn another_version_of_a_branch_is_one_too() {
        let old = Platform::by_stack("64bit Amazon Linux 2023 v4.3.0 running Python 3.11").unwrap();
        assert_eq!((&*old.version, old.state()), ("4.3.0", None));
        let tomcat =
            Platform::by_stack("64bit Amazon Linux 2 v4.0.1 running Tomcat 8.5 Corretto 11").unwrap();
        assert_eq!(tomcat.branch.name(), "Tomcat 8.5 with Corretto 11 running on 64bit Amazon Linux 2");
        let newest = "arn:aws:elasticbeanstalk:us-east-1::platform/Docker running on 64bit Amazon Linux 2023";
        let newest = Platform::by_arn("us-east-1", newest).unwrap();
        assert_eq!(newest.stack(), "64bit Amazon Linux 2023 v4.7.0 running Docker");
    }

    #[test]
    fn what_is_no_platform_is_refused_by_name() {
        for bad in [
            "",
            "x",
            "64bit Amazon Linux 2023 v4.7.0 running Python 2.7",
            "64bit Amazon Linux 2023 v4.7 running Python 3.11",
            "64bit Amazon Linux 2023 v4.7.0.1 running Python 3.11",
            "64bit Amazon Linux 2023 v4..0 running Python 3.11",
            "64bit Amazon Linux 2023 v4.7.999999 running Python 3.11",
            "64bit Amazon Linux 2023 vé.7.0 running Python 3.11",
            "64bit Amazon Linux 2023 v4.7.0  running Python 3.11",
            "64bit Amazon Linux 2 v3.7.5 running Python 3.11",
            "64bit Amazon Linux 2023 v4.7.0 running Python 3.11 ",
        ] {
            let error = Platform::by_stack(bad).unwrap_err();
            assert_eq!(
                (&*error.code, error.message),
                ("InvalidParameterValue", format!("No Solution Stack named '{bad}' found."))
            );
        }
        let arn = Platform::by_stack(DEFAULT).unwrap().arn("us-east-1");
        for bad in [
            "",
            &arn.replace("us-east-1", "eu-west-1"),
            &format!("{arn}.1"),
            &format!("{arn}/"),
            "arn:aws:s3:::x",
        ] {
            assert_eq!(
                Platform::by_arn("us-east-1", bad).unwrap_err().message,
                format!("No Platform named '{bad}' found.")
            );
        }
    }
}
