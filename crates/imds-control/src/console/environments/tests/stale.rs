//! Forms that were shown before something else was done: in another region, to another environment of the name, or by
//! somebody else.

use super::*;
use crate::testing::signed;

const GONE: &str = "No Environment found for EnvironmentId";

/// A door with environments of one name in us-east-1 and in eu-west-1.
async fn twins() -> Door {
    let door = ready().await;
    for form in [
        "Action=CreateApplication&ApplicationName=shop&Version=2010-12-01",
        "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=shop-dev&Version=2010-12-01",
    ] {
        let (status, document) = signed(&door, "eu-west-1", "elasticbeanstalk", form).await;
        assert!(status.is_success(), "{document}");
    }
    settle(&door);
    door
}

fn status(door: &Door, region: &str) -> String {
    let all = record::list::<Environment>(&*door.store, region).unwrap();
    all.into_iter().map(|(_, found)| found.record).find(|one| one.region == region).unwrap().status
}

#[tokio::test]
async fn a_form_acts_in_the_region_that_it_was_shown_for() {
    for (page, to, typed, before, after, at) in [
        (PAGE, format!("{PAGE}/terminate"), &[][..], None, "Terminating", "?done=terminating"),
        (PAGE, format!("{PAGE}/rebuild"), &[], None, "Updating", "?done=rebuilding"),
        (PAGE, format!("{PAGE}/abort"), &[], Some(&[][..]), "Aborting", "?done=aborting"),
        (EDIT, EDIT.to_owned(), &[], None, "Updating", "?done=updating"),
        (
            EDIT,
            EDIT.to_owned(),
            &[("imdsv1-disabled", "true")],
            None,
            "Ready",
            "/configuration?done=unchanged",
        ),
    ] {
        let door = twins().await;
        // His cookie stays in us-east-1, as if he had chosen it on another page since.
        let (browser, there) = (Browser::new(&door, "en"), "?region=eu-west-1");
        if let Some(typed) = before {
            send(&browser, &format!("{EDIT}{there}"), EDIT, typed).await;
        }
        let (code, went, answer) = send(&browser, &format!("{page}{there}"), &to, typed).await;
        assert_eq!(code.as_u16(), 303, "{to} {answer}");
        assert_eq!(went.unwrap(), format!("{PAGE}{at}&region=eu-west-1"));
        assert_eq!((&*status(&door, "us-east-1"), &*status(&door, "eu-west-1")), ("Ready", after), "{to}");
    }
}

#[tokio::test]
async fn a_form_is_of_one_environment_and_not_of_the_next_one_of_its_name() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let forms =
        [(PAGE, format!("{PAGE}/terminate")), (PAGE, format!("{PAGE}/rebuild")), (EDIT, EDIT.to_owned())];
    let mut old = Vec::new();
    for (page, to) in forms {
        old.push((hidden(&shown(&door, "en", page).await, &to), to));
    }
    send(&browser, PAGE, &format!("{PAGE}/terminate"), &[]).await;
    settle(&door);
    let mut ended = kept(&door);
    let create = "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=shop-dev";
    let (status, document) = beanstalk(&door, create).await;
    assert!(status.is_success(), "{document}");
    settle(&door);
    // Of the two, the tests look at the new one.
    ended.name = "shop-old".to_owned();
    put(&door, &ended);
    let revision = door.store.revision().unwrap();
    for (fields, to) in old {
        let own: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let none: Vec<_> = own.iter().copied().filter(|(name, _)| *name != "id").collect();
        for fields in [own, none] {
            let (status, went, page) = browser.post(&to, &fields).await;
            assert_eq!((status.as_u16(), went), (400, None), "{to} {page}");
            assert!(page.contains(GONE) && page.contains("role=\"alert\""), "{page}");
            // The page is of the new one.
            assert!(page.contains(&format!("name=\"id\" value=\"{}\"", kept(&door).id)), "{page}");
        }
    }
    assert_eq!((kept(&door).status, door.store.revision().unwrap()), ("Ready".to_owned(), revision));
}

#[tokio::test]
async fn a_form_undoes_nothing_that_somebody_else_changed_since() {
    // What was shown, the change since, what is sent, and what is to come of it.
    for (since, typed, expected) in [
        // He changes the type: the box, which was not his, stays.
        (
            (DISABLE, "false"),
            &[("imdsv1-disabled", "true"), ("instance-type", "m7i.large")][..],
            &[(DISABLE, "false"), ("InstanceType", "m7i.large")][..],
        ),
        // He changes the box: the type stays.
        (
            ("InstanceType", "m7i.large"),
            &[("instance-type", "t3.micro")],
            &[(DISABLE, "false"), ("InstanceType", "m7i.large")],
        ),
        // He sends it as it was.
        ((DISABLE, "false"), &[("imdsv1-disabled", "true"), ("instance-type", "t3.micro")], &[]),
        // It is so already.
        ((DISABLE, "false"), &[("instance-type", "t3.micro")], &[]),
    ] {
        let door = ready().await;
        let browser = Browser::new(&door, "en");
        let hidden = hidden(&shown(&door, "en", EDIT).await, EDIT);
        let mut environment = kept(&door);
        environment.settings.set(LAUNCH, since.0, since.1);
        put(&door, &environment);
        let fields = hidden.iter().map(|(name, value)| (&**name, &**value)).chain(typed.iter().copied());
        let (status, went, page) = browser.post(EDIT, &fields.collect::<Vec<_>>()).await;
        assert_eq!(status.as_u16(), 303, "{page}");
        let kept = kept(&door);
        if expected.is_empty() {
            assert!(kept.work.is_none() && went.unwrap().contains("unchanged"), "{typed:?}");
        }
        for (name, value) in expected {
            let work = kept.work.as_ref().unwrap();
            assert_eq!(work.settings.get(LAUNCH, name), Some(*value), "{typed:?}");
        }
    }
}

#[tokio::test]
async fn a_form_that_was_refused_still_knows_what_it_was_shown_with() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let mut environment = kept(&door);
    let fields = hidden(&shown(&door, "en", EDIT).await, EDIT);
    environment.settings.set(LAUNCH, DISABLE, "false");
    put(&door, &environment);
    let fields = fields.iter().map(|(name, value)| (&**name, &**value));
    let typed = [("imdsv1-disabled", "true"), ("instance-type", "no such type")];
    let (status, _, page) = browser.post(EDIT, &fields.chain(typed).collect::<Vec<_>>()).await;
    assert_eq!(status.as_u16(), 400, "{page}");
    assert!(page.contains("name=\"was-imdsv1-disabled\" value=\"true\""), "{page}");
    assert!(page.contains("name=\"was-instance-type\" value=\"t3.micro\""), "{page}");
    assert!(page.contains("enables both IMDSv1 and IMDSv2"), "{page}");
}

#[tokio::test]
async fn the_other_language_of_a_page_is_of_its_region_and_another_region_is_chosen_for_the_list() {
    let door = twins().await;
    let browser = Browser::new(&door, "en");
    for path in [PAGE, CONFIGURATION, EDIT] {
        let (_, page) = browser.get(&format!("{path}?region=eu-west-1")).await;
        assert!(page.contains(&format!("href=\"{path}?region=eu-west-1&#38;lang=ja\"")), "{page}");
        assert!(page.contains("action=\"/console/environments\""), "{page}");
    }
}
