"""A program that drains itself when its spot instance is to go: here the part that is tested."""

import json
import os
import urllib.error
import urllib.request


def ask(path: str, method: str = "GET", **headers: str) -> str:
    """What the metadata service answers."""
    endpoint = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")
    headers = {f"X-aws-ec2-metadata-{name.replace('_', '-')}": value for name, value in headers.items()}
    request = urllib.request.Request(f"{endpoint}/latest/{path}", method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def is_to_go() -> bool:
    """Has the instance got its notice? A service that is slow, or throttles, is asked once more."""
    for is_last in (False, True):
        try:
            token = ask("api/token", "PUT", token_ttl_seconds="60")
            return json.loads(ask("meta-data/spot/instance-action", token=token))["action"] == "terminate"
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            if is_last:
                raise
    raise AssertionError("each turn returns or raises")
