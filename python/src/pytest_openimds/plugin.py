"""What pytest loads: the fixtures, the marker, the option of the ini file, the log in the report of a failed test."""

from __future__ import annotations

import typing

import pytest

from . import _service
from ._door import ImdsError
from ._service import Imds

#: The services of a test.
SERVICES = pytest.StashKey[typing.List[Imds]]()
#: Calls, and lines of the log, that a report shows.
SHOWN = 50


def pytest_addoption(parser: pytest.Parser) -> None:
    """`imds_options`."""
    what = "options of `imds serve` for every service, one a line: `http-tokens = required`, `config = imds.toml`"
    parser.addini("imds_options", what, type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The marker `imds`."""
    what = (
        "imds(**options): options of `imds serve` for the services of a test, as http_tokens='required' or "
        "config='imds.toml', or toml='…', role='NAME', env={…}"
    )
    config.addinivalue_line("markers", what)


@pytest.fixture
def imds_factory(request: pytest.FixtureRequest) -> typing.Iterator[typing.Callable[..., Imds]]:
    """Starts metadata services, as many as are asked for, each with options of its own over those of the marker."""
    # A new list each time: a test that is run again shows the services that it has now.
    services: list[Imds] = []
    request.node.stash[SERVICES] = services

    def start(**options: object) -> Imds:
        # A marker's paths begin at its test's file, and so do these.
        service = Imds(folder=request.node.path.parent, **_over(_options(request.node), options))
        services.append(service)
        return service

    yield start
    failures = []
    for service in reversed(services):
        try:
            service.end()
        except ImdsError as error:
            failures.append(str(error))
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


@pytest.fixture
def imds(imds_factory: typing.Callable[..., Imds], monkeypatch: pytest.MonkeyPatch) -> Imds:
    """A metadata service of the test's own, where AWS SDKs find it, and no credentials but its own."""
    why = None
    try:
        service = imds_factory()
    except ImdsError as error:
        why = str(error)
    if why is not None:
        # Its own sentence, and not how this module came to say it.
        pytest.fail(why, pytrace=False)
    service.set_env(monkeypatch)
    return service


def _options(node: pytest.Item) -> dict[str, object]:
    """Those of the ini file, and over them those of markers, of which the one that is closest to the test decides."""
    options: dict[str, object] = {}
    for line in node.config.getini("imds_options"):
        name, is_assigned, value = line.partition("=")
        if not is_assigned:
            raise ImdsError(f"imds_options: `{line}` is not like `http-tokens = required`")
        options[name.strip().lstrip("-").replace("-", "_")] = value.strip()
    file = node.config.inipath
    options = _service.absolute(options, file.parent if file else node.config.rootpath)
    for marker in reversed(list(node.iter_markers("imds"))):
        if marker.args:
            raise ImdsError("the marker `imds` takes options by name, as in @pytest.mark.imds(http_tokens='required')")
        options = _over(options, marker.kwargs)
    return options


def _over(before: dict[str, object], options: typing.Mapping[str, object]) -> dict[str, object]:
    """One set of options over another: the text of a configuration takes the place of a file, and the other way."""
    merged = {**before, **options}
    for name, other in (("toml", "config"), ("config", "toml")):
        if options.get(name) is not None and options.get(other) is None:
            merged.pop(other, None)
    return merged


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> typing.Generator[None, typing.Any, None]:
    """A failed test shows what its services were asked, and what they said."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    services = list(item.stash.get(SERVICES, []))
    # And what fixtures of one's own gave it.
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, Imds) and value not in services:
            services.append(value)
    for number, service in enumerate(services, 1):
        name = "imds" if len(services) == 1 else f"imds {number}"
        report.sections.append((f"{name}: calls", _calls(service)))
        report.sections.append((f"{name}: log", "\n".join(service._messages(SHOWN))))


def _calls(service: Imds) -> str:
    """The last calls of a service, of which the log need not have all yet."""
    try:
        calls = service.calls()
    except ImdsError as error:
        return str(error)
    before = [f"… {len(calls) - SHOWN} calls before"] * (len(calls) > SHOWN)
    return "\n".join([*before, *map(str, calls[-SHOWN:])]) or "none"
