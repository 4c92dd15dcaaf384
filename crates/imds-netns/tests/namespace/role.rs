//! What this binary does when a test starts it as a process of its own.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, thread};

use imds_netns::{Plan, enter, fork, spawn, start};

/// A command that plays a role.
pub(crate) fn role(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--role", name]);
    command
}

/// The three metadata addresses, with port 80.
pub(crate) fn plan() -> Plan {
    let listen = ["169.254.169.254:80", "[fd00:ec2::254]:80", "169.254.170.2:80"].map(|a| a.parse().unwrap());
    Plan {
        addresses: listen.iter().map(SocketAddr::ip).collect(),
        listen: listen.to_vec(),
        ..Plan::default()
    }
}

pub(crate) fn play(role: &str, arguments: &[&str]) -> ExitCode {
    match role {
        "ask" => ask(arguments),
        "connect" => connect(arguments),
        "serve" => serve(arguments[0]),
        "parent" => parent(),
        "starter" => starter(),
        "forker" => forker(),
        "spawn" => try_spawn(arguments),
        "spawn-behind" => crate::routers::try_spawn(arguments[0]),
        "sleep" => thread::sleep(Duration::from_secs(60)),
        _ => panic!("no role {role}"),
    }
    ExitCode::SUCCESS
}

/// Sends a word to each address and prints the answers.
fn ask(arguments: &[&str]) {
    let (word, addresses) = arguments.split_first().unwrap();
    for address in addresses {
        let mut stream = TcpStream::connect(address).unwrap();
        writeln!(stream, "{word}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        print!("{answer}");
    }
}

/// Prints how connecting to each address ends.
fn connect(addresses: &[&str]) {
    for address in addresses {
        match TcpStream::connect(address) {
            Ok(_) => println!("connected"),
            Err(error) => println!("{:?}", error.kind()),
        }
    }
}

/// Accepts there, and says nothing.
fn serve(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        drop(stream);
    }
}

/// Spawns a command that sleeps, prints its pid and sleeps too.
fn parent() {
    let spawned = spawn(&mut role("sleep"), &plan()).unwrap();
    println!("{}", spawned.child.id());
    thread::sleep(Duration::from_secs(60));
}

/// Goes inside, starts a command that sleeps, prints its pid and sleeps too.
fn starter() {
    enter(&plan()).unwrap();
    println!("{}", start(&mut role("sleep")).unwrap().id());
    thread::sleep(Duration::from_secs(60));
}

/// Forks a helper that says so when this process is gone, then sleeps.
fn forker() {
    let helper = fork(|mut stream| {
        let read = stream.read(&mut [0; 1]);
        println!("helper read {read:?}");
        ExitCode::SUCCESS
    });
    println!("{}", helper.unwrap().pid());
    thread::sleep(Duration::from_secs(60));
}

/// Spawns `true` with these addresses and prints how it went.
fn try_spawn(addresses: &[&str]) {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    match spawn(&mut Command::new("true"), &Plan { addresses, ..Plan::default() }) {
        Ok(mut spawned) => println!("spawned: {}", spawned.child.wait().unwrap()),
        Err(error) => println!("{error}\n{error:?}"),
    }
}
