"""Instances: the options of one that runs, what DescribeInstances finds, and calls that are repeated."""

import concurrent.futures

from cases import V2, Guest, client, described, equal, image, launch, main, modify, refused


def ids(**arguments: object) -> list[str]:
    """The instances that DescribeInstances finds, on all its pages."""
    pages = client().get_paginator("describe_instances").paginate(**arguments)
    return [
        instance["InstanceId"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]


def case_members() -> None:
    """a launch answers with every member that clients look at"""
    instance = launch(
        InstanceType="t3.small",
        PrivateIpAddress="127.0.7.9",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}],
    )
    for name, want in {
        "ImageId": image(),
        "InstanceType": "t3.small",
        "PrivateIpAddress": "127.0.7.9",
        "State": {"Code": 0, "Name": "pending"},
        "AmiLaunchIndex": 0,
        "Architecture": "x86_64",
        "Tags": [{"Key": "Name", "Value": "web"}],
        "VirtualizationType": "hvm",
        "Monitoring": {"State": "disabled"},
    }.items():
        equal(name, instance.get(name), want)
    for name in (
        "PrivateDnsName PublicDnsName LaunchTime Placement SubnetId VpcId RootDeviceType RootDeviceName ClientToken "
        "BlockDeviceMappings NetworkInterfaces SourceDestCheck SecurityGroups EbsOptimized Hypervisor MetadataOptions"
    ).split():
        if name not in instance:
            raise AssertionError(f"the launch says no {name}: {instance}")
    found = described(instance["InstanceId"])
    equal("the state", found["State"], {"Code": 16, "Name": "running"})
    # What the instance is told agrees with what its owner is told.
    guest = Guest(instance)
    token = guest.token()
    for path, want in {
        "instance-id": found["InstanceId"],
        "instance-type": "t3.small",
        "ami-id": image(),
        "local-ipv4": "127.0.7.9",
        "placement/availability-zone": found["Placement"]["AvailabilityZone"],
        "mac": found["NetworkInterfaces"][0]["MacAddress"],
        "local-hostname": found["PrivateDnsName"],
    }.items():
        equal(path, guest.read(f"meta-data/{path}", token), want)


def case_omitted_stays() -> None:
    """ModifyInstanceMetadataOptions keeps what it is not told, switches at once, and is pending, then applied"""
    options = {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 7,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "enabled",
    }
    instance = launch(MetadataOptions=options)
    guest = Guest(instance)
    for change, status in [
        ({"HttpTokens": "optional"}, 200),
        ({"HttpPutResponseHopLimit": 64}, 200),
        ({"HttpEndpoint": "disabled"}, 403),
        ({"HttpProtocolIpv6": "enabled"}, 403),
        ({"InstanceMetadataTags": "disabled"}, 403),
        ({"HttpEndpoint": "enabled", "HttpTokens": "required"}, 401),
    ]:
        options |= change
        equal(f"the answer to {change}", modify(instance["InstanceId"], **change), options | {"State": "pending"})
        equal(f"an IMDSv1 call after {change}", guest.status(), status)
        now = described(instance["InstanceId"])["MetadataOptions"]
        equal(f"what is described after {change}", now, options | {"State": "applied"})


def case_threads() -> None:
    """eight threads change eight instances at once, and each sees its own change alone"""
    instances = client().run_instances(ImageId=image(), MinCount=8, MaxCount=8)["Instances"]
    equal("launch indexes", [instance["AmiLaunchIndex"] for instance in instances], list(range(8)))
    equal("addresses", len({instance["PrivateIpAddress"] for instance in instances}), 8)

    def change(instance: dict) -> None:
        guest = Guest(instance)
        for turn in range(10):
            tokens, status = ("required", 401) if turn % 2 == 0 else ("optional", 200)
            modify(instance["InstanceId"], HttpTokens=tokens, HttpPutResponseHopLimit=turn + 1)
            equal(f"an IMDSv1 call where tokens are {tokens}", guest.status(), status)

    with concurrent.futures.ThreadPoolExecutor(len(instances)) as pool:
        list(pool.map(change, instances))
    for instance in instances:
        options = described(instance["InstanceId"])["MetadataOptions"]
        equal("the last change", (options["HttpTokens"], options["HttpPutResponseHopLimit"]), ("optional", 10))


