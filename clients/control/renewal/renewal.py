"""A boto3 program whose clock is stepped together with the service's, through a hundred renewals and without STS.

renewal.py FOLDER: for what the services keep and say.
"""

import calendar
import collections.abc
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import boto3

from cases import Guest, equal, main

IMDS = os.environ["IMDS"]
FOLDER = pathlib.Path(sys.argv[1])
ROLE = "arn:aws:iam::123456789012:role/web"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}],
}
CONFIG = """[[instance]]
[instance.role]
name = "web"
[instance.role.credentials]
kind = "assume-role"
role-arn = "{role}"
duration = {seconds}
{more}
"""
#: How far clocks are stepped at once.
STEP = 60
#: What a log says when renewals begin to fail: of those that fail alike, once.
FAILED = "role credentials were not renewed"


class Service:
    """An `imds serve` that verifies signatures, with a folder of its own. Its clock stands still but for its steps."""

    def __init__(self, name: str, config: str | None = None, seed: "Service | None" = None):
        self.folder = FOLDER / name
        self.folder.mkdir()
        self.listen, self.admin = "127.0.0.1:0", "127.0.0.1:0"
        self.log = self.folder / "log"
        self.arguments = []
        if config:
            (self.folder / "imds.toml").write_text(config)
            self.arguments = ["--config", str(self.folder / "imds.toml")]
        state = self.folder / "state"
        if seed:
            # The same keys, the same role and the same time: it takes what the other one has issued.
            shutil.copytree(seed.folder / "state", state)
            self.keys = seed.keys
        else:
            add = [IMDS, "keys", "add", "--state", str(state), "--json"]
            told = json.loads(subprocess.run(add, check=True, capture_output=True, timeout=30).stdout)
            self.keys = {"AWS_ACCESS_KEY_ID": told["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": told["SecretAccessKey"]}
        self.process = None

    def start(self) -> None:
        """Starts it, or starts it again where it was."""
        command = [IMDS, "serve", "--listen", self.listen, "--admin", self.admin, "--print-ready", "--auth", "sigv4"]
        command += ["--state", str(self.folder / "state"), *self.arguments]
        # Its own source of keys, where its configuration says so.
        environment = {"PATH": os.environ["PATH"], **self.keys}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the service does not start: {self.log.read_text()}")
        ready = json.loads(line)
        self.listen, self.admin = ready["listen"][0], ready["admin"]

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            # Its helpers hold that, too, and what they listen on; they end when they notice.
            self.process.stdout.read()
            self.process.stdout.close()
            self.process = None

    def clock(self, *words: str) -> float:
        """What `imds clock` says that the time is then."""
        command = [IMDS, "clock", *words, "--json", "--admin", f"http://{self.admin}"]
        environment = {"PATH": os.environ["PATH"], **self.keys}
        done = subprocess.run(command, check=True, capture_output=True, timeout=30, env=environment)
        # Of nanoseconds not every Python reads all.
        seconds, _, fraction = json.loads(done.stdout)["now"].rstrip("Z").partition(".")
        return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction}")

    def make_role(self) -> None:
        """The role of all programs."""
        iam = boto3.client(
            "iam",
            endpoint_url=f"http://{self.admin}",
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
        )
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))

    def end_of_keys(self) -> float:
        """When the keys end that the instance is told; 0 if it has none."""
        os.environ["IMDS_METADATA"] = f"http://{self.listen}"
        guest = Guest("127.0.0.1")
        told = json.loads(guest.read("meta-data/iam/security-credentials/web", guest.token()))
        end = told.get("Expiration", "1970-01-01T00:00:00Z")
        return calendar.timegm(time.strptime(end, "%Y-%m-%dT%H:%M:%SZ"))

    def failures(self) -> int:
        """How often renewals have begun to fail."""
        return self.log.read_text().count(FAILED)


@contextlib.contextmanager
def running(*services: Service) -> collections.abc.Iterator[None]:
    """They are not left running, whatever comes."""
    try:
        yield
    finally:
        for service in services:
            service.kill()


class Program:
    """The program, on the instance of a service."""

    def __init__(self, service: Service, now: float, *options: str):
        self.times = service.folder / "faketime"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "TZ": "UTC",
            "LD_PRELOAD": os.environ["FAKETIME_LIBRARY"],
            "FAKETIME_TIMESTAMP_FILE": str(self.times),
            "FAKETIME_NO_CACHE": "1",
            # What waits for a socket goes by the real one.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{service.listen}",
            "AWS_ENDPOINT_URL": f"http://{service.admin}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [sys.executable, str(pathlib.Path(__file__).with_name("program.py")), *options]
        self.show(now)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        self.calls = self.extensions = 0
        self.keys = []

    def show(self, now: float) -> None:
        """Sets its clock, which stands still until it is set again."""
        beside = self.times.with_name("faketime.new")
        beside.write_text(time.strftime("%Y-%m-%d %H:%M:%S\n", time.gmtime(now)))
        beside.rename(self.times)

    def does(self, what: str, now: float) -> list[str | None]:
        """Has it do something at a time, and says what its calls failed with."""
        self.show(now)
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        equal("the program's time", int(told["now"]), int(now))
        self.calls += len(told["failures"])
        self.extensions = told["extensions"]
        self.keys = list(dict.fromkeys([*self.keys, *told["keys"]]))
        return told["failures"]

    def calls_well(self, now: float) -> None:
        """Has it make its calls; none may fail."""
        equal(f"calls after {self.calls} good ones", self.does("your calls", now), [None, None])

    def end(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def until(what: str, is_so: collections.abc.Callable[[], bool]) -> None:
    """Waits for what comes by itself, though no clock is stepped."""
    end = time.monotonic() + 120
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.005)


