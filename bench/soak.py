"""Ten minutes of steady requests to all services: their memory must not grow.

It begins before all other parts and goes on beside them, at a rate that disturbs them little.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from statistics import median

from bench.load import Target, attack, attacking
from bench.results import Finding, Goal, Row
from bench.servers import Server, psi_pods, running, service
from bench.services import REQUEST, steps
from toolchain.base import UserError, say

SECONDS = 600
RATE = 20
"""Requests a second, of all services."""

SAMPLES = 120
WARM_UP_SHARE = 0.3
"""Share of the time that does not count: until then, the heap still settles."""

GROWTH_BYTES = 16 * 1024
"""Goal: the most that a service's memory grows a minute. A service gets 240 requests a minute, so
that this is 68 bytes a request: to keep one small object of each would be more."""

FILL_SECONDS = 5
"""How long the services first take as many requests as they can, which fills their histories."""

Readings = Sequence[tuple[float, float]]
"""(seconds since the start, bytes)."""


def measure(*, smoke: bool) -> Iterator[Finding | None]:
    """Yield None once the soak has begun, and what it finds at its end."""
    seconds = 3 if smoke else SECONDS
    pods = psi_pods(2, "127.0.88")
    harbinger = service("harbinger", "127.0.88.4", HARBINGER_MAX_EVENTS="100")
    # A job for each second: the scheduler calls harbinger.
    job = {"name": "health", "cron": "* * * * * *", "url": f"{harbinger.url}/health"}
    programs = [
        *(*pods, service("treaty", "127.0.88.3"), harbinger),
        service("scheduler", "127.0.88.5", SCHEDULER_JOBS=json.dumps([job])),
    ]
    with running(programs) as servers:
        targets = _targets(servers)
        attack(targets, seconds=0.5 if smoke else FILL_SECONDS, callers=len(servers))
        with (
            attacking(targets, seconds=seconds, rate=RATE) as wait,
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
        value=load.succeeded / load.requests,
        unit="percentunit",
        goal=Goal(comparison="≥", limit=1),
        note=f"{load.requests} in {seconds} s",
    )


def rows(found: Mapping[str, Readings], seconds: float) -> Iterator[Row]:
    """A row for each process, of what it gained after the warm-up."""
    for name, readings in found.items():
        kept = [one for one in readings if one[0] >= seconds * WARM_UP_SHARE]
        size = median(value for _, value in kept)
        yield Row(
            what=f"{name}: memory gained a minute",
            value=60 * slope(kept),
            unit="bytes",
            goal=Goal(comparison="≤", limit=GROWTH_BYTES),
            note=f"of {size / 2**20:.1f} MiB, in {seconds:g} s at {RATE} requests a second in all",
        )


def slope(readings: Readings) -> float:
    """The median of the slopes between any two readings, which an early jump does not move."""
    return median((y - v) / (x - u) for (u, v), (x, y) in combinations(readings, 2))


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
