//! A chain of network namespaces, inside a user namespace of its own: nothing in it reaches the machine, and it takes
//! no root.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::packet::{self, Packet};
use crate::support::{IMDS, Service};

pub(super) const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
pub(super) const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254));

/// The namespaces; they go with their value.
pub(super) struct Chain {
    folder: TempDir,
    holder: Child,
    replies: BufReader<ChildStdout>,
}

/// A client's place and address: behind `routers` routers, as the instance whose limit is `limit`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) routers: u8,
    pub(super) limit: u8,
    /// The service's address that it speaks to, and so the family.
    pub(super) server: IpAddr,
}

impl Client {
    pub(super) fn address(self) -> IpAddr {
        let Self { routers, limit, server } = self;
        if server.is_ipv4() {
            IpAddr::from([10, 9, routers, limit])
        } else {
            IpAddr::from([0xfd09, routers.into(), 0, 0, 0, 0, 0, limit.into()])
        }
    }

    pub(super) fn instance(self) -> String {
        format!("i-000000000000000{}{}", self.routers, self.limit)
    }

    /// Is the answer to its PUT to arrive?
    pub(super) fn is_reached(self) -> bool {
        self.limit > self.routers
    }
}

/// Everybody who is somebody, in both families.
pub(super) fn clients() -> impl Iterator<Item = Client> {
    [IPV4, IPV6].into_iter().flat_map(|server| {
        (0..=2).flat_map(move |routers| (1..=3).map(move |limit| Client { routers, limit, server }))
    })
}

impl Chain {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("chain.sh");
        fs::write(&script, include_str!("chain.sh")).unwrap();
        // Of the inner user namespace the user is not root but has every capability: tcpdump, as root, would become a
        // user that does not exist there.
        let inner = "mount -t tmpfs none /run && \
            exec unshare --user --map-user=1 --map-group=1 --keep-caps --net --mount sh \"$0\" \"$1\"";
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", inner])
            .args([script.as_path(), folder.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("errors")).unwrap())
            .spawn()
            .expect("unshare, of util-linux");
        let replies = BufReader::new(holder.stdout.take().unwrap());
        let mut chain = Self { folder, holder, replies };
        chain.expect("ready\n");
        chain
    }

    /// Waits for a reply of the process that holds the namespaces.
    fn expect(&mut self, reply: &str) {
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        assert_eq!(line, reply, "{}{}", self.read("errors"), self.read("tcpdump"));
    }

    /// Has a command done by the one who may change the namespaces.
    pub(super) fn order(&mut self, command: &str) {
        writeln!(self.holder.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.expect("done\n");
    }

    /// A program in one of the namespaces. Where they are gone, it is not started.
    fn within(&self, space: &str, program: &str) -> Command {
        let holder = self.holder.id();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--user=/proc/{holder}/ns/user"))
            .arg(format!("--net=/proc/{holder}/root/run/netns/{space}"))
            .args(["--preserve-credentials", program])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command
    }

    /// A program at a client's place. It is not started unless what goes to the service goes over the client's link.
    pub(super) fn client(&self, client: Client, program: &str) -> Command {
        let mut command = self.within(&format!("c{}", client.routers), "sh");
        let check = "ip route get \"$0\" | grep -q ' dev eth0 ' && exec \"$@\"";
        command.args(["-c", check, &client.server.to_string(), program]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// The service, with an instance for every address of every client.
    pub(super) fn serve(&self) -> Service {
        let config: String = clients().filter(|client| client.server.is_ipv4()).map(instance).collect();
        fs::write(self.path("imds.toml"), config).unwrap();
        let mut command = self.within("server", IMDS);
        command
            .args(["serve", "--listen", "169.254.169.254:80", "--listen", "[fd00:ec2::254]:80"])
            .args(["--admin", "127.0.0.1:0", "--print-ready", "--config"])
            .arg(self.path("imds.toml"))
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .stderr(fs::File::create(self.path("log")).unwrap());
        Service::spawn(&mut command)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What the service wrote to standard error.
    pub(super) fn log(&self) -> String {
        self.read("log")
    }

    /// What the service has sent to `address`, once `is_enough` says so.
    pub(super) fn sent_to(&self, address: IpAddr, is_enough: impl Fn(&[Packet]) -> bool) -> Vec<Packet> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let mut packets = self.sent();
            packets.retain(|packet| packet.to.ip() == address);
            if is_enough(&packets) {
                return packets;
            }
            assert!(Instant::now() < end, "the service sent {address} no more than {packets:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the service has sent until now.
    pub(super) fn sent(&self) -> Vec<Packet> {
        let capture = fs::read(self.path("capture")).unwrap_or_default();
        let mut packets = packet::read(&capture);
        packets.retain(|packet| [IPV4, IPV6].contains(&packet.from));
        packets
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // It ends by itself, and what it started, when it reads the end of its input.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn instance(client: Client) -> String {
    let ipv6 = Client { server: IPV6, ..client }.address();
    format!(
        r#"
        [[instance]]
        instance-id = "{id}"
        local-ipv4 = "{ipv4}"
        ipv6 = "{ipv6}"
        [instance.metadata-options]
        http-put-response-hop-limit = {limit}
        http-protocol-ipv6 = "enabled"
        "#,
        id = client.instance(),
        ipv4 = client.address(),
        limit = client.limit,
    )
}
