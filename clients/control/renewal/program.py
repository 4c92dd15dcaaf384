"""A program on an instance: boto3, and no keys but those of the metadata service.

For each line that it reads it makes its calls, and writes what came of them as a line of JSON. With a number of seconds
for its argument, its provider of credentials takes that for `ec2_credential_refresh_window`; else all is as boto3 has it.
The line `the first keys` has it call with the keys that it had first.
"""

import json
import logging
import re
import sys
import time

import boto3
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.utils


class Extensions(logging.Handler):
    """How often botocore put the end of its credentials off."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.msg.startswith("Attempting credential expiration extension")


def session(arguments: list[str]) -> boto3.Session:
    """A session of boto3 that lasts as long as the program."""
    own = botocore.session.Session()
    if arguments:
        endpoint = own.get_config_variable("ec2_metadata_service_endpoint")
        fetcher = botocore.utils.InstanceMetadataFetcher(
            config={
                "ec2_metadata_service_endpoint": endpoint,
                "ec2_metadata_v1_disabled": True,
                "ec2_credential_refresh_window": int(arguments[0]),
            }
        )
        provider = botocore.credentials.InstanceMetadataProvider(fetcher)
        own.register_component("credential_provider", botocore.credentials.CredentialResolver([provider]))
    return boto3.Session(botocore_session=own)


def code(call) -> str | None:
    """The code of the error that a call ends with."""
    try:
        call()
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    except botocore.exceptions.BotoCoreError as error:
        return type(error).__name__
    return None


def main() -> None:
    extensions = Extensions()
    logging.getLogger("botocore.utils").addHandler(extensions)
    logging.getLogger("botocore.utils").setLevel(logging.INFO)
    running = session(sys.argv[1:])
    used = []

    def sent(request, **_) -> None:
        header = request.headers["Authorization"]
        header = header.decode() if isinstance(header, bytes) else header
        used.append(re.search("Credential=([^/]+)/", header)[1])

    running.events.register("before-send", sent)
    ec2, sts = running.client("ec2"), running.client("sts")
    first = None
    for line in sys.stdin:
        if line.strip() == "the first keys":
            old = boto3.Session(*first)
            failures = [code(old.client("ec2").describe_instances), code(old.client("sts").get_caller_identity)]
        else:
            failures = [code(ec2.describe_instances), code(sts.get_caller_identity)]
            first = first or running.get_credentials().get_frozen_credentials()[:3]
        told = {"now": time.time(), "failures": failures, "keys": used[:], "extensions": extensions.count}
        used.clear()
        print(json.dumps(told), flush=True)


main()
