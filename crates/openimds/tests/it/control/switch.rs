//! The switch is complete before the answer: what a call acknowledged is what the next call of a guest meets.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Api, Guest, option, serve};
use crate::serve::kept::Kept;
use crate::support::status;

const A: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 9);
const GET_ID: &str = "/latest/meta-data/instance-id";
const ROUNDS: u32 = 200;

/// Ends what others do when this ends, be it by a failure.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn tokens(is_required: bool) -> &'static str {
    if is_required { "required" } else { "optional" }
}

#[test]
fn the_next_call_meets_what_was_acknowledged() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "");
    let guest = Guest::at(&service, A);
    let token = guest.token();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|number| {
                let (is_over, token) = (&is_over, &token);
                scope.spawn(move || {
                    let mut counts = [0_u32; 2];
                    let mut kept = Kept::connect_from(A, guest.service).unwrap();
                    while !is_over.load(Ordering::Relaxed) {
                        if number == 0 {
                            assert_eq!(guest.status(Some(token)), 200, "with a token it is all the same");
                        }
                        match status(&kept.get(GET_ID).unwrap()) {
                            200 => counts[0] += 1,
                            401 => counts[1] += 1,
                            other => panic!("{other}"),
                        }
                    }
                    counts
                })
            })
            .collect();
        let over = Over(&is_over);
        let mut kept = Kept::connect_from(A, guest.service).unwrap();
        for round in 0..ROUNDS {
            let is_required = round % 2 == 0;
            let expected = if is_required { 401 } else { 200 };
            let document = api.modify(&id, &format!("HttpTokens={}", tokens(is_required)));
            assert_eq!(status(&kept.get(GET_ID).unwrap()), expected, "round {round}, kept");
            assert_eq!(guest.status(None), expected, "round {round}, new");
            assert!(document.contains(tokens(is_required)), "{document}");
        }
        drop(over);
        for caller in callers {
            let [answered, refused] = caller.join().unwrap();
            assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
        }
    });
    assert_eq!(api.history(&id).len(), ROUNDS as usize);
}

#[test]
fn describe_says_applied_of_what_is_and_both_agree_with_the_guests() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "");
    let guest = Guest::at(&service, A);
    for round in 0..20 {
        let is_required = round % 2 == 0;
        api.modify(&id, &format!("HttpTokens={}", tokens(is_required)));
        let instance = api.instance(&id);
        assert_eq!(
            (option(&instance, "state"), option(&instance, "httpTokens")),
            ("applied", tokens(is_required))
        );
        api.send("StopInstances", &id);
        assert_eq!(guest.status(None), 404);
        api.modify(&id, &format!("HttpTokens={}", tokens(!is_required)));
        let instance = api.instance(&id);
        assert_eq!(
            (option(&instance, "state"), option(&instance, "httpTokens")),
            ("pending", tokens(!is_required))
        );
        assert_eq!(guest.status(None), 404);
        api.send("StartInstances", &id);
        assert_eq!(guest.status(None), if is_required { 200 } else { 401 });
    }
}

#[test]
fn what_one_caller_is_told_of_anothers_change_guests_have_met_already() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "&MetadataOptions.InstanceMetadataTags=enabled");
    let guest = Guest::at(&service, A);
    let last = 150;
    thread::scope(|scope| {
        let (service, id) = (&service, &id);
        let writer = scope.spawn(move || {
            let mut api = Api::of(service);
            for number in 1..=last {
                api.well(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=n&Tag.1.Value={number}"));
            }
        });
        let mut told = 0;
        while told < last && !writer.is_finished() {
            let instance = api.instance(id);
            let Some(number) = super::tag(&instance, "n") else { continue };
            told = number.parse().unwrap();
            let (status, met) = guest.get("meta-data/tags/instance/n", None);
            assert!(status == 200 && met.parse::<u32>().unwrap() >= told, "told {told}, met {status} {met}");
        }
    });
}

#[test]
fn instances_are_changed_at_once_and_each_as_it_was_told() {
    let service = serve(&[]);
    let addresses: Vec<_> = (0..16).map(|number| Ipv4Addr::new(127, 0, 8, 10 + number)).collect();
    let ids: Vec<_> = addresses.iter().map(|address| Api::of(&service).launch(*address, "")).collect();
    thread::scope(|scope| {
        for (address, id) in addresses.iter().zip(&ids) {
            let service = &service;
            scope.spawn(move || {
                let (mut api, guest) = (Api::of(service), Guest::at(service, *address));
                for round in 0..10 {
                    let is_required = round % 2 == 0;
                    api.modify(id, &format!("HttpTokens={}", tokens(is_required)));
                    assert_eq!(guest.status(None), if is_required { 401 } else { 200 }, "{id} {round}");
                }
                assert_eq!(api.history(id).len(), 10);
            });
        }
    });
}

#[test]
fn changes_of_one_instance_at_once_all_succeed_one_after_the_other() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "");
    let callers: u32 = 16;
    thread::scope(|scope| {
        for number in 0..callers {
            let (service, id) = (&service, &id);
            scope.spawn(move || {
                let mut api = Api::of(service);
                for round in 0..4 {
                    let hops = 2 + number + round * callers % 63;
                    let hops = if hops > 64 { hops - 63 } else { hops };
                    api.modify(id, &format!("HttpPutResponseHopLimit={hops}"));
                    api.well(&format!(
                        "Action=CreateTags&ResourceId.1={id}&Tag.1.Key=k{number}&Tag.1.Value={round}"
                    ));
                }
            });
        }
    });
    let history = api.history(&id);
    let mut last = "1".to_owned();
    for change in &history {
        assert_eq!((change.option.as_str(), &change.old), ("HttpPutResponseHopLimit", &last));
        assert_ne!(change.new, change.old);
        last.clone_from(&change.new);
    }
    // Two in a row may have wanted the same, which is no change.
    assert!(history.len() > 48 && history.len() <= 64, "{}", history.len());
    let instance = api.instance(&id);
    assert_eq!(option(&instance, "httpPutResponseHopLimit"), last);
    for number in 0..callers {
        assert_eq!(super::tag(&instance, &format!("k{number}")), Some("3"), "no tag is lost");
    }
}

#[test]
fn a_client_that_goes_before_its_answer_changes_all_or_nothing() {
    use std::io::Write as _;
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "");
    for hops in 2..40 {
        let form = format!(
            "Action=ModifyInstanceMetadataOptions&Version=2016-11-15&InstanceId={id}&HttpPutResponseHopLimit={hops}\
             &HttpTokens={}",
            tokens(hops % 2 == 0)
        );
        let length = form.len();
        let mut stream = super::connect(service.admin).unwrap();
        let request = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{form}");
        stream.write_all(request.as_bytes()).unwrap();
    }
    api.modify(&id, "HttpPutResponseHopLimit=64&HttpTokens=optional");
    // Those that were on their way may come after it, each with its two options.
    let instance = api.instance(&id);
    let hops: u32 = option(&instance, "httpPutResponseHopLimit").parse().unwrap();
    assert_eq!(option(&instance, "httpTokens"), tokens(hops.is_multiple_of(2) && hops != 64));
}
