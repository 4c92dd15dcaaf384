//! The pages of environments: what they show, what their forms do, and that what is hostile stays text.

mod commands;
mod create;
mod elsewhere;
mod stale;
mod told;

use std::time::Duration;

use axum::http::StatusCode;
use imds_core::Timestamp;
use imds_store::record::environment::Task;
use imds_store::record::{self, Batch, Environment, EnvironmentEvent};

use super::{DISABLE, LAUNCH};
use crate::console::testing::Browser;
use crate::door::Door;
use crate::environments::{Agenda, Surroundings, proceed};
use crate::testing::{beanstalk, door};

const NAME: &str = "shop-dev";
const PAGE: &str = "/console/environments/shop-dev";
const CONFIGURATION: &str = "/console/environments/shop-dev/configuration";
const EDIT: &str = "/console/environments/shop-dev/configuration/instances";
const NEW: &str = "/console/environments/new";
const HOSTILE: [&str; 2] = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>"];
const OPTION: &str = "<code>aws:autoscaling:launchconfiguration</code> › <code>DisableIMDSv1</code>";
const BUSY: &str = "Environment named shop-dev is in an invalid state for this operation. Must be Ready.";

/// What was begun is done, step by step, as by itself.
fn settle(door: &Door) {
    for seconds in 1..8 {
        let surroundings =
            Surroundings { vpc: door.vpc, delay: door.environment_delay, authority: &door.authority };
        let now = Timestamp::now() + Duration::from_secs(seconds);
        proceed(&mut Agenda::default(), &*door.store, surroundings, now).unwrap();
    }
}

/// A door with an environment that is ready, with one instance.
async fn ready() -> Door {
    let door = door();
    beanstalk(&door, "Action=CreateApplication&ApplicationName=shop").await;
    let create = "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=shop-dev";
    let (status, document) = beanstalk(&door, create).await;
    assert!(status.is_success(), "{document}");
    settle(&door);
    assert_eq!(kept(&door).status, "Ready");
    door
}

fn kept(door: &Door) -> Environment {
    let all = record::list::<Environment>(&*door.store, "").unwrap();
    all.into_iter().map(|(_, found)| found.record).find(|one| one.name == NAME).unwrap()
}

fn put(door: &Door, environment: &Environment) {
    let mut batch = Batch::default();
    batch.put(&Environment::record_name(&environment.region, &environment.id), environment);
    door.store.commit(batch.writes()).unwrap();
}

/// The box of what is being deployed.
fn draft(environment: &Environment) -> Option<&str> {
    environment.work.as_ref()?.settings.get(LAUNCH, DISABLE)
}

/// Sends the form of a page that goes to this address, as it is there, with what was typed.
async fn send(
    browser: &Browser<'_>,
    page: &str,
    to: &str,
    typed: &[(&str, &str)],
) -> (StatusCode, Option<String>, String) {
    let hidden = hidden(&browser.get(page).await.1, to);
    let hidden = hidden.iter().map(|(name, value)| (&**name, &**value));
    browser.post(to, &hidden.chain(typed.iter().copied()).collect::<Vec<_>>()).await
}

/// What the form of a page that goes to this address holds, and does not show.
fn hidden(page: &str, to: &str) -> Vec<(String, String)> {
    let form = page
        .split("<form ")
        .find(|form| form.contains(&format!("method=\"post\" action=\"{to}\"")))
        .unwrap_or_default();
    let form = form.split("</form>").next().unwrap_or_default();
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|field| {
        let (name, rest) = field.split_once("\" value=\"")?;
        let (value, _) = rest.split_once('"')?;
        Some((name.to_owned(), value.to_owned()))
    });
    fields.filter(|(name, _)| name != "seal").collect()
}

async fn shown(door: &Door, language: &str, path: &str) -> String {
    let (status, page) = Browser::new(door, language).get(path).await;
    assert_eq!(status.as_u16(), 200, "{path} {page}");
    page
}

