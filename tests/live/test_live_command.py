"""How `make live` starts, ends, and refuses."""

import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from ops.live.command import main
from ops.live.launch import RunOptions
from ops.live.platform import Platform
from ops.live.processes import LiveError
from tests.live.conftest import new_network
from tests.support.processes import children, is_alive
from tests.support.runner import run, start, wait_for_line
from tests.support.series import alerts
from tests.support.waiting import wait_for

NETWORK = new_network()
ALL_UP = r"targets: (\d+) of \1 up"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_all_that_it_has_started(
    number: signal.Signals, manifests: Path, tmp_path: Path
) -> None:
    with start(manifests, tmp_path, NETWORK, "--speed=60") as process:
        lines = "".join(wait_for_line(process, ALL_UP))
        assert re.search(rf"psi-field-\S+ +http://{NETWORK}\.\d+:8000$", lines, re.MULTILINE)
        started = children(process.pid)
        assert len(started) >= 7
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert not any(map(is_alive, started))
    # It was asked to end, and not killed.
    assert "See you next time" in (tmp_path / "logs" / "prometheus-server-0.log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_a_runner_that_is_killed_leaves_nothing_behind(manifests: Path, tmp_path: Path) -> None:
    with start(manifests, tmp_path, NETWORK, "--speed=60") as process:
        wait_for_line(process, f"rules: {len(alerts())} alerts")
        started = children(process.pid)
        assert len(started) >= 7
        process.kill()
        try:
            wait_for(lambda: not any(map(is_alive, started)), "no process is left")
        finally:
            for pid in filter(is_alive, started):
                os.kill(pid, signal.SIGKILL)


def test_a_port_in_use_is_one_line_and_the_state_of_the_run_that_has_it_stays(
    manifests: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "data"
    kept.mkdir()
    with socket.create_server((f"{NETWORK}.1", 8000)):
        code, output = run(manifests, tmp_path, NETWORK)
    assert code == 1
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert f"{NETWORK}.1:8000" in line and "--network=" in line
    assert kept.exists()


def test_a_missing_program_is_one_line(manifests: Path, tmp_path: Path) -> None:
    code, output = run(manifests, tmp_path, NETWORK, PATH="/usr/bin:/bin")
    assert code == 1
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "is not on PATH" in line and "make live" in line


def test_a_pod_that_can_t_start_is_reported_in_one_line_with_the_last_of_its_log(
    manifests: Path, tmp_path: Path
) -> None:
    platform = Platform(
        RunOptions(
            manifests=manifests,
            state=tmp_path,
            network=NETWORK,
            environment={"harbinger": {"HARBINGER_MAX_EVENTS": "none"}},
        )
    )
    try:
        with pytest.raises(
            LiveError, match=r"^harbinger-\S+ ended with code 2: .*MAX_EVENTS.*log:"
        ):
            platform.start()
    finally:
        platform.stop()
    assert all(child.exit_code is not None for child in platform.children.values())


def test_without_rendered_manifests_it_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--manifests={tmp_path}", f"--state={tmp_path}"]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}: holds no stack. Run `make up` first.\n"
