"""What a person does at a terminal: a service, and a shell whose commands are remembered."""

import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.request

SCRATCH = pathlib.Path(os.environ["SCRATCH"])

#: Where the console is, on the port that `imds serve` uses unless told otherwise.
DOOR = "http://127.0.0.1:1339"


class Service:
    """A running `imds serve` that begins with nothing."""

    def __init__(self, command: str):
        self.command = command
        self.log = open(SCRATCH / "service.log", "a+")
        self.process = subprocess.Popen(command.split(), stderr=self.log, cwd=SCRATCH / "home")
        self.wait()

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"{DOOR}/healthz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise AssertionError(f"the service does not start: {self.said()}") from None
            time.sleep(0.05)

    def said(self) -> str:
        """What it has written."""
        self.log.seek(0)
        return self.log.read()

    def end(self) -> None:
        """Ends it; it must have run until now, and end well."""
        self.process.terminate()
        if status := self.process.wait(10):
            raise AssertionError(f"the service ended with {status}: {self.said()}")


class Terminal:
    """A shell. What it starts reads what comes next, as the shell in an instance does."""

    def __init__(self):
        #: Each command that was run, in order.
        self.ran: list[str] = []
        folder = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        self.errors = open(folder / "errors", "a+")
        # What an ordinary user has around, and nothing of AWS.
        self.shell = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
        )

    def run(self, command: str, status: int = 0) -> str:
        """Runs a command in whatever shell reads; it must end with this status. Returns what it printed."""
        self.ran.append(command)
        said, ended = self._say(command)
        if ended != status:
            self.errors.seek(0)
            raise AssertionError(f"'{command}' ended with {ended}: {said}\n{self.errors.read()}")
        return said

    def enter(self, command: str) -> None:
        """Runs a command that is a shell: what follows is run in it, until `leave`."""
        self.run(command)

    def leave(self) -> None:
        """Leaves the shell in an instance."""
        self.ran.append("exit")
        self._write("exit\n")
        end = time.monotonic() + 20
        while has_children(self.shell.pid):
            if time.monotonic() > end:
                raise AssertionError("the shell in the instance does not end")
            time.sleep(0.02)

    def _say(self, command: str) -> tuple[str, int]:
        # Octal, so that no shell takes these lines for what they print.
        self._write(f"{command}\nprintf '\\001%d\\002' $?\n")
        said = b""
        while not (found := re.search(rb"\x01(\d+)\x02$", said)):
            more = os.read(self.shell.stdout.fileno(), 65536)
            if not more:
                self.errors.seek(0)
                raise AssertionError(f"the shell ended in '{command}': {self.errors.read()}")
            said += more
        return said[: found.start()].decode(), int(found[1])

    def _write(self, text: str) -> None:
        self.shell.stdin.write(text.encode())
        self.shell.stdin.flush()

    def end(self) -> None:
        """Closes it."""
        self.shell.stdin.close()
        self.shell.wait(20)


def has_children(process: int) -> bool:
    """Does a process have any? By what each says of its parent: not every kernel tells a parent's children."""
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue  # It has ended meanwhile.
        if re.search(rf"^PPid:\t{process}$", text, re.MULTILINE):
            return True
    return False
