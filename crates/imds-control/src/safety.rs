//! What the door must never do, whoever asks: let a page of a browser act, act by GET, answer what no client reads, or
//! say that something is done that is not (docs/interface.md, "The door"; docs/control-api.md).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use axum::http::StatusCode;
use imds_core::Machine;
use imds_store::record::{self, Found};
use imds_store::store::{Error, Event, Kept, Store, Write};
use imds_store::{Memory, Revision};
use tokio::sync::{mpsc, watch};

use crate::door::Door;
use crate::plane::Plane;
use crate::query::Service;
use crate::testing::{door, ec2, keep_machine, keep_profile, request, signed, text};

const ID: &str = "i-12345678901234567";
const MODIFY: &str =
    "Action=ModifyInstanceMetadataOptions&InstanceId=i-12345678901234567&HttpTokens=required";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
const API: &str = "/api/v1/instances/i-12345678901234567";
const HOSTNAME: &str = r#"{"hostname": "owned"}"#;

fn machine(door: &Door) -> Found<Machine> {
    record::get(&*door.store, ID).unwrap().unwrap()
}

#[tokio::test]
async fn a_page_of_another_site_does_nothing() {
    let door = door();
    keep_machine(&door);
    let before = machine(&door);
    let form = format!("{MODIFY}&Version=2016-11-15");
    for page in [
        ("origin", "https://evil.test"),
        ("origin", "http://localhost:8080"),
        ("origin", "https://127.0.0.1:1339"),
        // As a page from a file, a sandboxed frame and a redirect send it.
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for (method, path, content, body) in
            [("POST", "/", FORM, &*form), ("PATCH", API, JSON, HOSTNAME), ("OPTIONS", API, JSON, "")]
        {
            let (status, told) = request(&door, method, path, &[content, page], body).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{page:?} {method} {told}");
        }
    }
    // What a form can send without a preflight is no JSON.
    for content in ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"] {
        let (status, _) = request(&door, "PATCH", API, &[("content-type", content)], HOSTNAME).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    assert_eq!(machine(&door), before);
    // The door's own page may.
    let own = [FORM, ("origin", "http://127.0.0.1:1339"), ("sec-fetch-site", "same-origin")];
    assert_eq!(request(&door, "POST", "/", &own, &form).await.0, StatusCode::OK);
    assert_ne!(machine(&door), before);
}

#[tokio::test]
async fn an_image_in_a_page_does_nothing() {
    let door = door();
    keep_machine(&door);
    let before = machine(&door);
    let action = format!("/?{MODIFY}&Version=2016-11-15");
    let hostname = format!("{API}?hostname=owned");
    let scope = "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/ec2/aws4_request, Signature=0";
    for path in [&*action, &hostname] {
        for method in ["GET", "HEAD"] {
            for headers in [&[][..], &[("sec-fetch-site", "same-site")], &[("authorization", scope)], &[JSON]]
            {
                let (status, told) = request(&door, method, path, headers, "").await;
                assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path} {told}");
            }
        }
    }
    let (_, told) = request(&door, "GET", &action, &[], "").await;
    assert_eq!(text(&told, "Code"), Some("InvalidRequest"));
    // A body does not make an action of a GET.
    request(&door, "GET", "/", &[FORM], &format!("{MODIFY}&Version=2016-11-15")).await;
    assert_eq!(machine(&door), before);
}

#[tokio::test]
async fn a_name_that_was_pointed_here_reaches_nothing() {
    let door = door();
    keep_machine(&door);
    let before = machine(&door);
    let form = format!("{MODIFY}&Version=2016-11-15");
    for host in ["evil.test", "evil.test:1339", "127.0.0.1.evil.test", "localhost.evil.test", "172.31.16.10"]
    {
        let origin = format!("http://{host}");
        // To the browser it is the page's own site.
        let rebound = [("host", host), ("origin", &*origin), ("sec-fetch-site", "same-origin")];
        for (method, path, content, body) in [
            ("POST", "/", FORM, &*form),
            ("PATCH", API, JSON, HOSTNAME),
            ("GET", "/api/v1/instances/i-12345678901234567/history", JSON, ""),
            ("GET", "/metrics", JSON, ""),
            ("GET", "/healthz", JSON, ""),
        ] {
            let headers = [&rebound[..], &[content]].concat();
            let (status, told) = request(&door, method, path, &headers, body).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{host} {path} {told}");
        }
    }
    assert_eq!(machine(&door), before);
}

