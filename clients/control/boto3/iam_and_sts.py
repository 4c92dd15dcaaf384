"""IAM's roles and instance profiles, and STS, behind a door that verifies what everybody signs with.

The environment's keys are those of `imds keys add`; the service runs with `--auth sigv4`.
"""

import contextlib
import datetime
import json
import os
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.session

from cases import Guest, client, described, equal, launch, main, refused

ACCOUNT = "123456789012"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
WEB_TIER = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com", "AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        },
    ],
}
NOTHING = {"Version": "2012-10-17", "Statement": []}


@contextlib.contextmanager
def role(name: str, **arguments: object):
    """A role, and an instance profile that has its name and holds it; both end with the case."""
    iam = client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **arguments)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    try:
        yield f"arn:aws:iam::{ACCOUNT}:role/{name}"
    finally:
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
        iam.delete_instance_profile(InstanceProfileName=name)
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=name)


def of_instance(instance: dict, name: str) -> dict:
    """The credentials that the instance is given, as boto3 is told of them."""
    found = json.loads(Guest(instance).read(f"meta-data/iam/security-credentials/{name}"))
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["Token"],
    }


def of_session(name: str, session: str, **arguments: object) -> dict:
    """The credentials of a session of the role, as boto3 is told of them."""
    found = client("sts").assume_role(RoleArn=name, RoleSessionName=session, **arguments)["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def caller(credentials: dict | None = None) -> str:
    """Who GetCallerIdentity says that the credentials are."""
    return boto3.client("sts", **credentials or {}).get_caller_identity()["Arn"]


def case_roles() -> None:
    """roles: made, described, listed in pages, changed, tagged, deleted"""
    iam = client("iam")
    tags = [{"Key": "team", "Value": "blue"}]
    made = iam.create_role(
        RoleName="app", AssumeRolePolicyDocument=json.dumps(TRUST), Description="an app", Path="/web/", Tags=tags
    )["Role"]
    equal("the arn", made["Arn"], f"arn:aws:iam::{ACCOUNT}:role/web/app")
    equal("its id", made["RoleId"].startswith("AROA"), True)
    found = iam.get_role(RoleName="app")["Role"]
    want = {"Description": "an app", "Path": "/web/", "MaxSessionDuration": 3600, "Tags": tags} | {
        "AssumeRolePolicyDocument": TRUST,
        "RoleId": made["RoleId"],
    }
    equal("it", {name: found[name] for name in want}, want)
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=json.dumps(NOTHING))
    equal("its new trust", iam.get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"], NOTHING)
    iam.tag_role(RoleName="app", Tags=[{"Key": "stage", "Value": "test"}])
    iam.untag_role(RoleName="app", TagKeys=["team"])
    equal("tags", iam.list_role_tags(RoleName="app")["Tags"], [{"Key": "stage", "Value": "test"}])
    for name in ("b", "c", "d"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 3}))
    equal("pages", [[one["RoleName"] for one in page["Roles"]] for page in pages], [["app", "b", "c"], ["d"]])
    equal("those of a path", [one["RoleName"] for one in iam.list_roles(PathPrefix="/web/")["Roles"]], ["app"])
    for name in ("app", "b", "c", "d"):
        iam.delete_role(RoleName=name)
    equal("in the end", iam.list_roles()["Roles"], [])


def case_policies() -> None:
    """policies: those that AWS manages are attached by name, those of the role are kept as they are"""
    iam = client("iam")
    with role("app"):
        for policy in (READ_ONLY, WEB_TIER, READ_ONLY):
            iam.attach_role_policy(RoleName="app", PolicyArn=policy)
        attached = iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]
        equal(
            "attached",
            {one["PolicyName"]: one["PolicyArn"] for one in attached},
            {
                "AmazonS3ReadOnlyAccess": READ_ONLY,
                "AWSElasticBeanstalkWebTier": WEB_TIER,
            },
        )
        iam.detach_role_policy(RoleName="app", PolicyArn=WEB_TIER)
        refused("NoSuchEntity", iam.detach_role_policy, RoleName="app", PolicyArn=WEB_TIER)
        iam.put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=json.dumps(NOTHING))
        equal("own", iam.list_role_policies(RoleName="app")["PolicyNames"], ["own"])
        equal("it", iam.get_role_policy(RoleName="app", PolicyName="own")["PolicyDocument"], NOTHING)
        iam.delete_role_policy(RoleName="app", PolicyName="own")
        refused("NoSuchEntity", iam.get_role_policy, RoleName="app", PolicyName="own")


