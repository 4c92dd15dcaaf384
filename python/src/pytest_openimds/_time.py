"""Times and spans of time, as the service writes them."""

from __future__ import annotations

import datetime
import re
import typing

#: A span of time: in the service's words (`2m`, `1h30m`, `500ms`), in seconds, or as Python has it.
Span = typing.Union[str, float, datetime.timedelta]
#: A moment: in the service's words (`2026-11-24T12:00:00Z`), or as Python has it, which must say its zone.
Moment = typing.Union[str, datetime.datetime]


def seconds(value: Span) -> str:
    """In the service's words, which judges what is text: whole seconds, as its clock and its events have them. What is
    less than one is one, so that what was to be over by then is."""
    return value if isinstance(value, str) else f"{_whole(value, 1_000_000)}s"


def span(value: Span) -> str:
    """Likewise, for what goes by milliseconds."""
    if isinstance(value, str):
        return value
    milliseconds = _whole(value, 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _whole(value: float | datetime.timedelta, unit: int) -> int:
    """So many units of so many microseconds, and one more for what is left, forward or back."""
    if isinstance(value, datetime.timedelta):
        microseconds = value // datetime.timedelta(microseconds=1)
    else:
        microseconds = round(value * 1_000_000)
    units = -(-abs(microseconds) // unit)
    return units if microseconds > 0 else -units


def moment(value: Moment) -> str:
    """In the service's words."""
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} does not say in which time zone it is: give it a tzinfo")
    return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def read(text: str) -> datetime.datetime:
    """A moment as the service tells it, which may be finer than Python's microseconds."""
    match = re.fullmatch(r"([^.Z]+)(?:\.(\d+))?Z", text)
    if not match:
        raise ValueError(f"{text!r} is no time of the service")
    microseconds = (match[2] or "").ljust(6, "0")[:6]
    return datetime.datetime.fromisoformat(f"{match[1]}.{microseconds}+00:00")
