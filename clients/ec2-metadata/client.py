"""Reads the properties of ec2_metadata."""

from importlib.metadata import version

from ec2_metadata import ec2_metadata

from expected import compare, read, user_data

want = read()
for leaf in ["instance-id", "instance-type", "ami-id", "public-ipv4", "mac", "region", "availability-zone"]:
    compare(leaf, getattr(ec2_metadata, leaf.replace("-", "_")), want[leaf])
compare("local-ipv4", ec2_metadata.private_ipv4, want["local-ipv4"])
compare("security-groups", ec2_metadata.security_groups, want["security-groups"].split("\n"))
compare("tags", dict(ec2_metadata.tags), {key: want[f"tags/{key}"] for key in want["tags"].split("\n")})
compare("interfaces", list(ec2_metadata.network_interfaces), [want["mac"]])
compare("document", ec2_metadata.instance_identity_document["instanceId"], want["instance-id"])
compare("user-data", ec2_metadata.user_data, user_data())
print(f"version {version('ec2-metadata')} read every value as expected")
