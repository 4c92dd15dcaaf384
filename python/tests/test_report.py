"""What the report of a failed test shows: the calls and the log of its services, to a limit, and each once."""

import re

from pytest_openimds import serve

#: A test that fails, with a call by IMDSv1.
FAILS = """
import time
import urllib.request

def test_fails(imds):
    urllib.request.urlopen(imds.endpoint + "/latest/meta-data/hostname").read()
    # It says so once others have been told.
    while "serving" not in imds.log():
        time.sleep(0.01)
    assert imds.calls() == []
"""


def test_a_failed_test_shows_what_its_service_was_asked_and_said(pytester):
    pytester.makepyfile(FAILS)
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    told = [
        "*- imds: calls -*",
        'GET /latest/meta-data/hostname 200 v1 "Python-urllib/*"',
        "*- imds: log -*",
        "* INFO serving listen=*",
    ]
    result.stdout.fnmatch_lines(told)


def test_what_is_shown_is_the_last_of_it_and_each_call_once(pytester):
    pytester.makepyfile(
        """
        import time, urllib.request
        import pytest

        @pytest.mark.parametrize("log", ["text", "json"])
        def test_fails(imds_factory, log):
            imds = imds_factory(log=log)
            for number in range(70):
                headers = {"User-Agent": f'number "{number}" \\\\ 1us'}
                address = imds.endpoint + "/latest/meta-data/hostname"
                urllib.request.urlopen(urllib.request.Request(address, headers=headers)).read()
            # The log is written by others than those who answer.
            while imds._process._tail(10**6).count("/latest/") < 70 or "serving" not in imds._process._tail(10**6):
                time.sleep(0.01)
            assert False
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider", "--tb=line")
    result.assert_outcomes(failed=2)
    sections = result.stdout.str().split("imds: ")[1:]
    assert [section.partition(" -")[0] for section in sections] == ["calls", "log"] * 2
    for calls, log in zip(sections[::2], sections[1::2]):
        numbers = re.findall(r'GET /latest/.*"number \W+(\d+)', calls)
        assert numbers == [str(number) for number in range(20, 70)]
        assert "serving" in log and "/latest/" not in log
    assert result.stdout.str().count("… 20 calls before") == 2


def test_the_log_is_shown_without_calls_and_to_a_limit(monkeypatch):
    with serve() as imds:
        lines = [f"2026-11-24T12:00:00.000001Z  INFO number={number}" for number in range(60)]
        call = '2026-11-24T12:00:00.000Z {} ::1 GET /a b/\\x0a 200 v2 "say \\"hi\\"" 12us{}'
        calls = [call.format("i-0123", ""), call.format("-", " fault:drop"), '{"time":"2026","instance":null,"micros":12}']
        text = "\n".join([*calls, *lines[:30], *calls, *lines[30:], *calls])
        monkeypatch.setattr(imds._process, "_tail", lambda most: text)
        assert imds._messages(100) == lines
        assert imds._messages(50) == ["… 10 lines before", *lines[10:]]
        text = "…" + text[5:]
        assert imds._messages(100) == lines


def test_a_service_of_a_fixture_of_ones_own_is_shown_too(pytester):
    pytester.makepyfile(
        """
        import pytest, pytest_openimds, urllib.request

        @pytest.fixture(scope="session")
        def shared():
            with pytest_openimds.serve() as imds:
                yield imds

        @pytest.mark.parametrize("turn", [1, 2])
        def test_fails(shared, turn):
            urllib.request.urlopen(f"{shared.endpoint}/latest/meta-data/?{turn}").read()
            assert False
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*- imds: calls -*", "GET /latest/meta-data/* 200 v1 *", "*- imds: log -*"] * 2)


def test_each_of_several_services_is_shown(pytester):
    pytester.makepyfile("def test_fails(imds, imds_factory):\n    imds_factory()\n    assert False\n")
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["*- imds 1: calls -*", "none", "*- imds 1: log -*", "*- imds 2: calls -*"])


def test_a_test_that_passes_shows_nothing(pytester):
    pytester.makepyfile("def test_passes(imds):\n    assert imds.calls() == []\n")
    result = pytester.runpytest("-s", "--strict-markers")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*imds: *")


def test_a_test_that_is_run_again_shows_what_it_has_then(pytester):
    # As pytest-rerunfailures does it.
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for turn in range(3):
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    pytester.makepyfile("def test_fails(imds):\n    imds.calls()\n    assert False\n")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- imds: calls -*", "none"])
    result.stdout.no_fnmatch_line("*does not answer*")
