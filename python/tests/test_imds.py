"""A test's own metadata service: where programs find it, what of it changes, and what one learns of it."""

import datetime
import os
import pathlib
import subprocess
import sys

import boto3
import botocore.exceptions
import pytest
from pytest_openimds import ImdsError, Refused, _service, _time, serve

#: Two instances, of which programs on this machine are one.
TWO = """
[[instance]]
instance-id = "i-0123456789abcdef0"
[[instance]]
instance-id = "i-0123456789abcdef1"
default = true
placement = { availability-zone = "eu-west-1b" }
"""


def credentials():
    """What a program of the AWS SDK has at its start: keys, or none."""
    found = boto3.Session().get_credentials()
    return found and found.get_frozen_credentials()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_service_of_its_own(imds, client, turn):
    assert imds.calls() == [] and imds.faults.list() == [] and imds.events.list() == []
    assert imds.instance.metadata_options.http_tokens == "optional"
    client(imds).v1()
    imds.instance.modify(http_tokens="required")
    imds.faults.add("drop")
    imds.events.rebalance()


def test_the_service_is_on_loopback_where_sdks_look_for_it(imds):
    assert imds.endpoint.startswith("http://127.0.0.1:") and imds.admin.startswith("http://127.0.0.1:")
    assert os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == imds.endpoint
    assert "AWS_EC2_METADATA_DISABLED" not in os.environ


def test_the_developers_own_environment_does_not_matter(request, monkeypatch, tmp_path):
    for name in ("config", "credentials"):
        tmp_path.joinpath(name).write_text("[default]\naws_access_key_id = AKIADEV\naws_secret_access_key = x\n")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIADEV",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6",
        "AWS_REGION": "not a region",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "IMDS_ADMIN": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    imds = request.getfixturevalue("imds")
    imds.instance.attach_role("web")
    assert credentials().access_key.startswith("ASIA")
    # So does a program that the test starts.
    imds.reset()
    program = "import boto3; print(boto3.Session().get_credentials().access_key)"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, env=imds.environ(), check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout.startswith("ASIA")
    imds.assert_only_v2()


def test_metadata_options_change_while_it_runs(imds, client):
    assert client(imds).v1() == imds.instance.id
    options = imds.instance.modify(http_tokens="required", http_put_response_hop_limit=2)
    assert options == imds.instance.metadata_options
    assert (options.http_tokens, options.http_put_response_hop_limit) == ("required", 2)
    assert (client(imds).v1(), client(imds).v2()) == (401, imds.instance.id)
    imds.instance.modify(http_endpoint="disabled")
    assert client(imds).v1() == 403
    imds.instance.modify(http_endpoint="enabled", http_tokens="optional")
    assert client(imds).v1() == imds.instance.id


@pytest.mark.imds(http_tokens="required", role="web")
def test_a_marker_says_how_the_service_is(imds, client):
    assert client(imds).v1() == 401
    assert client(imds).v2("meta-data/iam/security-credentials/") == "web"
    assert credentials()


def test_the_door_is_for_the_aws_sdk_too(imds, client):
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    ec2 = boto3.client("ec2", endpoint_url=imds.admin, region_name=imds.instance.region, **keys)
    ec2.modify_instance_metadata_options(InstanceId=imds.instance.id, HttpTokens="required")
    assert client(imds).v1() == 401
    assert imds.instance.metadata_options.http_tokens == "required"


