"""Applications with a hole: each can be made to ask an address of a stranger's choice.

python3 applications.py COMMAND...: serves them on loopback while the command runs, and ends as it ends.
"""
import http.client
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOT_RELAYED = {"host", "connection", "proxy-connection", "keep-alive", "content-length", "transfer-encoding"}


class Application(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def relay(self, host, path, more=None):
        """Asks the same of another host."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_RELAYED}
        upstream = http.client.HTTPConnection(host, timeout=3)
        try:
            upstream.request(self.command, path, headers={**headers, **(more or {})})
            answer = upstream.getresponse()
            self.answer(answer.status, answer.read())
        except OSError:
            self.answer(504, b"")


class Preview(Application):
    """A web application that fetches an address for its user: a link's preview, an image, a webhook's test."""

    def do_GET(self):
        address = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["url"][0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(address, timeout=3) as answer:
                self.answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read())


class ForwardProxy(Application):
    """An open forward proxy that names whom it asks for, as Squid does unless it is told not to."""

    def forward(self):
        target = urllib.parse.urlsplit(self.path)
        self.relay(target.netloc, target.path, {"X-Forwarded-For": self.client_address[0]})

    do_GET = do_PUT = forward


class ReverseProxy(Application):
    """A reverse proxy that takes the upstream from the Host header, and names whom it asks for."""

    def forward(self):
        self.relay(self.headers["Host"], self.path, {"X-Forwarded-For": self.client_address[0]})

    do_GET = do_PUT = forward


class AnonymousProxy(Application):
    """An open forward proxy that passes on everything, and adds nothing."""

    def forward(self):
        target = urllib.parse.urlsplit(self.path)
        self.relay(target.netloc, target.path)

    do_GET = do_PUT = forward


for port, application in {8001: Preview, 8002: ForwardProxy, 8003: ReverseProxy, 8004: AnonymousProxy}.items():
    server = ThreadingHTTPServer(("127.0.0.1", port), application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
sys.exit(subprocess.call(sys.argv[1:]))
