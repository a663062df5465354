"""Values that end in objects of Kubernetes get its verdict, and a refusal says what to write."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.hours import Window
from components.placement import LabelKey, LabelValue
from components.values import (
    Bytes,
    Cpu,
    DnsLabel,
    EksName,
    Network,
    ObjectName,
    Resources,
    VolumeSize,
)
from stacks.settings.account import RepositoryName, RoleName
from stacks.settings.aws import PolicyName
from stacks.settings.programs import CronJobName, FileName, Host, Image, VariableName, WorkloadName

DIGEST = f"sha256:{'0' * 64}"
RIGHT: dict[Any, tuple[Any, ...]] = {
    Cpu: ("500m", "2", "0.5", ".5", "1e3", "1.5", "2k", "0", "100u", "+1", 2, 0.5),
    Bytes: ("256Mi", "0.5Ti", "50G", "1e9", "1.5Gi", "0.1Gi", "128974848000m", "0", 1073741824),
    VolumeSize: ("50Gi", "0.5Ti", "50G", "51200Mi", "1Ei", "1e11"),
    Network: ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "2001:DB8::1/128", "fd00::/8"),
    DnsLabel: ("a", "a-b", "2nd", "1", "a" * 63),
    ObjectName: ("a", "a.b", "1.2", "a" * 253, "kube-system"),
    WorkloadName: ("a", "a-to-b", "pods", "a" * 63),
    CronJobName: ("a", "2nd", "a" * 52),
    LabelKey: ("a", "A_b.c", "example.com/a", f"{'a' * 253}/{'a' * 63}"),
    LabelValue: ("", "a", "A_b.c", "1", "a" * 63),
    VariableName: ("LOG_LEVEL", "http_proxy", "no_proxy", "a.b-c", "1A", "Port"),
    FileName: ("token", "tls.crt", "TLS_KEY", ".dockerconfigjson", ".a", "a" * 253),
    Host: ("api.example.com", "192.0.2.7", "2001:db8::7", "2001:DB8::7", "a.xn--p1ai"),
    EksName: ("aurora-staging", "1", "A_b-c", "a" * 100),
    PolicyName: ("vaultmesh-workloads", "a+=,.@_-", "a" * 128),
    RoleName: ("admins", "teams/platform", "a" * 64),
    RepositoryName: ("vaultmesh/services", "a1", "a.b/c_d"),
    Image: (
        *(
            "a:1",
            "a/b:1",
            "r.io/a:1",
            "R.io/a:1",
            "r.io:5000/a:1",
            "localhost/a:1",
            "[::1]:5000/a:1",
        ),
        *(
            f"r.io/a@{DIGEST}",
            f"r.io/a:1@{DIGEST}",
            f"r.io/a@sha512:{'0' * 128}",
            "a__b/c--d:V_1.0-x",
        ),
        f"r.io/a:{'1' * 128}",
    ),
}
WRONG: dict[Any, tuple[Any, ...]] = {
    Cpu: ("", "-1", "two", "1 core", "500M i", "1K", "m", "1_000", "1,5", "1e", "0x1", True),
    Bytes: ("512m", "1500m", "100u", "-1Gi", "50GB", "1gi", "1Kb", "Mi", "1.5.5Gi", "nan"),
    VolumeSize: ("0", "0Gi", "-1Gi", "50GB", "512m"),
    Network: (
        *("10.0.0.1", "10.0.0.0/255.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0/8"),
        *(
            "010.0.0.0/8",
            "10.0.0.0/7",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::",
            "2001:db8::1/32",
            "/8",
            "",
        ),
        *("fe80::1%eth0/128", "example.com/24", " 10.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0/+8"),
    ),
    DnsLabel: ("", "A", "a.b", "a_b", "-a", "a-", "a" * 64, "é", "a\n"),
    ObjectName: ("", "A", "a..b", "a.-b", ".a", "a.", "a_b", "a" * 254, "a/b"),
    WorkloadName: ("2nd", "a.b", "A", "a" * 64, "grafana", "default", "config-reload", ""),
    CronJobName: ("a.b", "A", "a" * 53, "grafana", "default", "-a", ""),
    LabelKey: (
        "",
        "a/b/c",
        "/a",
        "a/",
        "Example.com/a",
        "a..b/c",
        "-a",
        "a" * 64,
        f"{'a' * 254}/a",
    ),
    LabelValue: ("a b", "-a", "a-", "a/b", "a" * 64, "é"),
    VariableName: ("", "A=B", "é", "A\n", "PORT", "HOST", "POD_NAME"),
    FileName: ("", ".", "..", "..a", "a/b", "a b", "é", "a" * 254),
    Host: (
        "999.1.1.1",
        ":::",
        "10.0.0",
        "psi-field",
        "fe80::1%eth0",
        "https://a.example",
        "a b.c",
        "",
    ),
    EksName: ("", "-a", "a b", "a.b", "a" * 101, "é"),
    PolicyName: ("", "a/b", "a b", "a" * 129, "é", "a\n"),
    RoleName: ("", "a b", "teams/", "a" * 65, "é", "//a"),
    RepositoryName: ("", "a", "A/b", "a//b", "/a", "a/", "a" * 257, "a:b"),
    Image: (
        *(
            "a",
            "r.io/a",
            "r.io//a:1",
            "/a:1",
            "a/:1",
            "A:1",
            "a/B:1",
            "a:",
            "a:-1",
            "a: 1",
            " a:1",
            "a:1\n",
        ),
        *(
            "https://r.io/a:1",
            "r.io/a@sha256:abc",
            f"r.io/a@sha256:{'A' * 64}",
            f"a@md5:{'0' * 32}",
        ),
        *("a___b:1", "a._b:1", "a-:1", "a:1:2", f"a:{'1' * 129}", f"r.io/{'a' * 256}:1", "0" * 64),
        "user@r.io/a:1",
    ),
}


@pytest.mark.parametrize("network", ["10.0.0.0/4", "0.0.0.0/0", "::/0", "10.0.0.1/7"])
def test_a_network_is_not_said_to_be_an_address_if_it_is_too_wide(network: str) -> None:
    assert f"`{network}` is too wide." in (problem(Network, network) or "")


def pairs(values: dict[Any, tuple[Any, ...]]) -> list[tuple[Any, Any]]:
    return [(kind, value) for kind, found in values.items() for value in found]


def problem(kind: Any, value: Any) -> str | None:
    """What is wrong with the value; None if nothing is."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return None


