"""Runs a real Alertmanager with a stack's configuration; a stub receives its notifications."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.servers import free_port
from components.channels import SECRET_FOLDER
from ops.live.rewriting import LocalEnvironment, rewrite_config_map
from tests.support.loopback import Stub, StubRequest, stub
from tests.support.recording import run_values, stack_values
from tests.support.rules.promtool import WITH_ZONES
from tests.support.waiting import wait_for

SPEED = 300
"""How many times faster time runs: Alertmanager notifies about a group every second."""
AT_ANY_TIME = {"critical": "pagerduty", "warning": "slack"}
SLACK, PAGERDUTY, HEARTBEAT, WEBHOOK = "/slack", "/pagerduty", "/heartbeat", "/webhook"
ROUTING_KEY = "made-up-routing-key"


def files_of(stack: str, **alertmanager: Any) -> dict[str, str]:
    """The files that the program renders for Alertmanager with these settings replaced."""
    values = stack_values(stack)
    values["vaultmesh:settings"]["alertmanager"].update(alertmanager)
    return run_values(values).one("ConfigMap", "alertmanager")["data"]


@dataclass(frozen=True)
class Running:
    """A running Alertmanager, the stub in place of its channels, and its credentials folder."""

    url: str
    process: subprocess.Popen[bytes]
    channels: Stub
    credentials: Path

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """Send alerts to it, as Prometheus does."""
        answer = httpx.post(f"{self.url}/api/v2/alerts", json=alerts, trust_env=False)
        assert answer.status_code == 200, answer.text

    def notifications(self, path: str) -> list[StubRequest]:
        """The notifications of one channel, oldest first."""
        return [request for request in self.channels.requests if request.path == path]

    def wait_for(self, path: str, number: int = 1, seconds: float = 20) -> list[StubRequest]:
        """The notifications of a channel, once there are `number` of them."""
        wait_for(
            lambda: len(self.notifications(path)) >= number, f"{number} requests to {path}", seconds
        )
        return self.notifications(path)


def alert(name: str, severity: str | None, **labels: str) -> dict[str, Any]:
    """A firing alert, with the external label that Prometheus adds."""
    found = {"alertname": name, "environment": "aurora-staging", **labels}
    return {
        "labels": {**found, **({"severity": severity} if severity else {})},
        "annotations": {"summary": f"{name} fires"},
    }


@contextmanager
def alertmanager(
    files: Mapping[str, str],
    folder: Path,
    *,
    speed: int = SPEED,
    answers: Mapping[str, tuple[int, bytes]] | None = None,
) -> Iterator[Running]:
    """Run Alertmanager with these files and faster time; a stub stands in for its channels.

    `answers` are what single channels answer instead of "ok".
    """
    credentials = folder / "credentials"
    credentials.mkdir()
    local = LocalEnvironment(speed=speed, folders={}, targets=folder, names={})
    for name, text in rewrite_config_map("alertmanager", files, local).items():
        (folder / name).write_text(text, encoding="utf-8")
    special = answers or {}
    with stub(lambda request: special.get(request.path, (200, b"ok"))) as channels:
        (credentials / "slack-api-url").write_text(f"{channels.url}{SLACK}\n")
        (credentials / "pagerduty-routing-key").write_text(f"{ROUTING_KEY}\n")
        (credentials / "heartbeat-url").write_text(f"{channels.url}{HEARTBEAT}\n")
        path = folder / "alertmanager.yml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document["global"] = {"pagerduty_url": f"{channels.url}{PAGERDUTY}"}
        for receiver in document["receivers"]:
            for hook in receiver.get("webhook_configs", []):
                if "url" in hook:
                    hook["url"] = f"{channels.url}{WEBHOOK}"
        text = yaml.safe_dump(document).replace(SECRET_FOLDER, str(credentials))
        path.write_text(text, encoding="utf-8")
        with _started(folder) as (url, process):
            yield Running(url, process, channels, credentials)


@contextmanager
def _started(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    address = f"127.0.0.1:{free_port('127.0.0.1')}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "alertmanager",
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/data",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
                "--log.level=debug",
            ],
            env=WITH_ZONES,
            stdout=log,
            stderr=log,
        )
    url = f"http://{address}"
    try:
        wait_for(lambda: process.poll() is not None or _is_ready(url), "Alertmanager is ready")
        assert process.poll() is None, (folder / "log").read_text()
        yield url, process
    finally:
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def messages_about(requests: list[StubRequest], name: str) -> list[Any]:
    """The messages about one alert."""
    return [request.json for request in requests if name in json.dumps(request.json)]


def ended(found: dict[str, Any]) -> dict[str, Any]:
    """The alert as Prometheus sends it when it has just ended."""
    return {**found, "endsAt": datetime.now(UTC).isoformat()}
