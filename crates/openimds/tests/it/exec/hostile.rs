//! What is no wish costs nobody anything.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use imds_netns::handoff;

use super::{A, B, ID, Site, copy};
use crate::run::{Running, until};
use crate::support::children;

/// The variable that makes the test below play its role.
const SOCKET: &str = "HOSTILE_TO";

/// What the others do: it is this binary once more, where the service is.
#[test]
fn the_role_of_the_others() {
    let Ok(path) = env::var(SOCKET) else { return };
    let wish = framed(format!("{{\"instance\":\"{A}\"}}").as_bytes());
    let file = File::open("/proc/self/exe").unwrap();
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (pair, _other) = UnixStream::pair().unwrap();
    let said = |bytes: &[u8], sockets: &[BorrowedFd<'_>]| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // It may be closed before all is sent.
        let _ = handoff::send(&stream, bytes, sockets);
        let mut answer = Vec::new();
        // So it may be while there is something that nobody has read.
        let read = stream.read_to_end(&mut answer);
        assert!(read.is_ok() || read.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
        String::from_utf8(answer.get(4..).unwrap_or_default().to_vec()).unwrap()
    };
    // They are there all the while, and some have begun to speak.
    let mut slow: Vec<_> = (0..100).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for (number, stream) in slow.iter_mut().enumerate() {
        stream.write_all(&wish[..number % 8]).unwrap();
    }
    assert!(said(&[0; 100_000], &[]).contains("does not understand"));
    for garbage in [&b"\xff\xff\xff\xff"[..], b"\0\0\x04\x01", b"GET / HTTP/1.1\r\n\r\n", &[b'x'; 100_000]] {
        assert_eq!(said(garbage, &[file.as_fd()]).as_str(), "", "{:?}", garbage.get(..4));
    }
    for body in
        ["", "{", "[]", "{}", "{\"instance\":7}", "{\"instance\":\"i-0000000a\",\"more\":1}", "\"Served\""]
    {
        assert!(said(&framed(body.as_bytes()), &[]).contains("does not understand"), "{body}");
    }
    let id = |text: &str| framed(format!("{{\"instance\":\"{text}\"}}").as_bytes());
    assert!(said(&id("root"), &[]).contains("an instance id"));
    assert!(said(&id("i-../../keyring"), &[]).contains("an instance id"));
    for sockets in [
        &[][..],
        &[file.as_fd()],
        &[here.as_fd()],
        &[udp.as_fd()],
        &[pair.as_fd()],
        &[here.as_fd(), here.as_fd()],
        &[file.as_fd(); 5],
        &[file.as_fd(); handoff::MAX_FDS],
    ] {
        assert!(
            said(&wish, sockets).contains("no sockets that listen at the metadata addresses"),
            "{sockets:?}"
        );
    }
    let two = [wish.clone(), wish.clone()].concat();
    assert!(said(&two, &[]).contains("no sockets"), "one wish a connection");
    println!("\nsaid");
    for mut stream in slow.into_iter().rev().take(3) {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "who says no more is not waited for");
    }
}

#[test]
fn garbage_and_silence_cost_nobody_anything() {
    for mut site in Site::all() {
        let helper = helper(site.service().child.id());
        let files = || fs::read_dir(format!("/proc/{helper}/fd")).unwrap().count();
        let (before, mut b) = (files(), site.asker(B));
        assert_eq!(b.ask(ID), format!("{B} 200"));
        let own = copy(&env::current_exe().unwrap(), site.folder.path());
        let mut role = site.program(own);
        role.args(["exec::hostile::the_role_of_the_others", "--exact", "--nocapture"]);
        role.env(SOCKET, site.path("runtime/openimds/exec-1339.sock"));
        let mut role = Running::start(&mut role);
        loop {
            let line = role.out.next();
            // What it complains about is for whoever reads why this test fails.
            assert!(
                !line.contains("FAILED"),
                "{:?}",
                std::iter::from_fn(|| role.err.0.recv().ok()).collect::<Vec<_>>()
            );
            if line == "said" {
                break;
            }
            assert_eq!(b.ask(ID), format!("{B} 200"));
        }
        // A hundred are silent there at this moment.
        let get = format!("curl -s http://169.254.169.254{ID}");
        assert_eq!(site.script(A, &get).well(), A);
        assert_eq!(b.ask(ID), format!("{B} 200"));
        assert!(role.child.wait().unwrap().success());
        assert!(b.end().success());
        until("nothing is left of them", || files() <= before);
        assert!(!site.log().contains("WARN") && !site.log().contains("ERROR"), "{}", site.log());
    }
}

/// The helper of a service.
fn helper(service: u32) -> u32 {
    let children = children(service);
    let [helper] = children[..] else { panic!("one child: {children:?}") };
    helper
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}
