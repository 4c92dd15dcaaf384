//! What happened to an environment, and who is told what of it.

use super::super::{Api, text};
use super::{DELAY, Event, boxed, check, size, start, update};

/// Are events the newest first, and no two at the same time?
#[track_caller]
fn in_order(events: &[Event]) {
    assert!(events.is_sorted_by(|one, other| one.at > other.at), "{events:?}");
}

#[test]
fn events_are_found_by_the_call_that_they_follow_from() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    let made = api.create("shop-dev", "");
    // A first one is there at once: who waits for the end goes by it.
    let first = api.events(&format!("&RequestId={}", made.request_id));
    assert!(!first.is_empty());
    api.until("shop-dev", "Ready");
    let other = api.create("other", "");
    let request_id = api.disable_v1("shop-dev", false);
    api.until("shop-dev", "Ready");
    api.until("other", "Ready");

    let updated = api.events(&format!("&RequestId={request_id}"));
    in_order(&updated);
    assert_eq!(updated[0].message, "Environment update completed successfully.");
    let created = api.events(&format!("&RequestId={}", made.request_id));
    in_order(&created);
    assert!(created[0].message.starts_with("Successfully launched environment: shop-dev"), "{created:?}");
    assert_eq!(created.last(), first.last());
    for (events, request_id, environment) in [
        (&updated, &request_id, "shop-dev"),
        (&created, &made.request_id, "shop-dev"),
        (&api.events(&format!("&RequestId={}", other.request_id)), &other.request_id, "other"),
    ] {
        assert!(events.len() > 1);
        for event in events {
            assert_eq!(
                (&event.request_id, event.environment.as_str()),
                (request_id, environment),
                "{event:?}"
            );
            assert!(!event.message.is_empty() && event.severity == "INFO", "{event:?}");
        }
    }
    assert!(api.events("&RequestId=00000000-0000-0000-0000-000000000000").is_empty());
    // From the time of the oldest on, which is among them; and a millisecond later it is not.
    let oldest = updated.last().unwrap();
    let since = |api: &mut Api, at: &str| {
        let by = "&ApplicationName=shop&EnvironmentName=shop-dev";
        let at = at.replace(':', "%3A").replace('+', "%2B");
        api.events(&format!("{by}&RequestId={request_id}&StartTime={at}"))
    };
    assert_eq!(since(&mut api, &oldest.at), updated);
    let micros = oldest.at.replace('Z', "000Z");
    assert_eq!(since(&mut api, &micros), updated);
    assert_eq!(since(&mut api, &micros.replace('Z', "+00:00")), updated);
    assert_eq!(since(&mut api, &oldest.at.replace('Z', "001Z")), updated[..updated.len() - 1]);
}

#[test]
fn a_severity_is_the_least_that_is_told() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    let made = api.create("shop-dev", "");
    api.until("shop-dev", "Ready");
    api.disable_v1("shop-dev", false);
    api.until("shop-dev", "Ready");
    let of = |api: &mut Api, severity: &str| {
        api.events(&format!("&EnvironmentId={}&Severity={severity}", made.id)).len()
    };
    assert_eq!(of(&mut api, "ERROR"), 0);
    assert_eq!(of(&mut api, "TRACE"), api.events("&EnvironmentName=shop-dev").len());
    assert_eq!(of(&mut api, "INFO"), of(&mut api, "TRACE"));

    // What is enforced is not got round: the update is taken back, and an error says so.
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled");
    api.disable_v1("shop-dev", true);
    api.until("shop-dev", "Ready");
    assert_eq!(of(&mut api, "ERROR"), 0, "this is what is enforced");
    let request_id = api.disable_v1("shop-dev", false);
    api.until("shop-dev", "Ready");
    assert!(check(&mut api, &service, "shop-dev", 1), "the box stays ticked");
    let errors = api.events(&format!("&RequestId={request_id}&Severity=ERROR"));
    assert!(!errors.is_empty());
    let all = api.events(&format!("&RequestId={request_id}"));
    in_order(&all);
    assert!(all.iter().all(|event| !event.message.contains("completed successfully")), "{all:?}");
    // `eb config` ends by one of these.
    let ends = [
        "The environment was reverted to the previous configuration setting.",
        "Failed to deploy configuration.",
    ];
    assert!(all.iter().any(|event| ends.contains(&event.message.as_str())), "{all:?}");
    assert_eq!(of(&mut api, "FATAL"), 0);
    // It can be changed again.
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=disabled");
    api.disable_v1("shop-dev", false);
    api.until("shop-dev", "Ready");
    assert!(!check(&mut api, &service, "shop-dev", 1));
}

