"""Runs botocore against a metadata service with faults, and compares what it did with the table of docs/scenarios.md.

scenarios.py FILE [--write]: with --write, the file is made from the run.
"""

import datetime
import json
import logging
import os
import pathlib
import subprocess
import sys
import urllib.request

import botocore.session

METADATA = os.environ["IMDS_METADATA"]
DOOR = os.environ["AWS_ENDPOINT_URL"]

# This process is the client: it knows the endpoint, and no keys but those that it finds there.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = METADATA

TOKEN = "--path /latest/api/token"
TREE = "--path /latest/meta-data"
ROLE = "--path /latest/meta-data/iam/security-credentials/?*"

#: What other SDKs do, from their sources (wire.md, section 5): Go v2, Rust, JS v3, Java v2.
FALLS_BACK = ("IMDSv1 from then on", "an error", "IMDSv1 from then on", "IMDSv1, if allowed")
ERRORS = ("an error", "an error", "an error", "an error")
UNAUTHORIZED = ("a new token, again", "a new token, again", "a new token next time", "an error")
EXPIRED = ("takes them as they are", "puts their end off", "puts their end off", "")
KEEPS = ("what it had, its end put off", "what it had", "what it had, its end put off", "")
UNKNOWN = ("", "", "", "")

#: Name, does it start with good keys, are tokens required, the fault, and what other SDKs do.
SCENARIOS = [
    ("the token path answers 400", False, False, f"status --status 400 {TOKEN}", ERRORS),
    ("the token path answers 403", False, False, f"status --status 403 {TOKEN}", FALLS_BACK),
    ("the token path answers 404", False, False, f"status --status 404 {TOKEN}", FALLS_BACK),
    ("the token path answers 403, and tokens are required", False, True, f"status --status 403 {TOKEN}", FALLS_BACK),
    ("the token path gives no answer in time, and IMDSv1 does", False, False, f"drop {TOKEN}", FALLS_BACK),
    ("the token path gives no answer in time, and tokens are required", False, True, f"drop {TOKEN}", FALLS_BACK),
    ("401 in mid-session, once", True, True, f"status --status 401 {TREE} --count 1", UNAUTHORIZED),
    ("401 in mid-session, from then on", True, True, f"status --status 401 {TREE}", UNAUTHORIZED),
    ("expired credentials, from the start", False, True, "stale-credentials", EXPIRED),
    ("expired credentials, on refresh", True, True, "stale-credentials", EXPIRED),
    ("500 on refresh", True, True, f"status --status 500 {TREE}/iam", KEEPS),
    ("500 on refresh, once", True, True, f"status --status 500 {TREE}/iam --count 1", KEEPS),
    ("an answer that is late, but not too late", False, True, "latency --delay 300ms", UNKNOWN),
    ("an answer that is too late", False, True, f"latency --delay 2s {TREE}", UNKNOWN),
    ("connections are reset", False, True, f"reset {TREE}", UNKNOWN),
    ("no answer", False, True, f"drop {TREE}", UNKNOWN),
    ("half of the credentials", False, True, f"truncate {ROLE}", UNKNOWN),
    ("empty credentials", False, True, f"empty {ROLE}", UNKNOWN),
    # A call is five packets: the second comes within five seconds of the first, however slow the machine is.
    ("throttled", False, True, "throttle --rate 1 --per packets --answer 429", UNKNOWN),
    ("throttled as EC2 does it", False, True, "throttle --rate 1 --per packets", UNKNOWN),
]

HEAD = """# Named scenarios: what clients do when the metadata service fails

Made by `clients/control/scenarios/check --write`, which runs botocore {version} against `imds serve`; without `--write` it fails where
this table differs from the run. Each scenario is one command: `imds fault add` and what is in the second column
([faults.md](faults.md)). "On refresh" and "in mid-session" begin with credentials that were got without a fault and have nine minutes left.
The calls are those that the service saw, with their status; `-` is none. The four columns on the right are from the SDKs' sources
([wire.md](wire.md), section 5); empty where we have not read them.

| scenario | `imds fault add` | tokens | botocore's calls | what it met | and what it has then | Go v2 | Rust | JS v3 | Java v2 |
|---|---|---|---|---|---|---|---|---|---|
"""


def imds(*words: str) -> None:
    """Our own command, which must succeed."""
    subprocess.run([os.environ["IMDS"], *words, "--admin", DOOR], check=True, stdout=subprocess.DEVNULL, timeout=30)


def calls(since: int) -> list[dict]:
    """What the service saw after the call of this number."""
    with urllib.request.urlopen(f"{DOOR}/api/v1/calls?since={since}", timeout=30) as answer:
        return json.load(answer)["calls"]


class Met(logging.Handler):
    """What botocore says that it met: names of exceptions, and what is wrong with answers."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.all = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0]:
            self.add(record.exc_info[0].__name__)
        elif isinstance(record.args, tuple) and record.msg.startswith("Metadata service returned"):
            self.add(f"{record.args[0]} ({record.args[1]})")
        elif record.msg.startswith("Attempting credential expiration extension"):
            self.add("puts their end off")

    def add(self, what: str) -> None:
        if what not in self.all:
            self.all.append(what)


def has(credentials) -> str:
    """What a program has in its hands."""
    if credentials is None:
        return "no credentials"
    keys = credentials.get_frozen_credentials()
    return "credentials" if keys.access_key and keys.secret_key else "empty credentials"


def run(is_refresh: bool, is_required: bool, fault: str) -> list[str]:
    """The calls, what botocore met, and what it has then."""
    imds("fault", "remove", "--all")
    version = "v2" if is_required else "v1-and-v2"
    imds("instance", "set", "i-0123456789abcdef0", "--region", "eu-west-1", "--metadata-version", version)
    credentials = None
    if is_refresh:
        credentials = botocore.session.Session().get_credentials()
        # Less than ten minutes, when a refresh must succeed. Its clock stays the machine's, by which ends are put off.
        credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=9)
    before = max((call["number"] for call in calls(0)), default=0)
    met = Met()
    log = logging.getLogger("botocore")
    log.setLevel(logging.DEBUG)
    log.addHandler(met)
    imds("fault", "add", *fault.split())
    try:
        if not is_refresh:
            credentials = botocore.session.Session().get_credentials()
        outcome = has(credentials)
    except Exception as error:
        outcome = f"raises {type(error).__name__}"
    finally:
        log.removeHandler(met)
    seen = [f"{call['method']} {call['status'] or '-'}" for call in calls(before)]
    return [", ".join(seen), ", ".join(met.all), outcome]


def main() -> None:
    path = pathlib.Path(sys.argv[1])
    text = HEAD.format(version=botocore.__version__)
    known = path.read_text() if path.exists() else ""
    failed = 0
    for name, is_refresh, is_required, fault, others in SCENARIOS:
        did = run(is_refresh, is_required, fault)
        row = [name, f"`{fault}`", "required" if is_required else "optional", *did, *others]
        line = "| " + " | ".join(row) + " |\n"
        text += line
        is_known = line in known or "--write" in sys.argv
        failed += not is_known
        print(f"{'pass' if is_known else 'FAIL'}  {name}{'' if is_known else f': {did}'}", flush=True)
    if "--write" in sys.argv:
        path.write_text(text)
    elif text != known and not failed:
        failed = 1
        print("FAIL  docs/scenarios.md says more than the run; write it anew", flush=True)
    print(f"{len(SCENARIOS) - failed} passed, {failed} failed", flush=True)
    sys.exit(failed != 0)


main()
