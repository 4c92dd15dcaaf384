"""The account's defaults: EC2 User Guide, "Order of precedence for instance metadata options", and enforcement."""

import itertools

from cases import V2, Guest, client, described, equal, image, launch, main, modify, refused, set_defaults

ANY = ("required", "optional", None)

#: Launch parameter, account default, the image's ImdsSupport, and the result: the guide's table, row by row.
PRECEDENCE = [
    (["required"], ANY, (True, False), "required"),
    (["optional"], ANY, (True, False), "optional"),
    ([None], [None], [True], "required"),
    ([None], ["required"], [True], "required"),
    ([None], ["optional"], [True], "optional"),
    ([None], [None], [False], "optional"),
    ([None], ["required"], [False], "required"),
    ([None], ["optional"], [False], "optional"),
]

#: Hop limit of the launch and of the account, the account's tokens, the image's ImdsSupport, and the result.
HOP_LIMIT = [
    (None, None, None, False, 1),
    (None, None, None, True, 2),
    (None, None, "required", False, 1),
    (None, None, "optional", True, 2),
    (None, 1, None, True, 1),
    (None, 3, None, False, 3),
    (None, 3, None, True, 3),
    (5, 3, None, True, 5),
    (64, None, None, False, 64),
]

ENFORCED = (
    "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account. Either launch the "
    "instance with httpTokens=required or contact your account owner to disable httpTokensEnforced using the "
    "ModifyInstanceMetadataDefaults API or the account settings in the EC2 console."
)


def chosen(**options: object) -> dict:
    """Only those that are set."""
    return {name: value for name, value in options.items() if value is not None}


def launched(options: dict, is_v2: bool) -> dict:
    """An instance of an image with or without ImdsSupport, with these options."""
    return launch(ImageId=image(V2) if is_v2 else image(), **({"MetadataOptions": options} if options else {}))


def account() -> dict:
    """The account's defaults, without who manages them."""
    level = client().get_instance_metadata_defaults()["AccountLevel"]
    return {name: value for name, value in level.items() if name != "ManagedBy"}


def case_precedence() -> None:
    """HttpTokens at launch: every row of the precedence table, described and as the instance sees it"""
    for launches, accounts, images, want in PRECEDENCE:
        for tokens, default, is_v2 in itertools.product(launches, accounts, images):
            set_defaults(**chosen(HttpTokens=default))
            instance = launched(chosen(HttpTokens=tokens), is_v2)
            row = f"launch {tokens}, account {default}, {'v2.0' if is_v2 else 'no'} image"
            equal(row, described(instance["InstanceId"])["MetadataOptions"]["HttpTokens"], want)
            equal(f"{row}: an IMDSv1 call", Guest(instance).status(), 401 if want == "required" else 200)


def case_hop_limit() -> None:
    """HttpPutResponseHopLimit at launch: decided on its own, 2 where only the image says v2.0, else 1"""
    for hops, default, tokens, is_v2, want in HOP_LIMIT:
        set_defaults(**chosen(HttpPutResponseHopLimit=default, HttpTokens=tokens))
        instance = launched(chosen(HttpPutResponseHopLimit=hops), is_v2)
        row = f"launch {hops}, account {default} and {tokens}, {'v2.0' if is_v2 else 'no'} image"
        equal(row, described(instance["InstanceId"])["MetadataOptions"]["HttpPutResponseHopLimit"], want)


def case_other_options() -> None:
    """HttpEndpoint and InstanceMetadataTags: the account's default, and the launch over it"""
    tag = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    set_defaults(HttpEndpoint="disabled", InstanceMetadataTags="enabled")
    guest = Guest(launch(TagSpecifications=tag))
    equal("an endpoint that is off by default", guest.status(), 403)
    guest = Guest(launch(TagSpecifications=tag, MetadataOptions={"HttpEndpoint": "enabled"}))
    equal("tags that are on by default", guest.read("meta-data/tags/instance/Name"), "web")
    options = {"HttpEndpoint": "enabled", "InstanceMetadataTags": "disabled"}
    guest = Guest(launch(TagSpecifications=tag, MetadataOptions=options))
    equal("tags that the launch turned off", guest.status("meta-data/tags/instance/Name"), 404)


