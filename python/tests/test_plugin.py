"""The plugin's own behaviour, in runs of pytest that pytester makes: options, binaries, how services end."""

import importlib.metadata
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse

import pytest
from pytest_openimds import ImdsError, _binary, serve

TELLS = """
def test_tells(imds):
    print("tokens are", imds.instance.metadata_options.http_tokens, "for", imds.instance.id)
"""


def is_open(url):
    """Does anybody listen there?"""
    address = urllib.parse.urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


def test_the_example_passes_with_a_program_of_imdsv2(pytester, examples, monkeypatch):
    monkeypatch.setenv("PROGRAM", "program_v2.py")
    result = pytester.runpytest_subprocess(examples / "test_only_imdsv2.py", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def test_the_example_fails_with_a_program_of_imdsv1(pytester, examples, monkeypatch):
    monkeypatch.setenv("PROGRAM", "program_v1.py")
    result = pytester.runpytest_subprocess(examples / "test_only_imdsv2.py", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: 1 of 1 calls used IMDSv1:",
            'E * GET /latest/meta-data/instance-id 200 v1 "Python-urllib/*"',
            "*- imds: calls -*",
            'GET /latest/meta-data/instance-id 401 v1 "Python-urllib/*"',
        ]
    )


INI = "[pytest]\nimds_options =\n    http-tokens = required\n    config = set/ini.toml\n"


@pytest.mark.parametrize(
    ("ini", "module", "mark", "told"),
    [
        ("", "", "", "optional for i-12345678901234567"),
        ("", "", "http_tokens='required'", "required for i-12345678901234567"),
        (INI, "", "", "required for i-0000000000000000a"),
        (INI, "", "http_tokens='optional'", "optional for i-0000000000000000a"),
        (INI, "", "http_tokens=None", "optional for i-0000000000000000a"),
        (INI, "", "config='beside.toml'", "required for i-0000000000000000b"),
        (INI, "", "config=None", "required for i-12345678901234567"),
        (INI, "", "toml=''", "required for i-12345678901234567"),
        (INI, "toml=''", "config=None", "required for i-12345678901234567"),
        ("", "", "toml='', config=None", "optional for i-12345678901234567"),
        (INI, "config='beside.toml'", "toml=None", "required for i-0000000000000000b"),
        (INI, "toml=''", "config='beside.toml'", "required for i-0000000000000000b"),
        (INI, "config='beside.toml'", "toml=''", "required for i-12345678901234567"),
        (INI, "http_tokens='optional'", "config='beside.toml'", "optional for i-0000000000000000b"),
    ],
)
def test_the_closest_word_counts_and_paths_begin_where_they_are_written(pytester, ini, module, mark, told):
    for path, digit in (("set/ini.toml", "a"), ("suite/beside.toml", "b")):
        path = pytester.path / path
        path.parent.mkdir()
        path.write_text(f'[[instance]]\ninstance-id = "i-0000000000000000{digit}"\n')
    pytester.makefile(".ini", pytest=ini or "[pytest]\n")
    marks = f"pytestmark = pytest.mark.imds({module})\n\n@pytest.mark.imds({mark})"
    (pytester.path / "suite/test_it.py").write_text(f"import pytest\n\n{marks}{TELLS}")
    result = pytester.runpytest("-s", "--strict-markers", "suite")
    result.stdout.fnmatch_lines([f"*tokens are {told}*"])


@pytest.mark.parametrize(
    ("ini", "mark", "told"),
    [
        ("", "toml='[service]\\nlisen = 1'", "the service cannot start: imds: */imds.toml line 2: did you mean `listen`? unknown field*"),
        ("", "config='nothing.toml'", "the service cannot start: imds: */nothing.toml*"),
        ("", "http_token='required'", "the service cannot start: error: unexpected argument '--http-token' found"),
        ("", "http_tokens='never'", "the service cannot start: error: invalid value 'never' for '--http-tokens *"),
        ("", "toml='', config='x'", "there are both `config` and `toml`*"),
        ("", "server_name=['a', 'b']", "the service cannot start: error: the argument '--server-name *"),
        ("", "env='A=B'", "env is not like *"),
        ("", "stop_fd=3", "stop_fd is not for tests to say*"),
        ("", "listen='127.0.0.1:80'", "listen is not for tests to say*"),
        ("", "'required'", "the marker `imds` takes options by name*"),
        ("imds_options = required", "", "imds_options: `required` is not like `http-tokens = required`"),
        ("", "free_ports=True", "free_ports is not for tests to say*"),
        ("", "role='not a name'", "ValidationError: *"),
    ],
)
def test_a_service_that_cannot_start_says_why(pytester, ini, mark, told):
    pytester.makefile(".ini", pytest=f"[pytest]\n{ini}\n")
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.imds({mark})\ndef test_it(imds):\n    pass\n")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("*During handling*")


