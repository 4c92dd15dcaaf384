//! What is printed: a table for people, JSON for programs.

use crate::check::{Check, Finding, NotCheckable, Outcome, Stop};
use crate::session::{ErrorPages, Session};
use serde_json::{Value, json};
use std::fmt::Write;

const NOT_CHECKABLE: &str = "not checkable here";

/// How often each result came.
struct Totals {
    passed: usize,
    failed: usize,
    not_in_this_mode: usize,
    absent: usize,
    not_checkable: usize,
}

impl Totals {
    fn of(findings: &[Finding], elsewhere: &[&NotCheckable]) -> Self {
        let count = |result: &str| findings.iter().filter(|finding| word(&finding.outcome) == result).count();
        Self {
            passed: count("pass"),
            failed: count("FAIL"),
            not_in_this_mode: count("not in this mode"),
            absent: count("absent"),
            not_checkable: elsewhere.len(),
        }
    }
}

/// The table of a run.
pub(crate) fn table(session: &Session, findings: &[Finding], elsewhere: &[&NotCheckable]) -> String {
    let mut rows: Vec<[&str; 4]> = Vec::new();
    let mut details = String::new();
    for Finding { check, outcome } in findings {
        rows.push([word(outcome), check.group.name(), check.name, check.source]);
        if let Err(Stop::Fail(what)) = outcome {
            let _ = write!(
                details,
                "\nFAIL {}: {} ({})\n     {what}\n",
                check.group.name(),
                check.name,
                check.source
            );
        }
    }
    for fact in elsewhere {
        rows.push([NOT_CHECKABLE, fact.group.name(), fact.name, fact.source]);
    }
    let totals = Totals::of(findings, elsewhere);
    format!(
        "http://{}: tokens {}, error pages {}\n\n{}{details}\n{} passed, {} failed, {} not in this mode, \
         {} absent (the endpoint does not serve it), {} not checkable here (--list says why)\n",
        session.endpoint.authority,
        session.tokens.name(),
        error_pages(session.error_pages),
        columns(["RESULT", "GROUP", "CHECK", "SOURCE"], &rows),
        totals.passed,
        totals.failed,
        totals.not_in_this_mode,
        totals.absent,
        totals.not_checkable,
    )
}

/// The JSON of a run.
pub(crate) fn json(session: &Session, findings: &[Finding], elsewhere: &[&NotCheckable]) -> String {
    let mut checks: Vec<Value> = findings
        .iter()
        .map(|Finding { check, outcome }| {
            json!({"group": check.group.name(), "name": check.name, "source": check.source,
                "result": word(outcome).to_lowercase(), "detail": detail(outcome)})
        })
        .collect();
    checks.extend(elsewhere.iter().map(|fact| {
        json!({"group": fact.group.name(), "name": fact.name, "source": fact.source,
            "result": NOT_CHECKABLE, "detail": fact.reason})
    }));
    let totals = Totals::of(findings, elsewhere);
    let report = json!({
        "endpoint": format!("http://{}", session.endpoint.authority),
        "tokens": session.tokens.name(),
        "error_pages": error_pages(session.error_pages),
        "checks": checks,
        "summary": {"pass": totals.passed, "fail": totals.failed, "not in this mode": totals.not_in_this_mode,
            "absent": totals.absent, "not checkable here": totals.not_checkable},
    });
    format!("{report:#}\n")
}

/// The table of all facts, for `--list`.
pub(crate) fn list(checks: &[&'static Check], elsewhere: &[&NotCheckable]) -> String {
    let mut rows: Vec<[&str; 4]> =
        checks.iter().map(|check| [check.group.name(), check.name, check.source, "yes"]).collect();
    let reasons: Vec<String> = elsewhere.iter().map(|fact| format!("no: {}", fact.reason)).collect();
    for (fact, reason) in elsewhere.iter().zip(&reasons) {
        rows.push([fact.group.name(), fact.name, fact.source, reason]);
    }
    let table = columns(["GROUP", "CHECK", "SOURCE", "CHECKABLE HERE"], &rows);
    format!("{table}\n{} checks, {} facts not checkable here\n", checks.len(), elsewhere.len())
}

/// The JSON of all facts.
pub(crate) fn list_json(checks: &[&'static Check], elsewhere: &[&NotCheckable]) -> String {
    let mut all: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({"group": check.group.name(), "name": check.name, "source": check.source, "checkable": true})
        })
        .collect();
    all.extend(elsewhere.iter().map(|fact| {
        json!({"group": fact.group.name(), "name": fact.name, "source": fact.source, "checkable": false,
            "reason": fact.reason})
    }));
    format!("{:#}\n", json!({ "checks": all }))
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(()) => "pass",
        Err(Stop::Fail(_)) => "FAIL",
        Err(Stop::NotInThisMode(_)) => "not in this mode",
        Err(Stop::Absent(_)) => "absent",
    }
}

fn detail(outcome: &Outcome) -> Value {
    match outcome {
        Ok(()) => Value::Null,
        Err(Stop::Fail(what) | Stop::Absent(what)) => json!(what),
        Err(Stop::NotInThisMode(why)) => json!(why),
    }
}

fn error_pages(setting: ErrorPages) -> &'static str {
    match setting {
        ErrorPages::Xhtml => "xhtml",
        ErrorPages::Empty => "empty",
    }
}

fn columns(head: [&str; 4], rows: &[[&str; 4]]) -> String {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let [a, b, c, _] = widths;
        let line = format!("{:a$}  {:b$}  {:c$}  {}", row[0], row[1], row[2], row[3]);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
