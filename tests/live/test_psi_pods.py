"""Real psi-field processes on loopback: stepped, killed, hung, replaced and stopped."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.psi_field.peers import PUSH_SECONDS
from tests.support.services.psi_process import Pod, psi_pods, start, vector
from tests.support.waiting import wait_for


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[list[Pod]]:
    """Two pods that know of each other, not started yet."""
    with psi_pods(tmp_path, ["127.0.41.1", "127.0.41.2"]) as found:
        yield found


def test_pods_agree_through_steps_from_all_sides_a_kill_and_a_replacement(pods: list[Pod]) -> None:
    one, two = pods
    start(one, two)
    assert one.step(0)["peers"] == {"took": 1, "missed": 0}
    assert one.metrics() == two.metrics()
    assert len(one.metrics()) == 7

    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda number: pods[number % 2].step(number), range(40)))
    wait_for(lambda: one.metrics() == two.metrics(), "equal metrics after steps from both sides")

    two.kill()
    missed = one.step(41)
    assert missed["peers"] == {"took": 0, "missed": 1}
    two.start()
    wait_for(two.ready, "the replacement ready")
    assert two.metrics() == one.metrics()
    assert two.step(42)["step"]["counter"] == missed["step"]["counter"] + 1
    assert one.metrics() == two.metrics()


def test_a_hung_pod_delays_one_step_by_the_time_of_a_push_and_then_catches_up(
    pods: list[Pod],
) -> None:
    one, two = pods
    start(one, two)
    one.step(0)
    two.process.send_signal(signal.SIGSTOP)
    try:
        times = []
        for number in (1, 2):
            began = time.monotonic()
            assert one.step(number)["peers"] == {"took": 0, "missed": 1}
            times.append(time.monotonic() - began)
    finally:
        two.process.send_signal(signal.SIGCONT)
    assert times[1] < PUSH_SECONDS <= times[0] < PUSH_SECONDS + 3
    wait_for(lambda: one.metrics() == two.metrics(), "the hung pod caught up")


def test_a_pod_whose_peer_is_dead_becomes_ready_in_bounded_time(pods: list[Pod]) -> None:
    one, _ = pods
    one.start()
    assert wait_for(one.ready, "ready without a peer") > 1
    assert "no peer answered in time" in one.log.read_text()
    assert one.step(0)["peers"] == {"took": 0, "missed": 1}


def test_a_stop_ends_readiness_first_and_lets_a_request_in_flight_finish(pods: list[Pod]) -> None:
    one, two = pods
    start(one, two)
    body = json.dumps({"x": vector(1)}).encode()
    with socket.create_connection((one.host, one.port), timeout=5) as caller:
        caller.sendall(
            b"POST /step HTTP/1.1\r\nHost: psi\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body[:20]
        )
        time.sleep(0.2)
        one.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not one.ready(), "not ready any more")
        assert one.get("/ready").json() == {"error": "stopping"}
        assert one.get("/health").status_code == 200
        time.sleep(0.7)
        assert one.process.poll() is None
        caller.sendall(body[20:])
        assert b" 200 OK" in caller.recv(1000)
    assert one.process.wait(timeout=20) == 0
    assert len(two.metrics()) == 7
    assert two.step(2)["step"]["counter"] == 2
    for line in one.log.read_text().splitlines():
        assert json.loads(line)["service"] == "psi-field"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PSI_FIELD_PEERS", "nowhere"), ("HOST", "no host")],
)
def test_a_wrong_setting_ends_the_program_with_one_line_and_exit_code_2(
    variable: str, value: str, pods: list[Pod]
) -> None:
    pods[0].start(**{variable: value})
    assert pods[0].process.wait(timeout=30) == 2
    (line,) = pods[0].log.read_text().splitlines()
    assert line.startswith("psi-field: ")
    assert variable in line


def test_a_port_that_is_taken_ends_the_program_with_one_line_and_exit_code_2(
    pods: list[Pod],
) -> None:
    with socket.create_server((pods[0].host, pods[0].port)):
        pods[0].start()
        assert pods[0].process.wait(timeout=30) == 2
    (line,) = pods[0].log.read_text().splitlines()
    assert f"{pods[0].host}:{pods[0].port}" in line
