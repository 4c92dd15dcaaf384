//! Envelopes: what stands around an answer and around an error (docs/control-api.md).

use super::{Error, Service, Xml};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Actions whose result has nothing in it and is there all the same: clients look for it.
const EMPTY: [&str; 1] = ["UpdateRole"];

/// The document of an answer.
pub(crate) fn answer(service: Service, action: &str, body: &Xml, request_id: &str) -> String {
    let (namespace, body) = (service.namespace(), body.as_str());
    match service {
        Service::Ec2 => format!(
            "{DECLARATION}<{action}Response xmlns=\"{namespace}\"><requestId>{request_id}</requestId>{body}</{action}Response>"
        ),
        Service::Sts | Service::Iam | Service::ElasticBeanstalk | Service::AutoScaling => {
            let result = if body.is_empty() && !EMPTY.contains(&action) {
                String::new()
            } else {
                format!("<{action}Result>{body}</{action}Result>")
            };
            format!(
                "{DECLARATION}<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}\
                 </RequestId></ResponseMetadata></{action}Response>"
            )
        }
    }
}

/// The document of an error. EC2 spells `RequestID` in another way than all the others.
pub(crate) fn error(service: Service, error: &Error, request_id: &str) -> String {
    let mut xml = Xml::ec2();
    match service {
        Service::Ec2 => {
            xml.within("Response", |xml| {
                xml.within("Errors", |xml| {
                    xml.within("Error", |xml| {
                        xml.text("Code", &error.code).text("Message", &error.message);
                    });
                })
                .text("RequestID", request_id);
            });
            format!("{DECLARATION}{}", xml.as_str())
        }
        Service::Sts | Service::Iam | Service::ElasticBeanstalk | Service::AutoScaling => {
            // These have another word than EC2 for a fault of ours.
            let (fault, code) = match error.status.is_server_error() {
                true => ("Receiver", "InternalFailure"),
                false => ("Sender", &*error.code),
            };
            xml.within("Error", |xml| {
                xml.text("Type", fault).text("Code", code).text("Message", &error.message);
            })
            .text("RequestId", request_id);
            let (namespace, body) = (service.namespace(), xml.as_str());
            format!("{DECLARATION}<ErrorResponse xmlns=\"{namespace}\">{body}</ErrorResponse>")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_own() {
        let mut body = Xml::ec2();
        body.text("return", true);
        assert_eq!(
            answer(Service::Ec2, "CreateTags", &body, "U"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CreateTagsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>U</requestId><return>true</return></CreateTagsResponse>"
        );
        let mut body = Xml::query();
        body.text("Account", "1");
        assert!(answer(Service::Sts, "GetCallerIdentity", &body, "U").ends_with(
            "<GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>U</RequestId>\
             </ResponseMetadata></GetCallerIdentityResponse>"
        ));
        let refused = Error::missing("InstanceId");
        assert!(error(Service::Ec2, &refused, "U").ends_with(
            "<Response><Errors><Error><Code>MissingParameter</Code><Message>The request must contain the parameter InstanceId\
             </Message></Error></Errors><RequestID>U</RequestID></Response>"
        ));
        assert!(
            error(Service::Sts, &Error::internal(), "U")
                .contains("<Type>Receiver</Type><Code>InternalFailure</Code>")
        );
        assert!(error(Service::Sts, &refused, "U").ends_with("<RequestId>U</RequestId></ErrorResponse>"));
        assert!(
            error(Service::Iam, &refused, "U")
                .contains("<Error><Type>Sender</Type><Code>MissingParameter</Code>")
        );
    }
}
