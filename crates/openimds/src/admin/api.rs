//! The services that are spoken to: their names in credential scopes, their versions, and what their answers lie in.

use super::document::Element;

/// A service whose actions are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// EC2; also what AWS has no action for is called in its name.
    Ec2,
    /// Elastic Beanstalk.
    ElasticBeanstalk,
    /// IAM.
    Iam,
}

/// What an action of the query protocol answers.
#[derive(Debug)]
pub struct Outcome {
    /// What follows from the call is told under this.
    pub request_id: String,
    /// What there is to tell; of an action that tells nothing, without children.
    pub result: Element,
}

impl Api {
    /// Its name in credential scopes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::ElasticBeanstalk => "elasticbeanstalk",
            Self::Iam => "iam",
        }
    }

    /// The version of its API.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Ec2 => "2016-11-15",
            Self::ElasticBeanstalk => "2010-12-01",
            Self::Iam => "2010-05-08",
        }
    }
}

impl Outcome {
    /// What lies in the envelope of an action's answer.
    pub(super) fn of(action: &str, answer: Element) -> Self {
        let request_id = answer.text("ResponseMetadata/RequestId").unwrap_or_default().to_owned();
        let result = answer.at(&format!("{action}Result")).cloned().unwrap_or_default();
        Self { request_id, result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_lies_in_its_envelope() {
        let answer = Element::parse(
            "<XResponse xmlns=\"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/\"><XResult><Events><member><Message>m\
             </Message></member></Events></XResult><ResponseMetadata><RequestId>U</RequestId></ResponseMetadata></XResponse>",
        );
        let outcome = Outcome::of("X", answer.unwrap());
        assert_eq!(outcome.request_id, "U");
        assert_eq!(outcome.result.members("Events").next().unwrap().text("Message"), Some("m"));
        let answer = "<XResponse><ResponseMetadata><RequestId>U</RequestId></ResponseMetadata></XResponse>";
        let outcome = Outcome::of("X", Element::parse(answer).unwrap());
        assert_eq!((outcome.request_id.as_str(), outcome.result), ("U", Element::default()));
    }
}