#[tokio::test]
async fn every_page_is_there_in_both_languages_and_says_what_aws_says() {
    let door = ready().await;
    for (path, english, japanese) in [
        (
            "/console/environments",
            &["Environments ·", "Create environment", NAME][..],
            &["環境 ·", "環境の作成"][..],
        ),
        (
            NEW,
            &[
                "<title>Create a new environment ·",
                "<h1>Create a new environment</h1>",
                ">Create environment</button>",
                "Instance metadata service (IMDS)",
                OPTION,
            ],
            &["<title>新しい環境の作成 ·", ">環境の作成</button>", "無効"],
        ),
        (
            PAGE,
            &["shop-dev ·", "Configuration", "Recent events"],
            &["shop-dev ·", "設定", "最近のイベント", ">重要度</th>"],
        ),
        (
            CONFIGURATION,
            &["Configuration · shop-dev", "Instances", "Edit", "IMDSv1: ", "Disabled"],
            &["設定 · shop-dev", "インスタンス", "編集", "無効"],
        ),
        (
            EDIT,
            &[
                "Edit: Instances · shop-dev",
                "Instance metadata service (IMDS)",
                "IMDSv1",
                " checked> Disabled",
                "With the current setting, the environment enables only IMDSv2.",
                OPTION,
                ">Apply<",
                ">Cancel<",
            ],
            &[
                "インスタンスメタデータサービス (IMDS)",
                " checked> 無効",
                "現在の設定では、環境は IMDSv2 のみを有効にします。",
                ">適用<",
                ">キャンセル<",
            ],
        ),
    ] {
        for (language, texts) in [("en", english), ("ja", japanese)] {
            let page = shown(&door, language, path).await;
            assert!(page.contains(&format!("<html lang=\"{language}\">")), "{path}");
            for text in texts {
                assert!(page.contains(text), "{path} {language} {text}\n{page}");
            }
        }
    }
}

#[tokio::test]
async fn what_there_is_not_is_no_page() {
    let door = ready().await;
    for language in ["en", "ja"] {
        for path in ["/console/environments/other", "/console/environments/other/configuration/instances"] {
            let (status, page) = Browser::new(&door, language).get(path).await;
            assert_eq!(status.as_u16(), 404, "{path}");
            assert!(page.contains("No Environment found for EnvironmentName = &#39;other&#39;."), "{page}");
        }
        // It is of another region.
        let (status, _) = Browser::new(&door, language).get(&format!("{PAGE}?region=eu-west-1")).await;
        assert_eq!(status.as_u16(), 404);
        let elsewhere = shown(&door, language, "/console/environments?region=eu-west-1").await;
        assert!(!elsewhere.contains(PAGE) && !elsewhere.contains("<table"), "{elsewhere}");
    }
}

#[tokio::test]
async fn the_box_is_the_option_and_both_ways_replace_the_instance() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let first = kept(&door).instances;
    let ticked = [("imdsv1-disabled", "true"), ("instance-type", "t3.micro")];
    for (fields, value, badge, becomes) in [
        (&ticked[1..], "false", "Enabled", "After this, the environment enables both IMDSv1 and IMDSv2."),
        (
            &ticked[..],
            "true",
            "Disabled",
            "After this, IMDSv1 is disabled: the environment enables only IMDSv2.",
        ),
    ] {
        let (status, to, page) = send(&browser, EDIT, EDIT, fields).await;
        assert_eq!(
            (status.as_u16(), &*to.unwrap_or_default()),
            (303, "/console/environments/shop-dev?done=updating&region=us-east-1"),
            "{page}"
        );
        assert_eq!(draft(&kept(&door)), Some(value));
        let page = shown(&door, "en", &format!("{PAGE}?done=updating")).await;
        assert!(
            page.contains("The update of the environment was started.") && page.contains(becomes),
            "{page}"
        );
        settle(&door);
        assert_eq!(kept(&door).settings.get(LAUNCH, DISABLE), Some(value));
        assert!(shown(&door, "en", CONFIGURATION).await.contains(&format!("\">{badge}</span>")));
        let page = shown(&door, "en", PAGE).await;
        assert!(
            page.contains(&format!("href=\"/console/instances/{}\"", kept(&door).instances[0])),
            "{page}"
        );
    }
    assert_ne!(kept(&door).instances, first);
    assert!(shown(&door, "ja", EDIT).await.contains("IMDSv2 のみを有効にします"));
}

