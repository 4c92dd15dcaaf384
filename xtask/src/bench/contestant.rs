//! Who is measured: our service, and nginx with a fixed answer of the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::server::{self, Launch, Server};
use super::workload::{INSTANCE_ID, TOKEN_LENGTH};

/// One of those who are measured.
pub(crate) struct Contestant {
    /// As the report names it.
    pub(crate) name: &'static str,
    program: Program,
}

enum Program {
    /// The binary `imds`.
    Imds(PathBuf),
    /// The binary `nginx`, and what its `listen` says besides the address.
    Nginx(PathBuf, &'static str),
}

/// Our service.
pub(crate) const IMDS: usize = 0;
/// nginx with the listen that Debian configures.
pub(crate) const NGINX: usize = 1;
/// The same once more: what differs between the two is the machine's noise.
pub(crate) const NGINX_AGAIN: usize = 2;
/// nginx that waits for a connection's first bytes before it accepts it.
pub(crate) const NGINX_DEFERRED: usize = 3;

/// All contestants, in the order of the constants above.
pub(crate) fn all(imds: &Path, nginx: &Path) -> Vec<Contestant> {
    let nginx = |name, listen| Contestant { name, program: Program::Nginx(nginx.to_owned(), listen) };
    vec![
        Contestant { name: "imds", program: Program::Imds(imds.to_owned()) },
        nginx("nginx", ""),
        nginx("nginx again", ""),
        nginx("nginx deferred", "deferred"),
    ]
}

impl Contestant {
    /// Starts it with a folder of its own inside `parent`.
    pub(crate) fn start(&self, parent: &Path) -> Result<Server> {
        self.start_under(&[], parent)
    }

    /// The same, run by the command `wrapper`.
    pub(crate) fn start_under(&self, wrapper: &[&str], parent: &Path) -> Result<Server> {
        let folder = server::folder(parent, &self.name.replace(' ', "-"))?;
        let port = server::free_port()?;
        let mut launch = match &self.program {
            Program::Imds(binary) => launch_imds(binary, &folder, port)?,
            Program::Nginx(binary, listen) => launch_nginx(binary, &folder, port, listen)?,
        };
        if let [program, arguments @ ..] = wrapper {
            let inner = std::mem::replace(&mut launch.command, Command::new(program));
            launch.command.args(arguments).arg(inner.get_program()).args(inner.get_args());
        }
        Server::start(launch, port).with_context(|| format!("{} does not start", self.name))
    }
}

fn launch_imds(binary: &Path, folder: &Path, port: u16) -> Result<Launch> {
    let mut command = Command::new(binary);
    command.arg("serve").args(["--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--admin", &format!("127.0.0.1:{}", server::free_port()?), "--log", "text"]);
    Ok(Launch { command, log: folder.join("stderr.log"), says_ready: false })
}

fn launch_nginx(binary: &Path, folder: &Path, port: u16, listen: &str) -> Result<Launch> {
    fs::write(folder.join("nginx.conf"), nginx_conf(port, listen))?;
    let mut command = Command::new(binary);
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    Ok(Launch { command, log: folder.join("calls.log"), says_ready: false })
}

/// Debian's `nginx.conf` where it says something about speed, one worker, and EC2's answers as fixed strings.
///
/// `server_tokens off` makes `Server: nginx`, as long as `Server: EC2ws`; an empty `$ttl` leaves its header out.
fn nginx_conf(port: u16, listen: &str) -> String {
    let user = if rustix::process::geteuid().is_root() { "user www-data;" } else { "" };
    let token = "0".repeat(TOKEN_LENGTH);
    format!(
        r#"daemon off;
worker_processes 1;
{user}
pid nginx.pid;
events {{
    worker_connections 4096;
}}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    gzip on;
    server_tokens off;
    default_type text/plain;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    log_format call '$time_iso8601 {INSTANCE_ID} $remote_addr $request_method $uri $status v2 '
                    '"$http_user_agent" $request_time';
    access_log calls.log call;
    map $http_x_aws_ec2_metadata_token $ttl {{
        "" "";
        default 21600;
    }}
    server {{
        listen 127.0.0.1:{port} {listen};
        location / {{
            add_header X-Aws-Ec2-Metadata-Token-Ttl-Seconds $ttl;
            add_header Accept-Ranges none;
            add_header Last-Modified "Wed, 11 Jun 2025 15:38:21 GMT";
            return 200 {INSTANCE_ID};
        }}
        location = /latest/api/token {{
            add_header X-Aws-Ec2-Metadata-Token-Ttl-Seconds 21600;
            return 200 {token};
        }}
    }}
}}
"#
    )
}
