//! An account's own defaults for metadata options in a region, and whether IMDSv2 is enforced (EC2 User Guide, "Order
//! of precedence for instance metadata options", "Enforce IMDSv2").

use crate::options::{Choice, HttpTokens, ImdsSupport, MetadataOptions, Switch};

/// What `ModifyInstanceMetadataDefaults` sets. Nothing is set at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defaults {
    /// For launches that leave an option open. There is no default for `http_protocol_ipv6`.
    pub choice: Choice,
    /// `HttpTokensEnforced`: may nothing be launched, or switched back, with IMDSv1?
    pub http_tokens_enforced: Option<Switch>,
}

/// `HttpTokensEnforced` is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Enforced;

impl Defaults {
    /// The options of a launch, if they are permitted. Enforcement is looked at after precedence.
    ///
    /// # Errors
    /// [`Enforced`] when the instance would have IMDSv1 and the account does not let it.
    pub fn launch(&self, launch: &Choice, image: ImdsSupport) -> Result<MetadataOptions, Enforced> {
        let options = MetadataOptions::at_launch(launch, &self.choice, image);
        if self.is_enforced() && options.http_tokens == HttpTokens::Optional {
            return Err(Enforced);
        }
        Ok(options)
    }

    /// May these options of an instance become those? One that has IMDSv1 already is left alone.
    ///
    /// # Errors
    /// [`Enforced`] when IMDSv1 would be switched on and the account does not let it.
    pub fn change(&self, old: &MetadataOptions, new: &MetadataOptions) -> Result<(), Enforced> {
        let is_switched_on =
            old.http_tokens == HttpTokens::Required && new.http_tokens == HttpTokens::Optional;
        if self.is_enforced() && is_switched_on { Err(Enforced) } else { Ok(()) }
    }

    fn is_enforced(&self) -> bool {
        self.http_tokens_enforced == Some(Switch::Enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(http_tokens: HttpTokens) -> Choice {
        Choice { http_tokens: Some(http_tokens), ..Choice::default() }
    }

    #[test]
    fn enforcement_comes_after_precedence() {
        let mut defaults = Defaults { http_tokens_enforced: Some(Switch::Enabled), ..Defaults::default() };
        let nothing = Choice::default();
        assert_eq!(defaults.launch(&nothing, ImdsSupport::Unspecified), Err(Enforced));
        assert_eq!(defaults.launch(&tokens(HttpTokens::Optional), ImdsSupport::V2_0), Err(Enforced));
        assert!(defaults.launch(&nothing, ImdsSupport::V2_0).is_ok());
        assert!(defaults.launch(&tokens(HttpTokens::Required), ImdsSupport::Unspecified).is_ok());
        defaults.choice = tokens(HttpTokens::Required);
        assert!(defaults.launch(&nothing, ImdsSupport::Unspecified).is_ok());
        defaults.http_tokens_enforced = Some(Switch::Disabled);
        assert!(defaults.launch(&tokens(HttpTokens::Optional), ImdsSupport::V2_0).is_ok());
    }

    #[test]
    fn imdsv1_is_not_switched_back_on_and_what_has_it_is_left_alone() {
        let defaults = Defaults { http_tokens_enforced: Some(Switch::Enabled), ..Defaults::default() };
        let v1 = MetadataOptions::default();
        let v2 = v1.with(&tokens(HttpTokens::Required));
        assert_eq!(defaults.change(&v2, &v1), Err(Enforced));
        for (old, new) in [(&v1, &v1), (&v1, &v2), (&v2, &v2)] {
            assert_eq!(defaults.change(old, new), Ok(()));
        }
        assert_eq!(Defaults::default().change(&v2, &v1), Ok(()));
    }
}