#[test]
fn while_an_update_runs_there_are_two_settings_and_no_second_update() {
    let service = start("2s");
    let mut api = Api::of(&service);
    api.application("shop");
    api.create("shop-dev", &size(2));
    assert_eq!(text(&api.environment("shop-dev").unwrap(), "Status"), Some("Launching"));
    api.until("shop-dev", "Ready");
    let deployed = |value: &str| ("deployed".to_owned(), value.to_owned());
    let pending = |value: &str| ("pending".to_owned(), value.to_owned());
    assert_eq!(api.boxes("shop-dev"), [deployed("true")]);
    let request_id = api.disable_v1("shop-dev", false);
    assert_eq!(text(&api.environment("shop-dev").unwrap(), "Status"), Some("Updating"));
    assert_eq!(api.boxes("shop-dev"), [deployed("true"), pending("false")]);
    let refused = api.beanstalk(&update("shop-dev", &boxed(true)));
    assert_eq!(refused.refusal(), (400, "InvalidParameterValue"));
    assert_eq!(
        text(&refused.document, "Message"),
        Some("Environment named shop-dev is in an invalid state for this operation. Must be Ready.")
    );
    api.until("shop-dev", "Ready");
    assert_eq!(api.boxes("shop-dev"), [deployed("false")]);
    assert!(!check(&mut api, &service, "shop-dev", 2), "the refused one has changed nothing");
    let events = api.events(&format!("&RequestId={request_id}"));
    let done = events.iter().filter(|event| event.message.contains("completed successfully"));
    assert_eq!(done.count(), 1, "{events:?}");
}

#[test]
fn who_terminates_one_twice_is_told_the_same_twice() {
    let service = start("2s");
    let mut api = Api::of(&service);
    api.application("shop");
    let made = api.create("shop-dev", &size(2));
    api.until("shop-dev", "Ready");
    let members = api.members("shop-dev");
    let terminate = "Action=TerminateEnvironment&EnvironmentName=shop-dev&TerminateResources=true";
    let document = api.bean(terminate);
    assert_eq!(text(&document, "Status"), Some("Terminating"), "{document}");
    let again = api.bean(&format!("Action=TerminateEnvironment&EnvironmentId={}", made.id));
    assert_eq!(text(&again, "Status"), Some("Terminating"), "{again}");
    let refused = api.beanstalk(&update("shop-dev", &boxed(false)));
    assert_eq!(refused.refusal(), (400, "InvalidParameterValue"));
    let terminated = api.until(&made.id, "Terminated");
    assert_eq!(text(&terminated, "Health"), Some("Grey"));
    for member in members {
        assert_eq!(super::state(&api.instance(&member.id)), "terminated");
        assert_eq!(super::Guest::at(&service, member.address).status(None), 404, "nobody has its address");
    }
    assert!(api.templates().is_empty() && api.tagged(&made.id).is_empty());
    // Each of the two can be followed to its end.
    for document in [document, again] {
        let request_id = text(&document, "RequestId").unwrap();
        let events =
            api.events(&format!("&ApplicationName=shop&EnvironmentName=shop-dev&RequestId={request_id}"));
        assert_eq!(events[0].message, "terminateEnvironment completed successfully.", "{events:?}");
    }
    let shown = api.bean("Action=DescribeEnvironments&IncludeDeleted=false");
    assert!(!shown.contains(&made.id), "{shown}");
}

#[test]
fn an_application_goes_with_its_environments_and_its_last_event_stays() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    let made = api.create("shop-dev", "");
    api.until("shop-dev", "Ready");
    let refused = api.beanstalk("Action=DeleteApplication&ApplicationName=shop");
    assert_eq!(refused.status, 400, "{}", refused.document);
    let document = api.bean("Action=DeleteApplication&ApplicationName=shop&TerminateEnvByForce=true");
    let request_id = text(&document, "RequestId").unwrap();
    crate::serve::until("the application is gone", || {
        let events = api.events(&format!("&RequestId={request_id}"));
        let end = "The application has been deleted successfully.";
        events.iter().any(|event| event.message == end).then_some(())
    });
    assert!(api.tagged(&made.id).is_empty() && api.templates().is_empty());
    let all = api.bean("Action=DescribeApplications");
    assert!(!all.contains("<ApplicationName>"), "{all}");
}