def case_profiles() -> None:
    """instance profiles: with their role, listed, and of a role"""
    iam = client("iam")
    with role("app") as arn:
        profile = iam.get_instance_profile(InstanceProfileName="app")["InstanceProfile"]
        equal("the arn", profile["Arn"], f"arn:aws:iam::{ACCOUNT}:instance-profile/app")
        equal("its id", profile["InstanceProfileId"].startswith("AIPA"), True)
        equal("its role", [one["Arn"] for one in profile["Roles"]], [arn])
        for answer in (iam.list_instance_profiles(), iam.list_instance_profiles_for_role(RoleName="app")):
            equal("listed", [one["InstanceProfileName"] for one in answer["InstanceProfiles"]], ["app"])


def case_errors() -> None:
    """IAM's errors have their codes"""
    iam = client("iam", is_validated=False)
    trust = json.dumps(TRUST)
    with role("app"):
        for code, action, arguments in [
            ("EntityAlreadyExists", "create_role", {"RoleName": "app", "AssumeRolePolicyDocument": trust}),
            ("EntityAlreadyExists", "create_instance_profile", {"InstanceProfileName": "app"}),
            ("LimitExceeded", "add_role_to_instance_profile", {"InstanceProfileName": "app", "RoleName": "app"}),
            ("DeleteConflict", "delete_role", {"RoleName": "app"}),
            ("DeleteConflict", "delete_instance_profile", {"InstanceProfileName": "app"}),
            ("NoSuchEntity", "get_role", {"RoleName": "none"}),
            ("NoSuchEntity", "delete_role", {"RoleName": "none"}),
            ("NoSuchEntity", "get_instance_profile", {"InstanceProfileName": "none"}),
            ("NoSuchEntity", "attach_role_policy", {"RoleName": "none", "PolicyArn": READ_ONLY}),
            ("NoSuchEntity", "add_role_to_instance_profile", {"InstanceProfileName": "app", "RoleName": "none"}),
            ("MalformedPolicyDocument", "create_role", {"RoleName": "odd", "AssumeRolePolicyDocument": "{"}),
            ("ValidationError", "create_role", {"RoleName": "a b", "AssumeRolePolicyDocument": trust}),
            ("ValidationError", "create_role", {"RoleName": "odd"}),
            ("InvalidAction", "list_users", {}),
        ]:
            refused(code, getattr(iam, action), **arguments)
    client("iam").create_role(RoleName="used", AssumeRolePolicyDocument=trust)
    client("iam").attach_role_policy(RoleName="used", PolicyArn=READ_ONLY)
    refused("DeleteConflict", client("iam").delete_role, RoleName="used")
    client("iam").detach_role_policy(RoleName="used", PolicyArn=READ_ONLY)
    client("iam").delete_role(RoleName="used")


