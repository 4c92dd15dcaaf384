"""The clock of a service, by which tokens end, keys are renewed and events come."""

from __future__ import annotations

import datetime

from . import _time
from ._door import Door


class Clock:
    """What time it is for the service. It is the machine's until it is changed, and never goes back."""

    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def now(self) -> datetime.datetime:
        """What it shows."""
        return _time.read(self._door.api("GET", "clock")["now"])

    def advance(self, by: _time.Span) -> datetime.datetime:
        """Puts it forward, as by `2m`; what is due by then has happened when this returns. It goes by whole seconds: a part
        of one counts as one, so that `advance(event.notice - imds.clock.now)` is enough."""
        # However far: this service is there for a test alone.
        return self._changed(advance=_time.seconds(by), far=True)

    def pause(self) -> datetime.datetime:
        """Lets it stand still; `advance` moves it all the same."""
        return self._changed(paused=True)

    def resume(self) -> datetime.datetime:
        """Lets it go on."""
        return self._changed(paused=False)

    def pace(self, pace: str | float) -> datetime.datetime:
        """How fast it goes: `60x`, or 60, is a minute a second."""
        if isinstance(pace, float) and pace.is_integer():
            pace = int(pace)
        return self._changed(pace=str(pace))

    def _changed(self, **change: object) -> datetime.datetime:
        return _time.read(self._door.api("POST", "clock", change)["now"])
