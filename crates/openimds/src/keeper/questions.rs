//! What the door asks the metadata process, until it is answered. Each question has a number, since one may take longer
//! than the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imds_control::Question;
use imds_core::view::View;

use super::answer::{self, Answer};
use super::question::Asked;
use super::report::Wire;

/// Those who wait for an answer.
#[derive(Clone, Default)]
pub(super) struct Questions(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    asked: u64,
    open: HashMap<u64, Question>,
}

impl Questions {
    /// Takes a question in: what is to be told of it.
    pub(super) fn ask(&self, question: Question) -> Wire<'static> {
        let mut waiting = self.waiting();
        // Who has given up waiting needs no place any longer.
        waiting.open.retain(|_, question| is_waited_for(question));
        waiting.asked += 1;
        let number = waiting.asked;
        let asked = Asked::from(&question);
        waiting.open.insert(number, question);
        Wire::Asked { number, question: asked }
    }

    /// Hands an answer to the one who asked. What is no answer to the question is none: whoever asked hears at once that
    /// there will be none.
    pub(super) fn answer(&self, number: u64, answer: Answer) {
        let Some(question) = self.waiting().open.remove(&number) else { return };
        match (question, answer) {
            (Question::Tallies(asker), Answer::Counted(counted)) => drop(asker.send(counted.into())),
            (Question::Tally { instance, answer: asker }, Answer::Counted(counted)) => {
                let _ = asker.send(counted.of(&instance));
            }
            (Question::Calls { of, answer: asker }, Answer::Calls(calls)) => {
                let _ = asker.send(answer::calls(calls, &of));
            }
            (Question::Forget(asker), Answer::Forgotten) => {
                let _ = asker.send(());
            }
            (Question::View { answer: asker, .. }, Answer::View(None)) => drop(asker.send(None)),
            (Question::View { answer: asker, .. }, Answer::View(Some(view))) => {
                if let Some(view) = Option::<View>::from(view) {
                    let _ = asker.send(Some(view));
                }
            }
            (Question::Faults(asker), Answer::Faults(struck)) => drop(asker.send(struck)),
            (
                Question::Tallies(_)
                | Question::Tally { .. }
                | Question::Calls { .. }
                | Question::Faults(_)
                | Question::Forget(_)
                | Question::View { .. },
                Answer::Counted(_)
                | Answer::Calls(_)
                | Answer::Faults(_)
                | Answer::Forgotten
                | Answer::View(_),
            ) => {}
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_waited_for(question: &Question) -> bool {
    !match question {
        Question::Tallies(asker) => asker.is_closed(),
        Question::Tally { answer, .. } => answer.is_closed(),
        Question::Calls { answer, .. } => answer.is_closed(),
        Question::Faults(asker) => asker.is_closed(),
        Question::Forget(asker) => asker.is_closed(),
        Question::View { answer, .. } => answer.is_closed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::audit::{Recorded, Tallies, Whose};
    use imds_core::testing::launch;
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;

    /// An answer as it comes over the socketpair.
    fn told(text: &str) -> Answer {
        serde_json::from_str(text).unwrap()
    }

    fn number(wire: &Wire<'_>) -> u64 {
        let Wire::Asked { number, .. } = wire else { panic!("no question") };
        *number
    }

    fn tallies(questions: &Questions) -> (u64, oneshot::Receiver<Tallies>) {
        let (sender, receiver) = oneshot::channel();
        (number(&questions.ask(Question::Tallies(sender))), receiver)
    }

    fn calls(questions: &Questions, of: Whose) -> (u64, oneshot::Receiver<Vec<Recorded>>) {
        let (answer, receiver) = oneshot::channel();
        (number(&questions.ask(Question::Calls { of, answer })), receiver)
    }

    fn forget(questions: &Questions) -> (u64, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (number(&questions.ask(Question::Forget(sender))), receiver)
    }

    fn view(questions: &Questions) -> (u64, oneshot::Receiver<Option<View>>) {
        let (answer, receiver) = oneshot::channel();
        let question = Question::View { instance: launch().id, path: "/latest/".into(), answer };
        (number(&questions.ask(question)), receiver)
    }

    const COUNTED: &str =
        r#"{"Counted":{"instances":[["x","y",[1]]],"strangers":[7],"traffic":[1,2,3,4,5]}}"#;
    const VIEW: &str = r#"{"View":{"v1":{"status":401,"body":null},"v2":{"status":200,"body":"YQ=="}}}"#;

    #[test]
    fn a_slow_answer_goes_to_the_one_who_asked() {
        let questions = Questions::default();
        let (first, mut slow) = calls(&questions, Whose::All);
        let (second, mut counters) = tallies(&questions);
        let (third, mut seen) = view(&questions);
        questions.answer(third, told(VIEW));
        questions.answer(second, told(COUNTED));
        assert_eq!(counters.try_recv().unwrap().traffic, [1, 2, 3, 4, 5]);
        let seen = seen.try_recv().unwrap().unwrap();
        assert_eq!((seen.v1.status, seen.v1.body), (401, None));
        assert_eq!((seen.v2.status, seen.v2.body.as_deref()), (200, Some(&b"a"[..])));
        assert!(slow.try_recv().is_err());
        questions.answer(first, told(r#"{"Calls":[]}"#));
        assert_eq!(slow.try_recv().unwrap(), []);
    }

    #[test]
    fn what_is_no_answer_is_dropped_and_ends_the_wait() {
        let questions = Questions::default();
        for nonsense in [VIEW, r#"{"View":null}"#, r#"{"Calls":[]}"#, r#""Forgotten""#] {
            let (number, mut asker) = tallies(&questions);
            // Numbers that nobody has asked, and one that has been answered.
            for other in [0, number + 1, u64::MAX] {
                questions.answer(other, told(COUNTED));
            }
            assert_eq!(asker.try_recv().unwrap_err(), TryRecvError::Empty);
            questions.answer(number, told(nonsense));
            questions.answer(number, told(COUNTED));
            assert_eq!(asker.try_recv().unwrap_err(), TryRecvError::Closed, "{nonsense}");
        }
        for nonsense in [COUNTED, VIEW, r#"{"Calls":[]}"#] {
            let (number, mut asker) = forget(&questions);
            questions.answer(number, told(nonsense));
            assert_eq!(asker.try_recv().unwrap_err(), TryRecvError::Closed, "{nonsense}");
        }
        let (number, mut asker) = forget(&questions);
        questions.answer(number, told(r#""Forgotten""#));
        assert_eq!(asker.try_recv(), Ok(()));
        for nonsense in [COUNTED, VIEW, r#""Forgotten""#] {
            let (number, mut asker) = calls(&questions, Whose::All);
            questions.answer(number, told(nonsense));
            assert_eq!(asker.try_recv().unwrap_err(), TryRecvError::Closed, "{nonsense}");
        }
        for nonsense in [
            COUNTED,
            r#"{"Calls":[]}"#,
            r#""Forgotten""#,
            r#"{"View":{"v1":{"status":7,"body":null},"v2":{"status":200,"body":null}}}"#,
            r#"{"View":{"v1":{"status":200,"body":null},"v2":{"status":200,"body":"%"}}}"#,
        ] {
            let (number, mut asker) = view(&questions);
            questions.answer(number, told(nonsense));
            assert_eq!(asker.try_recv().unwrap_err(), TryRecvError::Closed, "{nonsense}");
        }
        assert!(questions.waiting().open.is_empty());
    }

    #[test]
    fn only_the_counters_of_the_instance_that_was_asked_about_are_taken() {
        let questions = Questions::default();
        let id = launch().id;
        let of = |id: &str| format!(r#"["{id}","required",[7]]"#);
        let counted = |instances: String| {
            format!(r#"{{"Counted":{{"instances":[{instances}],"strangers":[9],"traffic":[0,0,0,0,0]}}}}"#)
        };
        let both = [of("i-00000000"), of(id.as_str())].join(",");
        for (told_of, expected) in
            [(both, Some(7)), (of(id.as_str()), Some(7)), (of("i-00000000"), None), (String::new(), None)]
        {
            let (answer, mut asker) = oneshot::channel();
            let asked = questions.ask(Question::Tally { instance: id.clone(), answer });
            let Wire::Asked { number, question: Asked::Tally(instance) } = asked else { panic!("another") };
            assert_eq!(instance, id.as_str());
            questions.answer(number, told(&counted(told_of)));
            assert_eq!(asker.try_recv().unwrap().map(|counts| counts.metadata_no_token), expected);
        }
        let (answer, mut asker) = oneshot::channel();
        let number = number(&questions.ask(Question::Tally { instance: id, answer }));
        questions.answer(number, told(VIEW));
        assert_eq!(asker.try_recv().unwrap_err(), TryRecvError::Closed);
    }

    #[test]
    fn who_has_given_up_is_forgotten() {
        let questions = Questions::default();
        for _ in 0..100 {
            drop((tallies(&questions), calls(&questions, Whose::Strangers)));
            drop((forget(&questions), view(&questions)));
        }
        let _waiting = tallies(&questions);
        assert_eq!(questions.waiting().open.len(), 1);
    }
}