#[tokio::test]
async fn only_what_was_changed_is_sent() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let revision = door.store.revision().unwrap();
    for fields in
        [&[("imdsv1-disabled", "true")][..], &[("imdsv1-disabled", ""), ("instance-type", " t3.micro ")]]
    {
        let (status, to, _) = send(&browser, EDIT, EDIT, fields).await;
        assert_eq!(status.as_u16(), 303);
        assert_eq!(
            to.as_deref(),
            Some("/console/environments/shop-dev/configuration?done=unchanged&region=us-east-1")
        );
    }
    assert_eq!(door.store.revision().unwrap(), revision);
    let page = shown(&door, "en", &format!("{CONFIGURATION}?done=unchanged")).await;
    assert!(page.contains("Nothing was changed"), "{page}");
    let (status, ..) =
        send(&browser, EDIT, EDIT, &[("imdsv1-disabled", "true"), ("instance-type", "m7i.large")]).await;
    assert_eq!(status.as_u16(), 303);
    let environment = kept(&door);
    assert_eq!(draft(&environment), None, "the box is as it was");
    let work = environment.work.unwrap();
    assert_eq!((work.task, work.settings.get(LAUNCH, "InstanceType")), (Task::Update, Some("m7i.large")));
    settle(&door);
    assert!(shown(&door, "en", CONFIGURATION).await.contains("m7i.large"));
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing_and_the_form_keeps_what_was_typed() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let revision = door.store.revision().unwrap();
    for bad in HOSTILE {
        let (status, to, page) = send(&browser, EDIT, EDIT, &[("instance-type", bad)]).await;
        assert_eq!((status.as_u16(), to), (400, None), "{page}");
        assert!(
            page.contains("role=\"alert\"") && page.contains("ConfigurationValidationException"),
            "{page}"
        );
        // The box was not ticked when it was sent, though it is the setting.
        assert!(!page.contains(" checked>") && page.contains("enables only IMDSv2"), "{page}");
        assert!(!page.contains("<script>a") && !page.contains("<img"), "{page}");
    }
    assert_eq!(door.store.revision().unwrap(), revision);
    assert_eq!(send(&browser, EDIT, EDIT, &[]).await.0.as_u16(), 303);
    let begun = door.store.revision().unwrap();
    let (status, _, page) = send(&browser, EDIT, EDIT, &[]).await;
    assert_eq!(status.as_u16(), 400);
    assert!(page.contains(BUSY), "{page}");
    assert!(shown(&door, "en", EDIT).await.contains("The environment is being changed now."));
    let (status, _, page) = send(&browser, PAGE, &format!("{PAGE}/rebuild"), &[]).await;
    assert_eq!(status.as_u16(), 400);
    assert!(page.contains(BUSY) && page.contains("role=\"alert\""), "{page}");
    assert_eq!(door.store.revision().unwrap(), begun);
}

