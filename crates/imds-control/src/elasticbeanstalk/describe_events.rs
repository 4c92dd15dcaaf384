//! `DescribeEvents`: what happened, the newest first. `eb` follows its calls by it, Terraform looks for errors in it.

use imds_core::Timestamp;
use imds_core::environment::Severity;
use imds_store::record::{self, EnvironmentEvent};

use super::page::{self, Order};
use super::platform::Platform;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filter = Filter::read(call, params)?;
    let mut all = Vec::new();
    for beginning in beginnings(call.region, filter.from) {
        all.extend(record::list::<EnvironmentEvent>(call.store, &beginning)?);
    }
    all.retain(|(_, found)| filter.passes(&found.record));
    let (events, next) = page::page(params, all, Order::Down, |(name, _)| name.clone())?;
    let mut xml = Xml::query();
    xml.list("Events", &events, |xml, (_, found)| write(xml, call, &found.record));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// Beginnings of names, each of other events, that all events of a region from then on have, and few others. There may be
/// very many that are older, and who follows a call asks again and again.
///
/// The latest come first: of two that are told one after the other while this is read, never the second one alone is seen,
/// after which the first would not be asked for any more. None is too late to be seen, whatever the clock says now: it may
/// have been put back.
fn beginnings(region: &str, from: Option<Timestamp>) -> Vec<String> {
    /// Digits that are the same for all times there are, and those that tell ten seconds apart, as the names have them.
    const SAME: usize = 5;
    const FINE: usize = 16;
    let all = EnvironmentEvent::beginning(region);
    let Some(from) = from.map(Timestamp::as_millisecond).filter(|from| *from > 0) else { return vec![all] };
    let digits = format!("{from:020}");
    let mut beginnings = Vec::new();
    for (place, own) in digits.char_indices().take(FINE).skip(SAME) {
        let greater = ('0'..='9').rev().take_while(|digit| *digit > own);
        beginnings.extend(greater.map(|digit| format!("{all}{}{digit}", &digits[..place])));
    }
    beginnings.push(format!("{all}{}", &digits[..FINE]));
    beginnings
}

/// What is asked for; what is `None` is not asked.
struct Filter<'p> {
    application: Option<&'p str>,
    version: Option<&'p str>,
    template: Option<&'p str>,
    environment_name: Option<&'p str>,
    environment_id: Option<&'p str>,
    request_id: Option<&'p str>,
    solution_stack: Option<String>,
    severity: Option<Severity>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl<'p> Filter<'p> {
    fn read(call: &Call<'_>, params: &'p Params) -> Result<Self, Error> {
        let platform =
            params.text("PlatformArn").map(|arn| Platform::by_arn(call.region, arn)).transpose()?;
        Ok(Self {
            application: params.text("ApplicationName"),
            version: params.text("VersionLabel"),
            template: params.text("TemplateName"),
            environment_name: params.text("EnvironmentName"),
            environment_id: params.text("EnvironmentId"),
            request_id: params.text("RequestId"),
            solution_stack: platform.map(|platform| platform.stack()),
            severity: params.parsed("Severity")?,
            from: params.parsed("StartTime")?,
            to: params.parsed("EndTime")?,
        })
    }

    fn passes(&self, event: &EnvironmentEvent) -> bool {
        let is = |asked: Option<&str>, has: Option<&str>| asked.is_none() || asked == has;
        let (name, id) = event.environment.as_ref().map(|(name, id)| (&**name, &**id)).unzip();
        let severity = event.severity.parse::<Severity>();
        is(self.application, Some(&event.application))
            && is(self.version, event.version.as_deref())
            // No event is told of a template.
            && self.template.is_none()
            && is(self.environment_name, name)
            && is(self.environment_id, id)
            && is(self.request_id, event.request_id.as_deref())
            && is(self.solution_stack.as_deref(), event.solution_stack.as_deref())
            && self.severity.is_none_or(|least| severity.is_ok_and(|severity| severity.is_at_least(least)))
            // The first moment is in it, the last is not.
            && self.from.is_none_or(|from| event.at >= from)
            && self.to.is_none_or(|to| event.at < to)
    }
}