def test_the_wheel_is_for_every_python_and_says_which_systems_it_is_for():
    wheel = importlib.metadata.distribution("pytest-openimds").read_text("WHEEL")
    assert re.search(r"^Tag: py3-none-(many|musl)?linux_\w+$", wheel, re.MULTILINE), wheel


def test_the_binary_is_the_wheels_own(monkeypatch):
    monkeypatch.delenv("IMDS_BINARY", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    found = pathlib.Path(_binary.find())
    assert (found.name, found.parent.parent) == ("imds", pathlib.Path(sys.prefix).resolve())


def test_or_another_that_is_named_or_in_the_path(monkeypatch, tmp_path):
    carried = _binary.find()
    tmp_path.joinpath("imds").symlink_to(carried)
    monkeypatch.setenv("IMDS_BINARY", str(tmp_path / "imds"))
    assert _binary.find() == str(tmp_path / "imds")
    monkeypatch.delenv("IMDS_BINARY")
    monkeypatch.setattr(_binary, "_carried", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with serve() as imds:
        assert imds.instance.id and _binary.find() == str(tmp_path / "imds")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (None, "there is no binary `imds`: install the wheel of pytest-openimds*"),
        ("/nowhere/imds", "IMDS_BINARY names /nowhere/imds, which is no program*"),
    ],
)
def test_where_there_is_none_one_is_told_the_cure(pytester, monkeypatch, named, told):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(_binary, "_carried", lambda: None)
    monkeypatch.delenv("IMDS_BINARY", raising=False)
    if named:
        monkeypatch.setenv("IMDS_BINARY", named)
    pytester.makepyfile(TELLS)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])


