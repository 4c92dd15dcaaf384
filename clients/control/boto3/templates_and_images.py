"""What a launch leaves open: launch templates with their versions, and images with ImdsSupport."""

from cases import V2, Guest, client, described, equal, image, launch, main, refused


def options(instance: dict) -> tuple[str, int]:
    """The instance's tokens and hop limit."""
    found = described(instance["InstanceId"])["MetadataOptions"]
    return found["HttpTokens"], found["HttpPutResponseHopLimit"]


def case_template_decides() -> None:
    """a template's options stand over the image's, and the launch's own stand over both, each on its own"""
    data = {"ImageId": image(), "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 3}}
    template = client().create_launch_template(LaunchTemplateName="one", LaunchTemplateData=data)["LaunchTemplate"]
    by_name, by_id = {"LaunchTemplateName": "one"}, {"LaunchTemplateId": template["LaunchTemplateId"]}
    equal("by name", options(launch(LaunchTemplate=by_name)), ("required", 3))
    instance = launch(LaunchTemplate=by_id, MetadataOptions={"HttpTokens": "optional"})
    equal("with the launch's tokens", options(instance), ("optional", 3))
    equal("an IMDSv1 call", Guest(instance).status(), 200)
    instance = launch(LaunchTemplate=by_id, ImageId=image(V2), MetadataOptions={"HttpPutResponseHopLimit": 1})
    equal("with the launch's hop limit and image", options(instance), ("required", 1))


def case_versions() -> None:
    """versions: a number, $Latest, $Default, none; what is not set in one is absent"""
    ec2 = client()
    data = {"ImageId": image(), "InstanceType": "t3.small", "MetadataOptions": {"HttpTokens": "required"}}
    ec2.create_launch_template(LaunchTemplateName="many", LaunchTemplateData=data)
    second = {"MetadataOptions": {"HttpTokens": "optional"}}
    answer = ec2.create_launch_template_version(
        LaunchTemplateName="many", SourceVersion="1", LaunchTemplateData=second
    )
    equal("the second", answer["LaunchTemplateVersion"]["VersionNumber"], 2)
    for version, want in [("1", "required"), ("2", "optional"), ("$Latest", "optional"), ("$Default", "required")]:
        instance = launch(LaunchTemplate={"LaunchTemplateName": "many", "Version": version})
        equal(f"version {version}", (options(instance)[0], instance["InstanceType"]), (want, "t3.small"))
    equal("no version", options(launch(LaunchTemplate={"LaunchTemplateName": "many"}))[0], "required")
    ec2.modify_launch_template(LaunchTemplateName="many", DefaultVersion="2")
    equal("the new default", options(launch(LaunchTemplate={"LaunchTemplateName": "many"}))[0], "optional")

    find = {"LaunchTemplateName": "many", "Versions": ["1"]}
    [version] = ec2.describe_launch_template_versions(**find)["LaunchTemplateVersions"]
    equal("nothing is added", version["LaunchTemplateData"], data)
    equal("it is no longer the default", version["DefaultVersion"], False)
    [template] = ec2.describe_launch_templates(LaunchTemplateNames=["many"])["LaunchTemplates"]
    equal("numbers", (template["DefaultVersionNumber"], template["LatestVersionNumber"]), (2, 2))
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(LaunchTemplateName="many")
    equal("all", len(pages.build_full_result()["LaunchTemplateVersions"]), 2)


def case_template_errors() -> None:
    """templates: the codes for what is there already and what is not"""
    ec2 = client()
    data = {"LaunchTemplateData": {"ImageId": image()}}
    template = ec2.create_launch_template(LaunchTemplateName="gone", **data)["LaunchTemplate"]["LaunchTemplateId"]
    refused(
        "InvalidLaunchTemplateName.AlreadyExistsException",
        ec2.create_launch_template,
        LaunchTemplateName="gone",
        **data,
    )
    run = {"MinCount": 1, "MaxCount": 1}
    wrong = {"LaunchTemplateId": template, "Version": "9"}
    refused("InvalidLaunchTemplateId.VersionNotFound", ec2.run_instances, LaunchTemplate=wrong, **run)
    ec2.delete_launch_template(LaunchTemplateName="gone")
    for key, value, code in [
        ("LaunchTemplateId", template, "InvalidLaunchTemplateId.NotFound"),
        ("LaunchTemplateName", "gone", "InvalidLaunchTemplateName.NotFoundException"),
    ]:
        refused(code, ec2.run_instances, LaunchTemplate={key: value}, **run)
        refused(code, ec2.describe_launch_templates, **{f"{key}s": [value]})
    unusable = {"MetadataOptions": {"HttpTokens": "sometimes"}, "ImageId": image()}
    refused(
        "InvalidParameterValue", ec2.create_launch_template, LaunchTemplateName="bad", LaunchTemplateData=unusable
    )


def case_images() -> None:
    """images with and without ImdsSupport: found, registered, changed, and what their instances get"""
    ec2 = client()
    for pattern, want in [("amzn2-ami-*-x86_64-gp2", None), (V2, "v2.0")]:
        [found] = ec2.describe_images(ImageIds=[image(pattern)])["Images"]
        equal(pattern, found.get("ImdsSupport"), want)
    own = ec2.register_image(Name="own", Architecture="x86_64", RootDeviceName="/dev/xvda", ImdsSupport="v2.0")
    own = own["ImageId"]
    equal("the launch of an own image", options(launch(ImageId=own)), ("required", 2))
    attribute = {"ImageId": own, "Attribute": "imdsSupport"}
    equal("its attribute", ec2.describe_image_attribute(**attribute)["ImdsSupport"], {"Value": "v2.0"})
    plain = ec2.register_image(Name="plain", Architecture="x86_64", RootDeviceName="/dev/xvda")["ImageId"]
    before = launch(ImageId=plain)
    equal("without ImdsSupport", options(before), ("optional", 1))
    ec2.modify_image_attribute(ImageId=plain, ImdsSupport={"Value": "v2.0"})
    equal("with it", options(launch(ImageId=plain)), ("required", 2))
    equal("the one from before", options(before), ("optional", 1))
    names = {found["ImageId"] for found in ec2.describe_images(Owners=["self"])["Images"]}
    if not {own, plain} <= names:
        raise AssertionError(f"own images are missing: {names}")
    refused("InvalidAMIID.NotFound", ec2.describe_images, ImageIds=["ami-00000000000000000"])


if __name__ == "__main__":
    main(globals())
