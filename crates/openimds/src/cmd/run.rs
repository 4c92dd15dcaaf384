//! `imds run`: a command in a network namespace where the metadata addresses are this service.

use std::process::ExitCode;

use imds_core::Timestamp;
use imds_core::options::Switch;
use imds_server::audit::Format;
use imds_store::Registry;

use super::inside;
use crate::app::{App, Ended, Signals, fail};
use crate::args::Run;
use crate::config::{Config, gather};
use crate::keeper::{self, Command, Duty, Fetcher, Report, Task};
use crate::listen::Listener;
use crate::logging;

pub(super) fn run(args: Run) -> anyhow::Result<ExitCode> {
    let log = args.options.log.map(Format::from);
    logging::start(log.unwrap_or(Format::Text), tracing::Level::WARN);
    let flags = args.options.flags();
    let fetcher = Fetcher::start(args.options.config.clone(), &flags, None)?;
    let bundle = gather(args.options.config.as_deref(), &flags)?;
    let config = Config::new(&bundle, &flags, Timestamp::now())?;
    let fetcher = fetcher.wanted(&config)?;
    let keyring = super::keys(args.options.state.as_deref())?;

    let default = config.instances.iter().find(|entry| entry.place.is_default);
    let has_ipv6 = default.is_some_and(|entry| entry.instance.options.http_protocol_ipv6 == Switch::Enabled);
    // The helper, which is a copy of this process, would have its secrets for as long as it lives.
    let mut settings = config.into_service();
    let (name, command) = inside::command(&args.command);
    let plan = inside::plan(has_ipv6, args.hops);
    let command = Command { name, command, plan, outside: inside::ports(args.network)? };
    let duty = Duty {
        config: args.options.config,
        flags,
        bundle,
        state: super::watched(args.options.state, &keyring),
        fetcher,
        task: Task::Run(Box::new(command)),
    };
    let mut keeper = keeper::start(duty)?;
    // Before there is a command that could send one.
    let signals = Signals::catch()?;
    let registry = Registry::new(keyring);
    if let Err(report) = keeper.opened(&registry) {
        return Ok(super::refused(report));
    }
    let listeners = match keeper.listeners()? {
        Ok(listeners) => listeners.into_iter().map(Listener::in_namespace).collect::<Result<_, _>>()?,
        Err(report) => return Ok(super::refused(report)),
    };
    super::limit(&mut settings);
    let listeners = vec![listeners];
    // There is no door that would show what is remembered.
    let app = App { settings, registry, keeper, signals, listeners, log, is_remembering: false, stop: None };
    let ended = app.serve(
        || {},
        |signal, running| {
            // What the terminal sends, the command has got already.
            if signal.is_sent {
                running.pass(signal.number);
            }
            None
        },
    )?;
    Ok(match ended {
        Ended::Reported(Some(Report::Ended { status, signal })) => inside::exit(status, signal),
        Ended::Reported(_) | Ended::Stopped => {
            fail("the helper process that ran the command ended before it")
        }
    })
}
