"""Elastic Beanstalk: environments that own instances, the options of both, waiters, and errors."""

import contextlib
import functools
import threading
import time

from cases import Guest, client, described, equal, main, refused

APPLICATION = "shop"
LAUNCH = "aws:autoscaling:launchconfiguration"
VARIABLES = "aws:elasticbeanstalk:application:environment"
CREATED = "createEnvironment is starting."
UPDATED = "Environment update completed successfully."


def eb(is_validated: bool = True):
    """The client."""
    return client("elasticbeanstalk", is_validated)


def option(name: str, value: str | None = None, namespace: str = LAUNCH) -> dict:
    """An option, and its value."""
    return {"Namespace": namespace, "OptionName": name} | ({} if value is None else {"Value": value})


def stack(words: str) -> str:
    """A solution stack with these words in its name."""
    return next(name for name in eb().list_available_solution_stacks()["SolutionStacks"] if words in name)


def wait(event: str, name: str) -> None:
    """Until the environment is what the waiter waits for."""
    # Those before it that had the name are Terminated.
    eb().get_waiter(f"environment_{event}").wait(
        EnvironmentNames=[name], IncludeDeleted=event == "terminated", WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
    )


@contextlib.contextmanager
def environment(name: str, words: str = "Amazon Linux 2023", **arguments: object):
    """An environment that is ready, and ends with the case."""
    with contextlib.suppress(eb().exceptions.ClientError):  # The application is there after the first case.
        eb().create_application(ApplicationName=APPLICATION)
    created = eb().create_environment(
        ApplicationName=APPLICATION, EnvironmentName=name, SolutionStackName=stack(words), **arguments
    )
    equal("at first", (created["Status"], created["Health"]), ("Launching", "Grey"))
    wait("exists", name)
    try:
        yield only(name)
    finally:
        if only(name, IncludeDeleted=False):
            eb().terminate_environment(EnvironmentName=name)
            wait("terminated", name)


def only(name: str, **arguments: object) -> dict | None:
    """What DescribeEnvironments says of the newest environment that has the name; nothing where there is none."""
    found = eb().describe_environments(EnvironmentNames=[name], **arguments)["Environments"]
    return max(found, key=lambda one: one["DateCreated"], default=None)


def instances(name: str) -> list[str]:
    """The ids of the environment's instances."""
    resources = eb().describe_environment_resources(EnvironmentName=name)["EnvironmentResources"]
    return [instance["Id"] for instance in resources["Instances"]]


def guest(name: str) -> Guest:
    """The environment's only instance."""
    [instance] = instances(name)
    return Guest(described(instance))


def settings(name: str) -> list[tuple[str, dict]]:
    """Each of the environment's configurations: its status, and its options of the launch configuration."""
    answer = eb().describe_configuration_settings(ApplicationName=APPLICATION, EnvironmentName=name)
    return [
        (
            one["DeploymentStatus"],
            {this["OptionName"]: this.get("Value") for this in one["OptionSettings"] if this["Namespace"] == LAUNCH},
        )
        for one in answer["ConfigurationSettings"]
    ]


def update(name: str, *options: dict, **arguments: object) -> str:
    """Starts an update, and returns the id of its request."""
    answer = eb().update_environment(EnvironmentName=name, OptionSettings=list(options), **arguments)
    equal("the answer", answer["Status"], "Updating")
    return answer["ResponseMetadata"]["RequestId"]


def messages(**arguments: object) -> list[str]:
    """The messages of events, newest first."""
    return [event["Message"] for event in eb().describe_events(**arguments)["Events"]]


