"""The calls that a service answered: what a program under test asked, and by which version."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import fnmatch
import json
import re
import typing

from . import _time

#: What a call can be.
VERSIONS = ("v1", "v2")


@dataclasses.dataclass(frozen=True)
class Call:
    """A call, as the service remembers it."""

    #: Counts up.
    number: int
    at: datetime.datetime
    #: Whose metadata it was; None for a caller that is no instance.
    instance: str | None
    #: The address that it came from.
    source: str
    method: str
    path: str
    #: 0 if no answer was sent.
    status: int
    #: `v1` or `v2`
    version: str
    user_agent: str
    #: Microseconds until the answer.
    micros: int
    #: The kind of the fault that it met.
    fault: str | None

    def __str__(self) -> str:
        # The user agent is what the program chose to send.
        fault = f" fault:{self.fault}" if self.fault else ""
        return f"{self.method} {self.path} {self.status} {self.version} {json.dumps(self.user_agent)}{fault}"

    def __repr__(self) -> str:
        return f"<{self}>"


def read(told: dict) -> Call:
    """A call of `/api/v1/calls`."""
    known: dict[str, typing.Any] = {field.name: told.get(field.name) for field in dataclasses.fields(Call)}
    known["at"] = _time.read(told["at"])
    return Call(**known)


def filtered(
    version: str | None, method: str | None, path: str | None, status: int | None
) -> typing.Callable[[Call], bool]:
    """Does a call fit? A path may have `*` and `?`. A ValueError where none ever could."""
    if version not in (None, *VERSIONS):
        raise ValueError(f"version is {' or '.join(map(repr, VERSIONS))}, not {version!r}")
    if method is not None and not (isinstance(method, str) and re.fullmatch(r"[A-Za-z-]+", method)):
        raise ValueError(f"method is the name of one, as 'GET' or 'PUT', not {method!r}")
    if status is not None and not (type(status) is int and (status == 0 or 100 <= status <= 599)):
        raise ValueError(f"status is a number from 100 to 599, or 0 where no answer was sent, not {status!r}")
    if path is not None and not (isinstance(path, str) and path.startswith(("/", "*", "?", "["))):
        raise ValueError(f"path is whole, as '/latest/api/token', or begins with *, as '*/spot/*', not {path!r}")
    method = method and method.upper()

    def fits(call: Call) -> bool:
        return (
            version in (None, call.version)
            and method in (None, call.method.upper())
            and status in (None, call.status)
            and (path is None or fnmatch.fnmatchcase(call.path, path))
        )

    return fits


def check_only_v2(calls: list[Call], remembered: int) -> None:
    """Fails unless there were calls, and all of them were IMDSv2's. So many of each instance are remembered."""
    __tracebackhide__ = True
    if not calls:
        raise AssertionError(
            "the service was not called at all: does the program go by AWS_EC2_METADATA_SERVICE_ENDPOINT, and ask for "
            "what is under test?"
        )
    v1 = [call for call in calls if call.version != "v2"]
    if v1:
        lines = "".join(f"\n  {call}" for call in v1)
        raise AssertionError(f"{len(v1)} of {len(calls)} calls used IMDSv1:{lines}")
    of = collections.Counter(call.instance for call in calls)
    instance, most = of.most_common(1)[0]
    if most >= remembered:
        raise AssertionError(
            f"{instance or 'who is no instance'} may have made more calls than the {remembered} that are remembered, of "
            "which none used IMDSv1; use `imds.reset()` before, or more often"
        )
