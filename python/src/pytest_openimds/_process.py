"""The process of a service: started on free ports of loopback, ended by its own handle, or when this process ends."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
import typing
import weakref

from ._door import ImdsError

#: Seconds that a service may take to start, and to end.
PATIENCE = 30
#: Bytes of a log's end that are shown.
SHOWN = 16 * 1024
#: Bytes of a log's end in which messages are looked for.
SEARCHED = 1024 * 1024
#: A line of the access log, as text and as JSON: what is told with the calls, in their order.
ACCESS = re.compile(r'\S+Z (i-\w+|-) [0-9a-f.:]+ .+ ".*" \d+us( fault:\S+)?|\{"time":.*,"micros":.*\}')

#: The pipes that this process holds, each of which keeps a service up.
HELD: weakref.WeakSet[Pipe] = weakref.WeakSet()


class Pipe:
    """A pipe to which only this process could write: a service that reads from it comes to its end when this process
    does, even if that is killed, and needs nobody to signal it.

    A signal of the parent's death (PR_SET_PDEATHSIG) would also come when a thread ends that started the service.
    """

    def __init__(self) -> None:
        self.end, self._held = (open(end, mode, 0) for end, mode in zip(os.pipe(), ("rb", "wb")))
        HELD.add(self)

    def let_go(self) -> None:
        """Lets the service end."""
        self.end.close()
        self._held.close()


def _forked() -> None:
    # What is executed gets none of these; what is forked off and stays Python would keep the services of its parent.
    for pipe in list(HELD):
        pipe.let_go()


os.register_at_fork(after_in_child=_forked)


class Process:
    """A service that runs."""

    def __init__(
        self, binary: str, arguments: typing.Sequence[str], env: typing.Mapping[str, str] | None = None
    ) -> None:
        # What the developer's shell says about AWS is about something else.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IMDS_"))}
        environment.update(env or {})
        self._log = tempfile.TemporaryFile()
        self._last_log = ""
        self._pipe = Pipe()
        end = self._pipe.end.fileno()
        own = ["--free-ports", "--print-ready", f"--stop-fd={end}"]
        try:
            self._service: typing.Any = subprocess.Popen(
                [binary, "serve", *own, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._log,
                pass_fds=[end],
                env=environment,
                # A terminal's Ctrl-C is for the tests, which then end the service.
                start_new_session=True,
            )
        except BaseException as error:
            self._pipe.let_go()
            self._log.close()
            if isinstance(error, OSError):
                raise ImdsError(f"the service cannot start: {error}") from error
            raise
        self._pipe.end.close()
        try:
            self.listen, self.admin = self._addresses(self._ready_line())
        except BaseException:
            self._end()
            raise

    def log(self) -> str:
        """The end of what the service has written to its standard error."""
        return self._tail(SHOWN)

    def messages(self, most: int) -> list[str]:
        """The last lines of it that are no calls, at most so many."""
        lines = self._tail(SEARCHED).splitlines()
        # The first may have lost its beginning.
        lines = [line for line in lines if not ACCESS.fullmatch(line) and not line.startswith("…")]
        return [f"… {len(lines) - most} lines before"] * (len(lines) > most) + lines[-most:]

    def _tail(self, most: int) -> str:
        if self._log.closed:
            return self._last_log
        size = os.fstat(self._log.fileno()).st_size
        # Without moving the place where the service writes.
        text = os.pread(self._log.fileno(), most, max(0, size - most)).decode("utf-8", "replace")
        return text if size <= most else "…" + text

    def end(self) -> None:
        """Ends the service. One that has ended by itself, or does not end well, is an error."""
        if self._log.closed:
            return
        # One that ended before it was told to may have been waited for by the test, and its status with it.
        is_running = self._service.poll() is None
        status = self._end()
        if status != 0 or not is_running:
            raise ImdsError(f"the service did not run until it was told to end, or did not end well:\n{self._last_log}")

    def _end(self) -> int:
        """The status of the service."""
        # A signal, too: who forked without Python's knowledge may hold the pipe. It is sent only while nobody has waited
        # for the service, so that the id is its own.
        self._service.terminate()
        try:
            self._pipe.let_go()
            return self._service.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # Nor has anybody waited for it now, and the group, with its helper, is its own.
            os.killpg(self._service.pid, signal.SIGKILL)
            return self._service.wait()
        finally:
            self._service.stdout.close()
            self._last_log = self.log()
            self._log.close()

    def _ready_line(self) -> bytes:
        """What the service says once it answers."""
        line, pipe, waiting = b"", self._service.stdout.fileno(), select.poll()
        waiting.register(pipe, select.POLLIN)
        until = time.monotonic() + PATIENCE
        while not line.endswith(b"\n"):
            if not waiting.poll(max(0, until - time.monotonic()) * 1000):
                raise ImdsError(f"the service is not ready after {PATIENCE} seconds:\n{self.log()}")
            piece = os.read(pipe, 4096)
            if not piece:
                raise ImdsError(f"the service cannot start: {self.log().strip()}")
            line += piece
        return line

    def _addresses(self, line: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
        """Where its metadata and its door are."""
        told = json.loads(line)
        return _address(told["listen"][0]), _address(told["admin"])


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