def case_round_trip() -> None:
    """what an instance reads at its own address signs calls, and says which instance it is"""
    with role("app"):
        instance = launch(IamInstanceProfile={"Name": "app"})
        guest = Guest(instance)
        info = json.loads(guest.read("meta-data/iam/info"))
        equal("the profile", info["InstanceProfileArn"], f"arn:aws:iam::{ACCOUNT}:instance-profile/app")
        profile = client("iam").get_instance_profile(InstanceProfileName="app")["InstanceProfile"]
        equal("its id", info["InstanceProfileId"], profile["InstanceProfileId"])
        equal("as described", described(instance["InstanceId"])["IamInstanceProfile"]["Arn"], profile["Arn"])
        equal("the role", guest.read("meta-data/iam/security-credentials/"), "app")
        found = json.loads(guest.read("meta-data/iam/security-credentials/app"))
        until = datetime.datetime.fromisoformat(found["Expiration"]) - datetime.datetime.now(datetime.UTC)
        hours = until / datetime.timedelta(hours=1)
        equal(f"{hours} hours", (5 < hours <= 6.1, found["Code"], found["AccessKeyId"][:4]), (True, "Success", "ASIA"))
        equal("the same again", json.loads(guest.read("meta-data/iam/security-credentials/app")), found)

        own = of_instance(instance, "app")
        name = instance["InstanceId"]
        answer = boto3.client("sts", **own).get_caller_identity()
        equal("who", answer["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{name}")
        role_id = client("iam").get_role(RoleName="app")["Role"]["RoleId"]
        equal("its ids", (answer["Account"], answer["UserId"]), (ACCOUNT, f"{role_id}:{name}"))
        for service, action in [
            ("ec2", "describe_instances"),
            ("elasticbeanstalk", "describe_environments"),
            ("iam", "list_roles"),
        ]:
            getattr(boto3.client(service, **own), action)()
        client().terminate_instances(InstanceIds=[name])


def case_sessions() -> None:
    """AssumeRole: a session of a role, from the account, an instance and another session; for so long"""
    with role("app", MaxSessionDuration=7200) as app, role("db") as db:
        equal("from the account", caller(of_session(app, "me")), f"arn:aws:sts::{ACCOUNT}:assumed-role/app/me")
        instance = launch(IamInstanceProfile={"Name": "app"})
        answer = boto3.client("sts", **of_instance(instance, "app")).assume_role(RoleArn=db, RoleSessionName="next")
        equal("from an instance", answer["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/db/next")
        for arguments, seconds in [({}, 3600), ({"DurationSeconds": 900}, 900), ({"DurationSeconds": 7200}, 7200)]:
            credentials = client("sts").assume_role(RoleArn=app, RoleSessionName="me", **arguments)["Credentials"]
            left = (credentials["Expiration"] - datetime.datetime.now(datetime.UTC)).total_seconds()
            equal(f"{left} s of {seconds}", abs(left - seconds) < 60, True)
        sts = client("sts", is_validated=False)
        for code, arguments in [
            ("ValidationError", {"RoleArn": app, "RoleSessionName": "me", "DurationSeconds": 899}),
            ("ValidationError", {"RoleArn": app, "RoleSessionName": "me", "DurationSeconds": 7201}),
            ("ValidationError", {"RoleArn": app, "RoleSessionName": "a"}),
            ("ValidationError", {"RoleArn": "nonsense", "RoleSessionName": "me"}),
            ("AccessDenied", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/none", "RoleSessionName": "me"}),
        ]:
            refused(code, sts.assume_role, **arguments)
        client("iam").update_assume_role_policy(RoleName="db", PolicyDocument=json.dumps(NOTHING))
        refused("AccessDenied", sts.assume_role, RoleArn=db, RoleSessionName="me")
        client().terminate_instances(InstanceIds=[instance["InstanceId"]])


def case_bad_keys() -> None:
    """keys that are unknown, wrong, incomplete or of another role's token"""
    with role("app") as app:
        good, other = of_session(app, "me"), of_session(app, "you")
        account = {"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"]}
        unknown = {"aws_access_key_id": "AKIANOBODYNOBODY0000", "aws_secret_access_key": "x"}
        for what, keys, query, ec2 in [
            ("unknown", unknown, "InvalidClientTokenId", "AuthFailure"),
            (
                "unknown, of a session",
                unknown | {"aws_access_key_id": "ASIANOBODYNOBODY0000"},
                "InvalidClientTokenId",
                "AuthFailure",
            ),
            ("a wrong secret", account | {"aws_secret_access_key": "x"}, "SignatureDoesNotMatch", "AuthFailure"),
            (
                "a wrong secret of a session",
                good | {"aws_secret_access_key": "x"},
                "SignatureDoesNotMatch",
                "AuthFailure",
            ),
            ("no token", good | {"aws_session_token": None}, "InvalidClientTokenId", "AuthFailure"),
            (
                "another's token",
                good | {"aws_session_token": other["aws_session_token"]},
                "InvalidClientTokenId",
                "AuthFailure",
            ),
            ("a token that is none", good | {"aws_session_token": "x"}, "InvalidClientTokenId", "AuthFailure"),
        ]:
            session = boto3.Session(**keys)
            try:
                refused(query, session.client("sts").get_caller_identity)
                refused(query, session.client("elasticbeanstalk").describe_environments)
                refused(query, session.client("iam").list_roles)
                refused(ec2, session.client("ec2").describe_instances)
            except AssertionError as error:
                error.add_note(what)
                raise


def case_clock() -> None:
    """a call that was signed more than 15 minutes ago, or ahead, is refused"""
    real = botocore.auth.get_current_datetime
    for minutes, is_good in [(-14, True), (14, True), (-16, False), (16, False)]:

        def moved(*arguments, minutes=minutes, **named):
            return real(*arguments, **named) + datetime.timedelta(minutes=minutes)

        with unittest.mock.patch("botocore.auth.get_current_datetime", moved):
            if is_good:
                equal(f"{minutes} minutes", caller(), f"arn:aws:iam::{ACCOUNT}:root")
                client().describe_instances()
            else:
                refused("SignatureDoesNotMatch", client("sts").get_caller_identity)
                refused("RequestExpired", client().describe_instances)


def fetched(url: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, str]:
    """The status of an answer, and its code or ARN."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=10) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    found = [
        one.text for one in xml.etree.ElementTree.fromstring(text).iter() if one.tag.endswith(("}Code", "}Arn", "Code"))
    ]
    return status, found[0]


def case_presigned() -> None:
    """a presigned GetCallerIdentity is answered to whoever has its URL, as it was signed, until it has expired"""
    sts = client("sts")
    root = f"arn:aws:iam::{ACCOUNT}:root"
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    equal("as it is", fetched(url), (200, root))
    real = botocore.auth.get_current_datetime

    def earlier(*arguments, **named):
        return real(*arguments, **named) - datetime.timedelta(minutes=2)

    with unittest.mock.patch("botocore.auth.get_current_datetime", earlier):
        old = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
        equal(
            "an older one",
            fetched(sts.generate_presigned_url("get_caller_identity", ExpiresIn=600, HttpMethod="GET")),
            (200, root),
        )
    base, query = url.split("?")
    unsigned = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-"))
    for what, wrong, want in [
        ("expired", old, (403, "SignatureDoesNotMatch")),
        ("another action", url.replace("GetCallerIdentity", "GetSessionToken"), (403, "SignatureDoesNotMatch")),
        ("another time", url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"), (403, "SignatureDoesNotMatch")),
        ("one thing more", f"{url}&a=b", (403, "SignatureDoesNotMatch")),
        ("unsigned", f"{base}?{unsigned}", (405, "InvalidRequest")),
    ]:
        equal(what, fetched(wrong), want)
    with role("app") as app:
        own = boto3.client("sts", **of_session(app, "me"))
        url = own.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
        equal("of a session", fetched(url), (200, f"arn:aws:sts::{ACCOUNT}:assumed-role/app/me"))


def case_changed() -> None:
    """a signed call is refused once its body or a signed header has changed"""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    keys = botocore.session.get_session().get_credentials()
    request = botocore.awsrequest.AWSRequest(
        "POST",
        os.environ["AWS_ENDPOINT_URL"] + "/",
        data=body,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Amz-Note": "one",
        },
    )
    botocore.auth.SigV4Auth(keys, "sts", "us-east-1").add_auth(request)
    signed = dict(request.headers.items())
    for what, sent, headers, want in [
        ("as it is", body, signed, (200, f"arn:aws:iam::{ACCOUNT}:root")),
        ("its body", body + b"&a=b", signed, (403, "SignatureDoesNotMatch")),
        ("a header", body, signed | {"X-Amz-Note": "two"}, (403, "SignatureDoesNotMatch")),
        ("a date that is none", body, signed | {"X-Amz-Date": "yesterday"}, (400, "IncompleteSignature")),
        (
            "no signature",
            body,
            signed | {"Authorization": signed["Authorization"].split(", Signature=")[0]},
            (400, "IncompleteSignature"),
        ),
        ("another scheme", body, signed | {"Authorization": "Basic eDp4"}, (400, "IncompleteSignature")),
    ]:
        equal(what, fetched(request.url, sent, headers), want)


if __name__ == "__main__":
    main(globals())
