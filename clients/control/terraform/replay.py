"""Terraform's calls as they were captured: for a machine without Terraform, and for what its provider may change."""

import os
import pathlib
import re
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree

from cases import Guest, equal, image, main

#: Where the ids of later calls are found in earlier answers.
IDS = {
    "CreateLaunchTemplate": {"template": "launchTemplate/launchTemplateId"},
    "RunInstances": {
        "instance": "instancesSet/item/instanceId",
        "vpc": "instancesSet/item/vpcId",
        "volume": "instancesSet/item/blockDeviceMapping/item/ebs/volumeId",
    },
    "DescribeInstances": {"volume": "reservationSet/item/instancesSet/item/blockDeviceMapping/item/ebs/volumeId"},
    "CreateApplication": {"application": "CreateApplicationResult/Application/ApplicationArn"},
    "CreateEnvironment": {
        "environment": "CreateEnvironmentResult/EnvironmentId",
        "arn": "CreateEnvironmentResult/EnvironmentArn",
        "stack": "CreateEnvironmentResult/SolutionStackName",
    },
}

SERVICES = {"2016-11-15": "ec2", "2010-12-01": "elasticbeanstalk", "2011-06-15": "sts"}

#: What the check of an answer returns where Terraform would ask again.
AGAIN = object()


def sent(body: str) -> xml.etree.ElementTree.Element:
    """The answer to a call, without namespaces."""
    service = SERVICES[re.search(r"Version=([-0-9]+)", body)[1]]
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261124/us-east-1/{service}/aws4_request, "
        "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date, Signature=0",
        "Amz-Sdk-Request": "attempt=1; max=25",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], body.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        equal("the type", answer.headers["Content-Type"].replace(" ", ""), "text/xml;charset=UTF-8")
        text = answer.read().decode()
    root = xml.etree.ElementTree.fromstring(re.sub(r' xmlns="[^"]+"', "", text, count=1))
    equal("the answer", f"Action={root.tag}", body.split("&")[0] + "Response")
    return root


def members(element: xml.etree.ElementTree.Element | None) -> object:
    """An element as text, or as a dictionary of what is in it."""
    if element is None:
        return None
    return {inner.tag: members(inner) for inner in element} if len(element) else element.text or ""


def options(tokens: str, state: str) -> dict:
    """The instance's metadata options."""
    return {
        "state": state,
        "httpTokens": tokens,
        "httpPutResponseHopLimit": "2",
        "httpEndpoint": "enabled",
        "httpProtocolIpv6": "disabled",
        "instanceMetadataTags": "enabled",
    }


class Calls:
    """Calls in the order of a file, and what Terraform needs to find in each answer: a method for each such action."""

    def __init__(self, **ids: str):
        self.ids = ids

    def run(self, file: str, number: int) -> None:
        lines = pathlib.Path(__file__).with_name(file).read_text().splitlines()
        bodies = [line for line in lines if not line.startswith("#")]
        equal("the captured calls", len(bodies), number)
        for body in bodies:
            if "{volume}" in body and "volume" not in self.ids:
                continue  # Terraform asks for the volumes that the instance has.
            action = body.split("&")[0].removeprefix("Action=")
            check = getattr(self, action, lambda answer: None)
            deadline = time.monotonic() + 60
            while check(self.answered(action, body)) is AGAIN:
                equal(f"{action} in time", time.monotonic() < deadline, True)
                time.sleep(0.1)

    def answered(self, action: str, body: str) -> xml.etree.ElementTree.Element:
        """The answer to a call; ids in it are known from then on."""
        answer = sent(re.sub(r"\{(\w+)\}", lambda id: urllib.parse.quote_plus(self.ids[id[1]]), body))
        for name, path in IDS.get(action, {}).items():
            if (found := answer.findtext(path)) is not None:
                self.ids[name] = found
        return answer


class Replay(Calls):
    """A launch template, an instance and the account's defaults."""

    def __init__(self):
        super().__init__(image=image())
        self.guest = None
        self.described = 0

    def GetCallerIdentity(self, answer) -> None:
        equal("an account", bool(re.fullmatch(r"\d{12}", answer.findtext("GetCallerIdentityResult/Account"))), True)

    def RunInstances(self, answer) -> None:
        self.guest = Guest(answer.findtext("instancesSet/item/privateIpAddress"))
        equal("an IMDSv1 call", self.guest.status(), 401)
        token = self.guest.token()
        equal("the id", self.guest.read("meta-data/instance-id", token), self.ids["instance"])
        equal("user data", self.guest.read("user-data", token), "hello")
        equal("a tag", self.guest.read("meta-data/tags/instance/Name", token), "web")

    def DescribeLaunchTemplateVersions(self, answer) -> None:
        item = answer.find("launchTemplateVersionSet/item")
        want = {
            "imageId": self.ids["image"],
            "instanceType": "t3.micro",
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": "2"},
        }
        got = members(item.find("launchTemplateData"))
        got.pop("userData", None)  # It was sent empty; either is no difference.
        got["metadataOptions"].pop("state", None)
        equal("what was set, and nothing else", got, want)

    def DescribeInstances(self, answer) -> None:
        instance = answer.find("reservationSet/item/instancesSet/item")
        self.described += 1
        got = (instance.findtext("instanceState/name"), members(instance.find("metadataOptions")))
        if self.described < 3:
            equal("it runs", got, ("running", options(["required", "optional"][self.described - 1], "applied")))
        else:
            equal("its end", got[0], "terminated")

    def DescribeInstanceTypes(self, answer) -> None:
        equal("the type", answer.findtext("instanceTypeSet/item/instanceType"), "t3.micro")

    def DescribeTags(self, answer) -> None:
        equal("tags", (answer.find("tagSet") is None, len(answer.findall("tagSet/item"))), (False, 0))

    def DescribeVpcs(self, answer) -> None:
        equal("the VPC", answer.findtext("vpcSet/item/vpcId"), self.ids["vpc"])

    def DescribeVolumes(self, answer) -> None:
        equal("the volume", answer.findtext("volumeSet/item/volumeId"), self.ids["volume"])

    def DescribeInstanceAttribute(self, answer) -> None:
        equal("on shutdown", answer.findtext("instanceInitiatedShutdownBehavior/value"), "stop")

    def DescribeInstanceCreditSpecifications(self, answer) -> None:
        item = answer.find("instanceCreditSpecificationSet/item")
        equal("credits", members(item), {"instanceId": self.ids["instance"], "cpuCredits": "unlimited"})

    def GetInstanceMetadataDefaults(self, answer) -> None:
        want = {"httpTokens": "required", "httpPutResponseHopLimit": "2", "managedBy": "account"}
        equal("the defaults", members(answer.find("accountLevel")), want)

    def ModifyInstanceMetadataOptions(self, answer) -> None:
        equal("the answer", members(answer.find("instanceMetadataOptions")), options("optional", "pending"))
        equal("an IMDSv1 call", self.guest.read("meta-data/instance-id"), self.ids["instance"])

    def TerminateInstances(self, answer) -> None:
        equal("the end", answer.findtext("instancesSet/item/currentState/name"), "shutting-down")


def case_replay() -> None:
    """Terraform's captured calls, in their order"""
    Replay().run("calls.txt", 21)


if __name__ == "__main__":
    main(globals())
