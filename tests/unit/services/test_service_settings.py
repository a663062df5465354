"""The settings of services: their variables, their types, and what the stacks set."""

from importlib import import_module
from typing import Any, ClassVar

import pytest

from services.shell import (
    Address,
    Addresses,
    ServerSettings,
    Settings,
    SettingsError,
    check_http_url,
    load_settings,
)
from tests.support.recording import STACKS, stack_values


class PingSettings(ServerSettings):
    service: ClassVar[str] = "ping-pong"
    greeting: str = "hello"
    peers: Addresses = ()
    seconds: float = 1


def test_settings_come_from_the_environment() -> None:
    found = load_settings(
        PingSettings,
        {"PORT": "81", "POD_NAME": "p-1", "GREETING": "none", "PING_PONG_SECONDS": "2", "X": "y"},
    )
    assert (found.port, found.pod_name, found.seconds) == (81, "p-1", 2)
    assert found.greeting == "hello"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("HOST", ""),
        ("HOST", "http://0.0.0.0"),
        ("HOST", "[::]"),
        ("HOST", "a..b"),
        ("MAX_CONNECTIONS", "0"),
        ("POD_NAME", "a b"),
        ("DRAIN_SECONDS", "11"),
        ("DRAIN_SECONDS", "nan"),
        ("LOG_LEVEL", "loud"),
        ("PING_PONG_SECONDS", "s3cret"),
        ("PING_PONG_SECOND", "s3cret"),
        ("PING_PONG_PORT", "80"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_not_its_value(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(PingSettings, {variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


# Addresses and URLs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("psi:8000", (Address("psi", 8000),)),
        ("psi:8000, [::1]:80,", (Address("psi", 8000), Address("::1", 80))),
    ],
)
def test_addresses_are_separated_by_commas(text: str, expected: tuple[Address, ...]) -> None:
    found = load_settings(PingSettings, {"PING_PONG_PEERS": text}).peers
    assert found == expected
    assert [str(address) for address in found] == [part.strip() for part in text.split(",") if part]


@pytest.mark.parametrize(
    "text",
    [
        "psi",
        "psi:",
        "psi:http",
        ":8000",
        "[]:80",
        "psi:0",
        "psi:65536",
        "psi:٨٠",
        f"psi:{'9' * 5000}",
        "psi:8000,b",
        "http://psi:8000",
        "http://me:s3cret@psi:8000",
        "psi:8000/step",
        "a..b:80",
        "-a:80",
        "a b:80",
        f"{'a' * 64}:80",
        "::1:80",
        "[psi]:80",
        "[127.0.0.1]:80",
        "[::g]:80",
        "[[::1]]:80",
    ],
)
def test_a_wrong_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^PING_PONG_PEERS: .*Write host:port\.$") as refusal:
        load_settings(PingSettings, {"PING_PONG_PEERS": text})
    assert "\n" not in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_a_wrong_address_among_others_is_counted() -> None:
    with pytest.raises(SettingsError, match=r"^PING_PONG_PEERS: entry 2 is not an address\."):
        load_settings(PingSettings, {"PING_PONG_PEERS": "psi:8000, http://psi:8000"})


@pytest.mark.parametrize(
    "url", ["http://name", "https://name:8443/a/?b=c", "http://127.0.0.1:1", "http://[::1]:8000/"]
)
def test_a_valid_url_is_unchanged(url: str) -> None:
    assert check_http_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "name:8000",
        "ftp://name",
        "http://",
        "http:///path",
        "http://name:port",
        "http://name:99999",
        "http://name:0",
        "http://na me",
        "http://a..b:80",
        "http://-a",
        f"http://{'a' * 64}",
        "http://[::g]:80",
        "http://user:pass@word@name:port",
        "http://name\n",
        "http://user:password@name",
        "http://user@name",
    ],
)
def test_an_invalid_url_or_one_with_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refusal:
        check_http_url(url)
    assert "pass" not in str(refusal.value).removesuffix("or a password. Remove them from the URL.")


# Services


def settings_model(module: str) -> type[Settings]:
    (model,) = (
        kind
        for kind in vars(import_module(f"{module}.app")).values()
        if isinstance(kind, type)
        and issubclass(kind, Settings)
        and kind not in (Settings, ServerSettings)
    )
    return model


ODD = [
    *("", " ", "nan", "inf", "-inf", "1e999", "-1", "0x10", "٣", "9" * 5000, "a" * 300),
    *("null", "[", "{}", "[{}]", "[" * 100_000, "\udcff", "a\nb", "\u202e", "\x7f", "/etc/passwd"),
    *("http://a:80", "http://[::1", "http://a:80:80", "//a", "http://u:p@a", "a:80,\n,b:0"),
    f'[{{"name": "a", "cron": "* * * * *", "url": "http://a/", "body": {"[" * 3000}{"]" * 3000}}}]',
    '[{"name": "\\ud800", "cron": "* * * * *", "url": "http://a/"}]',
    '[{"name": "a", "cron": "\\u202e\\n", "url": "http://a/"}]',
]


@pytest.mark.parametrize(
    "module", ["feeder", "harbinger", "heartbeat", "psi_field", "scheduler", "treaty"]
)
def test_an_odd_value_of_any_setting_is_accepted_or_refused_in_one_line(module: str) -> None:
    model = settings_model(f"services.{module}")
    names = [name.upper() for name in ServerSettings.model_fields]
    names += [model.prefix() + name.upper() for name in model.model_fields]
    refused = set()
    for name in names:
        for value in ODD:
            try:
                load_settings(model, {name: value})
            except SettingsError as refusal:
                text = str(refusal)
                assert text.startswith(f"{name}") and text.isprintable()
                refused.add(name)
    own = {name for name in model.model_fields if name not in ServerSettings.model_fields}
    assert refused >= {model.prefix() + name.upper() for name in own}


def environments() -> dict[str, tuple[str, dict[str, str]]]:
    """Module and environment of every workload and CronJob, by `stack name`."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for stack in STACKS:
        settings = stack_values(stack)["vaultmesh:settings"]
        runs: dict[str, Any] = {**settings["workloads"], **settings.get("cronJobs", {})}
        for name, run in runs.items():
            found[f"{stack} {name}"] = (run["command"][2], run.get("environment", {}))
    return found


@pytest.mark.parametrize("name", environments())
def test_a_service_accepts_the_environment_that_a_stack_sets(name: str) -> None:
    module, environment = environments()[name]
    model = settings_model(module)
    shared = {field.upper() for field in ServerSettings.model_fields}
    for variable in environment:
        assert variable in shared or variable.startswith(model.prefix()), f"{name}: {variable}"
    load_settings(model, environment)
