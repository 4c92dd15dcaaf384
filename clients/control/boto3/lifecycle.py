"""From launch to termination: resources, waiters, user data, and what becomes of tokens and addresses."""

import boto3

from cases import Guest, client, described, equal, image, launch, main, modify, refused


def case_resource() -> None:
    """boto3's resource: create, wait, stop, start and terminate, and who is answered in between"""
    ec2 = boto3.resource("ec2")
    [instance] = ec2.create_instances(ImageId=image(), MinCount=1, MaxCount=1, PrivateIpAddress="127.0.7.9")
    equal("at first", instance.state["Name"], "pending")
    instance.wait_until_running()
    instance.reload()
    equal("the state", instance.state["Name"], "running")
    guest = Guest(instance.private_ip_address)
    equal("its id", guest.read("meta-data/instance-id"), instance.id)

    [change] = instance.stop()["StoppingInstances"]
    states = (change["PreviousState"], change["CurrentState"])
    equal("a stop", states, ({"Code": 16, "Name": "running"}, {"Code": 64, "Name": "stopping"}))
    instance.wait_until_stopped()
    equal("what a stopped instance is answered", guest.status(), 404)
    instance.reload()
    equal("its address", instance.private_ip_address, "127.0.7.9")

    [change] = instance.start()["StartingInstances"]
    states = (change["PreviousState"], change["CurrentState"])
    equal("a start", states, ({"Code": 80, "Name": "stopped"}, {"Code": 0, "Name": "pending"}))
    instance.wait_until_running()
    equal("its id", guest.read("meta-data/instance-id"), instance.id)

    [change] = instance.terminate()["TerminatingInstances"]
    equal("the end", change["CurrentState"], {"Code": 32, "Name": "shutting-down"})
    instance.wait_until_terminated()
    equal("it is still shown", described(instance.id)["State"], {"Code": 48, "Name": "terminated"})
    if guest.send("GET", "meta-data/instance-id", {})[1] == instance.id:
        raise AssertionError("a terminated instance is answered")
    [change] = instance.terminate()["TerminatingInstances"]
    equal("a second end", change["CurrentState"]["Name"], "terminated")


def case_tokens() -> None:
    """a token is good on its own instance alone, and dies with it when the address moves on"""
    first = launch(PrivateIpAddress="127.0.8.9")
    second = launch(PrivateIpAddress="127.0.8.10", MetadataOptions={"HttpTokens": "required"})
    token = Guest(first).token()
    equal("its own", Guest(first).status(token=token), 200)
    equal("another's", Guest(second).status(token=token), 401)
    client().terminate_instances(InstanceIds=[first["InstanceId"]])
    heir = launch(PrivateIpAddress="127.0.8.9")
    equal("the address's new owner", Guest(heir).read("meta-data/instance-id"), heir["InstanceId"])
    equal("the old owner's token", Guest(heir).status(token=token), 401)
    equal("the new owner's token", Guest(heir).status(token=Guest(heir).token()), 200)


def case_address_in_use() -> None:
    """an address belongs to one instance, also while that is stopped"""
    owner = launch(PrivateIpAddress="127.0.8.20")
    arguments = {"ImageId": image(), "MinCount": 1, "MaxCount": 1, "PrivateIpAddress": "127.0.8.20"}
    refused("InvalidIPAddress.InUse", client().run_instances, **arguments)
    client().stop_instances(InstanceIds=[owner["InstanceId"]])
    refused("InvalidIPAddress.InUse", client().run_instances, **arguments)


def case_options_while_stopped() -> None:
    """metadata options that change while the instance is stopped hold when it starts"""
    instance = launch()
    one = {"InstanceIds": [instance["InstanceId"]]}
    client().stop_instances(**one)
    client().get_waiter("instance_stopped").wait(**one)
    modify(instance["InstanceId"], HttpTokens="required")
    client().start_instances(**one)
    client().get_waiter("instance_running").wait(**one)
    options = described(instance["InstanceId"])["MetadataOptions"]
    equal("what is described", (options["HttpTokens"], options["State"]), ("required", "applied"))
    equal("an IMDSv1 call", Guest(instance).status(), 401)


def case_user_data() -> None:
    """user data: text of any kind, up to 16 KiB, changed only while the instance is stopped"""
    first = "#!/bin/sh\necho '€ & <x> \"y\"' + %41\n"
    instance = launch(UserData=first)
    name = instance["InstanceId"]
    guest = Guest(instance)
    equal("at launch", guest.read("user-data"), first)
    change = {"InstanceId": name, "UserData": {"Value": b"second"}}
    refused("IncorrectInstanceState", client().modify_instance_attribute, **change)
    equal("nothing happened", guest.read("user-data"), first)
    client().stop_instances(InstanceIds=[name])
    client().modify_instance_attribute(**change)
    attribute = {"InstanceId": name, "Attribute": "userData"}
    equal("as described", client().describe_instance_attribute(**attribute)["UserData"], {"Value": "c2Vjb25k"})
    client().start_instances(InstanceIds=[name])
    equal("after the start", guest.read("user-data"), "second")

    none = launch()
    equal("none", Guest(none).status("user-data"), 404)
    attribute["InstanceId"] = none["InstanceId"]
    equal("none, as described", client().describe_instance_attribute(**attribute)["UserData"], {})
    most = "x" * 16384
    equal("the most", Guest(launch(UserData=most)).read("user-data"), most)
    arguments = {"ImageId": image(), "MinCount": 1, "MaxCount": 1, "UserData": most + "x"}
    refused("InvalidParameterValue", client().run_instances, **arguments)


def case_attributes() -> None:
    """attributes: protection from termination, the type of a stopped instance, a reboot, the status"""
    instance = launch()
    name = instance["InstanceId"]
    one = {"InstanceIds": [name]}
    ec2 = client()
    for attribute, member, want in [
        ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior", {"Value": "stop"}),
        ("disableApiStop", "DisableApiStop", {"Value": False}),
        ("disableApiTermination", "DisableApiTermination", {"Value": False}),
    ]:
        answer = ec2.describe_instance_attribute(InstanceId=name, Attribute=attribute)
        equal(attribute, (answer["InstanceId"], answer[member]), (name, want))
    ec2.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": True})
    refused("OperationNotPermitted", ec2.terminate_instances, **one)
    ec2.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": False})
    change = {"InstanceId": name, "InstanceType": {"Value": "t3.large"}}
    refused("IncorrectInstanceState", ec2.modify_instance_attribute, **change)
    ec2.reboot_instances(**one)
    equal("after a reboot", Guest(instance).read("meta-data/instance-id"), name)
    ec2.stop_instances(**one)
    equal("those that run", ec2.describe_instance_status(**one)["InstanceStatuses"], [])
    [status] = ec2.describe_instance_status(IncludeAllInstances=True, **one)["InstanceStatuses"]
    equal("the status", status["InstanceState"], {"Code": 80, "Name": "stopped"})
    ec2.modify_instance_attribute(**change)
    ec2.start_instances(**one)
    ec2.get_waiter("instance_status_ok").wait(**one)
    equal("the new type", Guest(instance).read("meta-data/instance-type"), "t3.large")
    ec2.terminate_instances(**one)
    refused("IncorrectInstanceState", ec2.start_instances, **one)


if __name__ == "__main__":
    main(globals())
