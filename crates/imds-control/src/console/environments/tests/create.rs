//! The form that makes an environment.

use imds_store::record::Application;
use tokio::sync::{mpsc, watch};

use super::*;
use crate::plane::Plane;

#[tokio::test]
async fn an_environment_is_created_as_the_form_says_and_its_application_with_it() {
    let door = door();
    let browser = Browser::new(&door, "en");
    let stack = "64bit Amazon Linux 2 v4.3.0 running Docker";
    let (status, to, page) = browser
        .post(
            NEW,
            &[
                ("application", " my shop é "),
                ("name", NAME),
                ("platform", stack),
                ("type", "SingleInstance"),
                ("instance-type", "t3.small"),
                ("instance-profile", ""),
                ("imdsv1-disabled", "true"),
            ],
        )
        .await;
    assert_eq!(status.as_u16(), 303, "{page}");
    assert_eq!(to.unwrap(), "/console/environments/shop-dev?done=creating&region=us-east-1");
    let environment = kept(&door);
    assert_eq!((&*environment.application, &*environment.solution_stack), ("my shop é", stack));
    let chosen: Vec<_> = environment.settings.iter().map(|(_, name, value)| (name, value)).collect();
    let expected = [(DISABLE, "true"), ("InstanceType", "t3.small"), ("EnvironmentType", "SingleInstance")];
    assert_eq!(chosen, expected);
    let page = shown(&door, "en", &format!("{PAGE}?done=creating")).await;
    assert!(
        page.contains("The creation of the environment was started.") && page.contains("data-refresh"),
        "{page}"
    );
    assert!(shown(&door, "en", NEW).await.contains("<option value=\"my shop é\">"));
    // Another of the same application, its box empty.
    let fields = [("application", "my shop é"), ("name", "shop-two"), ("type", "LoadBalanced")];
    assert_eq!(browser.post(NEW, &fields).await.0.as_u16(), 303);
    let all = record::list::<Environment>(&*door.store, "").unwrap();
    let two = all.iter().find(|(_, found)| found.record.name == "shop-two").unwrap();
    assert_eq!(two.1.record.settings.get(LAUNCH, DISABLE), Some("false"));
}

#[tokio::test]
async fn an_environment_that_is_refused_leaves_nothing_and_the_form_as_it_was_typed() {
    let door = door();
    let browser = Browser::new(&door, "ja");
    for bad in HOSTILE {
        for (application, name, kind, message) in [
            (bad, "x", "t3.micro", "failed to satisfy constraint"),
            ("shop", bad, "t3.micro", "Member must contain only letters"),
            ("shop", NAME, bad, "ConfigurationValidationException"),
            ("", "", "", "MissingParameter"),
            ("a/b", NAME, "", "ApplicationName"),
        ] {
            let fields = [
                ("application", application),
                ("name", name),
                ("instance-type", kind),
                ("type", "SingleInstance"),
            ];
            let (status, to, page) = browser.post(NEW, &fields).await;
            assert_eq!((status.as_u16(), to), (400, None), "{application} {name} {kind}");
            assert!(page.contains("role=\"alert\"") && page.contains(message), "{message} {page}");
            assert!(page.contains("サービスが受け付けませんでした。"), "{page}");
            assert!(!page.contains("<script>a") && !page.contains("<img"), "{page}");
            // It was not ticked.
            assert!(!page.contains(" checked> 無効"), "{page}");
        }
    }
    assert!(record::list::<Application>(&*door.store, "").unwrap().is_empty());
    assert!(record::list::<Environment>(&*door.store, "").unwrap().is_empty());
}

#[tokio::test]
async fn without_an_application_it_is_of_one_of_its_own_name() {
    let door = door();
    let browser = Browser::new(&door, "en");
    let page = shown(&door, "en", NEW).await;
    let input = |name: &str| page.split(&format!("<input id=\"{name}\"")).nth(1).unwrap().split('>').next();
    assert!(
        !input("application").unwrap().contains("required") && input("name").unwrap().contains("required")
    );
    for application in ["", "  "] {
        let fields = [("application", application), ("name", NAME), ("type", "SingleInstance")];
        let (status, _, page) = browser.post(NEW, &fields).await;
        assert!(matches!(status.as_u16(), 303 | 400), "{page}");
        assert_eq!((&*kept(&door).application, &*kept(&door).name), (NAME, NAME));
        // What was left empty is so still, where the form comes back.
        assert!(status.as_u16() == 303 || page.contains("name=\"application\" value=\"\""), "{page}");
    }
}

#[tokio::test]
async fn what_failed_here_after_it_was_done_keeps_its_application() {
    let door = door();
    // The metadata process goes after the first commit.
    let first = door.store.revision().unwrap();
    let behind = Door { plane: Plane::new(watch::channel(first + 1).1, mpsc::channel(1).0), ..door.clone() };
    let fields = [("application", "shop"), ("name", NAME), ("type", "SingleInstance")];
    let (status, to, page) = Browser::new(&behind, "en").post(NEW, &fields).await;
    assert_eq!((status.as_u16(), to), (503, None), "{page}");
    assert_eq!(kept(&door).application, "shop");
    let applications = record::list::<Application>(&*door.store, "").unwrap();
    assert_eq!(applications.len(), 1);
}

#[tokio::test]
async fn it_is_made_in_the_region_that_the_form_was_shown_for() {
    let door = door();
    let browser = Browser::new(&door, "en");
    let typed = [("application", "shop"), ("name", NAME), ("type", "SingleInstance")];
    // His cookie stays in us-east-1, as if he had chosen it on another page since.
    let (status, to, page) = send(&browser, &format!("{NEW}?region=eu-west-1"), NEW, &typed).await;
    assert_eq!(status.as_u16(), 303, "{page}");
    assert_eq!(to.unwrap(), "/console/environments/shop-dev?done=creating&region=eu-west-1");
    assert_eq!(kept(&door).region, "eu-west-1");
}