#[tokio::test]
async fn a_body_has_an_end() {
    let door = door();
    keep_machine(&door);
    let before = machine(&door);
    let form = format!("{MODIFY}&Version=2016-11-15&Description={}", "x".repeat(256 * 1024));
    assert_eq!(request(&door, "POST", "/", &[FORM], &form).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let json = format!("{}{HOSTNAME}", " ".repeat(256 * 1024));
    assert_eq!(request(&door, "PATCH", API, &[JSON], &json).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(machine(&door), before);
}

#[tokio::test]
async fn what_is_not_there_is_a_400_that_its_client_reads() {
    let door = door();
    let refused = |status, document: &str| {
        assert_eq!(status, StatusCode::BAD_REQUEST, "{document}");
        text(document, "Code").unwrap().to_owned()
    };
    for (service, version) in [
        ("sts", "2011-06-15"),
        ("iam", "2010-05-08"),
        ("elasticbeanstalk", "2010-12-01"),
        ("autoscaling", "2011-01-01"),
        // Services that there are not at all: their clients read the others' form best.
        ("s3", "2006-03-01"),
        ("sqs", "2012-11-05"),
    ] {
        let form = format!("Action=NoSuchAction&Version={version}");
        let (status, document) = signed(&door, "us-east-1", service, &form).await;
        assert_eq!(refused(status, &document), "InvalidAction");
        let message = "The action NoSuchAction is not valid for this web service.";
        assert_eq!(text(&document, "Message"), Some(message));
        assert!(document.contains("<ErrorResponse xmlns=") && document.contains("<RequestId>"), "{document}");
    }
    for (form, code) in [
        ("Action=NoSuchAction&Version=2016-11-15", "InvalidAction"),
        ("Action=&Version=2016-11-15", "MissingParameter"),
        ("Version=2016-11-15", "MissingParameter"),
        ("", "MissingParameter"),
        ("Action=DescribeInstances", "MissingParameter"),
        ("Action=DescribeInstances&Version=2013-02-01", "NoSuchVersion"),
        ("Action=DescribeInstances&Version=2016-11-15&DryRun=maybe", "InvalidParameterValue"),
        ("Action=GetCallerIdentity&Version=2016-11-15", "InvalidAction"),
        ("Action=ModifyInstanceMetadataOptions&Version=2016-11-15", "MissingParameter"),
    ] {
        let (status, document) = signed(&door, "us-east-1", "ec2", form).await;
        assert_eq!(refused(status, &document), code, "{form}");
        assert!(
            document.contains("<Response><Errors><Error>") && document.contains("<RequestID>"),
            "{document}"
        );
    }
}

#[tokio::test]
async fn a_dry_run_is_checked_and_not_done() {
    let door = door();
    keep_machine(&door);
    let before = machine(&door);
    let (status, document) = ec2(&door, &format!("{MODIFY}&DryRun=true")).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(text(&document, "Code"), Some("DryRunOperation"));
    let message = "Request would have succeeded, but DryRun flag is set.";
    assert_eq!(text(&document, "Message"), Some(message));
    let (_, document) = ec2(&door, &format!("{MODIFY}&HttpPutResponseHopLimit=65&DryRun=true")).await;
    assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
    assert_eq!(machine(&door), before);
    assert_eq!(ec2(&door, &format!("{MODIFY}&DryRun=false")).await.0, StatusCode::OK);
}

/// A memory that others change before each of the next commits, or that fails.
struct Contended {
    memory: Memory,
    conflicts: AtomicU32,
    is_broken: bool,
}

impl Store for Contended {
    fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
        self.memory.get(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
        self.memory.list(prefix)
    }

    fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
        if self.is_broken {
            return Err(std::io::Error::other("no space left on device").into());
        }
        let left = |left: u32| left.checked_sub(1);
        if self.conflicts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
            return Err(Error::Conflict { key: batch[0].key.clone() });
        }
        self.memory.commit(batch)
    }

    fn revision(&self) -> Result<Revision, Error> {
        self.memory.revision()
    }

    fn watch(&self) -> Receiver<Event> {
        self.memory.watch()
    }
}

fn contended(conflicts: u32, is_broken: bool) -> Door {
    let memory = Memory::default();
    let mut batch = record::Batch::default();
    let instance = imds_core::testing::launch().instance();
    batch.put(ID, &Machine::launched(instance));
    memory.commit(batch.writes()).unwrap();
    Door { store: Arc::new(Contended { memory, conflicts: conflicts.into(), is_broken }), ..door() }
}

