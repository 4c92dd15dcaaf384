"""Terraform's calls for an environment of Elastic Beanstalk, as they were captured."""

import datetime

from cases import Guest, client, described, equal, main
from replay import AGAIN, Calls

LAUNCH = "aws:autoscaling:launchconfiguration"


def stack() -> str:
    """A solution stack of Amazon Linux 2023."""
    names = client("elasticbeanstalk").list_available_solution_stacks()["SolutionStacks"]
    return next(name for name in names if "Amazon Linux 2023" in name)


class Beanstalk(Calls):
    """An application and an environment that is launched, updated and terminated."""

    def __init__(self):
        now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        super().__init__(stack=stack(), started=now)
        self.wants = None
        self.status = {"true": 401, "false": 200}
        self.instance = None

    def CreateEnvironment(self, answer) -> None:
        self.wants = "true"
        got = [answer.findtext(f"CreateEnvironmentResult/{name}") for name in ("Status", "Tier/Name", "Tier/Type")]
        equal("at first", got, ["Launching", "WebServer", "Standard"])

    def UpdateEnvironment(self, answer) -> None:
        self.wants = "false"
        equal("the update", answer.findtext("UpdateEnvironmentResult/Status"), "Updating")

    def TerminateEnvironment(self, answer) -> None:
        self.wants = None
        equal("the end", answer.findtext("TerminateEnvironmentResult/Status"), "Terminating")

    def DescribeEnvironments(self, answer) -> object:
        [environment] = answer.findall("DescribeEnvironmentsResult/Environments/member")
        status = environment.findtext("Status")
        if status in ("Launching", "Updating", "Terminating"):
            return AGAIN
        equal("then", status, "Ready" if self.wants else "Terminated")
        return None

    def DescribeEvents(self, answer) -> None:
        events = answer.find("DescribeEventsResult/Events")
        equal("errors", (events is None, len(answer.findall("DescribeEventsResult/Events/member"))), (False, 0))

    def DescribeEnvironmentResources(self, answer) -> None:
        resources = answer.find("DescribeEnvironmentResourcesResult/EnvironmentResources")
        for name in ("AutoScalingGroups", "Instances", "LaunchConfigurations", "LoadBalancers", "Queues", "Triggers"):
            equal(name, resources.find(name) is None, False)
        [id] = [member.text for member in resources.findall("Instances/member/Id")]
        equal("another instance", id == self.instance, False)
        self.instance = id
        equal("an IMDSv1 call", Guest(described(id)).status(), self.status[self.wants])

    def DescribeConfigurationSettings(self, answer) -> None:
        [settings] = answer.findall("DescribeConfigurationSettingsResult/ConfigurationSettings/member")
        options = [
            (one.findtext("Namespace"), one.findtext("OptionName"), one.findtext("Value"))
            for one in settings.findall("OptionSettings/member")
        ]
        equal("the option", (LAUNCH, "DisableIMDSv1", self.wants) in options, True)

    def ListTagsForResource(self, answer) -> None:
        equal("tags", answer.find("ListTagsForResourceResult/ResourceTags") is None, False)

    def DescribeApplications(self, answer) -> None:
        members = answer.findall("DescribeApplicationsResult/Applications/member")
        names = [member.findtext("ApplicationName") for member in members]
        equal("the application", names, [] if self.instance else ["tfapp"])


def case_replay() -> None:
    """Terraform's captured calls for Elastic Beanstalk, in their order"""
    Beanstalk().run("beanstalk.txt", 24)


if __name__ == "__main__":
    main(globals())
