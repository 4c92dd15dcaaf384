"""A program as it should be: it has its keys from the instance's role, through an AWS SDK, which asks with IMDSv2."""

import boto3

print(boto3.Session().get_credentials().access_key)
