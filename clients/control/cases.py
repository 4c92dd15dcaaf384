"""What a check in Python is made of: its cases, comparisons, the clients of AWS's services, and the instance's own side.

A module's cases are its functions whose names begin with `case_`; what one shows is its docstring. `main(globals())`
runs them in order, against one service, and writes how many passed as the module's last line.
"""

import collections.abc
import functools
import http.client
import os
import sys
import traceback
import urllib.parse

import boto3
import botocore.config
import botocore.exceptions

TOKEN = "X-aws-ec2-metadata-token"


def main(module: dict) -> None:
    """Runs the module's cases; the process's status is 0 only if each passed."""
    passed = failed = 0
    for case in [value for name, value in module.items() if name.startswith("case_")]:
        try:
            case()
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"FAIL  {case.__doc__}", flush=True)
        else:
            passed += 1
            print(f"pass  {case.__doc__}", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(failed != 0 or passed == 0)


def equal(what: object, got: object, want: object) -> None:
    """Ends the case unless both are the same."""
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, expected {want!r}")


#: The status of an error, where it is not 400.
STATUS = {
    "AccessDenied": 403,
    "AuthFailure": 401,
    "DryRunOperation": 412,
    "DeleteConflict": 409,
    "EntityAlreadyExists": 409,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "LimitExceeded": 409,
    "MissingAuthenticationToken": 403,
    "NoSuchEntity": 404,
    "SignatureDoesNotMatch": 403,
}


def refused(code: str, call: collections.abc.Callable, **arguments: object) -> str:
    """The message of the error that the call must end with: AWS's code, with the status that belongs to it."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        got = error.response
        equal(f"the code for {arguments}", got["Error"]["Code"], code)
        equal(f"{code}'s status", got["ResponseMetadata"]["HTTPStatusCode"], STATUS.get(code, 400))
        return got["Error"]["Message"]
    raise AssertionError(f"{arguments}: expected {code}, and it was accepted")


@functools.cache
def client(service: str = "ec2", is_validated: bool = True):
    """A client of the service; one that is not validated also sends what the model knows to be wrong."""
    return boto3.client(service, config=botocore.config.Config(parameter_validation=is_validated))


@functools.cache
def image(pattern: str = "amzn2-ami-*-x86_64-gp2") -> str:
    """The newest of Amazon's images whose name fits the pattern."""
    found = client().describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": [pattern]}])["Images"]
    return max(found, key=lambda image: image["CreationDate"])["ImageId"]


#: An image with `ImdsSupport = v2.0`.
V2 = "al2023-ami-2023.*-x86_64"


def launch(**arguments: object) -> dict:
    """The one instance that a RunInstances with these arguments launched."""
    arguments = {"MinCount": 1, "MaxCount": 1} | arguments
    if "LaunchTemplate" not in arguments:
        arguments.setdefault("ImageId", image())
    [instance] = client().run_instances(**arguments)["Instances"]
    return instance


def described(instance: str) -> dict:
    """What DescribeInstances says of an instance."""
    [reservation] = client().describe_instances(InstanceIds=[instance])["Reservations"]
    [found] = reservation["Instances"]
    return found


def modify(instance: str, **options: object) -> dict:
    """Changes metadata options, and returns what the answer says they are."""
    return client().modify_instance_metadata_options(InstanceId=instance, **options)["InstanceMetadataOptions"]


def set_defaults(**wanted: object) -> None:
    """Sets the account's defaults to these and clears the others."""
    names = ("HttpTokens", "HttpEndpoint", "InstanceMetadataTags", "HttpTokensEnforced")
    cleared = dict.fromkeys(names, "no-preference")
    client().modify_instance_metadata_defaults(**cleared | {"HttpPutResponseHopLimit": -1} | wanted)


class Guest:
    """The software on an instance: what it is answered at the instance's own address."""

    def __init__(self, instance: dict | str):
        self.address = instance if isinstance(instance, str) else instance["PrivateIpAddress"]

    def send(self, method: str, path: str, headers: dict) -> tuple[int, str]:
        service = urllib.parse.urlsplit(os.environ["IMDS_METADATA"])
        connection = http.client.HTTPConnection(
            service.hostname, service.port, timeout=10, source_address=(self.address, 0)
        )
        try:
            connection.request(method, f"/latest/{path}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def token(self) -> str:
        """A session token."""
        status, token = self.send("PUT", "api/token", {f"{TOKEN}-ttl-seconds": "300"})
        equal("the token's status", status, 200)
        return token

    def status(self, path: str = "meta-data/instance-id", token: str | None = None) -> int:
        """The answer's status."""
        return self.send("GET", path, {TOKEN: token} if token else {})[0]

    def read(self, path: str, token: str | None = None) -> str:
        """The body of an answer that must be 200."""
        status, body = self.send("GET", path, {TOKEN: token} if token else {})
        equal(f"GET {path} from {self.address}", status, 200)
        return body
