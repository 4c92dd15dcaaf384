"""What clients/imds.toml promises a guest: the values that every check compares with.

As a program, `python3 expected.py KEY` writes the value of KEY, without a newline at its end.
"""

import pathlib
import sys
import tomllib

CLIENTS = pathlib.Path(__file__).resolve().parent


def read() -> dict[str, str]:
    """Every expected value by its name; user-data by its bytes is `user_data`."""
    [instance] = tomllib.loads((CLIENTS / "imds.toml").read_text())["instance"]
    zone = instance["placement"]["availability-zone"]
    role = instance["role"]
    credentials = role["credentials"]
    leaves = ["instance-id", "instance-type", "ami-id", "local-ipv4", "public-ipv4", "mac"]
    return {leaf: instance[leaf] for leaf in leaves} | {
        "security-groups": "\n".join(instance["security-groups"]),
        "tags": "\n".join(sorted(instance["tags"])),
        **{f"tags/{key}": value for key, value in instance["tags"].items()},
        "availability-zone": zone,
        "region": zone[:-1],
        "openssh-key": line_of(instance["ssh-key-file"]),
        "role": role["name"],
        "access-key-id": credentials["access-key-id"],
        "secret-access-key": line_of(credentials["secret-access-key-file"]),
        "session-token": line_of(credentials["session-token-file"]),
        "user-data-file": str(CLIENTS / instance["user-data-file"]),
    }


def line_of(file: str) -> str:
    """The one line of a file that imds.toml names."""
    return (CLIENTS / file).read_text().strip()


def user_data() -> bytes:
    """The user-data, byte for byte."""
    return pathlib.Path(read()["user-data-file"]).read_bytes()


def compare(what: str, got: object, want: object) -> None:
    """Ends the check with status 1 if the client got anything but the expected value."""
    if got != want:
        sys.exit(f"{what}: the client got {got!r}, expected {want!r}")


if __name__ == "__main__":
    sys.stdout.write(read()[sys.argv[1]])
