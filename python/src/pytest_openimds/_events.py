"""What instances are told of their near future: spot interruptions, maintenance, Auto Scaling."""

from __future__ import annotations

import dataclasses
import datetime
import typing
import urllib.parse

from . import _time
from ._door import Door
from ._instance import Instances, ids_of


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that is planned, of as many instances as have it."""

    #: `event-…`
    id: str
    #: `spot-interruption`, `rebalance`, `maintenance` or `asg-lifecycle`
    kind: str
    instances: tuple[str, ...]
    #: When it happens.
    at: datetime.datetime
    #: When the instances are told.
    notice: datetime.datetime
    #: `planned`, `noticed`, `happened` (and still told), `over` or `canceled`, when this was asked.
    progress: str
    action: str | None = None
    code: str | None = None
    description: str | None = None
    not_after: datetime.datetime | None = None
    state: str | None = None


class Events:
    """The events of a service. Times are those of its clock; what is planned is there when the call returns.

    An event is of all instances, as a fault is, unless `instances` names some: one or several. Spans of time are whole
    seconds; a part of one counts as one.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def spot_interruption(
        self,
        *,
        in_: _time.Span | None = None,
        at: _time.Moment | None = None,
        action: str | None = None,
        notice: _time.Span | None = None,
        instances: Instances | None = None,
    ) -> Event:
        """The instance is to be terminated, or what `action` says (`stop`, `hibernate`). It is told two minutes before,
        or `notice`; without a time it happens in two minutes."""
        return self._plan("spot-interruption", instances, in_, at, notice=notice, action=action)

    def rebalance(
        self,
        *,
        in_: _time.Span | None = None,
        at: _time.Moment | None = None,
        instances: Instances | None = None,
    ) -> Event:
        """A recommendation to rebalance, which is told at its time."""
        return self._plan("rebalance", instances, in_, at)

    def maintenance(
        self,
        *,
        in_: _time.Span | None = None,
        at: _time.Moment | None = None,
        code: str | None = None,
        description: str | None = None,
        duration: _time.Span | None = None,
        notice: _time.Span | None = None,
        instances: Instances | None = None,
    ) -> Event:
        """Maintenance, as `system-reboot`; it is told two minutes before, or `notice`, and is history at its end. Without a time it
        happens in two minutes."""
        return self._plan(
            "maintenance",
            instances,
            in_,
            at,
            notice=notice,
            code=code,
            description=description,
            duration=duration,
        )

    def asg_lifecycle(
        self,
        state: str,
        *,
        in_: _time.Span | None = None,
        at: _time.Moment | None = None,
        instances: Instances | None = None,
    ) -> Event:
        """The state that Auto Scaling wants, as `Terminated`, from its time on until the next one."""
        return self._plan("asg-lifecycle", instances, in_, at, state=state)

    def list(self, instance: str | None = None) -> typing.List[Event]:
        """All events, or those of an instance, the first to be noticed first."""
        query = "" if instance is None else "?" + urllib.parse.urlencode({"instance": instance})
        return [_read(told) for told in self._door.api("GET", "events" + query)["events"]]

    def cancel(self, event: Event | str) -> Event:
        """Takes an event back, of all who have it."""
        name = event.id if isinstance(event, Event) else event
        return _read(self._door.api("DELETE", "events/" + urllib.parse.quote(name, safe="")))

    def _plan(
        self,
        kind: str,
        instances: Instances | None,
        in_: _time.Span | None,
        at: _time.Moment | None,
        **more: typing.Any,
    ) -> Event:
        asked: dict[str, typing.Any] = {"kind": kind}
        if instances is None or (isinstance(instances, str) and instances == "all"):
            asked["all"] = True
        else:
            asked["instances"] = ids_of(instances)
        if in_ is not None:
            asked["in"] = _time.seconds(in_)
        if at is not None:
            asked["at"] = _time.moment(at)
        for name, value in more.items():
            if value is not None:
                asked[name] = _time.seconds(value) if name in ("notice", "duration") else value
        return _read(self._door.api("POST", "events", asked))


def _read(told: dict) -> Event:
    known = {field.name: told[field.name] for field in dataclasses.fields(Event) if field.name in told}
    known["instances"] = tuple(told["instances"])
    for name in ("at", "notice", "not_after"):
        if known.get(name) is not None:
            known[name] = _time.read(known[name])
    return Event(**known)
