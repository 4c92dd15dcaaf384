"""Tags: as their owner sees them, and as the instance does."""

import boto3

from cases import Guest, client, described, equal, image, launch, main, modify, refused


def tags(instance: str) -> dict[str, str]:
    """The instance's tags as they are described."""
    return {tag["Key"]: tag["Value"] for tag in described(instance).get("Tags", [])}


def specified(resource: str = "instance", **wanted: str) -> list[dict]:
    """A launch's tag specifications."""
    return [{"ResourceType": resource, "Tags": [{"Key": key, "Value": value} for key, value in wanted.items()]}]


def case_tags() -> None:
    """tags are made, changed, shown to the instance, and deleted by key or by value"""
    instance = launch(TagSpecifications=specified(Name="web 1"), MetadataOptions={"InstanceMetadataTags": "enabled"})
    name, guest = instance["InstanceId"], Guest(instance)
    own = boto3.resource("ec2").Instance(name)
    own.create_tags(Tags=[{"Key": "Env", "Value": "prod"}, {"Key": "Empty", "Value": ""}])
    equal("described", tags(name), {"Name": "web 1", "Env": "prod", "Empty": ""})
    equal("the instance's list", guest.read("meta-data/tags/instance/"), "Empty\nEnv\nName")
    equal("its value", guest.read("meta-data/tags/instance/Name"), "web 1")
    own.create_tags(Tags=[{"Key": "Env", "Value": "test"}])
    equal("a changed value", guest.read("meta-data/tags/instance/Env"), "test")
    client().delete_tags(Resources=[name], Tags=[{"Key": "Env", "Value": "prod"}, {"Key": "Empty"}])
    equal("another value stays", tags(name), {"Name": "web 1", "Env": "test"})
    modify(name, InstanceMetadataTags="disabled")
    equal("turned off", guest.status("meta-data/tags/instance/"), 404)
    client().delete_tags(Resources=[name], Tags=[{"Key": "Env"}])
    equal("deleted by key", tags(name), {"Name": "web 1"})


def case_describe_tags() -> None:
    """DescribeTags: by resource, key, value and type"""
    name = launch(TagSpecifications=specified(Team="red", Name="x"))["InstanceId"]
    for filters, want in [
        ({"resource-id": [name]}, {"Team", "Name"}),
        ({"resource-id": [name], "key": ["T*"]}, {"Team"}),
        ({"resource-id": [name], "value": ["red"]}, {"Team"}),
        ({"resource-id": [name], "resource-type": ["instance"]}, {"Team", "Name"}),
        ({"resource-id": [name], "key": ["aws:ec2launchtemplate:id"]}, set()),
    ]:
        asked = [{"Name": key, "Values": values} for key, values in filters.items()]
        pages = client().get_paginator("describe_tags").paginate(Filters=asked).build_full_result()
        equal(filters, {tag["Key"] for tag in pages["Tags"]}, want)


def case_tag_errors() -> None:
    """tags: reserved keys, too many, and keys that metadata cannot serve"""
    plain = launch()["InstanceId"]
    shown = launch(MetadataOptions={"InstanceMetadataTags": "enabled"})["InstanceId"]
    create = client().create_tags
    refused("InvalidParameterValue", create, Resources=[plain], Tags=[{"Key": "aws:x", "Value": ""}])
    many = [{"Key": f"k{index}", "Value": ""} for index in range(51)]
    refused("TagLimitExceeded", create, Resources=[plain], Tags=many)
    create(Resources=[plain], Tags=many[:50])
    for key in ("a/b", "a b", ".", "..", "_index"):
        refused("InvalidParameterValue", create, Resources=[shown], Tags=[{"Key": key, "Value": ""}])
    client().delete_tags(Resources=[plain], Tags=[{"Key": "k0"}])
    create(Resources=[plain], Tags=[{"Key": "a/b c", "Value": ""}])
    change = {"InstanceId": plain, "InstanceMetadataTags": "enabled"}
    refused("InvalidParameterValue", client().modify_instance_metadata_options, **change)
    arguments = {
        "ImageId": image(),
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": specified(**{"a b": "c"}),
        "MetadataOptions": {"InstanceMetadataTags": "enabled"},
    }
    refused("InvalidParameterValue", client().run_instances, **arguments)
    unknown = {"Resources": ["i-0000000000000dead"], "Tags": [{"Key": "a", "Value": "b"}]}
    refused("InvalidInstanceID.NotFound", create, **unknown)


if __name__ == "__main__":
    main(globals())
