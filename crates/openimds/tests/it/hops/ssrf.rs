//! A proxy that passes on everything and stands in a container: the hop limit keeps tokens from it (`docs/ssrf.md`).

use super::chain::{Chain, Client, IPV4};
use crate::ssrf::APPLICATIONS;

/// What a stranger gets through the proxy at a client's place: by a GET, and by a PUT for a token.
fn got(chain: &Chain, client: Client) -> [String; 2] {
    let script = "ask() { curl --silent --max-time 10 --noproxy '' --proxy http://127.0.0.1:8004 --write-out ' %{http_code}\\n' \"$@\"; }
        ask http://169.254.169.254/latest/meta-data/instance-id
        ask -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token";
    let mut python = chain.client(client, "/usr/bin/python3");
    let output =
        python.args(["-c", APPLICATIONS, "sh", "-c", script]).output().expect("nsenter, of util-linux");
    let out = String::from_utf8(output.stdout).unwrap();
    out.lines().map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn a_proxy_in_a_container_gets_metadata_by_imdsv1_and_no_token() {
    let mut chain = Chain::new();
    let _service = chain.serve();
    for limit in [1, 2] {
        let client = Client { routers: 1, limit, server: IPV4 };
        let source = client.address();
        chain.order(&format!("ip -n c1 route replace 169.254.169.254 via 10.9.1.254 src {source}"));
        let [id, token] = got(&chain, client);
        assert_eq!(id, format!("{} 200", client.instance()));
        if limit == 1 {
            assert_eq!(token, " 504");
        } else {
            assert!(token.starts_with("AQAEA") && token.ends_with(" 200"), "{token}");
        }
    }
}
