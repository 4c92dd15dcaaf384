//! `imds serve`: the service on addresses of this machine.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::Timestamp;
use imds_core::id::InstanceId;
use imds_server::Scope;
use imds_server::audit::Format;
use imds_store::Registry;

use crate::app::{App, Ended, Signals, print, ready_line};
use crate::args::Serve;
use crate::config::{Auth, Config, Flags, gather};
use crate::credentials::exposed::{EXPOSED, exposed};
use crate::keeper::{self, Duty, Fetcher, Report, Task};
use crate::listen::{Listener, Reserved, bind};
use crate::logging;

pub(super) fn run(args: Serve) -> anyhow::Result<ExitCode> {
    let ready = args.ready_fd.map(ready_file).transpose()?;
    let stop = args.stop_fd.map(crate::stop::taken).transpose()?;
    let format = args.options.log.map_or(Format::Text, Format::from);
    logging::start(format, tracing::Level::INFO);
    let mut flags = flags(&args);
    let fetcher = Fetcher::start(args.options.config.clone(), &flags, args.options.state.clone())?;
    let bundle = gather(args.options.config.as_deref(), &flags)?;
    let mut config = Config::new(&bundle, &flags, Timestamp::now())?;
    if config.service.auth == Auth::Sigv4 && args.options.state.is_none() {
        anyhow::bail!(
            "--auth sigv4 needs --state DIR, the folder that its keys are in: `imds keys add --state DIR` makes one"
        );
    }
    let fetcher = fetcher.wanted(&config)?;
    // Held until they are listened on.
    let reserved = if args.free_ports { reserve(&config)? } else { Vec::new() };
    if !reserved.is_empty() {
        let addresses = reserved.iter().map(|(id, reserved)| (id.clone(), reserved.address()));
        flags.free_ports = Some(addresses.collect());
        config = Config::new(&bundle, &flags, Timestamp::now())?;
    }
    let keyring = super::keys(args.options.state.as_deref())?;
    if let Some(state) = &args.options.state {
        check_exposed(&config, args.options.config.as_deref(), state)?;
    }
    // The helper, which is a copy of this process, would have its secrets for as long as it lives.
    let (addresses, built_in) = (config.listen(), config.built_in().cloned());
    let mut settings = config.into_service();

    // Before anything listens: a helper that held the sockets would keep the ports for as long as it lives on.
    let duty = Duty {
        config: args.options.config,
        flags,
        bundle,
        state: super::watched(args.options.state, &keyring),
        fetcher,
        task: Task::Serve,
    };
    let mut keeper = keeper::start(duty)?;
    let signals = Signals::catch()?;
    let registry = Registry::new(keyring);
    let admin = match keeper.opened(&registry) {
        Ok(admin) => admin.unwrap_or(settings.admin),
        Err(report) => return Ok(super::refused(report)),
    };
    let (listeners, listen) = listen(addresses)?;
    drop(reserved);
    super::limit(&mut settings);

    let app =
        App { settings, registry, keeper, signals, listeners, log: Some(format), is_remembering: true, stop };
    let announce = || {
        let line = ready_line(&listen, admin);
        if args.print_ready {
            print(line.as_bytes());
        }
        if let Some(mut ready) = ready {
            let _ = ready.write_all(line.as_bytes());
        }
        tracing::info!(?listen, %admin, console = %format_args!("http://{admin}/console"), "serving");
        built_in.iter().for_each(tell_of);
    };
    let ended = app.serve(announce, |signal, _| {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        // A terminal that goes says so itself; a process that sends SIGHUP may mean something else.
        let is_end = matches!(signal.number, SIGINT | SIGTERM | SIGQUIT)
            || (signal.number == SIGHUP && !signal.is_sent);
        is_end.then_some(Ended::Stopped)
    })?;
    match ended {
        Ended::Stopped => Ok(ExitCode::SUCCESS),
        Ended::Reported(Some(Report::Failed { message, .. })) => anyhow::bail!(message),
        Ended::Reported(_) => anyhow::bail!("the helper process ended; start the service again"),
    }
}

/// Says that there is one instance more than the file has: nobody expects it.
fn tell_of(built_in: &InstanceId) {
    tracing::info!(
        instance = %built_in,
        "no instance of the file has `default = true`, so that a built-in one is there beside them, which gets what no \
         address claims; write `default = true` into one of them to be without it"
    );
}

/// What was typed.
fn flags(args: &Serve) -> Flags {
    let mut flags = args.options.flags();
    flags.config_folder.clone_from(&args.config_folder);
    flags.listen.clone_from(&args.listen);
    flags.admin = args.admin;
    flags.free_ports = args.free_ports.then(HashMap::new);
    flags.auth = args.auth;
    flags.insecure = args.insecure;
    flags.clock = args.clock;
    flags.environment_delay = args.environment_delay;
    flags.server_name.clone_from(&args.server_name);
    flags
}

/// What is executed, and who is called with the user's keys, must not be said where the helper may write: whoever had taken
/// it over could say it.
fn check_exposed(config: &Config, file: Option<&Path>, state: &Path) -> anyhow::Result<()> {
    let sources = config.lent.iter().filter_map(|(_, lent)| lent.source.as_ref());
    let variable = |name: &str| std::env::var(name).ok();
    let looked = exposed(sources, file, state, &variable);
    match looked.with_context(|| format!("cannot look at what lies in {}", state.display()))? {
        Some(path) => anyhow::bail!(
            "{}: {EXPOSED}: keep it elsewhere, or give --state another folder than {}",
            path.display(),
            state.display()
        ),
        None => Ok(()),
    }
}

/// A port for each instance, where there are several.
fn reserve(config: &Config) -> anyhow::Result<Vec<(InstanceId, Reserved)>> {
    if config.instances.len() < 2 {
        return Ok(Vec::new());
    }
    let reserved = config.instances.iter().map(|entry| Ok((entry.instance.id.clone(), Reserved::new()?)));
    reserved.collect::<std::io::Result<_>>().context("cannot take a free port of loopback for each instance")
}

/// Opens every address, once for each worker.
fn listen(all: Vec<(SocketAddr, Scope)>) -> anyhow::Result<(Vec<Vec<Listener>>, Vec<SocketAddr>)> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sets: Vec<_> = (0..workers).map(|_| Vec::new()).collect();
    let mut addresses = Vec::new();
    for (address, scope) in all {
        let group = bind(address, scope, workers)?;
        addresses.extend(group.first().map(Listener::address));
        for (set, listener) in sets.iter_mut().zip(group) {
            set.push(listener);
        }
    }
    Ok((sets, addresses))
}

/// A descriptor that was handed down.
fn ready_file(descriptor: u32) -> anyhow::Result<File> {
    let taken = imds_netns::handoff::inherited(descriptor);
    taken.map(File::from).with_context(|| format!("cannot write to --ready-fd {descriptor}"))
}
