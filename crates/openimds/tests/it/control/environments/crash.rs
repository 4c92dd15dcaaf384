//! A service that is killed while an environment changes: started again, the environment is Ready or gone, with one set of
//! instances or none, and the box is true.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::super::crash::{DEATHS, Death, Random, kill};
use super::super::{Answer, Api, serve, text};
use super::{BUILT_IN, DELAY, boxed, check, creation, size, update};
use crate::serve::{Watched, until};

/// Kills in the middle of an update, and how many there may be where most come too early or too late.
const UPDATES: u64 = 20;
const AT_MOST: u64 = 80;
/// Kills in the middle of each other change.
const OTHERS: u64 = 4;
/// As [`DELAY`]: it is then that the second step of a change is done.
const STEP: Duration = Duration::from_millis(100);
/// The environments that are updated, and how many instances each has.
const FLEET: [(&str, usize); 2] = [("solo", 1), ("trio", 3)];

/// A service that is killed again and again.
struct Victim<'a> {
    folder: &'a Path,
    random: Random,
    deaths: u64,
    /// Updates that were under way when it was started again, and those of them whose new instances were there.
    amid: u64,
    doubled: u64,
}

fn start(folder: &Path) -> Watched {
    serve(&["--state", folder.to_str().unwrap(), "--environment-delay", DELAY])
}

/// Was a call acknowledged? Then this is its answer.
fn acknowledged(answer: std::io::Result<Answer>) -> Option<String> {
    answer.ok().filter(|answer| answer.status == 200).map(|answer| answer.document)
}

/// Calls to Elastic Beanstalk.
fn calls(forms: Vec<String>) -> impl FnOnce(&mut Api) -> Vec<Option<String>> + Send {
    move |api| forms.iter().map(|form| acknowledged(api.try_beanstalk(form))).collect()
}

impl Victim<'_> {
    /// Were there too few kills in the middle of something?
    fn has_missed(&self) -> bool {
        self.amid < UPDATES / 4 || self.doubled < UPDATES / 10
    }

    fn death(&mut self) -> Death {
        self.deaths += 1;
        DEATHS[usize::try_from(self.deaths).unwrap() % DEATHS.len()]
    }

    /// A time in a change or a little later, more often when a step is done than between two; and whether it is counted
    /// from the answer on, since a busy machine answers late.
    fn point(&mut self) -> (Duration, bool) {
        let (from, millis, is_answered) = match self.random.below(3) {
            0 => (Duration::ZERO, 5, false),
            1 => (STEP.saturating_sub(Duration::from_millis(2)), 8, true),
            _ => (Duration::ZERO, 120, true),
        };
        (from + Duration::from_micros(self.random.below(millis * 1_000)), is_answered)
    }

    /// Makes calls, kills the service at any time in what follows, and starts it again, which may end in the same way. Gives
    /// the answers to what was acknowledged.
    #[expect(clippy::print_stdout, reason = "what a failure followed from")]
    fn disturb(
        &mut self,
        service: Watched,
        calls: impl FnOnce(&mut Api) -> Vec<Option<String>> + Send,
    ) -> (Watched, Vec<Option<String>>) {
        let mut api = Api::of(&service);
        let ((point, is_answered), death) = (self.point(), self.death());
        let gap = Duration::from_micros(self.random.below(1_000));
        let answers = thread::scope(|scope| {
            let (done, answered) = channel();
            let calls = scope.spawn(move || {
                let answers = calls(&mut api);
                // Whoever did not wait for it is killing meanwhile.
                let _ = done.send(());
                answers
            });
            if is_answered {
                answered.recv().unwrap();
            }
            thread::sleep(point);
            kill(service, death, gap);
            calls.join().unwrap()
        });
        println!("killed {death:?} after {point:?}, {:?} acknowledged", answers.iter().flatten().count());
        let mut service = start(self.folder);
        if self.random.below(3) == 0 {
            let ((point, _), death) = (self.point(), self.death());
            thread::sleep(point);
            kill(service, death, gap);
            println!("and {death:?} {point:?} after the start");
            service = start(self.folder);
        }
        (service, answers)
    }
}

/// Is nothing there but what belongs to these environments?
#[track_caller]
fn check_all(api: &mut Api, environments: &[(String, usize)]) {
    let alive = super::alive(&api.well("Action=DescribeInstances"));
    let expected: usize = environments.iter().map(|(_, count)| count).sum();
    assert_eq!(alive.len(), expected, "orphans: {alive:?}");
    let templates = api.templates();
    assert_eq!(templates.len(), environments.len(), "templates of {environments:?}: {templates:?}");
    for (name, _) in environments {
        let events = api.events(&format!("&EnvironmentName={name}"));
        let times: BTreeSet<_> = events.iter().map(|event| &event.at).collect();
        assert_eq!(times.len(), events.len(), "two events at the same time: {events:?}");
    }
}