#[tokio::test]
async fn a_conflict_is_decided_anew_and_an_endless_one_is_told() {
    let door = contended(5, false);
    assert_eq!(ec2(&door, MODIFY).await.0, StatusCode::OK);
    assert_eq!(machine(&door).record.instance.options.http_tokens.to_string(), "required");
    let headers = [JSON];
    let door = contended(5, false);
    assert_eq!(request(&door, "PATCH", API, &headers, HOSTNAME).await.0, StatusCode::OK);
    let door = contended(u32::MAX, false);
    let (status, document) = ec2(&door, MODIFY).await;
    let code = text(&document, "Code");
    assert_eq!((status, code), (StatusCode::SERVICE_UNAVAILABLE, Some("RequestLimitExceeded")));
    let (status, _) = request(&door, "PATCH", API, &headers, HOSTNAME).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_comes_at_once_is_all_done() {
    let door = door();
    keep_machine(&door);
    let calls: Vec<_> = (0..40)
        .map(|n| {
            let door = door.clone();
            let form = format!("Action=CreateTags&ResourceId.1={ID}&Tag.1.Key=k{n}&Tag.1.Value=v");
            tokio::spawn(async move { ec2(&door, &form).await })
        })
        .collect();
    for call in calls {
        let (status, document) = call.await.unwrap();
        assert_eq!(status, StatusCode::OK, "{document}");
    }
    assert_eq!(machine(&door).record.instance.tags.len(), 40);
}

#[tokio::test]
async fn a_fault_of_our_own_is_a_500_in_xml_and_says_nothing_of_it() {
    let door = contended(0, true);
    let (status, document) = ec2(&door, MODIFY).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(&document, "Code"), Some("InternalError"));
    assert!(!document.contains("device"), "{document}");
    let (status, told) = request(&door, "PATCH", API, &[JSON], HOSTNAME).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!told.contains("device") && told.starts_with("{\"error\":"), "{told}");
}

