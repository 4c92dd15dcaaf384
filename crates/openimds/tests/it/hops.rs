//! How far a token travels (wire.md decision 7), through real routers and as the packets show it.
//!
//! Needs iproute2, util-linux, curl, bash and tcpdump; no root.

mod chain;
mod doctor;
mod packet;
mod ssrf;

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread;

use chain::{Chain, Client, IPV4, IPV6, clients};
use packet::Packet;

/// What the kernel gives packets that nobody limits.
const FREE: u8 = 64;
/// Seconds that a client waits: long enough for several retransmissions, at 0.2, 0.6, 1.4 and 3.0 s.
const PATIENCE: &str = "4";

/// A request of curl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// `GET` of the instance id.
    Id,
    /// `PUT` for a token.
    Token,
    /// The same, wrongly.
    TokenForNoTime,
}

impl Ask {
    fn add_to(self, curl: &mut Command, client: Client) {
        let (method, path, ttl) = match self {
            Self::Id => ("GET", "meta-data/instance-id", "unused: 0"),
            Self::Token => ("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60"),
            Self::TokenForNoTime => ("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds: 0"),
        };
        let host =
            if client.server.is_ipv4() { client.server.to_string() } else { format!("[{}]", client.server) };
        let shown = "\n= %{http_code} %{num_connects} %{size_header} %{size_download}\n";
        curl.args(["--silent", "--max-time", PATIENCE, "--interface", &client.address().to_string()])
            .args(["--request", method, "--header", ttl, "--header", "Connection: keep-alive"])
            .args(["--write-out", shown, &format!("http://{host}/latest/{path}")]);
    }
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// 0 if nothing came.
    status: u16,
    /// Was a connection made for it?
    is_connected_anew: bool,
    /// Bytes that came, and the body among them.
    bytes: usize,
    body: String,
}

/// Asks in turn, on one connection as long as it lasts.
fn ask(chain: &Chain, client: Client, asks: &[Ask]) -> Vec<Outcome> {
    let mut curl = chain.client(client, "curl");
    for (number, ask) in asks.iter().enumerate() {
        curl.args((number > 0).then_some("--next"));
        ask.add_to(&mut curl, client);
    }
    let output = curl.output().expect("nsenter, of util-linux");
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut outcomes = Vec::new();
    let mut body = Vec::new();
    for line in printed.lines() {
        let Some(numbers) = line.strip_prefix("= ") else {
            body.push(line);
            continue;
        };
        let numbers: Vec<usize> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
        outcomes.push(Outcome {
            status: numbers[0].try_into().unwrap(),
            is_connected_anew: numbers[1] > 0,
            bytes: numbers[2] + numbers[3],
            body: std::mem::take(&mut body).join("\n"),
        });
    }
    assert_eq!(outcomes.len(), asks.len(), "{client:?} {asks:?}: {printed:?}");
    outcomes
}

/// Asks, and compares all that came with what was to come.
fn check(chain: &Chain, client: Client, asks: &[Ask]) {
    let mut is_connected = false;
    for (number, (ask, outcome)) in asks.iter().zip(self::ask(chain, client, asks)).enumerate() {
        let at = format!("{client:?}, number {number} of {asks:?}: {outcome:?}");
        match ask {
            Ask::Token if !client.is_reached() => assert_eq!((outcome.status, outcome.bytes), (0, 0), "{at}"),
            Ask::Token => {
                assert_eq!((outcome.status, outcome.body.len()), (200, 56), "{at}");
                assert!(outcome.body.starts_with("AQAEA"), "{at}");
            }
            Ask::Id => assert_eq!((outcome.status, &outcome.body), (200, &client.instance()), "{at}"),
            Ask::TokenForNoTime => assert_eq!(outcome.status, 400, "{at}"),
        }
        assert_eq!(outcome.is_connected_anew, !is_connected, "{at}");
        is_connected = outcome.status != 0;
    }
}

/// Waits until the capture holds all that was sent before now.
fn settle(chain: &Chain) {
    let nobody = Client { routers: 0, limit: 9, server: IPV4 };
    assert_eq!(ask(chain, nobody, &[Ask::Id])[0].status, 404);
    chain.sent_to(nobody.address(), |packets| packets.iter().any(Packet::has_data));
}

#[test]
fn a_token_travels_as_far_as_its_instance_allows_and_all_else_further() {
    let chain = Chain::new();
    let service = chain.serve();
    let exchanges: [&[Ask]; 5] =
        [&[Ask::Token], &[Ask::Id], &[Ask::TokenForNoTime], &[Ask::Id, Ask::Token], &[Ask::Token, Ask::Id]];
    thread::scope(|scope| {
        for client in clients() {
            for asks in exchanges {
                let chain = &chain;
                scope.spawn(move || check(chain, client, asks));
            }
        }
    });
    settle(&chain);

    let sent = chain.sent();
    for client in clients() {
        let own: Vec<_> = sent.iter().filter(|packet| packet.to.ip() == client.address()).collect();
        for packet in own.iter().filter(|packet| packet.has_data() || packet.is_handshake()) {
            let expected = if packet.has_token() { client.limit } else { FREE };
            assert_eq!(packet.hops, expected, "{client:?}: {packet:?}");
        }
        // A packet that does not arrive is sent again, and again.
        let tokens = own.iter().filter(|packet| packet.has_token()).count();
        let times = if client.is_reached() { 1 } else { 4 };
        assert!(tokens >= 3 * times, "{client:?}: {tokens} packets with tokens");
    }
    drop(service);
    assert!(!chain.log().contains("AQAEA"));
}

