"""One pod of the field over HTTP: settings, metrics, POST /step for callers, /window for peers."""

import logging
import re
from typing import Annotated, ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.psi_field.engine import METRICS, EngineError, load_engine
from services.psi_field.history import KEY_PATTERN, KeyReusedError, Replica, Vector
from services.psi_field.peers import (
    INCARNATION_HEADER,
    PeerHistory,
    Peers,
    Push,
    PushReceipt,
    Sharing,
)
from services.shell import Address, Addresses, Answer, Body, ServerSettings, Service, read_body

# 0.25 s is the threshold of the latency SLO.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_HELP = {
    "density": "Density of the field after the last step.",
    "phase_coherence": "Phase coherence of the field after the last step.",
    "continuity": "Continuity of the field with the state before the last step.",
    "futurity": "Futurity of the field after the last step.",
    "temporal_entropy": "Temporal entropy of the field after the last step.",
    "prediction_error": "Error of the field's prediction of the last step.",
    "time_dilation": "Time dilation of the field after the last step.",
}

log = logging.getLogger(__name__)


class PsiFieldSettings(ServerSettings):
    """Read from PSI_FIELD_PEERS, PSI_FIELD_SYNC_SECONDS and PSI_FIELD_TAKEOVER_SECONDS.

    `peers`: comma-separated `host:port` addresses of the pods. A name, such as that of the headless
    Service, means all its addresses; a pod ignores its own. Without peers, the pod is alone. A pod
    compares its field with its peers' every `sync_seconds`. A starting pod looks for a peer for
    `takeover_seconds` before it begins a new field.
    """

    service: ClassVar[str] = "psi-field"

    peers: Addresses = (Address("psi-field-headless", 8000),)
    sync_seconds: Annotated[float, Field(gt=0, le=300)] = 2
    takeover_seconds: Annotated[float, Field(ge=0, le=60)] = 5


class Step(Body):
    """The body of POST /step."""

    x: Vector
    apply_guardian: bool = False


class StepMetrics:
    """Counts requests to /step, and reads the replica's and its sharing's state at each scrape.

    A scrape must return the metrics and the digest of the same steps: PsiFieldPodDrift compares
    the metrics of pods that show the same digest.
    """

    def __init__(
        self, registry: CollectorRegistry, replica: Replica, sharing: Sharing, engine: str
    ) -> None:
        for name in METRICS:
            gauge = Gauge(f"psi_field_{name}", _HELP[name], registry=registry)
            gauge.set_function(lambda name=name: replica.metrics[name])
        Gauge(
            "psi_field_window_digest",
            "A number that is the same for pods that hold the same steps.",
            registry=registry,
        ).set_function(lambda: replica.digest_number)
        Gauge(
            "psi_field_peers_in_step",
            "Peers whose steps this pod had all when it compared last.",
            registry=registry,
        ).set_function(lambda: sharing.peers_in_step)
        Gauge(
            "psi_field_engine_info", "1 for the engine that runs.", ["engine"], registry=registry
        ).labels(engine).set(1)
        self._requests = Counter(
            "psi_field_step_requests",
            "Requests to /step by the status code of the answer.",
            ["code"],
            registry=registry,
        )
        self._requests.labels("200")
        self._seconds = Histogram(
            "psi_field_step_duration_seconds",
            "Time that steps took to be answered, their way to the peers included.",
            buckets=BUCKETS,
            registry=registry,
        )

    def observe(self, code: int, seconds: float) -> None:
        """Count a response, and observe its duration if it is successful.

        Refusals are fast: their durations would make the latency look better than it is.
        """
        self._requests.labels(str(code)).inc()
        if code == 200:
            self._seconds.observe(seconds)


def build(settings: PsiFieldSettings) -> Service:
    """Build a pod of the field.

    POST /step takes `{"x": [16 numbers], "apply_guardian": false}`. The answer holds the metrics
    after the step and how many peers took it. A step with a header Idempotency-Key counts once,
    however often and to whichever pods it is sent, while it is among the last HISTORY_LENGTH steps.
    /window is for the peers: GET reads the history of steps, POST adds to it.
    """
    engine_name, engine = load_engine()
    replica = Replica(settings.pod_name, engine)
    peers = Peers(settings.peers, replica.incarnation)
    sharing = Sharing(replica, peers)
    service = Service(settings.service, start=lambda: sharing.take_over(settings.takeover_seconds))
    metrics = StepMetrics(service.registry, replica, sharing, engine_name)

    async def take_step(request: Request) -> Answer:
        if not sharing.established:
            headers = {"Retry-After": "1"}
            raise HTTPException(503, "The field is not taken over yet; try again.", headers)
        key = request.headers.get("idempotency-key")
        if key is not None and not re.fullmatch(KEY_PATTERN, key):
            raise HTTPException(400, f"Idempotency-Key: must match {KEY_PATTERN}")
        body = await read_body(request, Step)
        try:
            entry = replica.step(body.x, body.apply_guardian, key)
        except KeyReusedError:
            raise HTTPException(422, "Idempotency-Key: belongs to a different step") from None
        except EngineError as error:
            raise _engine_failure(error) from error
        after = dict(replica.metrics)
        took, missed = await peers.push(entry)
        return {
            "engine": engine_name,
            "metrics": after,
            "step": {"counter": entry.counter, "pod": entry.pod},
            "peers": {"took": took, "missed": missed},
        }

    async def read_history(request: Request) -> Answer:
        etag = f'"{replica.digest}"'
        headers = {"ETag": etag, INCARNATION_HEADER: replica.incarnation}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        history = PeerHistory(
            incarnation=replica.incarnation,
            established=sharing.established,
            entries=replica.entries,
        )
        return Response(history.model_dump_json(), 200, headers, "application/json")

    async def add_to_history(request: Request) -> Answer:
        body = await read_body(request, Push)
        if max(entry.counter for entry in body.entries) > replica.max_peer_counter:
            raise HTTPException(422, f"entries: a counter is above {replica.max_peer_counter}")
        try:
            replica.merge(body.entries)
        except EngineError as error:
            raise _engine_failure(error) from error
        return PushReceipt(incarnation=replica.incarnation).model_dump()

    service.route("POST", "/step", take_step, metrics.observe)
    service.route("GET", "/window", read_history)
    service.route("POST", "/window", add_to_history)
    service.repeat("compare", settings.sync_seconds, sharing.catch_up)
    service.close_at_stop(peers.close)
    return service


def _engine_failure(error: EngineError) -> HTTPException:
    log.error("the engine failed", extra={"reason": str(error)})
    return HTTPException(500, "The engine failed; the field is as it was.")