def test_tests_run_beside_one_another(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(8))
        def test_it(imds, turn):
            imds.instance.modify(http_tokens="required")
            imds.events.spot_interruption()
            assert len(imds.events.list()) == 1 and imds.calls() == []
        """
    )
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=8)


CONFIG = """
[service]
listen = ["127.0.0.1:{port}", "0.0.0.0:80"]
admin = "0.0.0.0:{port}"
insecure = true
[[instance]]
instance-id = "i-0000000a"
listen = ["127.0.0.1:{port}"]
[[instance]]
instance-id = "i-0000000b"
listen = ["127.0.0.1:0"]
default = true
"""


def test_ports_of_a_configuration_are_not_taken_and_tests_run_beside_one_another(pytester):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (pytester.path / "imds.toml").write_text(CONFIG.format(port=taken.getsockname()[1]))
        pytester.makepyfile(
            """
            import pytest

            @pytest.mark.imds(config="imds.toml")
            @pytest.mark.parametrize("turn", range(8))
            def test_it(imds, imds_factory, turn):
                second = imds_factory()
                addresses = [one.endpoint for service in (imds, second) for one in [service, *service.instances]]
                addresses += [imds.admin, second.admin]
                assert len(set(addresses)) == 8
                assert all(address.startswith("http://127.0.0.1:") for address in addresses)
            """
        )
        result = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
        result.assert_outcomes(passed=8)


@pytest.mark.parametrize("where", ["the ini file", "a marker", "a test"])
def test_paths_in_a_text_begin_where_it_is_written(pytester, where):
    toml = "[[instance]]\nuser-data-file = 'data'"
    pytester.mkdir("suite")
    for folder in ("", "suite"):
        (pytester.path / folder / "data").write_text(folder or "ini")
    flat = "instance = [{ user-data-file = 'data' }]"
    option = f"imds_options = toml = {flat}\n" if where == "the ini file" else ""
    pytester.makefile(".ini", pytest=f"[pytest]\n{option}")
    mark = f"@pytest.mark.imds(toml={toml!r})" if where == "a marker" else ""
    asked = f"toml={toml!r}" if where == "a test" else ""
    (pytester.path / "suite/test_it.py").write_text(
        f"import pytest, urllib.request\n\n{mark}\ndef test_it(imds_factory):\n    imds = imds_factory({asked})\n"
        "    print('read', urllib.request.urlopen(imds.endpoint + '/latest/user-data').read())\n"
    )
    result = pytester.runpytest("-s", "suite")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*read b'{'ini' if where == 'the ini file' else 'suite'}'*"])


def test_no_service_outlives_its_worker(pytester, until):
    pytester.makepyfile(
        """
        import os, pathlib, signal

        def test_it(imds):
            pathlib.Path("endpoint").write_text(imds.endpoint)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result = pytester.runpytest_subprocess("-n", "1", "--max-worker-restart", "0", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    url = (pytester.path / "endpoint").read_text()
    until("the service ends", lambda: not is_open(url))


def test_a_class_has_a_marker_of_its_own(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.imds(http_tokens="required", role="web")
        class TestIt:
            def test_all(self, imds):
                assert imds.instance.metadata_options.http_tokens == "required"

            @pytest.mark.imds(http_tokens="optional")
            def test_one(self, imds):
                assert imds.instance.metadata_options.http_tokens == "optional"

        def test_none(imds):
            assert imds.instance.metadata_options.http_tokens == "optional"
        """
    )
    pytester.runpytest("--strict-markers").assert_outcomes(passed=3)


@pytest.mark.parametrize("waits", [False, True])
def test_a_service_that_dies_fails_its_test(pytester, waits):
    pytester.makepyfile(
        """
        import os, signal

        def test_it(imds):
            os.kill(imds._process._service.pid, signal.SIGKILL)
            if WAITS:
                # As tests do that look after their own processes; the id is anybody's from here on.
                os.waitpid(imds._process._service.pid, 0)
        """.replace("WAITS", str(waits))
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["the service did not run until it was told to end*", "*- imds: log -*"])


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_service_outlives_pytest(pytester, until, signal_sent):
    path = pytester.makepyfile(
        """
        import signal

        def test_it(imds):
            print(imds.endpoint, flush=True)
            signal.pause()
        """
    )
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            url = next(line for line in run.stdout if line.startswith("http://")).strip()
            assert is_open(url)
            run.send_signal(signal_sent)
            run.wait(60)
            until("the service ends", lambda: not is_open(url))
        finally:
            run.kill()


def test_a_process_that_was_forked_off_holds_no_service_up(pytester, until):
    path = pytester.makepyfile(
        """
        import os, signal

        def test_it(imds):
            child = os.fork()
            if child == 0:
                signal.pause()
            print(child, imds.endpoint, flush=True)
            signal.pause()
        """
    )
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(path)]
    child = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        try:
            child, url = next(line for line in run.stdout if "http://" in line).split()
            assert is_open(url)
            run.kill()
            until("the service ends", lambda: not is_open(url))
            os.kill(int(child), 0)
        finally:
            run.kill()
            if child:
                os.kill(int(child), signal.SIGKILL)


def test_a_process_that_was_forked_off_ends_no_service(client):
    with serve(toml="") as imds:
        child = os.fork()
        if child == 0:
            # As where the test's own frames unwind in it.
            imds.end()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert client(imds).v2() == imds.instance.id
        assert os.listdir(imds._scratch.name) == ["imds.toml"]


def test_who_forks_without_pythons_knowledge_holds_no_service_up_after_its_test():
    with serve() as imds:
        until_told, tell = os.pipe()
        # What a library in C leaves behind: the pipe's end is open in another process.
        held = os.dup(imds._process._pipe._held.fileno())
        child = os.fork()
        if child == 0:
            os.close(tell)
            os.read(until_told, 1)
            os._exit(0)
        os.close(held)
    assert not is_open(imds.endpoint)
    os.close(tell)
    os.close(until_told)
    assert os.waitpid(child, 0)[1] == 0


def test_a_service_outlives_the_thread_that_started_it():
    started = []
    thread = threading.Thread(target=lambda: started.append(serve()))
    thread.start()
    thread.join()
    with started[0] as imds:
        assert imds.calls() == []


def test_a_service_that_cannot_start_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ImdsError, match="line 1"):
        serve(toml="nonsense")
    assert list(tmp_path.iterdir()) == []