#[tokio::test]
async fn progress_is_shown_for_as_long_as_there_is_some() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let progress = "<section id=\"progress\" data-refresh=\"2\" aria-live=\"polite\">";
    let page = shown(&door, "en", PAGE).await;
    assert!(
        page.contains("<section id=\"progress\" aria-live=\"polite\">") && !page.contains("data-refresh"),
        "{page}"
    );
    assert!(!page.contains("Abort current operation"));
    send(&browser, EDIT, EDIT, &[]).await;
    let page = shown(&door, "en", PAGE).await;
    assert!(page.contains(progress) && page.contains("Environment update is starting."), "{page}");
    assert!(page.contains(">Refresh</a>") && page.contains("Abort current operation"), "{page}");
    assert!(shown(&door, "ja", PAGE).await.contains("現在のオペレーションを中止"));
    let (status, to, _) = send(&browser, PAGE, &format!("{PAGE}/abort"), &[]).await;
    assert_eq!(
        (status.as_u16(), &*to.unwrap()),
        (303, "/console/environments/shop-dev?done=aborting&region=us-east-1")
    );
    assert!(shown(&door, "en", PAGE).await.contains("The update is being aborted."));
    settle(&door);
    let page = shown(&door, "en", PAGE).await;
    assert!(!page.contains("data-refresh"), "{page}");
    assert_eq!(kept(&door).settings.get(LAUNCH, DISABLE), None);
    // As it was sent before, when there was something to be aborted.
    let id = kept(&door).id;
    let (status, _, page) = browser.post(&format!("{PAGE}/abort"), &[("id", &id)]).await;
    assert_eq!(status.as_u16(), 400);
    assert!(page.contains("Must be pending deployment."), "{page}");
    let (status, to, _) = send(&browser, PAGE, &format!("{PAGE}/rebuild"), &[]).await;
    assert_eq!(
        (status.as_u16(), &*to.unwrap()),
        (303, "/console/environments/shop-dev?done=rebuilding&region=us-east-1")
    );
    assert!(shown(&door, "en", PAGE).await.contains("Everything of the environment is being replaced."));
}

#[tokio::test]
async fn one_that_is_terminated_is_shown_until_the_end_and_a_while_after() {
    let door = ready().await;
    let browser = Browser::new(&door, "en");
    let (status, to, _) = send(&browser, PAGE, &format!("{PAGE}/terminate"), &[]).await;
    assert_eq!(
        (status.as_u16(), &*to.unwrap()),
        (303, "/console/environments/shop-dev?done=terminating&region=us-east-1")
    );
    assert!(shown(&door, "en", PAGE).await.contains("data-refresh"));
    settle(&door);
    assert_eq!(kept(&door).status, "Terminated");
    let page = shown(&door, "en", PAGE).await;
    assert!(
        page.contains("Terminated")
            && !page.contains("data-refresh")
            && !page.contains("<button class=\"button danger"),
        "{page}"
    );
    assert!(page.contains("terminateEnvironment completed successfully."), "{page}");
    assert!(!shown(&door, "en", CONFIGURATION).await.contains("/configuration/instances"));
    assert!(shown(&door, "en", "/console/environments").await.contains("There is no environment"));
    let (status, _, page) = send(&browser, EDIT, EDIT, &[]).await;
    assert_eq!(status.as_u16(), 400);
    assert!(page.contains("No Environment found"), "{page}");
    // Where an action's form was, a reader who comes without one is shown the environment.
    for action in ["abort", "rebuild", "terminate"] {
        assert_eq!(browser.get(&format!("{PAGE}/{action}")).await.0.as_u16(), 303);
    }
}