#[tokio::test]
async fn nothing_is_said_to_be_done_before_guests_see_it() {
    let (applied, follows) = watch::channel(0);
    let (questions, _) = mpsc::channel(1);
    let door = Door { plane: Plane::new(follows, questions), ..door() };
    keep_machine(&door);
    for (method, path, content, body) in
        [("POST", "/", FORM, &*format!("{MODIFY}&Version=2016-11-15")), ("PATCH", API, JSON, HOSTNAME)]
    {
        let headers = [content];
        let mut call = Box::pin(request(&door, method, path, &headers, body));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut call).await;
        assert!(early.is_err(), "{path} was answered before it was applied");
        let revision = machine(&door).revision;
        applied.send(revision).unwrap();
        assert_eq!(call.await.0, StatusCode::OK);
    }
    // Without a metadata process nothing can be said to be done.
    drop(applied);
    let (status, document) = ec2(&door, &MODIFY.replace("required", "optional")).await;
    let code = text(&document, "Code");
    assert_eq!((status, code), (StatusCode::SERVICE_UNAVAILABLE, Some("Unavailable")));
    assert_eq!(request(&door, "GET", "/metrics", &[], "").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_metadata_process_that_does_not_follow_is_not_waited_for_for_ever() {
    let (_applied, follows) = watch::channel(0);
    let (questions, _asked) = mpsc::channel(1);
    let door = Door { plane: Plane::new(follows, questions), ..door() };
    keep_machine(&door);
    let (status, document) = ec2(&door, MODIFY).await;
    assert_eq!((status, text(&document, "Code")), (StatusCode::SERVICE_UNAVAILABLE, Some("Unavailable")));
    assert_eq!(request(&door, "GET", "/metrics", &[], "").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_guest_does_not_come_in() {
    let door = door();
    keep_machine(&door);
    let guest = "127.0.0.1";
    let mut batch = record::Batch::default();
    batch.put(guest, &record::Address { instance: ID.to_owned() });
    door.store.commit(batch.writes()).unwrap();
    let before = machine(&door);
    for path in ["/", API, "/metrics", "/healthz"] {
        let (status, told) = request(&door, "POST", path, &[FORM], MODIFY).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} {told}");
    }
    assert_eq!(machine(&door), before);
}

/// Parameters of real actions, each of which is to hold what it should not.
const NAMES: &[&str] = &[
    "InstanceId",
    "InstanceId.1",
    "InstanceId.4294967296",
    "ImageId",
    "ImageId.1",
    "MinCount",
    "MaxCount",
    "MaxResults",
    "NextToken",
    "UserData",
    "UserData.Value",
    "InstanceType",
    "InstanceType.Value",
    "InstanceType.1",
    "KeyName",
    "KeyName.1",
    "KeyType",
    "PublicKeyMaterial",
    "PrivateIpAddress",
    "SubnetId",
    "Placement.AvailabilityZone",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "Filter.1.Value",
    "Tag.1.Key",
    "Tag.1.Value",
    "ResourceId.1",
    "TagSpecification.1.ResourceType",
    "TagSpecification.1.Tag.1.Key",
    "MetadataOptions.HttpTokens",
    "MetadataOptions.HttpPutResponseHopLimit",
    "HttpTokens",
    "HttpPutResponseHopLimit",
    "LaunchTemplate.LaunchTemplateId",
    "LaunchTemplate.Version",
    "LaunchTemplateId",
    "LaunchTemplateName",
    "LaunchTemplateVersion.1",
    "LaunchTemplateData.UserData",
    "IamInstanceProfile.Arn",
    "AssociationId",
    "Attribute",
    "ClientToken",
    "DryRun",
    "AccessKeyId",
    "AssumeRolePolicyDocument",
    "Description",
    "DurationSeconds",
    "InstanceProfileName",
    "Marker",
    "MaxItems",
    "MaxSessionDuration",
    "Path",
    "PathPrefix",
    "PermissionsBoundary",
    "Policy",
    "PolicyArn",
    "PolicyDocument",
    "PolicyName",
    "RoleArn",
    "RoleName",
    "RoleSessionName",
    "Scope",
    "SourceIdentity",
    "TagKeys.member.1",
    "Tags.member.1.Key",
    "Tags.member.1.Value",
    "UserName",
    "VersionId",
];

/// Parameters with which actions of each service would do.
fn usual(service: Service) -> &'static str {
    match service {
        Service::Ec2 => {
            "ImageId=ami-0abcdef1234567890&MinCount=1&MaxCount=1&InstanceId.1=i-12345678901234567"
        }
        Service::Iam | Service::Sts => {
            "RoleName=web&InstanceProfileName=web&PolicyName=own&PolicyArn=arn:aws:iam::aws:policy/X&VersionId=v1\
             &PolicyDocument=%7B%22Statement%22%3A%5B%5D%7D&AssumeRolePolicyDocument=%7B%22Statement%22%3A%5B%5D%7D\
             &RoleArn=arn:aws:iam::123456789012:role/web&RoleSessionName=me&AccessKeyId=AKIAEXAMPLE000000000"
        }
        Service::ElasticBeanstalk | Service::AutoScaling => "ApplicationName=app&EnvironmentName=web",
    }
}

#[tokio::test]
async fn whatever_a_parameter_holds_the_answer_is_a_document_and_no_fault_of_ours() {
    let door = door();
    keep_machine(&door);
    keep_profile(&door, "web");
    let long = "x".repeat(70_000);
    let nested = "a.".repeat(2_000);
    let deep = "%5B".repeat(2_000);
    let hostile = [
        "",
        "0",
        "-1",
        "1001",
        "99999999999999999999",
        "%00",
        "%ff%fe",
        "true",
        "*",
        "../..",
        "i-",
        "%F0%9F%92%A3",
        "%3C!--",
        "$Latest",
        "0.0.0.0",
        "255.255.255.255",
        "%0D%0A",
        "====",
        &long,
        &nested,
        &deep,
        "%7B%22Statement%22%3A%5Bnull%2C%7B%22Effect%22%3A7%7D%5D%7D",
        "arn:aws:iam::aws:policy%2F%2F",
        ID,
    ];
    for (service, action) in crate::action::names() {
        for (index, value) in hostile.iter().enumerate() {
            // Each value in every parameter at once, and in one of them beside a launch that would do.
            let all: String = NAMES.iter().map(|name| format!("&{name}={value}")).collect();
            let one = NAMES[(index * 7 + action.len()) % NAMES.len()];
            for form in
                [format!("Action={action}{all}"), format!("Action={action}&{}&{one}={value}", usual(service))]
            {
                if form.len() > 256 * 1024 {
                    continue;
                }
                let form = format!("{form}&Version={}", service.version());
                let (status, document) = request(&door, "POST", "/", &[FORM], &form).await;
                assert!(!status.is_server_error(), "{action} {value:.40} {one}: {document:.400}");
                assert!(document.starts_with("<?xml"), "{action} {value:.40} {one}: {document:.400}");
            }
        }
    }
}
