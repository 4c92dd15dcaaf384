//! `imds doctor`: what is true of instance metadata on this machine.

use std::process::ExitCode;

use super::table::table;
use super::{finding, json};
use crate::admin::printable;
use crate::app::print;
use crate::args::doctor::Doctor;
use crate::client;
use crate::doctor::{Connection, Report, State, Way, observe};

pub(super) fn run(args: &Doctor) -> anyhow::Result<ExitCode> {
    let endpoint = client::endpoint(args.endpoint.as_deref())?;
    let report = Report::new(observe(endpoint.as_ref())?);
    print(if args.json { json(&report)? } else { text(&report) }.as_bytes());
    Ok(if report.is_broken() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is true in lines, and then what is wrong.
fn text(report: &Report) -> String {
    let mut text = table(["", ""], facts(report).into_iter().map(|(name, fact)| [name.to_owned(), fact]));
    for each in &report.findings {
        text.push('\n');
        text += &finding::text(each, "", &report.known(), true);
    }
    text
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let endpoint = &report.endpoint;
    let mut facts = vec![(
        "service",
        match report.connection {
            Connection::Made => format!("{endpoint} takes connections"),
            Connection::Refused => format!("{endpoint} refuses connections"),
            Connection::Unreachable => format!("{endpoint} cannot be reached"),
            Connection::Forbidden => format!("{endpoint} may not be connected to from here"),
            Connection::Silent => format!("{endpoint} does not answer"),
        },
    )];
    if let Some(way) = &report.way {
        facts.push((
            "way",
            match way {
                Way::Own => "an address of this network namespace itself".to_owned(),
                Way::Over { device, gateway: None } => format!("over {device}"),
                Way::Over { device, gateway: Some(gateway) } => format!("over {device}, through {gateway}"),
                Way::Missing => "none".to_owned(),
            },
        ));
    }
    if let Some(answers) = report.ipv6 {
        let how = if answers { "takes connections" } else { "does not answer" };
        facts.push(("IPv6", format!("http://[{}] {how}", imds_server::IPV6_ENDPOINT)));
    }
    if report.connection == Connection::Made {
        facts.extend(service(report));
    }
    let proxies = &report.proxy_variables;
    let proxy = if proxies.is_empty() { "none for this address".to_owned() } else { proxies.join(", ") };
    facts.push(("proxy", proxy));
    facts
}

/// What became of a request.
fn outcome(status: Option<u16>) -> String {
    status.map_or("gets no answer".to_owned(), |status| format!("gets {status}"))
}

/// What the service showed.
fn service(report: &Report) -> Vec<(&'static str, String)> {
    let statuses = report.statuses;
    let v1 = match report.imdsv1 {
        State::On => "on: a call without a token is answered".to_owned(),
        State::Off => "off: a call without a token gets 401".to_owned(),
        State::Unknown => format!("unknown: a call without a token {}", outcome(statuses.without_token)),
    };
    let step = match statuses.put {
        Some(200) => format!("a token comes, and a call with it {}", outcome(statuses.with_token)),
        put => format!("a PUT for a token {}", outcome(put)),
    };
    let v2 = match report.imdsv2 {
        State::On => "works: a token comes, and is taken".to_owned(),
        State::Off => format!("does not work: {step}"),
        State::Unknown => format!("unknown: {step}"),
    };
    let mut facts = vec![("IMDSv1", v1), ("IMDSv2", v2)];
    let far = match (report.token_goes_further, report.hops_needed) {
        (Some(true), _) => Some("come as far as here, and at least one hop further".to_owned()),
        (Some(false), _) => Some("come as far as here, and no hop further".to_owned()),
        (None, Some(hops)) => Some(format!("must travel {hops} hops to come here, and do not")),
        (None, None) => None,
    };
    facts.extend(far.map(|far| ("tokens", far)));
    facts.extend(report.instance_id.as_ref().map(|id| ("instance", printable(id))));
    facts.extend(report.clock_offset_seconds.map(|seconds| {
        let clock = match seconds {
            -2..=2 => "agrees with the service's".to_owned(),
            ..-2 => format!("{} s behind the service's", -seconds),
            3.. => format!("{seconds} s ahead of the service's"),
        };
        ("clock", clock)
    }));
    facts
}
