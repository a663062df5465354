"""Workloads and cron jobs read their secrets from files, and preview asks for missing ones."""

from typing import Any

import pytest

from stacks.secrets import MADE_UP
from stacks.settings.layers import merged
from tests.support.recording import SECRETS, mounts, run_values, stack_values
from tests.support.refusals import refusals

TOKEN = "vaultmesh:akashToken"
FOLDER = "/etc/credentials"
WRAPPER = "4dabf18193072939515e22adb298388d"


def with_secret(stack: str = "staging", **secrets: str) -> dict[str, Any]:
    """A stack whose treaty and feeder mount a secret."""
    values = stack_values(stack)
    mounted = {"secrets": secrets or {"token": "akashToken"}}
    changes = {"workloads": {"aurora-treaty": mounted}, "cronJobs": {"synthetic-feeder": mounted}}
    return values | {"vaultmesh:settings": merged(values["vaultmesh:settings"], changes)}


def test_each_program_mounts_a_secret_of_its_own_and_no_variable_has_it() -> None:
    platform = run_values(with_secret(), SECRETS | {TOKEN: "made-up-token"})
    pods = {**dict(platform.pods()), **dict(platform.tasks())}
    for name in ("aurora-treaty", "synthetic-feeder"):
        spec = pods[name]["spec"]
        [container], [volume] = spec["containers"], spec["volumes"]
        assert mounts(container) == {FOLDER: volume["name"]}
        assert container["volumeMounts"][0]["readOnly"] is True
        assert volume["secret"]["secretName"] == name
        assert "made-up-token" not in str(pods[name])
        data = platform.one("Secret", name)["stringData"]
        assert data[WRAPPER], "it is stored in plain text"
        assert data["value"] == {"token": "made-up-token"}
    assert not pods["scheduler"]["spec"].get("volumes")


def test_a_missing_secret_is_named_with_the_command_that_sets_it() -> None:
    (line,) = refusals(with_secret())
    assert line == (
        f"{TOKEN}: missing, and cronJobs.synthetic-feeder mounts it as token. "
        "Run `pulumi config set --secret akashToken`."
    )


def test_a_secret_in_plain_text_is_refused_without_being_repeated() -> None:
    (line,) = refusals(with_secret() | {TOKEN: "marker"})
    assert line.startswith(f"{TOKEN}: is stored in plain text. Run `pulumi config set --secret ak")
    assert "marker" not in line


def test_a_real_secret_is_not_rendered() -> None:
    made_up = {**dict.fromkeys(SECRETS, f"{MADE_UP}x"), TOKEN: f"{MADE_UP}x"}
    assert not refusals(with_secret("local"), made_up)
    (line,) = refusals(with_secret("local"), made_up | {TOKEN: "marker"})
    assert line.startswith(f"{TOKEN}: is a real secret, which rendered/local/ would hold in plain")


def test_a_secret_that_no_program_mounts_is_an_unknown_key() -> None:
    (line,) = refusals(with_secret(), SECRETS | {TOKEN: "x", "vaultmesh:akashTokn": "x"})
    assert line == "vaultmesh:akashTokn: unknown key. Did you mean `akashToken`?"


def test_a_stack_may_remove_a_shared_program_and_keep_its_secret() -> None:
    values = with_secret("local")
    shared = {"workloads": {"archivist": {"command": ["a"], "secrets": {"token": "archiveToken"}}}}
    values |= {"vaultmesh:shared": shared}
    values["vaultmesh:settings"]["workloads"]["archivist"] = None
    keys = (*SECRETS, TOKEN, "vaultmesh:archiveToken")
    assert not refusals(values, dict.fromkeys(keys, f"{MADE_UP}x"))


def test_wrong_settings_do_not_make_a_secret_unknown() -> None:
    values = with_secret()
    values["vaultmesh:settings"]["quota"]["pods"] = 0
    (line,) = refusals(values, SECRETS | {TOKEN: "x"})
    assert "quota.pods" in line


@pytest.mark.parametrize(
    ("file", "key", "expected"),
    [
        ("../token", "akashToken", "`../token` is not the name of a file. Write one such as api-"),
        ("token", "akash-token", "`akash-token` is not the key of a secret in the configuration"),
    ],
)
def test_a_wrong_name_is_refused(file: str, key: str, expected: str) -> None:
    lines = refusals(with_secret(**{file: key}), SECRETS | {f"vaultmesh:{key}": "x"})
    assert len(lines) == 2, "of the workload and of the cron job"
    assert all(expected in line for line in lines)


@pytest.mark.parametrize("key", ["settings", "images", "servicesImage"])
def test_a_key_that_holds_no_secret_is_not_mounted(key: str) -> None:
    (line,) = refusals(with_secret(token=key))
    assert line == (
        f"vaultmesh:{key}: is no secret, but cronJobs.synthetic-feeder mounts it as token."
        " Name the key of a secret there, such as akashToken."
    )