@contextlib.contextmanager
def own(name: str) -> collections.abc.Iterator[tuple[Service, float]]:
    """A service whose instance has keys of its own STS, and the time at which its clock stands still."""
    service = Service(name, CONFIG.format(role=ROLE, seconds=900, more=""))
    with running(service):
        service.start()
        now = service.clock("pause")
        # Its keys are there when the role is.
        service.make_role()
        yield service, now


def case_a_hundred_renewals() -> None:
    """100 renewals of 15-minute credentials of the service's own STS, with boto3 as it is: no call fails"""
    # It puts the end of credentials off that have less than 17 to 25 minutes left, and uses them for two to ten minutes then.
    # So those that the service tells must always be good for ten.
    with own("own") as (service, now), Program(service, now) as program:
        steps = 0
        while len(program.keys) <= 100 and steps < 3000:
            program.calls_well(now)
            now = service.clock("advance", f"{STEP}s")
            steps += 1
        equal("keys that it called with", len(program.keys), 101)
        print(
            f"      {steps} minutes, {program.calls} calls with {len(program.keys)} keys, "
            f"{program.extensions} times botocore put their end off"
        )


def case_keys_that_ended() -> None:
    """keys that have ended are refused: the calls before are verified"""
    with own("ended") as (service, now), Program(service, now) as program:
        program.calls_well(now)
        now = service.clock("advance", "14m59s")
        equal("in their last second", program.does("the first keys", now), [None, None])
        now = service.clock("advance", "1s")
        equal("then", program.does("the first keys", now), ["RequestExpired", "ExpiredToken"])
        program.calls_well(now)


class Pair:
    """A service whose instance has keys of another service's STS, both at the same time."""

    def __init__(self, name: str, seconds: int):
        self.sts = Service(f"{name}-sts")
        # Where no connection of anybody else has its own end, so that the ports are free when it comes back.
        self.sts.listen = self.sts.admin = "127.0.0.2:0"
        with running(self.sts):
            self.sts.start()
            self.sts.make_role()
            self.sts.clock("pause")
        more = f'endpoint = "http://{self.sts.admin}"\nsource = "environment"\nclock = "service"'
        self.service = Service(name, CONFIG.format(role=ROLE, seconds=seconds, more=more), self.sts)
        self.seconds = seconds
        self.outages = 0

    def start(self) -> None:
        """Starts both, at the same time."""
        self.sts.start()
        self.service.start()
        self.now = self.service.clock("show")
        until("the first keys", lambda: self.left() > 0)

    def step(self, program: Program) -> None:
        """A minute passes, and the program makes its calls when all is done that follows from it."""
        end = self.service.end_of_keys()
        if self.sts.process:
            self.sts.clock("advance", f"{STEP}s")
        self.now = self.service.clock("advance", f"{STEP}s")
        is_due = self.left() <= max(600, self.seconds / 4)
        if is_due and self.sts.process:
            until("a renewal", lambda: self.service.end_of_keys() != end)
        elif is_due:
            until("a renewal that fails", lambda: self.service.failures() == self.outages)
        program.calls_well(self.now)

    def left(self) -> float:
        """How long the keys are good that the instance is told."""
        return self.service.end_of_keys() - self.now

    def outage(self, program: Program, minutes: int) -> None:
        """STS is down for so long, from when keys are to be renewed."""
        while self.left() > max(600, self.seconds / 4) * 1.1 + STEP:
            self.step(program)
        self.sts.kill()
        self.outages += 1
        while self.service.failures() < self.outages:
            self.step(program)
        for _ in range(minutes):
            self.step(program)
        self.sts.start()
        self.sts.clock("advance", f"{round(self.now - self.sts.clock('show'))}s")
        # What the program was given meanwhile it uses for up to ten minutes.
        for _ in range(11):
            self.step(program)


def outages(name: str, seconds: int, minutes: list[int], *options: str) -> None:
    """STS is down, again and again, and none of the program's calls fails."""
    pair = Pair(name, seconds)
    with running(pair.sts, pair.service):
        pair.start()
        with Program(pair.service, pair.now, *options) as program:
            for each in minutes:
                pair.outage(program, each)
        print(
            f"      {program.calls} calls with {len(program.keys)} keys, {pair.outages} times STS was down, "
            f"{program.extensions} times botocore put their end off"
        )


def case_outages() -> None:
    """STS down for 4 and 8 minutes between renewal and end of 15-minute credentials: no call fails"""
    # With its own window of 15 minutes botocore would not look in time whether there are others.
    outages("quarter", 900, [4, 8, 4], "300")


def case_outages_of_an_hour() -> None:
    """STS down for 4 minutes between renewal and end of credentials of an hour, with boto3 as it is: no call fails"""
    outages("hour", 3600, [4, 4])


if __name__ == "__main__":
    # A check that is told to end leaves no service behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main(globals())