class Watch(threading.Thread):
    """Calls the metadata of an environment's instances every 20 ms, each from its own address."""

    def __init__(self, name: str):
        super().__init__()
        self.ended = threading.Event()
        self.name = name
        self.tokens = {}
        self.seen = []
        self.failure = None

    def run(self) -> None:
        try:
            while not self.ended.wait(0.02):
                self.seen.append({name: self.call(name) for name in self.known()})
        except Exception as failure:  # Told by the thread that waits for this one.
            self.failure = failure

    def known(self) -> dict:
        """The instances that run or ran, with the session token of each."""
        if len(self.seen) % 10 == 0:
            tag = {"Name": "tag:elasticbeanstalk:environment-name", "Values": [self.name]}
            for reservation in client().describe_instances(Filters=[tag])["Reservations"]:
                for instance in reservation["Instances"]:
                    if instance["InstanceId"] not in self.tokens and instance["State"]["Name"] == "running":
                        this = Guest(instance)
                        self.tokens[instance["InstanceId"]] = (this, this.token())
        return self.tokens

    def call(self, name: str) -> tuple[bool, int | None]:
        """Whether the instance is answered, and with which status where it sends no token."""
        this, token = self.tokens[name]
        if this.send("GET", "meta-data/instance-id", {"X-aws-ec2-metadata-token": token}) != (200, name):
            return False, None
        status, body = this.send("GET", "meta-data/instance-id", {})
        # Between the two calls it may have ended; its address then is nobody's.
        return True, status if status == 401 or body == name else None

    def end(self) -> list[dict]:
        """What was seen."""
        self.ended.set()
        self.join()
        if self.failure:
            raise self.failure
        return self.seen


def case_story() -> None:
    """DisableIMDSv1 off and on: other instances each time, and metadata that answers at every moment"""
    with environment("web-env") as ready:
        equal("it", (ready["Status"], ready["Health"]), ("Ready", "Green"))
        equal("settings", settings("web-env")[0][1]["DisableIMDSv1"], "true")
        [old] = instances("web-env")
        equal("an IMDSv1 call", guest("web-env").status(), 401)
        watch = Watch("web-env")
        watch.start()
        time.sleep(0.2)
        request = update("web-env", option("DisableIMDSv1", "false"))
        during = settings("web-env")
        status = [(status, options["DisableIMDSv1"]) for status, options in during]
        equal("settings while it runs", status, [("deployed", "true"), ("pending", "false")])
        wait("updated", "web-env")
        time.sleep(0.2)
        seen = watch.end()
        status = [(status, options["DisableIMDSv1"]) for status, options in settings("web-env")]
        equal("settings after it", status, [("deployed", "false")])
        [new] = instances("web-env")
        equal("the id without a token", guest("web-env").read("meta-data/instance-id"), new)
        equal("the old one", described(old)["State"]["Name"], "terminated")
        equal("the last event of the request", messages(RequestId=request)[0], UPDATED)

        equal("instances that were seen", set(seen[-1]), {old, new})
        equal("moments without an answer", [each for each in seen if not any(one[0] for one in each.values())], [])
        for name, want in [(old, {401}), (new, {200})]:
            statuses = {each[name][1] for each in seen if name in each} - {None}
            equal(f"what {name} is answered without a token", statuses, want)

        update("web-env", option("DisableIMDSv1", "true"))
        wait("updated", "web-env")
        equal("an IMDSv1 call", guest("web-env").status(), 401)


def case_stacks() -> None:
    """DisableIMDSv1's default: true with Amazon Linux 2023, false with Amazon Linux 2"""
    for words, default, status in [("Amazon Linux 2023", "true", 401), ("Amazon Linux 2 ", "false", 200)]:
        [found] = eb().describe_configuration_options(
            SolutionStackName=stack(words), Options=[option("DisableIMDSv1")]
        )["Options"]
        told = [found[name] for name in ("Namespace", "Name", "DefaultValue", "ChangeSeverity", "ValueType")]
        equal(words, told, [LAUNCH, "DisableIMDSv1", default, "RestartEnvironment", "Scalar"])
        equal("its values", sorted(found["ValueOptions"]), ["false", "true"])
        with environment("stack-env", words):
            equal(words, settings("stack-env")[0][1]["DisableIMDSv1"], default)
            equal(f"{words}: an IMDSv1 call", guest("stack-env").status(), status)
    several = eb().describe_configuration_options(
        SolutionStackName=stack("Amazon Linux 2023"),
        Options=[option("InstanceType"), option("MinSize", namespace="aws:autoscaling:asg")],
    )
    names = sorted(one["Name"] for one in several["Options"])
    equal("several", names, ["InstanceType", "MinSize"])
    every = eb().describe_configuration_options(SolutionStackName=stack("Amazon Linux 2023"))["Options"]
    equal("many", len(every) > 10, True)


