"""Every bad value has its code: the rows of EC2's errors that clients go by."""

import os
import urllib.error
import urllib.request

from cases import Guest, client, described, equal, image, launch, main, refused

UNKNOWN = "i-0000000000000dead"


def case_modify() -> None:
    """ModifyInstanceMetadataOptions: each bad value is refused with its code, and changes nothing"""
    instance = launch(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2})
    own = {"InstanceId": instance["InstanceId"]}
    call = client(is_validated=False).modify_instance_metadata_options
    for code, arguments in [
        ("MissingParameter", {"HttpTokens": "optional"}),
        ("InvalidInstanceID.Malformed", {"InstanceId": "bogus", "HttpTokens": "optional"}),
        ("InvalidInstanceID.NotFound", {"InstanceId": UNKNOWN, "HttpTokens": "optional"}),
        ("InvalidParameterValue", own | {"HttpTokens": "Optional"}),
        ("InvalidParameterValue", own | {"HttpTokens": "no-preference"}),
        ("InvalidParameterValue", own | {"HttpProtocolIpv6": "yes"}),
        ("InvalidParameterValue", own | {"InstanceMetadataTags": "true"}),
        ("InvalidParameterValue", own | {"HttpPutResponseHopLimit": 0}),
        ("InvalidParameterValue", own | {"HttpPutResponseHopLimit": 65}),
        ("InvalidParameterValue", own | {"HttpPutResponseHopLimit": -1}),
        ("InvalidParameterValue", own | {"HttpTokens": "optional", "HttpPutResponseHopLimit": 65}),
        ("InvalidParameterCombination", own),
    ]:
        refused(code, call, **arguments)
    words = "A value of '' is not valid for HttpEndpoint. Specify either 'enabled' or 'disabled' and try again."
    equal("AWS's own words", refused("InvalidParameterValue", call, HttpEndpoint="", **own), words)
    words = f"The instance ID '{UNKNOWN}' does not exist"
    equal("who", refused("InvalidInstanceID.NotFound", call, InstanceId=UNKNOWN, HttpTokens="optional"), words)
    options = described(instance["InstanceId"])["MetadataOptions"]
    equal("nothing changed", (options["HttpTokens"], options["HttpPutResponseHopLimit"]), ("required", 2))
    equal("an IMDSv1 call", Guest(instance).status(), 401)
    client().terminate_instances(InstanceIds=[instance["InstanceId"]])
    refused("IncorrectInstanceState", call, HttpTokens="optional", **own)


def case_run() -> None:
    """RunInstances: each bad value is refused with its code, and launches nothing"""
    call = client(is_validated=False).run_instances
    one = {"MinCount": 1, "MaxCount": 1}
    own = one | {"ImageId": image()}
    before = client().get_paginator("describe_instances").paginate().build_full_result()
    for code, arguments in [
        ("MissingParameter", one),
        ("InvalidAMIID.NotFound", one | {"ImageId": "ami-00000000000000000"}),
        ("InvalidAMIID.Malformed", one | {"ImageId": "bogus"}),
        ("InvalidParameterValue", own | {"InstanceType": "x9.nano"}),
        ("InvalidParameterValue", own | {"MetadataOptions": {"HttpTokens": "maybe"}}),
        ("InvalidParameterValue", own | {"MetadataOptions": {"HttpPutResponseHopLimit": 65}}),
        ("InvalidParameterValue", own | {"MetadataOptions": {"HttpEndpoint": ""}}),
        ("InvalidKeyPair.NotFound", own | {"KeyName": "none"}),
    ]:
        refused(code, call, **arguments)
    equal("the instances", client().get_paginator("describe_instances").paginate().build_full_result(), before)


def case_describe() -> None:
    """DescribeInstances and its kin: unknown and malformed ids"""
    one = launch()["InstanceId"]
    for code, call, arguments in [
        ("InvalidInstanceID.NotFound", client().describe_instances, {"InstanceIds": [UNKNOWN]}),
        ("InvalidInstanceID.NotFound", client().describe_instances, {"InstanceIds": [one, UNKNOWN]}),
        ("InvalidInstanceID.Malformed", client().describe_instances, {"InstanceIds": ["i-xyz"]}),
        ("InvalidInstanceID.NotFound", client().stop_instances, {"InstanceIds": [one, UNKNOWN]}),
        ("InvalidInstanceID.NotFound", client().terminate_instances, {"InstanceIds": [one, UNKNOWN]}),
    ]:
        refused(code, call, **arguments)
    equal("all or nothing", described(one)["State"]["Name"], "running")


def case_absent() -> None:
    """an action that is not there is InvalidAction, an XML document with status 400"""
    refused("InvalidAction", client().describe_spot_price_history)
    refused("InvalidAction", client().request_spot_instances)
    for body, code in [
        ("Action=Nonsense&Version=2016-11-15", "InvalidAction"),
        ("Action=DescribeInstances&Version=2001-01-01", "NoSuchVersion"),
    ]:
        scope = "Credential=AKIAEXAMPLE/20261124/us-east-1/ec2/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
        request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], body.encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            equal(body, (error.code, error.headers.get_content_type()), (400, "text/xml"))
            if f"<Code>{code}</Code>" not in text or "<RequestID>" not in text:
                raise AssertionError(f"{body}: {text}") from error
        else:
            raise AssertionError(f"{body}: it was accepted")


if __name__ == "__main__":
    main(globals())
