"""The services as the programs that pods start, on loopback."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from services.psi_field.engine import METRICS
from tests.support.series import ROOT
from tests.support.services.exposition import Exposed, parse

TREATY = "AURORA-AKASH-001"
HTTP = httpx.Client(timeout=5, trust_env=False)


@dataclass
class Running:
    process: subprocess.Popen[str]
    address: str

    def metrics(self) -> Exposed:
        return parse(HTTP.get(f"http://{self.address}/metrics").text)

    def is_ready(self) -> bool:
        return HTTP.get(f"http://{self.address}/ready").status_code == 200


def program(module: str, **environment: str) -> subprocess.Popen[str]:
    """`python -m services.MODULE` with this environment and no other."""
    return subprocess.Popen(
        [sys.executable, "-m", f"services.{module}"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(module: str, **environment: str) -> Iterator[Running]:
    """A service on a free port, which the first lines of its log tell; ready when entered."""
    process = program(module, HOST="127.0.0.1", PORT="0", DRAIN_SECONDS="0", **environment)
    try:
        assert process.stderr
        port = next(
            line["fields"]["port"]
            for line in map(json.loads, process.stderr)
            if line["message"] == "starting"
        )
        service = Running(process, f"127.0.0.1:{port}")
        deadline = time.monotonic() + 30
        while not service.is_ready():
            assert time.monotonic() < deadline, f"{module} is not ready"
            time.sleep(0.02)
        yield service
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("module", ["treaty", "scheduler", "harbinger"])
def test_a_service_starts_is_scraped_and_stops_gracefully(module: str) -> None:
    with running(module) as service:
        assert service.metrics().types
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0


def test_a_scheduler_with_a_bad_job_does_not_start_and_says_why_in_one_line() -> None:
    jobs = json.dumps([{"name": "a", "cron": "61 * * * *", "url": "http://stub/"}])
    process = program("scheduler", HOST="127.0.0.1", PORT="0", SCHEDULER_JOBS=jobs)
    _, text = process.communicate(timeout=30)
    assert process.returncode == 2
    (line,) = text.splitlines()
    assert "SCHEDULER_JOBS.0.cron" in line and "Bad minute" in line


def test_the_feeder_steps_each_pod_of_the_field_once_however_often_it_runs() -> None:
    with (
        # The first pod can't know the port of the second, but it takes the steps of its address.
        running(
            "psi_field",
            PSI_FIELD_PEERS="127.0.0.1:9",
            PSI_FIELD_TAKEOVER_SECONDS="0",
            POD_NAME="one",
        ) as one,
        running("psi_field", PSI_FIELD_PEERS=one.address, POD_NAME="two") as two,
    ):
        for _ in range(2):
            # A period of a day, so that both runs are one feeding.
            feeder = program(
                "feeder",
                FEEDER_TARGET=f"{one.address},{two.address}",
                FEEDER_MIN_PODS="2",
                FEEDER_PERIOD_SECONDS="86400",
            )
            assert feeder.wait(20) == 0, feeder.communicate()
            feeder.communicate()
        fields = [
            {key: value for key, value in pod.metrics().samples.items() if is_of_the_field(key[0])}
            for pod in (one, two)
        ]
        windows = [HTTP.get(f"http://{pod.address}/window").json() for pod in (one, two)]
    assert fields[0] == fields[1]
    assert [len(window["entries"]) for window in windows] == [1, 1]


def is_of_the_field(name: str) -> bool:
    return name.removeprefix("psi_field_") in METRICS


def test_the_heartbeat_s_traffic_shows_in_the_treaty_s_metrics() -> None:
    with running("treaty") as treaty:
        heartbeat = program(
            "heartbeat",
            HEARTBEAT_TARGET=f"http://{treaty.address}",
            HEARTBEAT_REQUESTS="40",
            HEARTBEAT_PER_SECOND="100",
        )
        assert heartbeat.wait(20) == 0, heartbeat.communicate()
        heartbeat.communicate()
        shown = treaty.metrics()
    assert shown.value("treaty_requests_total", treaty=TREATY) == 40
    assert shown.value("treaty_requests_routed", treaty=TREATY) == 40
    assert shown.value("treaty_provenance_coverage", treaty=TREATY) == 0.95