/// Did all that a call asked for end once, and well?
#[track_caller]
fn check_end(api: &mut Api, answer: &str, end: &str) {
    let request_id = text(answer, "RequestId").unwrap();
    let events = api.events(&format!("&RequestId={request_id}"));
    let ends = events.iter().filter(|event| event.message.starts_with(end)).count();
    assert_eq!(ends, 1, "{end}: {events:?}");
    assert!(events[0].message.starts_with(end), "{events:?}");
    assert!(events.iter().all(|event| event.severity == "INFO"), "{events:?}");
}

fn fleet() -> Vec<(String, usize)> {
    FLEET.map(|(name, count)| (name.to_owned(), count)).to_vec()
}

/// Creates the fleet.
fn furnish(service: &Watched) {
    let mut api = Api::of(service);
    api.send("TerminateInstances", BUILT_IN);
    api.application("shop");
    for (name, count) in FLEET {
        api.create(name, &size(count));
    }
    for (name, count) in FLEET {
        api.until(name, "Ready");
        assert!(check(&mut api, service, name, count));
    }
}

#[test]
fn an_environment_is_whole_whenever_the_service_was_killed() {
    let (random, seed) = Random::begin();
    println!("IMDS_CRASH_SEED={seed}");
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let begun = Instant::now();
    let mut service = start(folder.path());
    furnish(&service);
    let mut victim = Victim { folder: folder.path(), random, deaths: 0, amid: 0, doubled: 0 };
    let mut rounds = 0;
    while rounds < UPDATES || (rounds < AT_MOST && victim.has_missed()) {
        service = in_an_update(&mut victim, service, rounds);
        rounds += 1;
    }
    println!("{rounds} updates: {:?}, {} amid, {} doubled", begun.elapsed(), victim.amid, victim.doubled);
    assert!(!victim.has_missed(), "the kills missed the updates");
    for round in 0..OTHERS {
        service = in_an_abort(&mut victim, service);
        service = in_a_refusal(&mut victim, service);
        service = in_a_replacement(&mut victim, service);
        service = in_a_rebuild(&mut victim, service);
        service = in_a_creation(&mut victim, service, &format!("made-{round}"), 1 + (round % 2) as usize);
    }
    println!("and {OTHERS} of each other change: {:?}", begun.elapsed());
}

fn in_an_update(victim: &mut Victim<'_>, service: Watched, round: u64) -> Watched {
    let mut api = Api::of(&service);
    let before = FLEET.map(|(name, count)| check(&mut api, &service, name, count));
    // In some rounds there is nothing to replace.
    let wanted = before.map(|value| value ^ !round.is_multiple_of(7));
    let forms = [0, 1].map(|index| update(FLEET[index].0, &boxed(wanted[index]))).to_vec();
    let (service, answers) = victim.disturb(service, calls(forms));
    let mut api = Api::of(&service);
    for (name, count) in FLEET {
        let environment = api.environment(name).unwrap();
        if text(&environment, "Status") == Some("Updating") {
            victim.amid += 1;
            let id = text(&environment, "EnvironmentId").unwrap();
            victim.doubled += u64::from(api.tagged(id).len() > count);
        }
    }
    for (((name, count), wanted), answer) in FLEET.into_iter().zip(wanted).zip(answers) {
        api.until(name, "Ready");
        let value = check(&mut api, &service, name, count);
        if let Some(answer) = answer {
            assert_eq!(value, wanted, "{name}: what was acknowledged is done");
            check_end(&mut api, &answer, "Environment update completed successfully.");
        }
    }
    check_all(&mut api, &fleet());
    service
}

/// An update that is taken back.
fn in_an_abort(victim: &mut Victim<'_>, service: Watched) -> Watched {
    let (name, count) = FLEET[1];
    let before = check(&mut Api::of(&service), &service, name, count);
    let abort = format!("Action=AbortEnvironmentUpdate&EnvironmentName={name}");
    let (service, answers) = victim.disturb(service, calls(vec![update(name, &boxed(!before)), abort]));
    let mut api = Api::of(&service);
    api.until(name, "Ready");
    let value = check(&mut api, &service, name, count);
    if let [Some(updated), aborted] = &answers[..] {
        // One that nobody acknowledged may be done all the same.
        let is_reverted = value == before;
        assert!(is_reverted || aborted.is_none(), "{name} is {value}: {aborted:?}");
        let request_id = text(updated, "RequestId").unwrap();
        let events = api.events(&format!("&RequestId={request_id}"));
        let reverted = "The environment was reverted to the previous configuration setting.";
        let reverted = events.iter().filter(|event| event.message == reverted).count();
        assert_eq!(reverted, usize::from(is_reverted), "{events:?}");
    }
    check_all(&mut api, &fleet());
    service
}

