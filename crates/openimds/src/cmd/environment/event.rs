//! What happens to an environment, as `DescribeEvents` tells it.

use serde::Serialize;

use super::super::table::{cell, table};
use super::{call, pages};
use crate::admin::{Admin, Element, Error, Form, printable};

/// How an event tells that a change was taken back, which may be no error of its own.
const REVERTED: &str = "The environment was reverted to the previous configuration setting.";

/// An event; as JSON, under Elastic Beanstalk's own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Event {
    pub(super) event_date: String,
    /// `INFO`
    pub(super) severity: String,
    pub(super) message: String,
}

impl Event {
    fn of(member: &Element) -> Self {
        let text = |path| member.text(path).unwrap_or_default().to_owned();
        Self { event_date: text("EventDate"), severity: text("Severity"), message: text("Message") }
    }

    /// Does it say that a change failed?
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.severity.as_str(), "ERROR" | "FATAL") || self.message == REVERTED
    }

    /// A line, as it is told while one waits.
    pub(super) fn line(&self) -> String {
        let Self { event_date, severity, message } = self;
        printable(&format!("{event_date}  {severity:<5}  {message}")) + "\n"
    }
}

/// All that follows from a call, oldest first.
pub(super) fn of_call(admin: &Admin, request_id: &str) -> Result<Vec<Event>, Error> {
    let pages = pages(admin, "DescribeEvents", &Form::default().with("RequestId", request_id))?;
    Ok(oldest_first(pages.iter().flat_map(|page| page.result.members("Events"))))
}

/// The last events of an environment, oldest first.
pub(super) fn last(admin: &Admin, environment: &str, count: u32) -> Result<Vec<Event>, Error> {
    let form = Form::default().with("EnvironmentId", environment).with("MaxRecords", count);
    Ok(oldest_first(call(admin, "DescribeEvents", &form)?.result.members("Events")))
}

fn oldest_first<'e>(members: impl Iterator<Item = &'e Element>) -> Vec<Event> {
    let mut events: Vec<_> = members.map(Event::of).collect();
    events.reverse();
    events
}

pub(super) fn text(events: &[Event]) -> String {
    let rows = events.iter().map(|event| {
        let Event { event_date, severity, message } = event;
        [event_date, severity, message].map(|text| cell(Some(text)))
    });
    table(["TIME", "SEVERITY", "EVENT"], rows)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn event(second: u32, severity: &str, message: &str) -> Event {
        Event {
            event_date: format!("2026-11-24T12:00:{second:02}.000Z"),
            severity: severity.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_service_tells_the_newest_first_and_people_read_it_last() {
        let told = "<R><Events><member><EventDate>2026-11-24T12:00:02.000Z</EventDate><Message>b &amp; c</Message><Severity>WARN\
                    </Severity></member><member><EventDate>2026-11-24T12:00:01.000Z</EventDate><Message>a</Message><Severity>INFO\
                    </Severity></member></Events></R>";
        let told = oldest_first(Element::parse(told).unwrap().members("Events"));
        assert_eq!(told, [event(1, "INFO", "a"), event(2, "WARN", "b & c")]);
        assert_eq!(event(1, "INFO", "a\u{1b}").line(), "2026-11-24T12:00:01.000Z  INFO   a\u{fffd}\n");
    }

    #[test]
    fn a_failure_is_an_error_or_what_was_taken_back() {
        assert!(event(1, "ERROR", "a").is_failure() && event(1, "INFO", REVERTED).is_failure());
        assert!(!event(1, "WARN", "a").is_failure());
    }
}
