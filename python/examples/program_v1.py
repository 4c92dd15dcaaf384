"""A program of the old days: it asks for the instance's id without a token."""

import os
import urllib.request

ENDPOINT = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")

with urllib.request.urlopen(f"{ENDPOINT}/latest/meta-data/instance-id", timeout=10) as answer:
    print(answer.read().decode())
