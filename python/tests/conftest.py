"""What the tests share: programs that ask a metadata service, and the plugin's own behaviour, seen by pytester."""

import pathlib
import time
import urllib.error
import urllib.request

import pytest

pytest_plugins = ["pytester"]

#: As long as a loaded machine may take.
PATIENCE = 60


class Client:
    """Asks a service as programs do, and gives the status, or the body of what is 200."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def v1(self, path="meta-data/instance-id"):
        return self.ask(path, "GET", {})

    def v2(self, path="meta-data/instance-id"):
        token = self.ask("api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        return self.ask(path, "GET", {"X-aws-ec2-metadata-token": token})

    def ask(self, path, method, headers):
        request = urllib.request.Request(f"{self.endpoint}/latest/{path}", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def client():
    """A client of a service."""
    return lambda imds: Client(imds.endpoint)


@pytest.fixture
def until():
    """Waits for what becomes true some time, and fails if it does not."""

    def wait(what, is_so):
        end = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < end, f"{what}: not after {PATIENCE} seconds"
            time.sleep(0.02)

    return wait


@pytest.fixture
def examples():
    """The folder of the examples."""
    return pathlib.Path(__file__).parent.parent / "examples"