def test_calls_are_told_with_who_made_them(imds, client):
    assert client(imds).v1("meta-data/nothing") == 404
    client(imds).v2()
    last, put, get = imds.calls()
    assert (last.method, last.path, last.status, last.version) == ("GET", "/latest/meta-data/nothing", 404, "v1")
    assert last.user_agent.startswith("Python-urllib/") and last.instance == imds.instance.id
    assert last.source == "127.0.0.1" and last.micros >= 0 and last.fault is None
    assert last.at.tzinfo and last.number < put.number < get.number
    for wish, calls in (
        ({"version": "v1"}, [last]),
        ({"version": "v2"}, [put, get]),
        ({"method": "PUT"}, [put]),
        ({"method": "get"}, [last, get]),
        ({"status": 0}, []),
        ({"instance": imds.instance}, [last, put, get]),
        ({"path": "/latest/api/token"}, [put]),
        ({"path": "*/meta-data/*", "status": 200}, [get]),
        ({"since": last.number}, [put, get]),
        ({"instance": imds.instance.id}, [last, put, get]),
        ({"instance": "none"}, []),
    ):
        assert imds.calls(**wish) == calls, wish
    for wish in (
        {"version": "v3"},
        {"version": 1},
        {"method": ""},
        {"method": ["GET"]},
        {"status": "200"},
        {"status": 20},
        {"status": True},
        {"path": "meta-data/nothing"},
        {"path": ""},
    ):
        with pytest.raises(ValueError, match=f"^{next(iter(wish))} is "):
            imds.calls(**wish)
    imds.reset()
    assert imds.calls() == []


def test_a_call_by_imdsv1_is_named(imds, client):
    client(imds).v2()
    imds.assert_only_v2()
    client(imds).v1("meta-data/hostname")
    imds.instance.modify(http_tokens="required")
    client(imds).v1()
    with pytest.raises(AssertionError) as failure:
        imds.assert_only_v2()
    agent = f"Python-urllib/{sys.version_info.major}.{sys.version_info.minor}"
    assert str(failure.value) == (
        "2 of 4 calls used IMDSv1:\n"
        f'  GET /latest/meta-data/hostname 200 v1 "{agent}"\n'
        f'  GET /latest/meta-data/instance-id 401 v1 "{agent}"'
    )


def test_a_program_that_asked_nothing_has_not_used_imdsv2(imds):
    with pytest.raises(AssertionError, match="not called at all"):
        imds.assert_only_v2()


def test_so_many_calls_that_some_may_be_forgotten_show_nothing(imds, client):
    client(imds).v1()
    for _ in range(50):
        # Each is two calls.
        client(imds).v2()
    with pytest.raises(AssertionError, match="may have made more calls than the 100"):
        imds.assert_only_v2()


def test_a_spot_interruption_is_there_at_its_second(imds, client):
    path = "meta-data/spot/instance-action"
    start = imds.clock.pause()
    event = imds.events.spot_interruption(in_="10m", action="stop")
    assert (event.kind, event.action, event.progress) == ("spot-interruption", "stop", "planned")
    assert event.at - event.notice == datetime.timedelta(minutes=2)
    assert imds.clock.advance(datetime.timedelta(minutes=7)) - start == datetime.timedelta(minutes=7)
    assert client(imds).v2(path) == 404
    imds.clock.advance(60)
    assert '"stop"' in client(imds).v2(path)
    assert [event.progress for event in imds.events.list(imds.instance.id)] == ["noticed"]
    assert imds.events.cancel(event).progress == "canceled"
    assert client(imds).v2(path) == 404


@pytest.mark.parametrize("how", ["until it is due", 1.5, datetime.timedelta(milliseconds=1500), 2, "2s"])
def test_spans_of_time_are_as_python_has_them(imds, client, how):
    path = "meta-data/events/recommendations/rebalance"
    imds.clock.pause()
    event = imds.events.rebalance(in_=1.5)
    assert event.notice - imds.clock.now > datetime.timedelta(seconds=1)
    assert client(imds).v2(path) == 404
    imds.clock.advance(event.notice - imds.clock.now if how == "until it is due" else how)
    assert client(imds).v2(path) != 404


@pytest.mark.parametrize(
    ("value", "seconds", "span"),
    [
        (0, "0s", "0s"),
        (0.0004, "1s", "1ms"),
        (0.1 + 0.2, "1s", "300ms"),
        (0.5, "1s", "500ms"),
        (1, "1s", "1s"),
        (1.0000000001, "1s", "1s"),
        (-0.5, "-1s", "-500ms"),
        (-60, "-60s", "-60s"),
        (datetime.timedelta(microseconds=1), "1s", "1ms"),
        (datetime.timedelta(days=365, milliseconds=1), "31536001s", "31536000001ms"),
        ("1h30m", "1h30m", "1h30m"),
    ],
)
def test_a_part_of_a_unit_counts_as_one(value, seconds, span):
    assert (_time.seconds(value), _time.span(value)) == (seconds, span)