def case_instances() -> None:
    """what the environment's options make of its instances: tags, profile, type, number, and a template's version"""
    iam = client("iam")
    iam.create_role(RoleName="web", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    options = [
        option("IamInstanceProfile", "web"),
        option("InstanceType", "t3.small"),
        option("MinSize", "2", "aws:autoscaling:asg"),
        option("LEVEL", "3", VARIABLES),
    ]
    with environment("many-env", OptionSettings=options, Tags=[{"Key": "team", "Value": "blue"}]) as ready:
        names = instances("many-env")
        equal("their number", len(names), 2)
        for name in names:
            one = described(name)
            equal("the type", one["InstanceType"], "t3.small")
            equal("its options", one["MetadataOptions"]["HttpTokens"], "required")
            equal("the hop limit", one["MetadataOptions"]["HttpPutResponseHopLimit"], 2)
            tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
            want = {
                "Name": "many-env",
                "team": "blue",
                "elasticbeanstalk:environment-name": "many-env",
                "elasticbeanstalk:environment-id": ready["EnvironmentId"],
            }
            equal("tags", {key: tags.get(key) for key in want}, want)
            this = Guest(one)
            role = this.read("meta-data/iam/security-credentials/", this.token())
            equal("the role", role, "web")
        resources = eb().describe_environment_resources(EnvironmentName="many-env")["EnvironmentResources"]
        [template] = resources["LaunchTemplates"]
        for version, tokens in [("1", "required"), ("2", "optional")]:
            [one] = client().describe_launch_template_versions(LaunchTemplateId=template["Id"], Versions=["$Latest"])[
                "LaunchTemplateVersions"
            ]
            told = (str(one["VersionNumber"]), one["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"])
            equal("the template", told, (version, tokens))
            if version == "1":
                update("many-env", option("DisableIMDSv1", "false"))
                wait("updated", "many-env")
        equal("all others", (len(instances("many-env")), set(names) & set(instances("many-env"))), (2, set()))


def case_no_replacement() -> None:
    """an update that concerns no launch keeps the instances; one that changes nothing ends well, too"""
    with environment("still-env"):
        before = instances("still-env")
        for options in [[option("LEVEL", "3", VARIABLES)], [], [option("DisableIMDSv1", "true")]]:
            request = update("still-env", *options)
            wait("updated", "still-env")
            equal(f"the last event after {options}", messages(RequestId=request)[0], UPDATED)
            equal(f"the instances after {options}", instances("still-env"), before)
        answer = eb().describe_configuration_settings(ApplicationName=APPLICATION, EnvironmentName="still-env")
        [one] = answer["ConfigurationSettings"]
        equal("the variable", option("LEVEL", "3", VARIABLES) in one["OptionSettings"], True)
        update("still-env", OptionsToRemove=[option("LEVEL", namespace=VARIABLES)])
        wait("updated", "still-env")


def case_events() -> None:
    """events: newest first, of a request, from a time on, of a severity, in pages"""
    with environment("event-env") as ready:
        own = {"EnvironmentId": ready["EnvironmentId"]}
        request = update("event-env", option("DisableIMDSv1", "false"))
        wait("updated", "event-env")
        every = eb().describe_events(**own)["Events"]
        dates = [event["EventDate"] for event in every]
        equal("newest first, none at the same moment", dates, sorted(set(dates), reverse=True))
        equal("both ends", (every[0]["Message"], every[-1]["Message"]), (UPDATED, CREATED))
        equal("whose", {event["EnvironmentName"] for event in every}, {"event-env"})
        of_request = eb().describe_events(RequestId=request)["Events"]
        equal("of the request", of_request, [event for event in every if event["RequestId"] == request])
        equal("errors", messages(Severity="ERROR", **own), [])
        equal("a severity or higher", messages(Severity="INFO", **own), [event["Message"] for event in every])
        later = eb().describe_events(StartTime=dates[-2], **own)["Events"]
        equal("from a time on", later, every[:-1])
        earlier = eb().describe_events(EndTime=dates[0], **own)["Events"]
        equal("until a time", earlier, every[1:])
        paged = eb().get_paginator("describe_events").paginate(PaginationConfig={"PageSize": 2}, **own)
        equal("in pages", paged.build_full_result()["Events"], every)
        equal("of nobody", messages(RequestId="00000000-0000-0000-0000-000000000000"), [])


def case_health() -> None:
    """the health of an environment with enhanced reporting, and of its instances"""
    system = option("SystemType", "enhanced", "aws:elasticbeanstalk:healthreporting:system")
    with environment("well-env", OptionSettings=[system]) as ready:
        equal("in short", ready["HealthStatus"], "Ok")
        health = eb().describe_environment_health(EnvironmentName="well-env", AttributeNames=["All"])
        equal("it", (health["HealthStatus"], health["Status"], health["Color"]), ("Ok", "Ready", "Green"))
        equal("instances that are well", health["InstancesHealth"]["Ok"], 1)
        answer = eb().describe_instances_health(EnvironmentName="well-env", AttributeNames=["All"])
        [one] = answer["InstanceHealthList"]
        told = (one["InstanceId"], one["HealthStatus"], one["Color"])
        equal("its instance", told, (instances("well-env")[0], "Ok", "Green"))


def case_applications() -> None:
    """applications, their versions and tags; one that goes takes its environments with it"""
    one = {"ApplicationName": "other"}
    made = eb().create_application(Description="first", Tags=[{"Key": "a", "Value": "b"}], **one)["Application"]
    equal("it", (made["ApplicationName"], made["Description"]), ("other", "first"))
    refused("InvalidParameterValue", eb().create_application, **one)
    eb().create_application_version(VersionLabel="v1", **one)
    refused("InvalidParameterValue", eb().create_application_version, VersionLabel="v1", **one)
    versions = eb().describe_application_versions(**one)["ApplicationVersions"]
    equal("versions", [version["VersionLabel"] for version in versions], ["v1"])
    arn = {"ResourceArn": made["ApplicationArn"]}
    equal("tags", eb().list_tags_for_resource(**arn)["ResourceTags"], [{"Key": "a", "Value": "b"}])
    eb().create_environment(EnvironmentName="gone-env", SolutionStackName=stack("2023"), VersionLabel="v1", **one)
    wait("exists", "gone-env")
    refused("OperationInProgressFailure", eb().delete_application, **one)
    this = guest("gone-env")
    [name] = instances("gone-env")
    eb().delete_application(TerminateEnvByForce=True, **one)
    wait("terminated", "gone-env")
    if this.send("GET", "meta-data/instance-id", {})[1] == name:
        raise AssertionError("an instance of an application that is gone is answered")
    equal("applications", eb().describe_applications(ApplicationNames=["other"])["Applications"], [])


def case_names() -> None:
    """a name is free once its environment has ended; both are described, and one where the ended are left out"""
    free = functools.partial(eb().check_dns_availability, CNAMEPrefix="the-shop")
    equal("its prefix", free()["Available"], True)
    with environment("twice-env", CNAMEPrefix="the-shop") as first:
        equal("its prefix is in use", free()["Available"], False)
        equal("its name", first["CNAME"], free()["FullyQualifiedCNAME"])
    with environment("twice-env") as second:
        for arguments, want in [
            ({}, {first["EnvironmentId"]: "Terminated", second["EnvironmentId"]: "Ready"}),
            ({"IncludeDeleted": False}, {second["EnvironmentId"]: "Ready"}),
        ]:
            found = eb().describe_environments(EnvironmentNames=["twice-env"], **arguments)["Environments"]
            equal(f"{arguments}", {one["EnvironmentId"]: one["Status"] for one in found}, want)
        one = {"EnvironmentName": "twice-env"}
        eb().terminate_environment(**one)
        equal(
            "a second end", eb().terminate_environment(EnvironmentId=second["EnvironmentId"])["Status"], "Terminating"
        )
        wait("terminated", "twice-env")
    equal("its prefix in the end", free()["Available"], True)


def case_platforms() -> None:
    """the newest platform of a branch, as it is looked for, makes an environment"""
    found = eb().list_platform_versions(
        Filters=[
            {
                "Type": "PlatformBranchName",
                "Operator": "=",
                "Values": ["Python 3.11 running on 64bit Amazon Linux 2023"],
            }
        ]
    )["PlatformSummaryList"]
    [arn] = [one["PlatformArn"] for one in found if one["PlatformLifecycleState"] == "Recommended"]
    platform = eb().describe_platform_version(PlatformArn=arn)["PlatformDescription"]
    equal("its stack", platform["SolutionStackName"] in eb().list_available_solution_stacks()["SolutionStacks"], True)
    branches = eb().list_platform_branches()["PlatformBranchSummaryList"]
    equal("its branch", platform["PlatformBranchName"] in {branch["BranchName"] for branch in branches}, True)
    eb().create_environment(ApplicationName=APPLICATION, EnvironmentName="arn-env", PlatformArn=arn)
    wait("exists", "arn-env")
    told = only("arn-env")
    equal("both names", (told["PlatformArn"], told["SolutionStackName"]), (arn, platform["SolutionStackName"]))
    eb().terminate_environment(EnvironmentName="arn-env")
    wait("terminated", "arn-env")


def case_validate() -> None:
    """ValidateConfigurationSettings: each bad value is an error in an answer that is no error"""
    for settings, want in [
        ([option("DisableIMDSv1", "true"), option("LEVEL", "3", VARIABLES)], []),
        ([option("DisableIMDSv1", "maybe")], [("error", LAUNCH, "DisableIMDSv1")]),
        ([option("DisableIMDSv9", "true")], [("error", LAUNCH, "DisableIMDSv9")]),
        ([option("MinSize", "many", "aws:autoscaling:asg")], [("error", "aws:autoscaling:asg", "MinSize")]),
    ]:
        answer = eb().validate_configuration_settings(ApplicationName=APPLICATION, OptionSettings=settings)
        got = [(one["Severity"], one["Namespace"], one["OptionName"]) for one in answer["Messages"]]
        equal(settings, got, want)


def case_errors() -> None:
    """every bad value has its code, and changes nothing"""
    with environment("error-env"):
        before = instances("error-env")
        own = {"EnvironmentName": "error-env"}
        new = {"ApplicationName": APPLICATION, "EnvironmentName": "new-env"}
        call = eb(is_validated=False)
        for code, action, arguments in [
            (
                "ConfigurationValidationException",
                "update_environment",
                own | {"OptionSettings": [option("DisableIMDSv1", "bogus")]},
            ),
            (
                "ConfigurationValidationException",
                "update_environment",
                own | {"OptionSettings": [option("DisableIMDSv1", "")]},
            ),
            (
                "ConfigurationValidationException",
                "update_environment",
                own | {"OptionSettings": [option("Nonsense", "true")]},
            ),
            (
                "ConfigurationValidationException",
                "update_environment",
                own | {"OptionSettings": [option("DisableIMDSv1", "true", "aws:nonsense")]},
            ),
            ("InvalidParameterValue", "update_environment", {"EnvironmentName": "none"}),
            ("InvalidParameterValue", "update_environment", own | {"VersionLabel": "none"}),
            ("MissingRequiredParameter", "update_environment", {}),
            ("InvalidParameterValue", "terminate_environment", {"EnvironmentName": "none"}),
            ("InvalidParameterValue", "describe_environment_resources", {"EnvironmentName": "none"}),
            (
                "InvalidParameterValue",
                "describe_configuration_settings",
                {"ApplicationName": APPLICATION, "EnvironmentName": "none"},
            ),
            ("InvalidParameterValue", "create_environment", new | {"SolutionStackName": "none"}),
            ("InvalidParameterValue", "create_environment", new | own | {"SolutionStackName": stack("2023")}),
            (
                "InvalidParameterValue",
                "create_environment",
                new | {"ApplicationName": "none", "SolutionStackName": stack("2023")},
            ),
            (
                "InvalidParameterValue",
                "create_environment",
                new | {"EnvironmentName": "abc", "SolutionStackName": stack("2023")},
            ),
            (
                "InvalidParameterValue",
                "create_environment",
                new | {"EnvironmentName": "-dash", "SolutionStackName": stack("2023")},
            ),
            ("InvalidAction", "create_platform_version", {}),
        ]:
            refused(code, getattr(call, action), **arguments)
        update("error-env")
        words = "Environment named error-env is in an invalid state for this operation. Must be Ready."
        equal("while it is updated", refused("InvalidParameterValue", eb().update_environment, **own), words)
        wait("updated", "error-env")
        equal("nothing happened", instances("error-env"), before)
        equal("one configuration", [status for status, _ in settings("error-env")], ["deployed"])


if __name__ == "__main__":
    main(globals())
