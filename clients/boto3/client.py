"""Asks boto3 for credentials and botocore for the region, as a program on an instance does."""

import boto3
from botocore.utils import InstanceMetadataRegionFetcher

from expected import compare, read

want = read()
credentials = boto3.Session().get_credentials()
if credentials is None:
    raise SystemExit("boto3 found no credentials")
compare("where the credentials come from", credentials.method, "iam-role")
keys = credentials.get_frozen_credentials()
compare("access key id", keys.access_key, want["access-key-id"])
compare("secret access key", keys.secret_key, want["secret-access-key"])
compare("session token", keys.token, want["session-token"])

region = InstanceMetadataRegionFetcher().retrieve_region()
compare("region", region, want["region"])
print(f"version {boto3.__version__} has the credentials of {want['role']} and the region {region}")