def test_all_kinds_of_events(imds, client):
    imds.clock.pause()
    soon = imds.clock.now + datetime.timedelta(minutes=1)
    imds.events.rebalance(at=soon)
    imds.events.asg_lifecycle("Terminated", in_="1m", instances=imds.instance)
    imds.events.maintenance(code="system-reboot", in_="1h", notice="59m", duration=60, instances="all")
    paths = ("events/recommendations/rebalance", "autoscaling/target-lifecycle-state", "events/maintenance/scheduled")
    before = [client(imds).v2(f"meta-data/{path}") for path in paths]
    assert before[0] == 404 and before[1] != "Terminated" and "system-reboot" not in str(before[2])
    imds.clock.advance("1m")
    rebalance, state, maintenance = (client(imds).v2(f"meta-data/{path}") for path in paths)
    assert soon.strftime("%Y-%m-%dT%H:%M") in rebalance
    assert (state, "system-reboot" in maintenance) == ("Terminated", True)
    with pytest.raises(ValueError, match="time zone"):
        imds.events.rebalance(at=datetime.datetime(2999, 1, 1))


def test_the_clock_goes_as_it_is_told(imds):
    stands = imds.clock.pause()
    assert imds.clock.now == stands
    for pace in ("86400x", "60", 60, 60.0):
        imds.clock.pace(pace)
    assert imds.clock.now == stands
    imds.clock.resume()
    assert imds.clock.now > stands


@pytest.mark.imds(role="web")
def test_credentials_are_renewed_by_the_services_clock(imds):
    first = credentials()
    imds.clock.advance("5h30m")
    second = credentials()
    assert first.access_key != second.access_key
    imds.assert_only_v2()


@pytest.mark.imds(role="web")
def test_a_fault_is_met_by_the_sdk_until_it_is_removed(imds):
    fault = imds.faults.add("status", status=500, path="/latest/meta-data/iam", methods="GET")
    assert credentials() is None
    assert [call.fault for call in imds.calls(method="GET")] == ["status"]
    assert [(fault.kind, fault.struck) for fault in imds.faults.list()] == [("status", 1)]
    imds.faults.remove(fault)
    assert credentials()


def test_faults_have_an_end(imds, client):
    imds.faults.add("empty", count=1, instances=imds.instance.id, for_=datetime.timedelta(hours=1))
    assert [client(imds).v1(), client(imds).v1()] == ["", imds.instance.id]
    assert [fault.state for fault in imds.faults.list()] == ["spent"]
    for delay in (0.001, 0.0004, datetime.timedelta(microseconds=1)):
        assert imds.faults.add("latency", delay=delay).told["delay"] == "1ms"
    assert imds.faults.add("throttle", rate=5, instances="all").kind == "throttle"
    imds.faults.clear()
    assert imds.faults.list() == []


def test_what_is_refused_is_refused_in_the_services_words(imds):
    for ask, status, words in (
        (lambda: imds.faults.add("nothing"), 400, "`nothing` is not latency"),
        (lambda: imds.faults.add("drop", pth="/"), 400, "unknown field `pth`"),
        (lambda: imds.faults.remove(9), 404, 'there is no fault "9"'),
        (lambda: imds.events.cancel("event/9"), 404, "there is no event event/9"),
        (lambda: imds.events.rebalance(instances="i-0000000c"), 404, "there is no instance i-0000000c"),
        (lambda: imds.events.list("x"), 400, 'Invalid id: "x"'),
        (lambda: imds.clock.advance("-1s"), 400, "a time is like 90s"),
        (lambda: imds.clock.advance(-0.5), 400, "a time is like 90s"),
        (lambda: imds.clock.pace(1.5), 400, ""),
        (lambda: imds.faults.add("latency", delay=-0.5), 400, "delay"),
        (lambda: imds.calls(instance="i-0000000c"), 404, "there is no instance i-0000000c"),
        (lambda: imds.calls(since=-1), 400, "since is not the number of a call"),
        (lambda: imds.instance.modify(http_tokens="never"), 400, "InvalidParameterValue: A value of 'never'"),
    ):
        with pytest.raises(Refused) as refusal:
            ask()
        assert refusal.value.status == status and words in str(refusal.value)


