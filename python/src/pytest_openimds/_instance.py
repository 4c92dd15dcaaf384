"""An instance of a service, and its metadata options, which change while it runs."""

from __future__ import annotations

import dataclasses
import json
import typing

from ._door import Door, ImdsError, Refused

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

    def __init__(self, door: Door, id: str, region: str, endpoint: str | None) -> None:
        self._door = door
        self._endpoint = endpoint
        #: `i-…`
        self.id = id
        #: `us-east-1`
        self.region = region

    def __repr__(self) -> str:
        return f"<Instance {self.id} in {self.region}>"

    @property
    def endpoint(self) -> str:
        """Its metadata, where it is asked and none of the others."""
        if self._endpoint is None:
            raise ImdsError(
                f"{self.id} has no address of its own, as it was not in the configuration when the service started: write "
                f'`[[instance]]` with `instance-id = "{self.id}"` into that'
            )
        return self._endpoint

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
        """Gives the instance a role, in place of another that it has: it reads the role's credentials from now on. They
        are renewed by the service's clock, and sign calls to the door. The role and an instance profile of this name
        are made, unless they are there."""
        self._made("CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        self._made("CreateInstanceProfile", InstanceProfileName=name)
        profile = self._iam("GetInstanceProfile", InstanceProfileName=name)
        if profile.findtext(".//Roles/member/RoleName") != name:
            self._iam("AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=name)
        association = self._association()
        if association is None:
            self._ec2("AssociateIamInstanceProfile", **{"InstanceId": self.id, "IamInstanceProfile.Name": name})
        elif association.findtext("iamInstanceProfile/arn") != profile.findtext(".//InstanceProfile/Arn"):
            replaced = {"AssociationId": association.findtext("associationId"), "IamInstanceProfile.Name": name}
            self._ec2("ReplaceIamInstanceProfileAssociation", **replaced)

    def detach_role(self) -> None:
        """Takes away the role that `attach_role` gave, if there is one; it stays for whoever else has it, and one of the
        configuration is the instance's again."""
        association = self._association()
        if association is not None:
            self._ec2("DisassociateIamInstanceProfile", AssociationId=association.findtext("associationId"))

    def _association(self) -> typing.Any:
        asked = {"Filter.1.Name": "instance-id", "Filter.1.Value.1": self.id}
        told = self._ec2("DescribeIamInstanceProfileAssociations", **asked)
        return told.find("iamInstanceProfileAssociationSet/item")

    def _made(self, action: str, **parameters: object) -> None:
        try:
            self._iam(action, **parameters)
        except Refused as refusal:
            if refusal.code != "EntityAlreadyExists":
                raise

    def _iam(self, action: str, **parameters: object) -> typing.Any:
        return self._door.query("iam", "us-east-1", action, **parameters)

    def _ec2(self, action: str, **parameters: object) -> typing.Any:
        return self._door.query("ec2", self.region, action, **parameters)


def read(door: Door, shared: str) -> tuple[list[Instance], Instance | None]:
    """The instances that are there, and which of them answers at the endpoint that they share."""
    instances, default = [], None
    for told in door.api("GET", "instances")["instances"]:
        own = next((f"http://{address}" for address in told["listen"]), shared if told["default"] else None)
        instance = Instance(door, told["id"], told["region"], own)
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
