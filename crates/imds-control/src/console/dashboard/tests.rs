//! The dashboard: what it counts, and the way to the account's settings.

use axum::http::StatusCode;
use imds_core::audit::{Counts, Tallies};
use imds_core::options::HttpTokens;
use imds_core::testing::launch;

use crate::console::testing::Browser;
use crate::plane::{Plane, Question};
use crate::testing::{beanstalk, door, ec2, keep_machine};

/// The numbers that are shown, in their order.
fn numbers(page: &str) -> Vec<&str> {
    page.split("<p class=\"number\">").skip(1).map(|rest| rest.split('<').next().unwrap()).collect()
}

#[tokio::test]
async fn it_counts_what_is_in_the_region() {
    let mut door = door();
    let counts = Counts { metadata_no_token: 7, metadata_no_token_rejected: 3, ..Counts::default() };
    let instances = vec![
        (launch().id, HttpTokens::Optional, counts.clone()),
        ("i-00000000000000001".parse().unwrap(), HttpTokens::Optional, counts),
    ];
    let tallies = Tallies { instances, ..Tallies::default() };
    door.plane = Plane::answering(move |question| match question {
        Question::Tallies(answer) => drop(answer.send(tallies.clone())),
        Question::Tally { .. }
        | Question::Calls { .. }
        | Question::Faults(_)
        | Question::Forget(_)
        | Question::View { .. } => {}
    });
    let visitor = Browser::new(&door, "en");
    assert_eq!(numbers(&visitor.get("/console").await.1), ["0", "0", "0"]);
    keep_machine(&door);
    let run = "Action=RunInstances&MinCount=2&MaxCount=2&ImageId=ami-0abcdef1234562023";
    ec2(&door, run).await;
    beanstalk(&door, "Action=CreateApplication&ApplicationName=shop").await;
    let stack = "64bit+Amazon+Linux+2023+v4.7.2+running+Python+3.13";
    let create = format!(
        "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=shop-1&SolutionStackName={stack}"
    );
    beanstalk(&door, &create).await;
    let (status, page) = visitor.get("/console").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(numbers(&page), ["3", "1", "1"], "{page}");
    assert!(page.contains("7 answered") && page.contains("3 rejected with 401"), "{page}");
    for path in ["/console/instances?show=v1", "/console/defaults", "/console/environments"] {
        assert!(page.contains(&format!("href=\"{path}\"")), "{path}");
    }
    ec2(&door, "Action=TerminateInstances&InstanceId.1=i-12345678901234567").await;
    assert_eq!(numbers(&visitor.get("/console").await.1)[..2], ["2", "0"]);
}

#[tokio::test]
async fn it_is_there_in_both_languages_and_without_the_metadata_process() {
    let mut door = door();
    for (language, title, account) in
        [("en", "Dashboard", "Account attributes"), ("ja", "ダッシュボード", "アカウントの属性")]
    {
        let (status, page) = Browser::new(&door, language).get("/console").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains(&format!("<h1>{title}</h1>")) && page.contains(account), "{page}");
    }
    door.plane = Plane::answering(drop);
    let (status, page) = Browser::new(&door, "en").get("/console").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("The metadata process does not answer; restart the service."), "{page}");
}