def test_several_services_at_once(imds_factory, client, monkeypatch):
    old, new = imds_factory(), imds_factory(http_tokens="required")
    assert (client(old).v1(), client(new).v1()) == (old.instance.id, 401)
    assert len({old.endpoint, old.admin, new.endpoint, new.admin}) == 4
    assert ([call.status for call in old.calls()], [call.status for call in new.calls()]) == ([200], [401])
    # Neither is where this process looks for one: that is for the test to say.
    assert os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") not in (old.endpoint, new.endpoint)
    new.set_env(monkeypatch)
    assert os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == new.endpoint
    assert old.environ()["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == old.endpoint


def test_several_instances_of_one_service(imds_factory, client):
    imds = imds_factory(toml=TWO)
    first, second = imds.instances
    assert [(one.id[-1], one.region) for one in (first, second)] == [("0", "us-east-1"), ("1", "eu-west-1")]
    assert imds.instance.id == second.id == client(imds).v1()
    assert imds.instance.modify(http_tokens="required").http_tokens == "required"
    assert first.metadata_options.http_tokens == "optional"
    assert imds.events.rebalance(instances=[first, second.id]).instances == (first.id, second.id)
    # Events and faults are of all, unless some are named.
    assert imds.events.rebalance().instances == (first.id, second.id)
    assert imds.events.rebalance(instances="all").instances == (first.id, second.id)
    assert imds.events.rebalance(instances=second).instances == (second.id,)
    assert imds.calls(instance=first.id) == []


def test_each_of_several_instances_is_asked_where_it_is(imds_factory, client, monkeypatch):
    imds = imds_factory(toml=TWO)
    first, second = imds.instances
    assert len({imds.endpoint, first.endpoint, second.endpoint}) == 3
    assert [client(one).v2() for one in (imds, first, second)] == [second.id, first.id, second.id]
    first.attach_role("first")
    for instance in (first, first.id):
        imds.set_env(monkeypatch, instance=instance)
        assert imds.environ(instance=instance)["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == first.endpoint
        assert credentials()
    imds.set_env(monkeypatch)
    assert not credentials() and imds.environ()["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == imds.endpoint
    assert {call.instance for call in imds.calls(path="*/security-credentials/first")} == {first.id}
    with pytest.raises(ImdsError, match="there is no instance i-0000000c"):
        imds.environ(instance="i-0000000c")


def test_who_comes_later_has_no_address_of_its_own_and_one_is_told_the_cure(imds):
    assert imds.instances[0].endpoint == imds.instance.endpoint == imds.endpoint
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    launched = boto3.client("ec2", endpoint_url=imds.admin, **keys).run_instances(
        ImageId="ami-0abcdef1234567890", InstanceType="t3.micro", MinCount=1, MaxCount=1
    )
    known = launched["Instances"][0]["InstanceId"]
    with pytest.raises(ImdsError, match=rf'write `\[\[instance\]\]` with `instance-id = "{known}"`'):
        imds.environ(instance=known)


#: A role of the file, and two instances.
ROLE = TWO + """
[instance.role]
name = "file"
credentials = { kind = "static", access-key-id = "ASIAEXAMPLE", secret-access-key-file = "FOLDER/secret" }
"""


def test_a_role_is_attached_as_often_as_one_likes(imds_factory, client, tmp_path):
    tmp_path.joinpath("secret").write_text("x")
    path = "meta-data/iam/security-credentials/"
    imds = imds_factory(toml=ROLE.replace("FOLDER", str(tmp_path)))
    first, second = imds.instances

    def roles():
        return [client(one).v2(path) for one in (first, second)]

    assert roles() == [404, "file"]
    second.detach_role()
    assert roles() == [404, "file"]
    for instance, name, told in (
        (first, "web", ["web", "file"]),
        (first, "web", ["web", "file"]),
        (second, "web", ["web", "web"]),
        (second, "db", ["web", "db"]),
        (first, "db", ["db", "db"]),
        (first, "web", ["web", "db"]),
    ):
        instance.attach_role(name)
        assert roles() == told, (instance, name)
        assert "AccessKeyId" in client(instance).v2(path + name)
    for _ in range(2):
        first.detach_role()
        assert roles() == [404, "db"]
    second.detach_role()
    assert roles() == [404, "file"]
    first.attach_role("web")
    assert roles() == ["web", "file"]
    with pytest.raises(Refused, match="ValidationError"):
        first.attach_role("no name")
    assert roles() == ["web", "file"]


def test_where_no_instance_is_the_default_one_is_told_so(imds_factory, client):
    imds = imds_factory()
    known = imds.instances[0].id
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    boto3.client("ec2", endpoint_url=imds.admin, **keys).terminate_instances(InstanceIds=[known])
    with pytest.raises(ImdsError, match="`default = true`"):
        print(imds.instance)
    client(imds).v1()
    assert [call.status for call in imds.calls()] == [404]


def test_paths_begin_at_the_folder_of_the_test(imds_factory, client, request):
    imds = imds_factory(config="web.toml", user_data="web.toml")
    assert (imds.instance.id, imds.instance.region) == ("i-0123456789abcdef0", "eu-west-1")
    assert client(imds).v1("user-data") == request.path.with_name("web.toml").read_text()


def test_options_are_words_of_the_command_line():
    options = {"http_tokens": None, "server_name": ["a", "b", None], "idle_timeout": datetime.timedelta(seconds=1.5)}
    assert _service.arguments(options) == ["--server-name=a", "--server-name=b", "--idle-timeout=1500ms"]


def test_the_service_sees_the_variables_that_it_is_given_and_no_others(imds_factory, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("IMDS_ADMIN", "http://127.0.0.1:9")
    given = {"AWS_CONFIG_FILE": tmp_path, "AWS_PROFILE": None}
    for env, seen in ((None, []), ({}, []), (given, [f"AWS_CONFIG_FILE={tmp_path}"])):
        imds = imds_factory(env=env)
        told = pathlib.Path(f"/proc/{imds._process._service.pid}/environ").read_text().split("\0")
        assert [variable for variable in told if variable.startswith(("AWS_", "IMDS_"))] == seen


PROFILE = """
[[instance]]
instance-id = "i-0123456789abcdef0"
[instance.role]
name = "web"
[instance.role.credentials]
kind = "profile"
profile = "work"
"""


def test_credentials_of_a_profile_come_from_the_file_that_the_service_is_told(imds_factory, monkeypatch, tmp_path):
    file = tmp_path / "config"
    file.write_text("[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n")
    imds_factory(toml=PROFILE, env={"AWS_CONFIG_FILE": file}).set_env(monkeypatch)
    assert credentials().access_key == "AKIAWORK"


@pytest.fixture(scope="session")
def shared():
    with serve(http_tokens="required") as imds:
        yield imds


@pytest.mark.parametrize("turn", [1, 2])
def test_a_fixture_of_ones_own_may_live_longer(shared, client, turn):
    before = len(shared.calls())
    client(shared).v2()
    assert len(shared.calls()) == before + 2


def test_it_ends_and_is_gone(imds_factory):
    imds = imds_factory()
    imds.end()
    assert "serving" in imds.log()
    with pytest.raises(ImdsError, match="does not answer"):
        imds.calls()
    imds.end()


def test_the_sdk_has_no_keys_where_the_instance_has_no_role(imds):
    assert credentials() is None
    with pytest.raises(botocore.exceptions.NoCredentialsError):
        boto3.client("sts", region_name="us-east-1", endpoint_url=imds.admin).get_caller_identity()