fn write(xml: &mut Xml, call: &Call<'_>, event: &EnvironmentEvent) {
    let platform = event.solution_stack.as_deref().and_then(|stack| Platform::by_stack(stack).ok());
    xml.time("EventDate", event.at)
        .text("Message", &event.message)
        .text("ApplicationName", &event.application)
        .option("VersionLabel", event.version.as_ref())
        .option("EnvironmentName", event.environment.as_ref().map(|(name, _)| name))
        .option("PlatformArn", platform.map(|platform| platform.arn(call.region)))
        .option("RequestId", event.request_id.as_ref())
        .text("Severity", &event.severity);
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::Timestamp;
    use imds_store::record::{Batch, EnvironmentEvent};
    use imds_store::store::{Effect, Expected, Write};

    use super::beginnings;
    use crate::door::Door;
    use crate::testing::{beanstalk, door, signed, text};

    const STACK: &str = "64bit Amazon Linux 2023 v4.7.0 running Python 3.11";
    const DESCRIBE: &str = "Action=DescribeEvents";

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_531_769_000 + millisecond).unwrap()
    }

    fn event(at: Timestamp, severity: &str, message: &str) -> EnvironmentEvent {
        EnvironmentEvent {
            at,
            application: "app".into(),
            environment: Some(("env1".into(), "e-1".into())),
            version: Some("v1".into()),
            solution_stack: Some(STACK.into()),
            severity: severity.into(),
            message: message.into(),
            request_id: Some("r-1".into()),
        }
    }

    /// Four events: of two environments, one at the same millisecond, and one of the application alone.
    fn keep(door: &Door) {
        let event = |millisecond, severity: &str, message: &str| event(at(millisecond), severity, message);
        let mut other = event(1, "ERROR", "b");
        other.environment = Some(("env2".into(), "e-2".into()));
        other.request_id = Some("r-2".into());
        let mut alone = event(3, "DEBUG", "d");
        (alone.environment, alone.request_id, alone.version, alone.solution_stack) = (None, None, None, None);
        let mut batch = Batch::default();
        for (id, event) in
            [("e-1", event(0, "TRACE", "a")), ("e-2", other), ("e-1", event(1, "WARN", "c")), ("x", alone)]
        {
            batch.create(&EnvironmentEvent::record_name("us-east-1", event.at, id), &event);
        }
        door.store.commit(batch.writes()).unwrap();
    }

    fn messages(document: &str) -> String {
        document.split("<Message>").skip(1).map(|rest| &rest[..1]).collect()
    }

    #[tokio::test]
    async fn each_filter_restricts_and_the_newest_comes_first() {
        let door = door();
        keep(&door);
        let arn = "arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A%3Aplatform%2F";
        let python = format!("&PlatformArn={arn}Python+3.11+running+on+64bit+Amazon+Linux+2023%2F4.7.0");
        let docker = format!("&PlatformArn={arn}Docker+running+on+64bit+Amazon+Linux+2023%2F4.7.0");
        for (form, expected) in [
            ("", "dbca"),
            ("&ApplicationName=app", "dbca"),
            ("&ApplicationName=none", ""),
            ("&EnvironmentName=env1", "ca"),
            ("&EnvironmentId=e-2", "b"),
            ("&EnvironmentId=e-2&EnvironmentName=env1", ""),
            ("&VersionLabel=v1", "bca"),
            ("&VersionLabel=v2", ""),
            ("&TemplateName=t", ""),
            ("&RequestId=r-2", "b"),
            ("&RequestId=r-3", ""),
            (&python, "bca"),
            (&docker, ""),
            // This one or worse.
            ("&Severity=TRACE", "dbca"),
            ("&Severity=DEBUG", "dbc"),
            ("&Severity=WARN", "bc"),
            ("&Severity=ERROR", "b"),
            ("&Severity=FATAL", ""),
            // As eb sends it, and as Go does: the first moment is in it.
            ("&StartTime=2026-11-24T14%3A49%3A29.001000Z", "dbc"),
            ("&StartTime=2026-11-24T14%3A49%3A29Z", "dbca"),
            ("&StartTime=2026-11-24T14%3A49%3A29.003Z", "d"),
            ("&StartTime=2026-11-24T14%3A49%3A29.000001Z", "dbc"),
            ("&StartTime=2026-11-24T15%3A49%3A29%2B01%3A00", "dbca"),
            ("&EndTime=2026-11-24T14%3A49%3A29.001Z", "a"),
            ("&MaxRecords=2", "db"),
        ] {
            let (status, document) = beanstalk(&door, &format!("{DESCRIBE}{form}")).await;
            assert_eq!((status, &*messages(&document)), (StatusCode::OK, expected), "{form}");
            assert!(document.contains("<Events>"));
        }
        let elsewhere = format!("{DESCRIBE}&Version=2010-12-01");
        let (_, document) = signed(&door, "us-east-2", "elasticbeanstalk", &elsewhere).await;
        assert_eq!(messages(&document), "");
    }

    #[tokio::test]
    async fn what_eb_reads_is_there() {
        let door = door();
        keep(&door);
        let (_, document) = beanstalk(&door, &format!("{DESCRIBE}&RequestId=r-2")).await;
        for (name, value) in [
            ("EventDate", "2026-11-24T14:49:29.001Z"),
            ("ApplicationName", "app"),
            ("EnvironmentName", "env2"),
            ("VersionLabel", "v1"),
            ("Severity", "ERROR"),
            (
                "PlatformArn",
                "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.0",
            ),
        ] {
            assert_eq!(text(&document, name), Some(value));
        }
        assert!(document.contains("<RequestId>r-2</RequestId>"));
        let mut seen = String::new();
        let mut token = String::new();
        loop {
            let (_, document) = beanstalk(&door, &format!("{DESCRIBE}&MaxRecords=1&NextToken={token}")).await;
            seen += &messages(&document);
            let Some(next) = text(&document, "NextToken") else { break };
            token = next.to_owned();
        }
        assert_eq!(seen, "dbca");
    }

    #[test]
    fn beginnings_are_those_of_all_that_is_later_and_the_latest_come_first() {
        let moments = [
            -1,
            0,
            1,
            9_999,
            10_000,
            999_999_999_999,
            1_795_531_760_000,
            1_795_531_769_123,
            1_795_531_769_124,
            1_795_531_770_000,
            1_799_999_999_999,
            1_800_000_000_000,
            253_402_207_200_000,
        ];
        let name = |at: i64| {
            EnvironmentEvent::record_name("us-east-1", Timestamp::from_millisecond(at).unwrap(), "e-1")
        };
        for from in moments {
            let beginnings = beginnings("us-east-1", Some(Timestamp::from_millisecond(from).unwrap()));
            assert!(beginnings.len() <= 100, "{from}");
            assert!(beginnings.is_sorted_by(|one, next| one > next), "{from} {beginnings:?}");
            for at in moments {
                let of = |beginning: &&String| name(at).starts_with(*beginning);
                let (count, least) = (beginnings.iter().filter(of).count(), from - from.rem_euclid(10_000));
                let is_all = from <= 0;
                assert_eq!(count, usize::from(is_all || at >= least), "{at} from {from}");
            }
        }
        assert_eq!(beginnings("us-east-1", None), ["us-east-1/"]);
    }

    #[tokio::test]
    async fn what_is_older_is_not_read_and_what_is_later_than_now_is() {
        let door = door();
        keep(&door);
        let set = |at: i64, value: &[u8]| Write {
            key: format!(
                "environment-event/{}",
                EnvironmentEvent::record_name("us-east-1", Timestamp::from_millisecond(at).unwrap(), "e-1")
            ),
            expected: Expected::Any,
            effect: Effect::Set(value.into()),
        };
        // It would be refused if it were read.
        door.store.commit(&[set(1_795_531_750_000, b"{")]).unwrap();
        let from = |time: &str| format!("{DESCRIBE}&StartTime={time}");
        let (status, document) = beanstalk(&door, &from("2026-11-24T14%3A49%3A29Z")).await;
        assert_eq!((status, &*messages(&document)), (StatusCode::OK, "dbca"));
        let (status, _) = beanstalk(&door, &from("2026-11-24T14%3A49%3A09Z")).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        // The clock was put back after this.
        let at = Timestamp::from_second(4_102_444_800).unwrap();
        let mut batch = Batch::default();
        batch.create(&EnvironmentEvent::record_name("us-east-1", at, "e-1"), &event(at, "INFO", "z"));
        door.store.commit(batch.writes()).unwrap();
        for (time, expected) in [("2026-11-24T14%3A49%3A29Z", "zdbca"), ("2100-01-01T00%3A00%3A00Z", "z")] {
            let (_, document) = beanstalk(&door, &from(time)).await;
            assert_eq!(messages(&document), expected, "{time}");
        }
    }

    #[tokio::test]
    async fn what_is_no_filter_is_refused() {
        let door = door();
        for form in [
            "Severity=BAD",
            "Severity=error",
            "StartTime=yesterday",
            "StartTime=1795531769",
            "EndTime=2026-13-01T00%3A00%3A00Z",
            "MaxRecords=0",
            "MaxRecords=1001",
            "NextToken=%21",
            "PlatformArn=x",
        ] {
            let (status, document) = beanstalk(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{form} {document}");
        }
    }
}
