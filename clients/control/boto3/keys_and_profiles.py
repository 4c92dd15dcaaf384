"""Key pairs, and the instance profiles that instances are associated with."""

import json
import pathlib
import subprocess
import tempfile

from cases import Guest, client, described, equal, launch, main, refused

PROFILE = "arn:aws:iam::123456789012:instance-profile/"


def made_by_ssh_keygen(folder: str, kind: str) -> str:
    """A public key, without its comment."""
    file = pathlib.Path(folder, kind)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file], check=True)
    return " ".join(file.with_suffix(".pub").read_text().split()[:2])


def served(instance: dict) -> str:
    """The key that the instance is given, without its comment."""
    return " ".join(Guest(instance).read("meta-data/public-keys/0/openssh-key").split()[:2])


def case_import() -> None:
    """keys of ssh-keygen are imported, and are what public-keys/ serves"""
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("ed25519", "rsa"):
            key = made_by_ssh_keygen(folder, kind)
            answer = client().import_key_pair(KeyName=f"own-{kind}", PublicKeyMaterial=f"{key} me".encode())
            instance = launch(KeyName=f"own-{kind}")
            equal(kind, served(instance), key)
            equal("its list", Guest(instance).read("meta-data/public-keys/"), f"0=own-{kind}")
            equal("as described", described(instance["InstanceId"])["KeyName"], f"own-{kind}")
            [found] = client().describe_key_pairs(KeyNames=[f"own-{kind}"])["KeyPairs"]
            equal("the fingerprint", found["KeyFingerprint"], answer["KeyFingerprint"])
    equal("an instance without a key", Guest(launch()).status("meta-data/public-keys/"), 404)
    refused("InvalidKey.Format", client().import_key_pair, KeyName="bad", PublicKeyMaterial=b"no key")


def case_create() -> None:
    """a key that is made: ssh-keygen reads the private half, and derives what is served"""
    for kind in ("ed25519", "rsa"):
        answer = client().create_key_pair(KeyName=f"made-{kind}", KeyType=kind)
        with tempfile.NamedTemporaryFile("w") as file:  # it is 0600
            file.write(answer["KeyMaterial"].rstrip("\n") + "\n")
            file.flush()
            derived = subprocess.run(
                ["ssh-keygen", "-y", "-f", file.name], check=True, capture_output=True, text=True
            ).stdout
        equal(kind, served(launch(KeyName=f"made-{kind}")), " ".join(derived.split()[:2]))
    refused("InvalidKeyPair.Duplicate", client().create_key_pair, KeyName="made-rsa")
    refused("InvalidKeyPair.NotFound", client().describe_key_pairs, KeyNames=["none"])


def make(name: str) -> None:
    """Makes a profile, and a role of its name that it holds."""
    iam = client("iam")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def arn(instance: str) -> str | None:
    """The profile that iam/info tells the instance of."""
    status, body = Guest(described(instance)).send("GET", "meta-data/iam/info", {})
    return json.loads(body)["InstanceProfileArn"] if status == 200 else None


def case_profiles() -> None:
    """profiles: at launch, associated, replaced and disassociated, as described and as iam/info says"""
    ec2 = client()
    refused("InvalidParameterValue", launch, IamInstanceProfile={"Name": "at-launch"})
    for name in ("at-launch", "web", "db", "other"):
        make(name)
    first = launch(IamInstanceProfile={"Name": "at-launch"})["InstanceId"]
    if not described(first)["IamInstanceProfile"]["Arn"].endswith(":instance-profile/at-launch"):
        raise AssertionError(f"no profile: {described(first)}")
    second = launch()["InstanceId"]
    equal("none", (described(second).get("IamInstanceProfile"), arn(second)), (None, None))
    answer = ec2.associate_iam_instance_profile(InstanceId=second, IamInstanceProfile={"Arn": f"{PROFILE}web"})
    association = answer["IamInstanceProfileAssociation"]
    equal("associated", association["IamInstanceProfile"]["Arn"], f"{PROFILE}web")
    equal("described", described(second)["IamInstanceProfile"]["Arn"], f"{PROFILE}web")
    refused(
        "IncorrectState",
        ec2.associate_iam_instance_profile,
        InstanceId=second,
        IamInstanceProfile={"Name": "other"},
    )
    find = {"Filters": [{"Name": "instance-id", "Values": [second]}]}
    [found] = ec2.describe_iam_instance_profile_associations(**find)["IamInstanceProfileAssociations"]
    equal("it is found", (found["AssociationId"], found["State"]), (association["AssociationId"], "associated"))
    answer = ec2.replace_iam_instance_profile_association(
        AssociationId=association["AssociationId"], IamInstanceProfile={"Arn": f"{PROFILE}db"}
    )
    association = answer["IamInstanceProfileAssociation"]["AssociationId"]
    equal("replaced", described(second)["IamInstanceProfile"]["Arn"], f"{PROFILE}db")
    ec2.disassociate_iam_instance_profile(AssociationId=association)
    equal("gone", (described(second).get("IamInstanceProfile"), arn(second)), (None, None))
    refused(
        "InvalidAssociationID.NotFound",
        ec2.disassociate_iam_instance_profile,
        AssociationId="iip-assoc-00000000000000000",
    )


if __name__ == "__main__":
    main(globals())
