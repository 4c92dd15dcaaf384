//! `DescribeEnvironmentResources`: what an environment is made of. There is no load balancer, alarm or queue, and clients
//! would ask their services for those.

use imds_store::record::{self, LaunchTemplate};

use super::environment;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = environment::named(call, params)?.record;
    let mut instances = found.instances.clone();
    // Those that are to take over belong to the group already.
    let launched = found.work.iter().flat_map(|work| &work.launched);
    instances.extend(launched.filter(|id| !found.instances.contains(id)).cloned());
    let group = Some(&found.group).filter(|group| !group.is_empty());
    // Its owner may have deleted it, and clients ask EC2 for what is named here.
    let template = match &found.template {
        Some(id) => record::get::<LaunchTemplate>(call.store, id)?.map(|_| id),
        None => None,
    };
    let named = |name: &'static str| {
        move |xml: &mut Xml, value: &String| {
            xml.text(name, value);
        }
    };
    let mut xml = Xml::query();
    xml.within("EnvironmentResources", |xml| {
        xml.text("EnvironmentName", &found.name)
            .list("AutoScalingGroups", group, named("Name"))
            .list("Instances", &instances, named("Id"))
            .empty("LaunchConfigurations")
            .list("LaunchTemplates", template, named("Id"))
            .empty("LoadBalancers")
            .empty("Triggers")
            .empty("Queues");
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::testing::noon;
    use imds_store::record::{self, Batch, Environment, LaunchTemplate};

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn every_list_is_there_and_there_is_no_load_balancer() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app").await;
        let create = "Action=CreateEnvironment&ApplicationName=app&EnvironmentName=env1";
        let (_, document) = beanstalk(&door, create).await;
        let id = text(&document, "EnvironmentId").unwrap().to_owned();
        let mut batch = Batch::default();
        for (name, found) in record::list::<Environment>(&*door.store, "").unwrap() {
            let mut changed = found.record;
            changed.instances = vec!["i-1".into(), "i-2".into()];
            changed.template = Some("lt-1".into());
            changed.group = "group".into();
            // One of these belongs to it already.
            changed.work.as_mut().unwrap().launched = vec!["i-2".into(), "i-3".into()];
            batch.put(&name, &changed);
        }
        let template = LaunchTemplate {
            id: "lt-1".to_owned(),
            name: "one".to_owned(),
            region: "us-east-1".to_owned(),
            created: noon(),
            default_version: 1,
            latest_version: 1,
            versions: std::collections::BTreeMap::new(),
            tags: std::collections::BTreeMap::new(),
        };
        batch.put("lt-1", &template);
        door.store.commit(batch.writes()).unwrap();
        for form in [format!("EnvironmentId={id}"), "EnvironmentName=env1".to_owned()] {
            let (status, document) =
                beanstalk(&door, &format!("Action=DescribeEnvironmentResources&{form}")).await;
            assert_eq!(status, StatusCode::OK);
            let told = text(&document, "EnvironmentResources").unwrap();
            let member = |name: &str, value: &str| format!("<member><{name}>{value}</{name}></member>");
            let expected = format!(
                "<EnvironmentName>env1</EnvironmentName><AutoScalingGroups>{}</AutoScalingGroups><Instances>{}{}{}\
                 </Instances><LaunchConfigurations/><LaunchTemplates>{}</LaunchTemplates><LoadBalancers/><Triggers/>\
                 <Queues/>",
                member("Name", "group"),
                member("Id", "i-1"),
                member("Id", "i-2"),
                member("Id", "i-3"),
                member("Id", "lt-1"),
            );
            assert_eq!(told, expected);
        }
        let mut batch = Batch::default();
        batch.delete::<LaunchTemplate>("lt-1");
        door.store.commit(batch.writes()).unwrap();
        let form = "Action=DescribeEnvironmentResources&EnvironmentName=env1";
        let (_, document) = beanstalk(&door, form).await;
        assert!(document.contains("<LaunchTemplates></LaunchTemplates>"), "its owner deleted it: {document}");
        for form in ["", "&EnvironmentId=e-0000000000", "&EnvironmentName=none"] {
            let form = format!("Action=DescribeEnvironmentResources{form}");
            assert_eq!(beanstalk(&door, &form).await.0, StatusCode::BAD_REQUEST);
        }
    }
}
