"""An instance of a service, and its metadata options, which change while it runs."""

from __future__ import annotations

import dataclasses
import json
import typing

from ._door import Door, ImdsError

#: Whom something concerns: an instance or its id, or several; where it is said, `all`.
Instances = typing.Union[str, "Instance", typing.Iterable[typing.Union[str, "Instance"]]]

#: What EC2 trusts with a role.
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclasses.dataclass(frozen=True)
class MetadataOptions:
    """Metadata options, in EC2's words."""

    #: `optional` or `required`
    http_tokens: str
    #: How many hops a token's answer travels.
    http_put_response_hop_limit: int
    #: `enabled` or `disabled`
    http_endpoint: str
    #: Likewise.
    http_protocol_ipv6: str
    #: Likewise.
    instance_metadata_tags: str


class Instance:
    """An instance, by its id and region."""

    def __init__(self, door: Door, id: str, region: str) -> None:
        self._door = door
        #: `i-…`
        self.id = id
        #: `us-east-1`
        self.region = region

    def __repr__(self) -> str:
        return f"<Instance {self.id} in {self.region}>"

    @property
    def metadata_options(self) -> MetadataOptions:
        """As they are now."""
        described = self._ec2("DescribeInstances", **{"InstanceId.1": self.id})
        return _options(described.find(".//instancesSet/item/metadataOptions"))

    def modify(
        self,
        *,
        http_tokens: str | None = None,
        http_put_response_hop_limit: int | None = None,
        http_endpoint: str | None = None,
        http_protocol_ipv6: str | None = None,
        instance_metadata_tags: str | None = None,
    ) -> MetadataOptions:
        """Changes metadata options as `aws ec2 modify-instance-metadata-options` does; the next call meets them so."""
        change = {
            "HttpTokens": http_tokens,
            "HttpPutResponseHopLimit": http_put_response_hop_limit,
            "HttpEndpoint": http_endpoint,
            "HttpProtocolIpv6": http_protocol_ipv6,
            "InstanceMetadataTags": instance_metadata_tags,
        }
        change = {name: value for name, value in change.items() if value is not None}
        answer = self._ec2("ModifyInstanceMetadataOptions", InstanceId=self.id, **change)
        return _options(answer.find("instanceMetadataOptions"))

    def attach_role(self, name: str) -> None:
        """Makes a role with an instance profile of this name, and gives it to the instance, which reads the role's
        credentials from now on. They are renewed by the service's clock, and sign calls to the door."""
        for action, parameters in (
            ("CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(TRUST)}),
            ("CreateInstanceProfile", {"InstanceProfileName": name}),
            ("AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": name}),
        ):
            self._door.query("iam", "us-east-1", action, **parameters)
        self._ec2("AssociateIamInstanceProfile", **{"InstanceId": self.id, "IamInstanceProfile.Name": name})

    def _ec2(self, action: str, **parameters: object) -> typing.Any:
        return self._door.query("ec2", self.region, action, **parameters)


def read(door: Door) -> tuple[list[Instance], Instance | None]:
    """The instances that are there, and which of them answers on loopback."""
    instances, default = [], None
    for told in door.api("GET", "instances")["instances"]:
        instance = Instance(door, told["id"], told["region"])
        instances.append(instance)
        default = instance if told["default"] else default
    return instances, default


def ids_of(instances: Instances) -> list[str]:
    """The ids of those that are named."""
    if isinstance(instances, (str, Instance)):
        instances = [instances]
    return [instance.id if isinstance(instance, Instance) else instance for instance in instances]


def _options(element: typing.Any) -> MetadataOptions:
    if element is None:
        raise ImdsError("the service does not tell the instance's metadata options")
    return MetadataOptions(
        http_tokens=element.findtext("httpTokens"),
        http_put_response_hop_limit=int(element.findtext("httpPutResponseHopLimit")),
        http_endpoint=element.findtext("httpEndpoint"),
        http_protocol_ipv6=element.findtext("httpProtocolIpv6"),
        instance_metadata_tags=element.findtext("instanceMetadataTags"),
    )
