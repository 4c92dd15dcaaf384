"""Runs s3fs against a small S3 on loopback that keeps the requests it gets, and verifies who signed them."""

import hashlib
import hmac
import http.server
import subprocess
import sys
import threading

from expected import compare, read

ANSWER = b'<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'


class S3(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an empty list of uploads."""

    requests: list[tuple[str, dict[str, str]]] = []

    def do_GET(self):
        self.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        """Says nothing: the check prints one line."""


def signature(path: str, headers: dict[str, str], scope: str, signed: str, secret: str) -> str:
    """The AWS Signature Version 4 of a GET, from the headers that its client says it signed."""
    resource, _, query = path.partition("?")
    lines = [f"{name}:{headers[name]}" for name in signed.split(";")]
    canonical = ["GET", resource, f"{query}=", *lines, "", signed, headers["x-amz-content-sha256"]]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for part in [*scope.split("/"), text]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def main() -> None:
    """Runs `s3fs -u` and compares what reached the small S3."""
    want = read()
    server = http.server.HTTPServer(("127.0.0.1", 0), S3)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = f"iam_role={want['role']},url=http://127.0.0.1:{server.server_port},use_path_request_style"
    command = [sys.argv[1], "-u", "bucket", "-o", options]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0 or not S3.requests:
        sys.exit(f"s3fs ended with status {run.returncode} after {len(S3.requests)} requests: {run.stdout}{run.stderr}")

    path, headers = S3.requests[0]
    kind, *fields = headers["authorization"].replace(",", "").split()
    compare("kind of signature", kind, "AWS4-HMAC-SHA256")
    fields = dict(field.split("=", 1) for field in fields)
    key, scope = fields["Credential"].split("/", 1)
    compare("access key id", key, want["access-key-id"])
    compare("session token", headers.get("x-amz-security-token"), want["session-token"])
    signed = signature(path, headers, scope, fields["SignedHeaders"], want["secret-access-key"])
    compare("signature", fields["Signature"], signed)
    print(f"{headers['user-agent'].split()[0]} signed with the credentials of {want['role']}")


main()
