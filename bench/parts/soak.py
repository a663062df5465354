"""Ten minutes of steady requests to all services: their memory must not grow.

It begins before all other parts and goes on beside them, at a rate that disturbs them little.
"""

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from statistics import median

from bench.load import Target, attack, start_attack
from bench.parts.services import REQUEST, steps
from bench.results import Finding, Goal, Row
from bench.servers import Server, psi_pods, run_servers, service_pod
from toolchain.base import UserError, say

SECONDS = 600
RATE = 20
"""Requests a second, of all services."""

SAMPLES = 120
WARM_UP_SHARE = 0.3
"""Share of the time that does not count: until then, the heap still settles."""

GROWTH = 1.01
"""Goal: memory at the end by memory after the warm-up. A service has 1,700 requests in between: to
keep 200 bytes of each would be more."""
FILL_REQUESTS = 2000
"""How many requests the services first take as fast as they can, which fills their histories."""
_EDGE = 0.1
"""Share of the readings after the warm-up whose median is the memory at their start or end."""

Readings = Sequence[tuple[float, float]]
"""(seconds since the start, bytes)."""


def measure(*, smoke: bool) -> Iterator[Finding | None]:
    """Yield None once the soak has begun, and what it finds at its end."""
    seconds = 3 if smoke else SECONDS
    pods = psi_pods(2, "127.0.88")
    harbinger = service_pod("harbinger", "127.0.88.4", HARBINGER_MAX_EVENTS="100")
    # A job for each second: the scheduler calls harbinger.
    job = {"name": "health", "cron": "* * * * * *", "url": f"{harbinger.url}/health"}
    programs = [
        *(*pods, service_pod("treaty", "127.0.88.3"), harbinger),
        service_pod("scheduler", "127.0.88.5", SCHEDULER_JOBS=json.dumps([job])),
    ]
    with run_servers(programs) as servers:
        targets = _targets(servers)
        sent = 0
        while sent < (1 if smoke else FILL_REQUESTS):
            sent += attack(targets, seconds=0.5, callers=len(servers)).requests
        with (
            start_attack(targets, seconds=seconds, rate=RATE) as wait,
            _Sampler(servers, seconds / SAMPLES) as sampler,
        ):
            yield None
            remaining = sampler.started + seconds - time.monotonic()
            if remaining > 1:
                say(f"the soak goes on for {remaining:.0f} s ...")
            load = wait()
    yield from rows(sampler.found, seconds)
    yield Row(
        what="requests that succeeded",
        value=load.success_share,
        unit="percentunit",
        goal=Goal(comparison="≥", limit=1),
        note=f"{load.requests} in {seconds} s",
    )


def rows(found: Mapping[str, Readings], seconds: float) -> Iterator[Row]:
    """A row for each process, of its memory at the end beside that after the warm-up.

    The requests end after `seconds`; later readings, of idle processes, don't count.
    """
    for name, readings in found.items():
        kept = [size for second, size in readings if seconds * WARM_UP_SHARE <= second <= seconds]
        edge = math.ceil(len(kept) * _EDGE)
        yield Row(
            what=f"{name}: memory at the end",
            value=median(kept[-edge:]),
            unit="bytes",
            beside="after the warm-up",
            beside_value=median(kept[:edge]),
            goal=Goal(comparison="≤", limit=GROWTH),
            note=f"{seconds:g} s at {RATE} requests a second in all",
        )


def _targets(servers: Sequence[Server]) -> list[Target]:
    """The requests of one second: RATE of them."""
    *pods, treaty, harbinger, scheduler = servers
    alert = {"status": "firing", "labels": {"alertname": "Soak", "severity": "info"}}
    alert |= dict.fromkeys(("startsAt", "endsAt"), "2026-01-01T00:00:00Z") | {"fingerprint": "0"}
    notification = {"version": "4", "receiver": "harbinger", "alerts": [alert]}
    own = [
        *steps(pods),
        Target(method="POST", url=f"{treaty.url}/requests", body=REQUEST),
        Target(method="POST", url=f"{harbinger.url}/alerts", body=notification),
        Target(method="GET", url=f"{scheduler.url}/jobs"),
    ]
    scrapes = [Target(method="GET", url=f"{server.url}/metrics") for server in servers]
    return [*own * 3, *scrapes]


class _Sampler:
    """Reads the memory of the servers regularly while the block runs.

    Leaving the block raises UserError if a server has ended.
    """

    def __init__(self, servers: Sequence[Server], pause: float) -> None:
        self.found: dict[str, list[tuple[float, float]]] = {one.name: [] for one in servers}
        self.started = time.monotonic()
        self._servers = servers
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "_Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._read()

    def _sample(self) -> None:
        with suppress(UserError):
            while not self._over.wait(self._pause):
                self._read()

    def _read(self) -> None:
        for server in self._servers:
            reading = (time.monotonic() - self.started, server.memory_bytes())
            self.found[server.name].append(reading)
