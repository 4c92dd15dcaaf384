"""The process of a service: started on free ports of loopback, ended by its own handle, or when this process ends."""

from __future__ import annotations

import ipaddress
import json
import os
import select
import signal
import subprocess
import tempfile
import time
import typing

from ._door import ImdsError

#: Seconds that a service may take to start, and to end.
PATIENCE = 30
#: Bytes of a log's end that are shown.
SHOWN = 16 * 1024

# Between us and the service, so that it ends when this process does, even if that is killed: `read` then comes to the
# end of a pipe that only we write to. A signal of the parent's death (PR_SET_PDEATHSIG) would also come when a thread
# ends that started the service. The shell's own output is closed, so that the service's comes to its end with it.
GUARD = """
"$@" &
service=$!
exec >&-
read -r _
kill "$service" 2>/dev/null
wait "$service"
"""


class Process:
    """A service that runs."""

    def __init__(self, binary: str, arguments: typing.Sequence[str]) -> None:
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready", *arguments]
        # What the developer's shell says about AWS is about something else.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IMDS_"))}
        self._log = tempfile.TemporaryFile()
        self._last_log = ""
        self._guard: typing.Any = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            # A terminal's Ctrl-C is for the tests, which then end the service.
            start_new_session=True,
        )
        try:
            self.listen, self.admin = self._addresses(self._ready_line())
        except BaseException:
            self._end()
            raise

    def log(self) -> str:
        """The end of what the service has written to its standard error."""
        if self._log.closed:
            return self._last_log
        size = os.fstat(self._log.fileno()).st_size
        # Without moving the place where the service writes.
        text = os.pread(self._log.fileno(), SHOWN, max(0, size - SHOWN)).decode("utf-8", "replace")
        return text if size <= SHOWN else "…" + text

    def end(self) -> None:
        """Ends the service. One that has ended by itself, or does not end well, is an error."""
        if self._log.closed:
            return
        status = self._end()
        if status != 0:
            raise ImdsError(f"the service did not run until it was told to end, or did not end well:\n{self._last_log}")

    def _end(self) -> int:
        """The status of the service."""
        try:
            # Not only closed: a process that was forked off this one may hold the pipe's other end.
            self._guard.stdin.write(b"end\n")
            self._guard.stdin.close()
        except BrokenPipeError:
            pass  # The guard was ended by somebody else; its status says so.
        self._guard.stdout.close()
        try:
            return self._guard.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # The guard has not been waited for, so the group is still its own.
            os.killpg(self._guard.pid, signal.SIGKILL)
            return self._guard.wait()
        finally:
            self._last_log = self.log()
            self._log.close()

    def _ready_line(self) -> bytes:
        """What the service says once it answers."""
        line, pipe, waiting = b"", self._guard.stdout.fileno(), select.poll()
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
        listen, admin = _address(told["listen"][0]), _address(told["admin"])
        for host, port in (listen, admin):
            if not ipaddress.ip_address(host).is_loopback:
                raise ImdsError(
                    f"the configuration lets the service listen on {host}:{port}, which others reach, too: leave "
                    "`listen` and `admin` out of it, so that a free port of loopback is taken"
                )
        return listen, admin


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
