"""The files and secrets of a rehearsal."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.secrets import MADE_UP
from tests.support.clone import PROJECT, RENDERED, calls
from tests.support.programs import program
from toolchain import rehearsal, stacks
from toolchain.base import UserError


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Pulumi.local.yaml", "config:\n  a: [1\n  b: 2\n", "Pulumi.local.yaml:3: is not YAML"),
        ("Pulumi.yaml", "name: demo\n\tconfig: 1\n", "Pulumi.yaml:2: is not YAML"),
        ("Pulumi.local.yaml", "config: {a: 1}\nconfig: {}\n", "Pulumi.local.yaml:2: the key `con"),
        ("Pulumi.local.yaml", "[a]", "Pulumi.local.yaml: the file is not a mapping"),
        ("Pulumi.local.yaml", "config: foo", "Pulumi.local.yaml: `config` is not a mapping"),
        (
            "Pulumi.local.yaml",
            "config: {'demo:settings': [a]}",
            "Pulumi.local.yaml: `demo:settings` is not a mapping. Write `key: value` lines.",
        ),
        (
            "Pulumi.local.yaml",
            "config:\n  demo:settings:\n",
            "Pulumi.local.yaml:2: demo:settings is",
        ),
        (
            "Pulumi.local.yaml",
            "config: {'demo:settings': {cluster: 3}}",
            "Pulumi.local.yaml: `cluster` is not a mapping",
        ),
        (
            "Pulumi.local.yaml",
            "config:\n  demo:password: hunter2\n",
            "Pulumi.local.yaml:2: demo:password is stored in plain text."
            " Run `pulumi config set --secret password` and rotate the value.",
        ),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_with_its_place(
    clone: Path, file: str, text: str, message: str
):
    (clone / file).write_text(text)
    with pytest.raises(UserError) as refused:
        stacks.plan("preview", "local", [], root=clone)
    assert str(refused.value).startswith(message)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_secret_in_plain_text_is_refused_whether_the_stack_was_previewed_before_or_not(
    clone: Path,
):
    path = clone / "Pulumi.local.yaml"
    tracked = path.read_text()
    stacks.plan("preview", "local", [], root=clone)
    path.write_text(f"{tracked}  demo:password: hunter2\n")
    with pytest.raises(UserError, match="in plain text"):
        stacks.plan("preview", "local", [], root=clone)
    path.write_text(tracked)
    stacks.plan("preview", "local", [], root=clone)


def test_a_plain_value_is_never_kept_as_a_made_up_secret():
    kept = "encryptionsalt: v1:x\nconfig: {'demo:password': hunter2}"
    assert "hunter2" not in rehearsal.merge("config: {}", kept, ["demo:password"])


def test_the_user_s_passphrase_is_not_used_for_a_rehearsal(
    clone: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the user's")
    run = stacks.plan("preview", "local", [], root=clone)
    assert "PULUMI_CONFIG_PASSPHRASE" not in run.environment
    passphrase = Path(run.environment["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert (clone / ".state").stat().st_mode & 0o777 == 0o700
    before = passphrase.read_text()
    stacks.plan("preview", "local", [], root=clone)
    assert passphrase.read_text() == before


def test_a_made_up_secret_is_given_on_stdin_and_never_as_an_argument(clone: Path):
    program(clone.parent / "bin", "pulumi", f'echo "$* stdin=$(cat)" >> {clone.parent}/calls')
    stacks.plan("preview", "local", [], root=clone)
    setting = sorted(call for call in calls(clone) if "config set" in call)
    assert len(setting) == 2
    for call, key in zip(setting, ("demo:password", "other:token"), strict=True):
        command, given = call.split(" stdin=")
        assert command == f"config set --secret {key} --stack local --non-interactive"
        assert given.startswith(MADE_UP) and len(given) >= len(MADE_UP) + 16


def test_tracked_values_win_and_made_up_secrets_are_kept():
    kept = "encryptionsalt: v1:x\nconfig: {'demo:password': {secure: s}, 'demo:gone': 1}"
    merged = rehearsal.merge("config: {'demo:a': 2}", kept, ["demo:password"])
    assert yaml.safe_load(merged) == {
        "encryptionsalt": "v1:x",
        "config": {"demo:a": 2, "demo:password": {"secure": "s"}},
    }


def test_tracked_values_keep_their_spelling():
    values = ["yes", "'12e4'", "12e4", "012", '"a # b"', "0x1f", "'true'", "~"]
    tracked = "".join(f"  demo:{i}: {value}\n" for i, value in enumerate(values))
    merged = rehearsal.merge(f"config:\n{tracked}", "", [])
    assert merged == f"config:\n{tracked}"


@pytest.mark.parametrize("tracked", ["", "config:\n", "config: {}\n", "# nothing\n"])
def test_a_stack_file_without_values_counts_as_empty(tracked: str):
    assert yaml.safe_load(rehearsal.merge(tracked, "", [])) == {"config": {}}


def test_secrets_encrypted_for_someone_else_are_replaced():
    tracked = {
        "secretsprovider": "awskms://alias/x",
        "encryptedkey": "k",
        "config": {"demo:a": 1, "demo:extra": {"secure": "theirs"}, **RENDERED["config"]},
    }
    wanted = rehearsal.secret_keys(PROJECT, tracked)
    assert wanted == ["demo:password", "other:token", "demo:extra"]
    merged = rehearsal.merge(yaml.safe_dump(tracked), "", wanted)
    assert yaml.safe_load(merged) == {"config": {"demo:a": 1, **RENDERED["config"]}}


def test_the_secrets_of_programs_in_both_files_are_made_up():
    def mounting(key: str) -> dict[str, Any]:
        return {"workloads": {"archivist": {"secrets": {"token": key}}, "odd": 1}, "cronJobs": None}

    shared = {"shared": {"type": "object", "default": mounting("sharedToken")}}
    tracked = {"config": {"demo:settings": mounting("ownToken")}}
    wanted = rehearsal.secret_keys({"name": "demo", "config": shared}, tracked)
    assert wanted == ["demo:sharedToken", "demo:ownToken"]


def test_a_lock_of_a_dead_process_goes_and_that_of_a_living_one_stays(tmp_path: Path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    folder = tmp_path / ".state" / "backend" / ".pulumi" / "locks" / "organization" / "p" / "local"
    folder.mkdir(parents=True)
    here = socket.gethostname()
    holders = {
        "dead": (dead.pid, here),
        "alive": (os.getpid(), here),
        "elsewhere": (dead.pid, f"not-{here}"),
    }
    for name, (pid, host) in holders.items():
        (folder / f"{name}.json").write_text(f'{{"pid": {pid}, "hostname": "{host}"}}')
    rehearsal.drop_dead_locks(tmp_path)
    assert sorted(path.stem for path in folder.iterdir()) == ["alive", "elsewhere"]
