"""Runs psi-field pods as processes on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.servers import free_port
from services.psi_field.engine import METRICS
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[3]
HTTP = httpx.Client(timeout=5, trust_env=False)


def vector(number: int) -> list[float]:
    return [((number * 7 + i * 3) % 11 - 5) / 4 for i in range(16)]


@dataclass
class Pod:
    """A psi-field process at `host`:`port` with these peers, which logs to `log`."""

    name: str
    host: str
    port: int
    peers: str
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, **environment: str) -> None:
        own = {
            "POD_NAME": self.name,
            "HOST": self.host,
            "PORT": str(self.port),
            "DRAIN_SECONDS": "0.5",
            "PSI_FIELD_PEERS": self.peers,
            "PSI_FIELD_SYNC_SECONDS": "0.5",
            "PSI_FIELD_TAKEOVER_SECONDS": "1",
        }
        with self.log.open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "services.psi_field"],
                    cwd=ROOT,
                    env=os.environ | own | environment,
                    stderr=log,
                )
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self.processes[-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def get(self, path: str) -> httpx.Response:
        return HTTP.get(f"{self.url}{path}")

    def step(self, number: int) -> dict[str, Any]:
        answer = HTTP.post(f"{self.url}/step", json={"x": vector(number)})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ready(self) -> bool:
        try:
            return self.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    def metrics(self) -> list[str]:
        """The lines of the field's seven metrics in /metrics."""
        shown = tuple(f"psi_field_{name} " for name in METRICS)
        return [line for line in self.get("/metrics").text.splitlines() if line.startswith(shown)]


@contextmanager
def psi_pods(folder: Path, hosts: Sequence[str]) -> Iterator[list[Pod]]:
    """Pods that know of each other, not started yet; ends those that were started."""
    ports = [free_port(host) for host in hosts]
    peers = ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
    found = [
        Pod(f"psi-field-{number}", host, port, peers, folder / f"{number}.log")
        for number, (host, port) in enumerate(zip(hosts, ports, strict=True))
    ]
    try:
        yield found
    finally:
        for pod in found:
            for process in pod.processes:
                process.kill()
                process.wait()


def start(*pods: Pod, environment: Mapping[str, str] | None = None) -> None:
    for pod in pods:
        pod.start(**(environment or {}))
    for pod in pods:
        wait_for(pod.ready, f"{pod.name} ready")