def case_filters() -> None:
    """DescribeInstances: the filters that audits use, with wildcards, several values and several filters"""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Team", "Value": "red"}, {"Key": "filters", "Value": ""}]}]
    mine = {"Name": "tag-key", "Values": ["filters"]}
    old = launch(TagSpecifications=tags, PrivateIpAddress="127.0.9.1", MetadataOptions={"HttpTokens": "optional"})
    new = launch(
        TagSpecifications=tags,
        PrivateIpAddress="127.0.9.2",
        ImageId=image(V2),
        InstanceType="t3.small",
        MetadataOptions={"InstanceMetadataTags": "enabled"},
    )
    off = launch(TagSpecifications=tags, PrivateIpAddress="127.0.9.3", MetadataOptions={"HttpEndpoint": "disabled"})
    client().create_tags(Resources=[off["InstanceId"]], Tags=[{"Key": "Team", "Value": "blue"}])
    client().stop_instances(InstanceIds=[off["InstanceId"]])
    old, new, off = (instance["InstanceId"] for instance in (old, new, off))
    for filters, want in [
        ({"metadata-options.http-tokens": ["optional"]}, [old, off]),
        ({"metadata-options.http-tokens": ["required"]}, [new]),
        ({"metadata-options.http-tokens": ["optional", "required"]}, [old, new, off]),
        ({"metadata-options.http-endpoint": ["disabled"]}, [off]),
        ({"metadata-options.http-put-response-hop-limit": ["2"]}, [new]),
        ({"metadata-options.http-protocol-ipv6": ["disabled"]}, [old, new, off]),
        ({"metadata-options.instance-metadata-tags": ["enabled"]}, [new]),
        ({"metadata-options.state": ["applied"], "instance-state-name": ["running"]}, [old, new]),
        ({"instance-state-name": ["stop*"]}, [off]),
        ({"instance-state-code": ["16"]}, [old, new]),
        ({"tag:Team": ["red"]}, [old, new]),
        ({"tag:Team": ["b?ue", "green"]}, [off]),
        ({"image-id": [image(V2)]}, [new]),
        ({"instance-type": ["t3.small"]}, [new]),
        ({"private-ip-address": ["127.0.9.?"]}, [old, new, off]),
        ({"instance-id": [old]}, [old]),
        ({"instance-id": [old], "tag:Team": ["blue"]}, []),
        ({"vpc-id": ["vpc-0"]}, []),
        ({"metadata-options.http-tokens": ["nonsense"]}, []),
    ]:
        asked = [{"Name": name, "Values": values} for name, values in filters.items()]
        equal(filters, sorted(ids(Filters=[mine, *asked])), sorted(want))
    refused("InvalidParameterValue", client().describe_instances, Filters=[{"Name": "nonsense", "Values": ["x"]}])


def case_pages() -> None:
    """DescribeInstances: pages of five make up all of it, in one order, without one twice"""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "pages", "Value": ""}]}]
    run = client().run_instances
    answer = run(ImageId=image(), MinCount=1, MaxCount=7, TagSpecifications=tags)
    wanted = {instance["InstanceId"] for instance in answer["Instances"]}
    wanted |= {launch(TagSpecifications=tags)["InstanceId"] for _ in range(6)}
    mine = [{"Name": "tag-key", "Values": ["pages"]}]
    found = ids(Filters=mine, PaginationConfig={"PageSize": 5})
    equal("those on pages", sorted(found), sorted(wanted))
    page = client().describe_instances(Filters=mine, MaxResults=5)
    equal("one page", sum(len(reservation["Instances"]) for reservation in page["Reservations"]), 5)


def case_client_token() -> None:
    """ClientToken: the same call launches once, another call with its token is refused"""
    run = client().run_instances
    call = {"ImageId": image(), "MinCount": 1, "MaxCount": 2, "ClientToken": "the-same"}
    first, second = run(**call), run(**call)
    equal("the reservation", second["ReservationId"], first["ReservationId"])
    names = [[instance["InstanceId"] for instance in answer["Instances"]] for answer in (first, second)]
    equal("the instances", sorted(names[1]), sorted(names[0]))
    refused("IdempotentParameterMismatch", run, **call | {"InstanceType": "t3.large"})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: run(**call | {"ClientToken": "at-once"}), range(8)))
    equal("launches at once", len({answer["ReservationId"] for answer in answers}), 1)


def case_dry_run() -> None:
    """DryRun: nothing is done, and what is wrong is still said"""
    instance = launch(MetadataOptions={"HttpTokens": "required"})
    one = {"InstanceIds": [instance["InstanceId"]], "DryRun": True}
    before = sorted(ids())
    for call, arguments in [
        (client().run_instances, {"ImageId": image(), "MinCount": 1, "MaxCount": 1, "DryRun": True}),
        (
            client().modify_instance_metadata_options,
            {"InstanceId": instance["InstanceId"], "HttpTokens": "optional", "DryRun": True},
        ),
        (client().stop_instances, one),
        (client().terminate_instances, one),
        (client().describe_instances, one),
    ]:
        refused("DryRunOperation", call, **arguments)
    equal("the instances", sorted(ids()), before)
    equal("an IMDSv1 call", Guest(instance).status(), 401)
    unknown = {"InstanceId": "i-0000000000000dead", "HttpTokens": "optional", "DryRun": True}
    refused("InvalidInstanceID.NotFound", client().modify_instance_metadata_options, **unknown)


if __name__ == "__main__":
    main(globals())
