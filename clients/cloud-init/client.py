"""Runs DataSourceEc2 as the boot stage `cloud-init init` does once the network is up, and counts its requests.

cloud-init's code runs as it is. Two things around it are set: what the firmware says of the machine, so that
cloud-init takes it for an EC2 instance, and an ear on the HTTP library, which hears each request and its status.
"""

import json
import sys

import requests
from cloudinit import dmi, helpers, version
from cloudinit.sources.DataSourceEc2 import DataSourceEc2

from expected import compare, read, user_data

UUID = "ec2f0000-1111-4222-8333-444455556666"
FIRMWARE = {"system-uuid": UUID, "system-serial-number": UUID, "system-manufacturer": "Amazon EC2"}

heard: list[tuple[str, str, int]] = []
send = requests.Session.send


def send_and_hear(session, request, **options):
    """`requests.Session.send`, noted in `heard`."""
    response = send(session, request, **options)
    heard.append((request.method, request.url, response.status_code))
    return response


dmi.read_dmi_data = FIRMWARE.get
requests.Session.send = send_and_hear

scratch = sys.argv[1]
paths = helpers.Paths({"cloud_dir": f"{scratch}/cloud", "run_dir": f"{scratch}/run"})
source = DataSourceEc2({}, None, paths)
source.perform_dhcp_setup = False
compare("_get_data()", source._get_data(), True)
compare("cloud", source.cloud_name, "aws")

want = read()
tree = source.metadata
for leaf in ["instance-id", "instance-type", "ami-id", "local-ipv4", "public-ipv4", "mac"]:
    compare(leaf, tree[leaf], want[leaf])
compare("instance id of the document", source.get_instance_id(), want["instance-id"])
compare("region", source.region, want["region"])
compare("availability zone", source.availability_zone, want["availability-zone"])
compare("SSH keys", source.get_public_ssh_keys(), [want["openssh-key"]])
compare("security groups", tree["security-groups"], want["security-groups"].split("\n"))
compare("tags", tree["tags"]["instance"], {k: want[f"tags/{k}"] for k in want["tags"].split("\n")})
compare("interfaces", list(tree["network"]["interfaces"]["macs"]), [want["mac"]])
compare("user-data", source.get_userdata_raw(), user_data())

# Everything that it asks for was in a listing, except the version that it prefers and user-data, and both exist.
compare("requests not answered 200", [each for each in heard if each[2] != 200], [])
compare("token requests", [each[0] for each in heard if each[0] != "GET"], ["PUT"])
print(f"version {version.version_string()} crawled {len(heard)} requests, all answered 200")