@pytest.mark.parametrize(("kind", "value"), pairs(RIGHT))
def test_what_kubernetes_takes_is_accepted(kind: Any, value: Any) -> None:
    assert problem(kind, value) is None


@pytest.mark.parametrize(("kind", "value"), pairs(WRONG))
def test_the_rest_is_refused_with_what_to_write(kind: Any, value: Any) -> None:
    text = problem(kind, value)
    assert text is not None
    if isinstance(value, str):
        assert any(verb in text for verb in ("Write ", "Remove ", "Choose ", "Name "))


@pytest.mark.parametrize(
    ("resources", "wrong"),
    [
        ({"memory": "256Mi", "memory_limit": "256Mi"}, None),
        ({"memory": "0.25Gi", "memory_limit": "262144Ki"}, None),
        ({"memory": "257Mi", "memory_limit": "256Mi"}, "memory: `257Mi` is more than memoryLimit."),
        ({"memory": "1G", "memory_limit": "953Mi"}, "memory: `1G` is more than memoryLimit. Write"),
        ({"memory_limit": "0"}, "`0` is too little for any program. Write one such as 256Mi."),
        ({"memory": "0", "memory_limit": "512"}, "`512` is too little for any program. Write one"),
        ({"ephemeral_storage": "49Mi"}, "`49Mi` is less than a log may take. Write 50Mi or more."),
    ],
)
def test_a_request_is_within_its_limit(resources: dict[str, str], wrong: str | None) -> None:
    found = problem(Resources, resources)
    assert found is None if wrong is None else wrong in (found or "")


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Europe/Dublin", "US/Eastern", "EST5EDT"])
def test_a_zone_of_the_iana_database_is_accepted(zone: str) -> None:
    assert Window.model_validate({"timeZone": zone, "from": "08:00", "to": "18:00"})


@pytest.mark.parametrize(
    "zone",
    [
        *("localtime", "Local", "local", "posix/Europe/Dublin", "right/UTC", "posixrules", "utc"),
        *(
            "europe/dublin",
            "Europe/Berln",
            "Europe",
            "",
            " UTC",
            "UTC ",
            "../UTC",
            "/etc/localtime",
        ),
        *("GMT+1", "CEST", "+01:00", "zone.tab", "tzdata.zi"),
    ],
)
def test_a_zone_that_only_some_machines_have_is_refused(zone: str) -> None:
    window = {"timeZone": zone, "from": "08:00", "to": "18:00"}
    assert f"`{zone}` is not a time zone." in (problem(Window, window) or "")