#[tokio::test]
async fn what_is_hostile_stays_text_on_every_page() {
    let door = ready().await;
    for (number, bad) in (1..).zip(HOSTILE) {
        let mut environment = kept(&door);
        environment.application = bad.to_owned();
        environment.status = bad.to_owned();
        environment.health = bad.to_owned();
        environment.endpoint = Some(bad.to_owned());
        environment.cname_prefix = bad.to_owned();
        environment.instances = vec![bad.to_owned()];
        environment.tags.insert(bad.to_owned(), bad.to_owned());
        environment.settings.set(LAUNCH, "InstanceType", bad);
        environment.settings.set("aws:elasticbeanstalk:application:environment", bad, bad);
        environment.settings.set(bad, bad, bad);
        put(&door, &environment);
        let at = Timestamp::now() + Duration::from_secs(600 + number);
        let event = EnvironmentEvent {
            at,
            application: bad.to_owned(),
            environment: Some((NAME.to_owned(), environment.id.clone())),
            version: None,
            solution_stack: None,
            severity: bad.to_owned(),
            message: bad.to_owned(),
            request_id: None,
        };
        let mut batch = Batch::default();
        batch.create(&EnvironmentEvent::record_name("us-east-1", at, &environment.id), &event);
        door.store.commit(batch.writes()).unwrap();
        for language in ["en", "ja"] {
            for path in ["/console/environments", PAGE, CONFIGURATION, EDIT, NEW] {
                let page = shown(&door, language, &format!("{path}?done=%3Cscript%3Ealert(1)")).await;
                assert!(!page.contains("<script>a") && !page.contains("<img"), "{path} {page}");
            }
            let encoded = "%22%3E%3Cimg%20src=x%3E%2F..";
            for rest in ["", "/configuration", "/configuration/instances"] {
                let path = format!("/console/environments/{encoded}{rest}");
                let (status, page) = Browser::new(&door, language).get(&path).await;
                assert_eq!(status.as_u16(), 404, "{path}");
                assert!(!page.contains("<img") && !page.contains("\">&"), "{page}");
            }
        }
        let escaped = bad.replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;");
        let page = shown(&door, "en", PAGE).await;
        assert!(page.contains(&format!("<td class=\"wide\" lang=\"en\">{escaped}</td>")), "{page}");
    }
}

#[tokio::test]
async fn a_password_is_shown_to_nobody_and_an_event_that_is_damaged_hides_no_other() {
    use imds_store::store::{Effect, Expected, Write};
    let door = ready().await;
    let mut environment = kept(&door);
    environment.settings.set("aws:rds:dbinstance", "DBPassword", "hunter2-secret");
    put(&door, &environment);
    let page = shown(&door, "en", CONFIGURATION).await;
    assert!(page.contains("DBPassword") && page.contains("Not shown"), "{page}");
    assert!(!page.contains("hunter2"), "{page}");
    let name = EnvironmentEvent::record_name("us-east-1", Timestamp::now(), &environment.id);
    let effect = Effect::Set(b"{".as_slice().into());
    let write = Write { key: record::key::<EnvironmentEvent>(&name), expected: Expected::Any, effect };
    door.store.commit(&[write]).unwrap();
    assert!(shown(&door, "en", PAGE).await.contains("createEnvironment is starting."));
}

#[tokio::test]
async fn the_last_fifty_events_come_the_newest_first() {
    let door = ready().await;
    let environment = kept(&door);
    let mut batch = Batch::default();
    for number in 0..60 {
        let at = Timestamp::now() + Duration::from_secs(3_600 + number);
        let event = EnvironmentEvent {
            at,
            application: "shop".to_owned(),
            environment: Some((NAME.to_owned(), environment.id.clone())),
            version: None,
            solution_stack: None,
            severity: "INFO".to_owned(),
            message: format!("event {number:02}."),
            request_id: None,
        };
        batch.create(&EnvironmentEvent::record_name("us-east-1", at, &environment.id), &event);
        let other = EnvironmentEvent { message: "somebody else".to_owned(), ..event };
        batch.create(&EnvironmentEvent::record_name("us-east-1", at, "e-other"), &other);
    }
    door.store.commit(batch.writes()).unwrap();
    let page = shown(&door, "en", PAGE).await;
    let place = |text: &str| page.find(text).unwrap_or(usize::MAX);
    assert!(place("event 59.") < place("event 58.") && place("event 58.") < place("event 10."), "{page}");
    assert!(!page.contains("event 09.") && !page.contains("somebody else"), "{page}");
}