#[test]
fn on_one_connection_only_tokens_are_limited_each_as_its_instance_says() {
    let chain = Chain::new();
    let _service = chain.serve();
    for server in [IPV4, IPV6] {
        for limit in [1, 2] {
            let client = Client { routers: 0, limit, server };
            check(&chain, client, &[Ask::Token, Ask::Id, Ask::Token, Ask::Id]);
            let is_whole =
                |packets: &[Packet]| packets.iter().filter(|packet| packet.has_data()).count() >= 4;
            let packets = chain.sent_to(client.address(), is_whole);
            let hops = |is_meant: fn(&Packet) -> bool| -> Vec<u8> {
                packets.iter().filter(|packet| is_meant(packet)).map(|packet| packet.hops).collect()
            };
            assert_eq!(hops(Packet::has_data), [limit, FREE, limit, FREE], "{client:?}");
            assert_eq!(hops(Packet::is_handshake), [FREE], "{client:?}");
        }
    }
}

const PUT: &str = "PUT /latest/api/token HTTP/1.1\r\nHost: imds\r\nConnection: keep-alive\r\n\
    X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
const GET: &str =
    "GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: imds\r\nConnection: keep-alive\r\n\r\n";

/// A connection that carries what is written to the standard input and prints what comes back.
fn connect(chain: &Chain, client: Client) -> Child {
    let script = "exec 3<>/dev/tcp/$0/80; cat <&3 & cat >&3; wait";
    let mut bash = chain.client(client, "timeout");
    bash.args([PATIENCE, "bash", "-c", script, &client.server.to_string()]);
    bash.stdin(Stdio::piped()).spawn().expect("nsenter, of util-linux")
}

#[test]
fn what_follows_on_the_connection_does_not_carry_a_token_further() {
    let chain = Chain::new();
    let _service = chain.serve();
    let at = |routers| [IPV4, IPV6].map(|server| Client { routers, limit: 1, server });
    let mut connections = Vec::new();
    // Both requests come at once,
    for client in at(1) {
        let mut connection = connect(&chain, client);
        connection.stdin.as_mut().unwrap().write_all(format!("{PUT}{GET}").as_bytes()).unwrap();
        connections.push((client, connection));
    }
    // or the second when the token is on its way.
    for client in at(2) {
        let mut connection = connect(&chain, client);
        connection.stdin.as_mut().unwrap().write_all(PUT.as_bytes()).unwrap();
        chain.sent_to(client.address(), |packets| packets.iter().any(Packet::has_token));
        connection.stdin.as_mut().unwrap().write_all(GET.as_bytes()).unwrap();
        connections.push((client, connection));
    }
    for (client, connection) in connections {
        let output = connection.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{client:?}");
    }
    settle(&chain);
    for client in at(1).into_iter().chain(at(2)) {
        let packets = chain.sent_to(client.address(), |_| true);
        let tokens = packets.iter().filter(|packet| packet.has_token()).count();
        assert!(tokens >= 3, "{client:?}: {packets:?}");
        for packet in packets.iter().filter(|packet| packet.has_data()) {
            assert_eq!((packet.has_token(), packet.hops), (true, 1), "{client:?}: {packet:?}");
        }
        // The second request was read, and the answer to it was to close.
        assert!(packets.iter().any(Packet::is_end), "{client:?}: {packets:?}");
    }
}

#[test]
fn what_came_before_on_the_connection_is_not_held_back() {
    let mut chain = Chain::new();
    let _service = chain.serve();
    let clients = [IPV4, IPV6].map(|server| Client { routers: 1, limit: 1, server });
    let mut connections = clients.map(|client| {
        let connection = connect(&chain, client);
        chain.sent_to(client.address(), |packets| packets.iter().any(Packet::is_handshake));
        connection
    });
    // The answer to the first request is lost, and the second comes with it.
    for client in clients {
        chain.order(&format!("ip -n r1 route add blackhole {}", client.address()));
    }
    for connection in &mut connections {
        connection.stdin.as_mut().unwrap().write_all(format!("{GET}{PUT}").as_bytes()).unwrap();
    }
    for client in clients {
        let is_lost = |packets: &[Packet]| packets.iter().filter(|packet| packet.has_data()).count() >= 2;
        chain.sent_to(client.address(), is_lost);
    }
    for client in clients {
        chain.order(&format!("ip -n r1 route del blackhole {}", client.address()));
    }
    for (client, connection) in clients.into_iter().zip(connections) {
        let printed = String::from_utf8(connection.wait_with_output().unwrap().stdout).unwrap();
        assert!(
            printed.starts_with("HTTP/1.1 200 OK\r\n") && printed.ends_with(&client.instance()),
            "{printed}"
        );
        for packet in chain.sent_to(client.address(), |packets| packets.iter().any(Packet::has_token)) {
            let expected = if packet.has_token() { 1 } else { FREE };
            assert!(packet.hops == expected || !packet.has_data(), "{client:?}: {packet:?}");
        }
    }
}
