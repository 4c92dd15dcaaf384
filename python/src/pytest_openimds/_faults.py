"""Faults on request: a service that fails for chosen calls, and only for those."""

from __future__ import annotations

import dataclasses
import typing

from . import _time
from ._door import Door
from ._instance import Instances, ids_of


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault, as it was when it was asked for or listed."""

    id: int
    kind: str
    #: How many calls met it.
    struck: int
    #: `active`, or `spent` when its time is over or it has struck as often as it may.
    state: str
    #: All that the service tells of it, such as its `path`.
    told: dict = dataclasses.field(compare=False)


class Faults:
    """The faults of a service. Each is met, or met no longer, when the call returns."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def add(
        self,
        kind: str,
        *,
        delay: _time.Span | None = None,
        for_: _time.Span | None = None,
        instances: Instances | None = None,
        methods: str | typing.Iterable[str] | None = None,
        **more: object,
    ) -> Fault:
        """Asks for a fault, as `latency` with a `delay`. The rest are the keys of `[[fault]]`: `path`, `methods`,
        `instances`, `probability`, `count`, `for_`, `status`, `after`, `rate`, `per`, `answer`. Spans of time are
        whole milliseconds; a part of one counts as one."""
        draft = {"kind": kind, **{name: value for name, value in more.items() if value is not None}}
        if delay is not None:
            draft["delay"] = _time.span(delay)
        if for_ is not None:
            draft["for"] = _time.span(for_)
        if instances is not None:
            draft["instances"] = ids_of(instances)
        if methods is not None:
            draft["methods"] = [methods] if isinstance(methods, str) else [*methods]
        number = self._door.api("POST", "faults", draft)["id"]
        return next(fault for fault in self.list() if fault.id == number)

    def list(self) -> typing.List[Fault]:
        """All of them, with those of the configuration file, in the order in which they decide."""
        return [_read(told) for told in self._door.api("GET", "faults")["faults"]]

    def remove(self, fault: Fault | int) -> None:
        """Removes one; connections that it holds end."""
        self._door.api("DELETE", f"faults/{fault.id if isinstance(fault, Fault) else fault}")

    def clear(self) -> None:
        """Removes all."""
        self._door.api("DELETE", "faults")


def _read(told: dict) -> Fault:
    return Fault(id=told["id"], kind=told["kind"], struck=told["struck"], state=told["state"], told=told)
