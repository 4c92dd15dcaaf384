"""The calls that a service answered: what a program under test asked, and by which version."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import fnmatch
import json
import typing

from . import _time


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


def chosen(
    calls: typing.Iterable[Call], version: str | None, method: str | None, path: str | None, status: int | None
) -> list[Call]:
    """Those that fit: a path may have `*` and `?`."""

    def fits(call: Call) -> bool:
        return (
            version in (None, call.version)
            and method in (None, call.method)
            and status in (None, call.status)
            and (path is None or fnmatch.fnmatchcase(call.path, path))
        )

    return [call for call in calls if fits(call)]


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
