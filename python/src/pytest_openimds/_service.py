"""A service that a test has for itself."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import tempfile
import typing
import urllib.parse

from . import _binary, _calls, _instance, _time
from ._clock import Clock
from ._door import Door, ImdsError
from ._events import Events
from ._faults import Faults
from ._process import Process

#: Options whose value is a path.
PATHS = ("config", "config_folder", "ssh_key", "ssh_key_file", "state", "user_data", "user_data_file")
#: Options that are not the user's: a service is on free ports of loopback, and says where; the plugin does not sign.
OURS = ("admin", "auth", "free_ports", "insecure", "listen", "print_ready", "ready_fd", "stop_fd")

#: What would give a program other credentials than the instance's, or keep it from asking for them as it asks on EC2.
UNSET = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
#: Files of the developer that may hold credentials.
FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG")


@dataclasses.dataclass(frozen=True)
class Text:
    """The text of a configuration, and where its paths begin."""

    text: str
    folder: str


class Imds:
    """A metadata service, with an instance, and a door by which it is changed.

    `options` are those of `imds serve`, with underscores: `http_tokens="required"`, `config="imds.toml"`. In place of
    `config`, `toml` may hold the text of that file; `role` names a role for the instance, whose credentials it then
    reads; `env` has variables for the service itself, which sees none of this process's that begin with `AWS_`. Relative
    paths begin at `folder`, those in `toml` too; those in a file begin beside it.
    """

    def __init__(self, folder: str | os.PathLike | None = None, **options: object) -> None:
        options = absolute(options, folder or os.getcwd())
        role, toml, env = (options.pop(name, None) for name in ("role", "toml", "env"))
        if toml is not None and options.get("config") is not None:
            raise ImdsError("there are both `config` and `toml`, the text of a configuration: leave one of them out")
        self._owner = os.getpid()
        self._default: _instance.Instance | None = None
        self._scratch: tempfile.TemporaryDirectory | None = None
        if isinstance(toml, Text):
            self._scratch = tempfile.TemporaryDirectory(prefix="openimds-")
            file = pathlib.Path(self._scratch.name, "imds.toml")
            file.write_text(toml.text, encoding="utf-8")
            options = {"config_folder": toml.folder, **options, "config": file}
        try:
            self._process = Process(_binary.find(), arguments(options), variables(env))
        except BaseException:
            self._clean()
            raise
        self._door = Door(*self._process.admin)
        #: What an AWS SDK is told with AWS_EC2_METADATA_SERVICE_ENDPOINT.
        self.endpoint = _url(self._process.listen)
        #: The door: `boto3.client("ec2", endpoint_url=imds.admin)` changes the service, a browser finds `/console`.
        self.admin = _url(self._process.admin)
        self.clock = Clock(self._door)
        self.events = Events(self._door)
        self.faults = Faults(self._door)
        if role is not None:
            try:
                self.instance.attach_role(str(role))
            except BaseException:
                self.end()
                raise

    def __repr__(self) -> str:
        return f"<Imds at {self.endpoint}>"

    def __enter__(self) -> Imds:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def instance(self) -> _instance.Instance:
        """The instance that answers a program on this machine."""
        if self._default is None:
            self._default = _instance.read(self._door, self.endpoint)[1]
        if self._default is None:
            raise ImdsError(
                "no instance of this service is the default: give one of the configuration `default = true`, or use "
                "`instances`"
            )
        return self._default

    @property
    def instances(self) -> list[_instance.Instance]:
        """All that are not terminated."""
        return _instance.read(self._door, self.endpoint)[0]

    def calls(
        self,
        *,
        version: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        instance: str | _instance.Instance | None = None,
        since: int | None = None,
    ) -> list[_calls.Call]:
        """The calls that were answered so far, oldest first: those that fit. In `path`, `*` is anything; `instance` is
        one, its id, or `none` for callers that are no instance; `since` is the number of a call, which is left out.
        What no call can be is a ValueError."""
        fits = _calls.filtered(version, method, path, status)
        instance = instance.id if isinstance(instance, _instance.Instance) else instance
        wish = {"instance": instance, "since": since}
        query = urllib.parse.urlencode({name: value for name, value in wish.items() if value is not None})
        told = self._door.api("GET", "calls" + (f"?{query}" if query else ""))
        return [call for call in map(_calls.read, told["calls"]) if fits(call)]

    def assert_only_v2(self) -> None:
        """Fails unless there were calls, all with IMDSv2; says which were not."""
        __tracebackhide__ = True
        told = self._door.api("GET", "calls")
        _calls.check_only_v2([_calls.read(call) for call in told["calls"]], told["remembered"])

    def reset(self) -> None:
        """Forgets the calls so far, so that those of what comes next are alone."""
        self._door.api("DELETE", "calls")

    def environ(self, *, instance: str | _instance.Instance | None = None) -> dict[str, str]:
        """The environment for a program that is to be on an instance, which is the default one if none is named."""
        environment = dict(os.environ)
        for name, value in self._changes(instance).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        return environment

    def set_env(self, monkeypatch: typing.Any, *, instance: str | _instance.Instance | None = None) -> None:
        """Makes this the instance that AWS SDKs find in this process, and in those that it starts: the default one if
        none is named."""
        for name, value in self._changes(instance).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    def log(self) -> str:
        """The end of the service's log."""
        return self._process.log()

    def _messages(self, most: int) -> list[str]:
        """The last lines of the log that are no calls."""
        return self._process.messages(most)

    def end(self) -> None:
        """Ends the service; that is done for those of the fixtures. In a process that was forked off the one that started
        it, this does nothing."""
        if os.getpid() != self._owner:
            # It is no child of this process, and its id may be anybody's by now.
            return
        try:
            self._process.end()
        finally:
            self._clean()

    def _endpoint(self, instance: str | _instance.Instance | None) -> str:
        """Where an instance is asked."""
        if instance is None:
            return self.endpoint
        if isinstance(instance, str):
            named = next((one for one in self.instances if one.id == instance), None)
            if named is None:
                raise ImdsError(f"there is no instance {instance}")
            instance = named
        return instance.endpoint

    def _changes(self, instance: str | _instance.Instance | None) -> dict[str, str | None]:
        endpoint = self._endpoint(instance)
        changes: dict[str, str | None] = dict.fromkeys(UNSET)
        changes.update(dict.fromkeys(FILES, os.devnull))
        changes["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = endpoint
        host = urllib.parse.urlsplit(endpoint).hostname or ""
        for name in ("NO_PROXY", "no_proxy"):
            before = os.environ.get(name)
            changes[name] = f"{before},{host}" if before else host
        return changes

    def _clean(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()


def serve(**options: object) -> Imds:
    """A service for `with` and fixtures of one's own: `with serve(http_tokens="required") as imds:`. Its options are
    those of the marker; relative paths begin at the current folder."""
    return Imds(None, **options)


def absolute(options: typing.Mapping[str, object], folder: str | os.PathLike) -> dict[str, object]:
    """The same options, with paths that no longer depend on a folder."""

    def placed(name: str, value: object) -> object:
        if value is None or isinstance(value, Text):
            return value
        if name == "toml":
            return Text(str(value), os.path.abspath(folder))
        return os.path.join(folder, str(value)) if name in PATHS else value

    return {name: placed(name, value) for name, value in options.items()}


def arguments(options: typing.Mapping[str, object]) -> list[str]:
    """Options as words of the command line, which judges them. None leaves one out; one with several values is said as
    often."""
    words = []
    for name, value in options.items():
        if name in OURS:
            raise ImdsError(f"{name} is not for tests to say: each service has free ports of loopback and an open door")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, datetime.timedelta):
                one = _time.span(one)
            if one is not None:
                words.append(f"--{name.replace('_', '-')}={one}")
    return words


def variables(env: object) -> dict[str, str] | None:
    """Variables of the environment; None leaves one out."""
    if env is None:
        return None
    if not isinstance(env, typing.Mapping):
        raise ImdsError(f"env is not like {{'AWS_CONFIG_FILE': 'PATH'}}: {env!r}")
    return {str(name): str(value) for name, value in env.items() if value is not None}


def _url(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
