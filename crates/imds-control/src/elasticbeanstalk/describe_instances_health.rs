//! `DescribeInstancesHealth`: how the instances of an environment are.

use imds_store::record::Environment;

use super::health::{self, Attributes, InstanceHealth};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const ATTRIBUTES: &[&str] = &[
    "HealthStatus",
    "Color",
    "Causes",
    "ApplicationMetrics",
    "RefreshedAt",
    "LaunchedAt",
    "System",
    "Deployment",
    "AvailabilityZone",
    "InstanceType",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let attributes = Attributes::read(params, ATTRIBUTES)?;
    let found = health::environment(call, params, "DescribeInstancesHealth")?;
    let instances = health::instances(call, &found)?;
    let mut xml = Xml::query();
    xml.list("InstanceHealthList", &instances, |xml, instance| {
        write(xml, &found, instance, &attributes);
    });
    if attributes.has("RefreshedAt") {
        health::write_time(&mut xml, call.now);
    }
    Ok(Outcome::told(xml))
}

fn write(xml: &mut Xml, environment: &Environment, instance: &InstanceHealth, attributes: &Attributes<'_>) {
    let of = &instance.machine.instance;
    xml.text("InstanceId", &of.id);
    if attributes.has("HealthStatus") {
        xml.text("HealthStatus", instance.status);
    }
    if attributes.has("Color") {
        xml.text("Color", instance.color);
    }
    if attributes.has("Causes") {
        xml.texts("Causes", instance.cause);
    }
    if attributes.has("LaunchedAt") {
        xml.time("LaunchedAt", of.pending_time);
    }
    if attributes.has("ApplicationMetrics") {
        health::write_metrics(xml);
    }
    if attributes.has("Deployment") {
        xml.within("Deployment", |xml| {
            xml.option("VersionLabel", environment.version.as_ref())
                .text("DeploymentId", 1)
                .text("Status", "Deployed")
                .time("DeploymentTime", of.pending_time);
        });
    }
    if attributes.has("AvailabilityZone") {
        xml.text("AvailabilityZone", &of.placement.availability_zone);
    }
    if attributes.has("InstanceType") {
        xml.text("InstanceType", &of.instance_type);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::lifecycle::State;
    use imds_store::record::{self, Batch, Environment};

    use crate::door::Door;
    use crate::testing::{beanstalk, door, keep_machine, make_ready, text};

    /// An environment with an instance that is there and one that is not.
    async fn filled(health: &str) -> Door {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app").await;
        let form = format!(
            "Action=CreateEnvironment&ApplicationName=app&EnvironmentName=env1\
             &OptionSettings.member.1.Namespace=aws%3Aelasticbeanstalk%3Ahealthreporting%3Asystem\
             &OptionSettings.member.1.OptionName=SystemType&OptionSettings.member.1.Value={health}"
        );
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        make_ready(&door);
        keep_machine(&door);
        let mut batch = Batch::default();
        for (name, found) in record::list::<Environment>(&*door.store, "").unwrap() {
            let instances = vec!["i-12345678901234567".to_owned(), "i-00000000000000000".to_owned()];
            batch.put(&name, &Environment { instances, ..found.record });
        }
        door.store.commit(batch.writes()).unwrap();
        door
    }

    /// The attributes that `eb health` asks for.
    fn attributes(names: &[&str]) -> String {
        let number = |(index, name): (usize, &&str)| format!("&AttributeNames.member.{}={name}", index + 1);
        names.iter().enumerate().map(number).collect()
    }

    #[tokio::test]
    async fn what_eb_health_reads_is_there() {
        let door = filled("enhanced").await;
        let asked = attributes(&[
            "HealthStatus",
            "Status",
            "Color",
            "Causes",
            "ApplicationMetrics",
            "InstancesHealth",
            "RefreshedAt",
        ]);
        let form = format!("Action=DescribeEnvironmentHealth&EnvironmentName=env1{asked}");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        for (name, value) in [
            ("EnvironmentName", "env1"),
            ("HealthStatus", "Ok"),
            ("Status", "Ready"),
            ("Color", "Green"),
            ("Causes", ""),
            ("Ok", "1"),
            ("NoData", "0"),
            ("Severe", "0"),
            ("RequestCount", "0"),
        ] {
            assert_eq!(text(&document, name), Some(value), "{name} {document}");
        }
        let asked = attributes(&[
            "HealthStatus",
            "Color",
            "Causes",
            "ApplicationMetrics",
            "RefreshedAt",
            "LaunchedAt",
            "System",
            "Deployment",
            "AvailabilityZone",
            "InstanceType",
        ]);
        let form = format!("Action=DescribeInstancesHealth&EnvironmentName=env1{asked}");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        assert_eq!(document.matches("<InstanceId>").count(), 1);
        for (name, value) in [
            ("InstanceId", "i-12345678901234567"),
            ("HealthStatus", "Ok"),
            ("AvailabilityZone", "us-east-1a"),
            ("InstanceType", "t3.micro"),
        ] {
            assert_eq!(text(&document, name), Some(value), "{name} {document}");
        }
        assert!(text(&document, "LaunchedAt").unwrap().ends_with('Z') && document.contains("<RefreshedAt>"));
    }

    #[tokio::test]
    async fn only_what_is_asked_for_is_told() {
        let door = filled("enhanced").await;
        for (form, names, others) in [
            (
                "DescribeEnvironmentHealth",
                &["EnvironmentName"][..],
                &["Color", "Status", "InstancesHealth"][..],
            ),
            ("DescribeInstancesHealth", &["InstanceId"], &["Color", "LaunchedAt", "RefreshedAt"]),
            ("DescribeEnvironmentHealth&AttributeNames.member.1=Color", &["Color"], &["HealthStatus"]),
            ("DescribeEnvironmentHealth&AttributeNames.member.1=All", &["Color", "HealthStatus"], &[]),
            ("DescribeInstancesHealth&AttributeNames.member.1=All", &["Deployment", "Color"], &[]),
        ] {
            let (status, document) = beanstalk(&door, &format!("Action={form}&EnvironmentName=env1")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            assert!(names.iter().all(|name| text(&document, name).is_some()), "{form} {document}");
            assert!(others.iter().all(|name| text(&document, name).is_none()), "{form} {document}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = filled("basic").await;
        for action in ["DescribeEnvironmentHealth", "DescribeInstancesHealth"] {
            let message = format!("{action} is not supported.");
            for (form, code, expected) in [
                ("&EnvironmentName=env1", "InvalidRequestException", Some(&*message)),
                ("&EnvironmentName=env1&AttributeNames.member.1=Mood", "InvalidRequestException", None),
                ("&EnvironmentName=none", "InvalidParameterValue", None),
                ("", "MissingRequiredParameter", None),
            ] {
                let (status, document) = beanstalk(&door, &format!("Action={action}{form}")).await;
                let code_is = text(&document, "Code");
                assert_eq!((status, code_is), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
                assert!(expected.is_none_or(|message| text(&document, "Message") == Some(message)));
            }
        }
    }

    #[tokio::test]
    async fn an_instance_is_as_well_as_its_state() {
        let door = filled("enhanced").await;
        for (state, health) in [
            // By the time that somebody asks it runs.
            (State::Pending, Some("Ok")),
            (State::Stopped, Some("Severe")),
            (State::Terminated, None),
        ] {
            let mut machine = keep_machine(&door);
            machine.state = state;
            let mut batch = Batch::default();
            batch.put(machine.instance.id.as_str(), &machine);
            door.store.commit(batch.writes()).unwrap();
            let form = "Action=DescribeInstancesHealth&EnvironmentName=env1&AttributeNames.member.1=All";
            let (_, document) = beanstalk(&door, form).await;
            assert_eq!(text(&document, "HealthStatus"), health, "{document}");
        }
    }
}
