//! `imds exec`: commands as instances of a running service, for root and for an ordinary user.
//!
//! Each service of these tests is in a network namespace of its own, and so is every `imds exec` before it makes the next
//! one: were it ever to run a command outside of its own, that command would reach the service's loopback and nothing else.
//! Needs curl, util-linux and iproute2; no root.

mod attach;
mod hostile;
mod instance;
mod network;
mod pasted;
mod process;
mod service;
mod socket;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::run::{ASKER, NOBODY, Running, Said, copy, folder};
use crate::support::{IMDS, Service};

/// The instances of a service.
const A: &str = "i-0000000000000000a";
const B: &str = "i-0000000000000000b";
const CONFIG: &str =
    "[[instance]]\ninstance-id = 'i-0000000000000000a'\n[[instance]]\ninstance-id = 'i-0000000000000000b'\n";
/// Where an instance finds its id.
const ID: &str = "/latest/meta-data/instance-id";

/// A network namespace with a user who runs a service there.
struct Site {
    /// What goes into the namespace and becomes the user.
    enter: Vec<String>,
    imds: OsString,
    folder: TempDir,
    holder: Child,
    service: Option<Service>,
}

impl Site {
    /// One for the user of this test, and one for an ordinary user if that is root; each with a service of two instances.
    fn all() -> Vec<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let mut sites = vec![Self::new(false)];
        sites.extend(is_root.then(|| Self::new(true)));
        for site in &mut sites {
            site.serve();
        }
        sites
    }

    fn new(is_nobody: bool) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let mut holder = Command::new("unshare");
        if !is_root {
            holder.args(["--user", "--map-current-user", "--keep-caps"]);
        }
        // Of root's services others run as well, perhaps, and `imds exec` looks for them in /run.
        let own_run = if is_root { "mount -t tmpfs none /run && " } else { "" };
        let script = "ip link set lo up && echo ready && while read -r told; do $told && echo done; done";
        holder.arg("--net").args(is_root.then_some("--mount")).args([
            "sh",
            "-c",
            &format!("{own_run}{script}"),
        ]);
        holder.stdin(Stdio::piped()).stdout(Stdio::piped());
        let holder = holder.spawn().expect("unshare, of util-linux");

        let space = |kind: &str| format!("/proc/{}/ns/{kind}", holder.id());
        let mut enter = vec!["nsenter".to_owned(), format!("--net={}", space("net"))];
        if is_root {
            enter.push(format!("--mount={}", space("mnt")));
        }
        if !is_root {
            enter.extend([format!("--user={}", space("user")), "--preserve-credentials".to_owned()]);
        }
        let folder = folder();
        let runtime = folder.path().join("runtime");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
        // Where services of other users and tests are as little as in the one before.
        let temporary = folder.path().join("temporary");
        fs::create_dir(&temporary).unwrap();
        fs::set_permissions(&temporary, Permissions::from_mode(0o1777)).unwrap();
        let mut imds = OsString::from(IMDS);
        if is_nobody {
            enter.extend(
                ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"].map(str::to_owned),
            );
            let nobody = NOBODY.parse().unwrap();
            chown(&runtime, Some(nobody), Some(nobody)).unwrap();
            imds = copy(IMDS.as_ref(), folder.path()).into();
        }
        let mut site = Self { enter, imds, folder, holder, service: None };
        site.expect("ready\n");
        site
    }

    /// Starts the service, again if there was one.
    fn serve(&mut self) {
        self.service = None;
        let config = self.path("imds.toml");
        fs::write(&config, CONFIG).unwrap();
        let mut serve = self.imds(&["serve", "--print-ready", "--config"]);
        serve.arg(config).stderr(File::create(self.path("log")).unwrap());
        self.service = Some(Service::spawn(&mut serve));
    }

    fn service(&mut self) -> &mut Service {
        self.service.as_mut().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the service has said.
    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// A program of this user's, where the service is.
    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(&self.enter[0]);
        command.args(&self.enter[1..]).arg(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C");
        command.env("HOME", "/").env("XDG_RUNTIME_DIR", self.path("runtime")).env("IMDS", &self.imds);
        command.env("TMPDIR", self.path("temporary"));
        command
    }

    /// Has a command done by whoever may change the namespace.
    fn order(&mut self, command: &str) {
        writeln!(self.holder.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.expect("done\n");
    }

    fn expect(&mut self, reply: &str) {
        let mut said = vec![0; reply.len()];
        self.holder.stdout.as_mut().unwrap().read_exact(&mut said).expect("ip, of iproute2");
        assert_eq!(String::from_utf8(said).unwrap(), reply);
    }

    fn imds(&self, words: &[&str]) -> Command {
        let mut imds = self.program(&self.imds);
        imds.args(words);
        imds
    }

    /// `imds exec` as this instance.
    fn exec(&self, id: &str, command: &[&str]) -> Command {
        let mut imds = self.imds(&["exec", id, "--"]);
        imds.args(command);
        imds
    }

    /// What a script prints that is this instance.
    fn script(&self, id: &str, script: &str) -> Said {
        Said::by(&mut self.exec(id, &["sh", "-c", script]))
    }

    /// A command that is this instance and GETs every path it is told.
    fn asker(&self, id: &str) -> Running {
        Running::start(&mut self.exec(id, &["sh", "-c", ASKER]))
    }

    /// Changes metadata options at the door.
    fn set(&self, id: &str, options: &[&str]) {
        let mut set = self.imds(&["instance", "set", id]);
        Said::by(set.args(options)).well();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.service = None;
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
