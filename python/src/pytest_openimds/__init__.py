"""The EC2 Instance Metadata Service in tests: the fixtures `imds` and `imds_factory` for pytest, and what they give.

`serve(...)` is the same for fixtures of one's own, of any scope.
"""

from ._calls import Call
from ._clock import Clock
from ._door import ImdsError, Refused
from ._events import Event, Events
from ._faults import Fault, Faults
from ._instance import Instance, MetadataOptions
from ._service import Imds, serve

__all__ = [
    "Call",
    "Clock",
    "Event",
    "Events",
    "Fault",
    "Faults",
    "Imds",
    "ImdsError",
    "Instance",
    "MetadataOptions",
    "Refused",
    "serve",
]
