"""No secret has a character that nobody sees: consumers differ in whether they cut it off."""

from typing import Any

import pytest

from stacks.secrets import SECRETS
from stacks.settings.layers import merged
from tests.support import recording
from tests.support.refusals import refusals
from tests.unit.stacks.test_settings import needing_every_secret

TOKEN = "akashToken"
GOOD = {
    "grafanaAdminPassword": "marker",
    "grafanaMetricsPassword": "marker",
    "grafanaClientSecret": "marker",
    "slackApiUrl": "https://hooks.slack.com/services/marker",
    "pagerdutyRoutingKey": "marker" + "0" * 26,
    "heartbeatUrl": "https://heartbeat.example.com/marker",
    "outsideAlarmEndpoint": "https://alarm.example.com/marker",
    TOKEN: "marker",
}


def lines(key: str, value: str) -> list[str]:
    """The problems of a stack that needs every secret, with this value of one."""
    values = needing_every_secret()
    mounted = {"workloads": {"aurora-treaty": {"secrets": {"token": TOKEN}}}}
    values["vaultmesh:settings"] = merged(values["vaultmesh:settings"], mounted)
    secrets = recording.SECRETS | {f"vaultmesh:{TOKEN}": "made-up-token", f"vaultmesh:{key}": value}
    return refusals(values, secrets)


@pytest.mark.parametrize("key", GOOD)
def test_every_secret_is_taken_as_it_should_be(key: str) -> None:
    assert lines(key, GOOD[key]) == []


@pytest.mark.parametrize("key", GOOD)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("{}\n", "ends"),
        ("{}\r\n", "ends"),
        ("{} ", "ends"),
        ("{}\t", "ends"),
        ("{}\N{NO-BREAK SPACE}", "ends"),
        ("{}\N{ZERO WIDTH SPACE}", "ends"),
        ("{}\0", "ends"),
        (" {}", "begins"),
        ("\n{}", "begins"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}{}", "begins"),
        ("made-up-{}\n", "ends"),
        ("{}\0{}", "contains"),
        ("{}\x1b[A{}", "contains"),
    ],
)
def test_what_nobody_sees_is_refused_without_being_repeated(
    key: str, change: str, expected: str
) -> None:
    (line,) = lines(key, change.replace("{}", GOOD[key]))
    assert line.startswith(f"vaultmesh:{key}: {expected} ")
    assert line.endswith(f". Run `pulumi config set --secret {key}` without it.")
    assert "marker" not in line


@pytest.mark.parametrize("key", GOOD)
def test_only_the_file_of_a_program_has_several_lines(key: str) -> None:
    found = lines(key, f"{GOOD[key]}\n{GOOD[key]}")
    assert [line.startswith(f"vaultmesh:{key}: contains ") for line in found] == (
        [True] if key in SECRETS else []
    )


@pytest.mark.parametrize("value", [" ", "\n", "\t \n"])
@pytest.mark.parametrize("key", GOOD)
def test_a_blank_secret_is_refused(key: str, value: str) -> None:
    (line,) = lines(key, value)
    assert line.startswith(f"vaultmesh:{key}: begins with a blank")


@pytest.mark.parametrize("value", ["correct horse battery staple", "§ü→", "a=b;c$(d)`e`"])
def test_a_password_may_have_blanks_and_signs_inside(value: str) -> None:
    for key in ("grafanaAdminPassword", "grafanaMetricsPassword", "grafanaClientSecret", TOKEN):
        assert lines(key, value) == []


@pytest.mark.parametrize("key", ["slackApiUrl", "heartbeatUrl", "outsideAlarmEndpoint"])
@pytest.mark.parametrize(
    ("url", "is_url"),
    [
        ("https://a.example.com", True),
        ("https://a.example.com/x?y=z&n=%20", True),
        ("https://[2001:db8::1]/x", True),
        ("https://a.example.com/%zz", False),
        ("https://a.example.com/50%", False),
        ("https://a b.example.com/", False),
        ("https://a.example.com/a b", False),
        ("https:///x", False),
        ("https://", False),
        ("HTTPS//a.example.com", False),
        ("https://{host}/x", False),
        ("http://a.example.com", False),
        ("ftp://a.example.com", False),
    ],
)
def test_a_url_is_one_for_the_parser_of_its_server(key: str, url: str, is_url: bool) -> None:
    assert (lines(key, url) == []) is is_url


def test_a_secret_that_the_stack_does_not_use_may_be_anything() -> None:
    values: dict[str, Any] = recording.stack_values("local")
    assert refusals(values, recording.SECRETS | {"vaultmesh:slackApiUrl": "x \n"}) == []
