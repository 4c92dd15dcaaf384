//! Instance types: what their names tell, and which there are. Nothing here has a machine behind it: a name that has the
//! form of one is taken, and its numbers follow from it. Sizes are those of the EC2 Instance Types Guide; where a family
//! departs from its pattern they are [assumed].

use imds_core::instance::architecture;

use crate::query::Error;

/// What is launched from an image of this architecture when nobody says what. EC2's own default is older than Arm.
pub(crate) fn default(architecture: &str) -> &'static str {
    if architecture == "arm64" { "t4g.micro" } else { "t3.micro" }
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstanceType {
    /// `t3.micro`
    pub(crate) name: String,
    /// Virtual CPUs.
    pub(crate) vcpus: u32,
    /// Memory.
    pub(crate) mebibytes: u32,
    /// `x86_64` or `arm64`
    pub(crate) architecture: &'static str,
    /// Has it CPU credits?
    pub(crate) is_burstable: bool,
    /// Is it a whole server, without a hypervisor?
    pub(crate) is_bare_metal: bool,
    /// Is it on Xen, as those before 2017 are, and not on Nitro?
    pub(crate) is_xen: bool,
}

/// Families that are listed, with their sizes.
const FAMILIES: &[(&[&str], &[&str])] = &[
    (&["t2", "t3", "t3a", "t4g"], &["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge"]),
    (
        &["m5", "c5", "r5", "m6i", "c6i", "r6i", "m7i", "c7i", "r7i"],
        &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "metal"],
    ),
    (
        &["m6g", "c6g", "r6g", "m7g", "c7g", "r7g", "m8g", "c8g", "r8g"],
        &["medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "metal"],
    ),
];

/// Every type that is listed, in the order of names.
pub(crate) fn all() -> Vec<InstanceType> {
    let mut names = Vec::new();
    for (families, sizes) in FAMILIES {
        names.extend(
            families.iter().flat_map(|family| sizes.iter().map(move |size| format!("{family}.{size}"))),
        );
    }
    names.sort();
    names.iter().filter_map(|name| InstanceType::of(name)).collect()
}

/// Refuses what has not the form of a type's name.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    match InstanceType::of(name) {
        Some(_) => Ok(()),
        None => Err(Error::invalid_value(format!("Invalid value '{name}' for InstanceType."))),
    }
}

/// Refuses a type that cannot run an image of this architecture. The words are EC2's.
pub(crate) fn fit(name: &str, image: &str) -> Result<(), Error> {
    let has = architecture(name);
    // A processor of 64 bits runs systems of 32.
    if has == image || (has, image) == ("x86_64", "i386") {
        return Ok(());
    }
    Err(Error::invalid_value(format!(
        "The architecture '{has}' of the specified instance type does not match the architecture '{image}' of the \
         specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use \
         'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI."
    )))
}

impl InstanceType {
    /// The type with this name, if it has the form of one: `t3.micro`, `u-6tb1.56xlarge`, `c7i.metal-24xl`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (family, size) = name.split_once('.')?;
        let class = family.chars().next()?;
        let is_word = |word: &str| {
            word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) && word.len() <= 20
        };
        let is_family = is_word(family)
            && family.starts_with(|c: char| c.is_ascii_lowercase())
            && family.contains(|c: char| c.is_ascii_digit());
        if !is_family || !is_word(size) {
            return None;
        }
        let is_burstable = class == 't' && family.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let (vcpus, mebibytes) = if is_burstable { burstable(family, size)? } else { steady(class, size)? };
        Some(Self {
            name: name.to_owned(),
            vcpus,
            mebibytes,
            architecture: architecture(name),
            is_burstable,
            is_bare_metal: size.starts_with("metal"),
            is_xen: ["t1", "t2", "m1", "m2", "m3", "m4", "c1", "c3", "c4", "r3", "r4", "i2", "d2"]
                .contains(&family),
        })
    }

    /// The credits that it has when nobody chooses.
    pub(crate) fn cpu_credits(&self) -> &'static str {
        if self.name.starts_with("t2.") || self.name.starts_with("t1.") { "standard" } else { "unlimited" }
    }

    /// Threads of each core: those of Graviton, and of the smallest old ones, are cores of their own.
    pub(crate) fn threads_per_core(&self) -> u32 {
        if self.architecture == "arm64" || self.vcpus == 1 || self.name.starts_with("t2.") { 1 } else { 2 }
    }
}

fn burstable(family: &str, size: &str) -> Option<(u32, u32)> {
    let (vcpus, mebibytes) = match size {
        "nano" => (2, 512),
        "micro" => (2, 1_024),
        "small" => (2, 2_048),
        "medium" => (2, 4_096),
        "large" => (2, 8_192),
        "xlarge" => (4, 16_384),
        "2xlarge" => (8, 32_768),
        _ => return None,
    };
    let is_single = matches!(family, "t1" | "t2") && mebibytes <= 2_048;
    Some((if is_single { 1 } else { vcpus }, mebibytes))
}

fn steady(class: char, size: &str) -> Option<(u32, u32)> {
    let vcpus = match size {
        "small" | "medium" => 1,
        "large" => 2,
        "xlarge" => 4,
        "metal" => 64,
        size => {
            let times = size
                .strip_prefix("metal-")
                .map_or_else(|| size.strip_suffix("xlarge"), |size| size.strip_suffix("xl"))?;
            times.parse::<u32>().ok().filter(|times| (1..=448).contains(times))? * 4
        }
    };
    let gibibytes = match class {
        'c' => 2,
        'r' | 'x' | 'z' => 8,
        _ => 4,
    };
    Some((vcpus, vcpus * gibibytes * 1_024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_numbers() {
        for (name, vcpus, gibibytes, architecture, is_burstable) in [
            ("t2.micro", 1, 1, "x86_64", true),
            ("t3.micro", 2, 1, "x86_64", true),
            ("t4g.small", 2, 2, "arm64", true),
            ("m5.large", 2, 8, "x86_64", false),
            ("c7g.medium", 1, 2, "arm64", false),
            ("r6i.2xlarge", 8, 64, "x86_64", false),
            ("trn1.32xlarge", 128, 512, "x86_64", false),
            ("u-6tb1.56xlarge", 224, 896, "x86_64", false),
            ("c7i.metal-24xl", 96, 192, "x86_64", false),
        ] {
            let of = InstanceType::of(name).unwrap();
            assert_eq!((of.vcpus, of.mebibytes), (vcpus, gibibytes * 1_024), "{name}");
            assert_eq!((of.architecture, of.is_burstable), (architecture, is_burstable), "{name}");
        }
        for architecture in ["x86_64", "arm64", "i386"] {
            let name = default(architecture);
            assert!(
                fit(name, architecture).is_ok() && all().iter().any(|of| of.name == name),
                "{architecture}"
            );
        }
    }

    #[test]
    fn what_has_no_such_form_is_refused() {
        for bad in [
            "",
            "t3",
            "t3.",
            ".micro",
            "t3.huge",
            "T3.micro",
            "t3.micro\n",
            "3t.micro",
            "m5.0xlarge",
            "m.large",
            "x",
        ] {
            let error = check(bad).unwrap_err();
            assert_eq!(error.message, format!("Invalid value '{bad}' for InstanceType."));
        }
    }
}