def case_built_in() -> None:
    """what is decided nowhere is EC2's own default"""
    set_defaults()
    want = {
        "State": "applied",
        "HttpTokens": "optional",
        "HttpPutResponseHopLimit": 1,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "disabled",
    }
    equal("the options", described(launch()["InstanceId"])["MetadataOptions"], want)


def case_set_and_cleared() -> None:
    """a default that is cleared is absent, and the others stay as they were"""
    set_defaults()
    equal("nothing", account(), {})
    modify = client().modify_instance_metadata_defaults
    equal("the answer", modify(HttpTokens="required", HttpPutResponseHopLimit=2)["Return"], True)
    modify(HttpEndpoint="enabled", InstanceMetadataTags="enabled", HttpTokensEnforced="enabled")
    everything = {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        "HttpEndpoint": "enabled",
        "InstanceMetadataTags": "enabled",
        "HttpTokensEnforced": "enabled",
    }
    equal("everything", account(), everything)
    equal("who", client().get_instance_metadata_defaults()["AccountLevel"]["ManagedBy"], "account")
    modify(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    del everything["HttpTokens"], everything["HttpPutResponseHopLimit"]
    equal("the rest", account(), everything)
    set_defaults()


def case_not_retroactive() -> None:
    """defaults and enforcement leave the instances alone that there are"""
    set_defaults()
    instance = launch()
    set_defaults(HttpTokens="required", HttpEndpoint="disabled", HttpTokensEnforced="enabled")
    equal("an IMDSv1 call", Guest(instance).status(), 200)
    modify(instance["InstanceId"], HttpPutResponseHopLimit=2)
    equal("an IMDSv1 call after another option changed", Guest(instance).status(), 200)


def case_enforced() -> None:
    """HttpTokensEnforced: no launch and no switch back with IMDSv1, until it is disabled"""
    set_defaults(HttpTokensEnforced="enabled")
    launches = {"MinCount": 1, "MaxCount": 1, "ImageId": image()}
    run = client().run_instances
    equal("the words", refused("UnsupportedOperation", run, **launches), ENFORCED)
    optional = {"MetadataOptions": {"HttpTokens": "optional"}}
    refused("UnsupportedOperation", run, **launches | {"ImageId": image(V2)} | optional)
    equal("an image that asks for IMDSv2", Guest(launch(ImageId=image(V2))).status(), 401)
    instance = launch(MetadataOptions={"HttpTokens": "required"})
    refused(
        "UnsupportedOperation",
        client().modify_instance_metadata_options,
        InstanceId=instance["InstanceId"],
        HttpTokens="optional",
    )
    equal("an IMDSv1 call", Guest(instance).status(), 401)
    client().modify_instance_metadata_defaults(HttpTokens="required")
    equal("a launch that the defaults make right", Guest(launch()).status(), 401)
    set_defaults(HttpTokensEnforced="disabled")
    modify(instance["InstanceId"], HttpTokens="optional")
    equal("an IMDSv1 call when it is disabled", Guest(instance).status(), 200)
    equal("a launch when it is disabled", Guest(launch()).status(), 200)


def case_bad_values() -> None:
    """bad values change no default"""
    set_defaults(HttpTokens="required")
    for wrong in [
        {"HttpTokens": "Required"},
        {"HttpPutResponseHopLimit": 0},
        {"HttpPutResponseHopLimit": 65},
        {"HttpEndpoint": "on"},
        {"InstanceMetadataTags": ""},
        {"HttpTokensEnforced": "required"},
    ]:
        refused("InvalidParameterValue", client().modify_instance_metadata_defaults, **wrong)
    refused("DryRunOperation", client().modify_instance_metadata_defaults, HttpTokens="optional", DryRun=True)
    refused("DryRunOperation", client().get_instance_metadata_defaults, DryRun=True)
    equal("the defaults", account(), {"HttpTokens": "required"})


if __name__ == "__main__":
    main(globals())