/// An update that the account does not allow.
fn in_a_refusal(victim: &mut Victim<'_>, service: Watched) -> Watched {
    let (name, count) = FLEET[0];
    let mut api = Api::of(&service);
    api.disable_v1(name, true);
    api.until(name, "Ready");
    let enforced = |value| format!("Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced={value}");
    api.well(&enforced("enabled"));
    let before = api.members(name);
    let (service, answers) = victim.disturb(service, calls(vec![update(name, &boxed(false))]));
    let mut api = Api::of(&service);
    api.until(name, "Ready");
    assert!(check(&mut api, &service, name, count), "what is enforced is not got round");
    assert_eq!(api.members(name), before, "{name} is as it was");
    if let Some(answer) = &answers[0] {
        let request_id = text(answer, "RequestId").unwrap();
        let errors = api.events(&format!("&RequestId={request_id}&Severity=ERROR"));
        assert!(!errors.is_empty(), "{errors:?}");
    }
    check_all(&mut api, &fleet());
    api.well(&enforced("disabled"));
    service
}

/// An instance that is lost.
fn in_a_replacement(victim: &mut Victim<'_>, service: Watched) -> Watched {
    let (name, count) = FLEET[1];
    let mut api = Api::of(&service);
    let before = check(&mut api, &service, name, count);
    let lost = api.members(name).remove(1).id;
    let terminate = format!("Action=TerminateInstances&InstanceId.1={lost}");
    let (service, answers) = victim.disturb(service, |api| vec![acknowledged(api.try_call(&terminate))]);
    let mut api = Api::of(&service);
    until("all are there", || {
        let members = api.members(name);
        let is_there = members.iter().any(|member| member.id == lost);
        (members.len() == count && (!is_there || answers[0].is_none())).then_some(())
    });
    api.until(name, "Ready");
    assert_eq!(check(&mut api, &service, name, count), before);
    check_all(&mut api, &fleet());
    service
}

/// Everything anew.
fn in_a_rebuild(victim: &mut Victim<'_>, service: Watched) -> Watched {
    let (name, count) = FLEET[0];
    let mut api = Api::of(&service);
    let (before, members) = (check(&mut api, &service, name, count), api.members(name));
    let rebuild = format!("Action=RebuildEnvironment&EnvironmentName={name}");
    let (service, answers) = victim.disturb(service, calls(vec![rebuild]));
    let mut api = Api::of(&service);
    api.until(name, "Ready");
    assert_eq!(check(&mut api, &service, name, count), before);
    assert!(answers[0].is_none() || api.members(name) != members, "{name} was rebuilt");
    check_all(&mut api, &fleet());
    service
}

fn in_a_creation(victim: &mut Victim<'_>, service: Watched, name: &str, count: usize) -> Watched {
    let is_disabled = count == 1;
    let options = settings(count, is_disabled);
    let (service, answers) = victim.disturb(service, calls(vec![creation(name, &options)]));
    let mut api = Api::of(&service);
    let made = api.environment(name);
    assert!(made.is_some() || answers[0].is_none(), "{name} was acknowledged");
    if made.is_none() {
        check_all(&mut api, &fleet());
        api.create(name, &options);
    }
    api.until(name, "Ready");
    assert_eq!(check(&mut api, &service, name, count), is_disabled);
    if let Some(answer) = &answers[0] {
        check_end(&mut api, answer, "Successfully launched environment:");
    }
    check_all(&mut api, &[fleet(), vec![(name.to_owned(), count)]].concat());
    in_a_termination(victim, service, name)
}

fn settings(count: usize, is_disabled: bool) -> String {
    let (count, value) = (count.to_string(), is_disabled.to_string());
    super::settings(&[("aws:autoscaling:asg", "MinSize", &count), (super::INSTANCES, super::BOX, &value)])
}

fn in_a_termination(victim: &mut Victim<'_>, service: Watched, name: &str) -> Watched {
    let terminate = format!("Action=TerminateEnvironment&EnvironmentName={name}");
    let id = text(&Api::of(&service).environment(name).unwrap(), "EnvironmentId").unwrap().to_owned();
    let (service, answers) = victim.disturb(service, calls(vec![terminate.clone()]));
    let mut api = Api::of(&service);
    let status = |api: &mut Api| text(&api.environment(&id).unwrap(), "Status").unwrap().to_owned();
    if status(&mut api) == "Ready" {
        assert_eq!(answers[0], None, "{name} was acknowledged");
        api.bean(&terminate);
    }
    api.until(&id, "Terminated");
    assert!(api.tagged(&id).is_empty());
    if let Some(answer) = &answers[0] {
        check_end(&mut api, answer, "terminateEnvironment completed successfully.");
    }
    check_all(&mut api, &fleet());
    service
}
