"""One pod of the field over HTTP: settings, POST /step for callers, /window for peers."""

import re
from typing import Annotated, ClassVar

from pydantic import Field as Setting
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.psi_field.engine import EngineError
from services.psi_field.field import Field, KeyReusedError
from services.psi_field.history import KEY_PATTERN, Vector
from services.psi_field.metrics import SharingMetrics, StepMetrics
from services.psi_field.peers import MESSAGE_LIMIT, PeerHistory, Peers, Push, PushReceipt
from services.psi_field.process import PodEngine
from services.psi_field.sharing import SETTLE_SECONDS, Sharing
from services.shell import Address, Addresses, Answer, Body, ServerSettings, Service, read_body

RECEIPT_SECONDS = 0.1
"""How long a peer's push waits for the engine. The steps are safe already; but a peer that says it
took them should also show them, if the engine is quick enough."""

_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on


class PsiFieldSettings(ServerSettings):
    """Read from PSI_FIELD_PEERS, PSI_FIELD_SYNC_SECONDS and so on.

    `peers`: comma-separated `host:port` addresses of the pods. A name, such as that of the headless
    Service, means all its addresses; a pod ignores its own. Without peers, the pod is alone. A pod
    compares its field with its peers' every `sync_seconds`. A starting pod looks for a peer for
    `takeover_seconds` before it begins a new field. At most `max_concurrent` steps are under way.
    """

    service: ClassVar[str] = "psi-field"

    peers: Addresses = (Address("psi-field-headless", 8000),)
    sync_seconds: Annotated[float, Setting(gt=0, le=300)] = 2
    takeover_seconds: Annotated[float, Setting(ge=0, le=60)] = 5
    max_concurrent: Annotated[int, Setting(ge=1, le=1000)] = 128


class Step(Body):
    """The body of POST /step."""

    x: Vector
    apply_guardian: bool = False


def build(settings: PsiFieldSettings) -> Service:
    """Build a pod of the field.

    POST /step takes `{"x": [16 numbers], "apply_guardian": false}`. The answer holds the metrics
    after the step and how many peers took it. It is `at_risk`, and may be lost, while no more than
    half of the pods hold it. A step with a header Idempotency-Key counts once, however often and to
    whichever pods it is sent, while it is among the last HISTORY_LENGTH steps. If it is sent again
    to a pod that started later, `metrics` may be null: the pod lacks the steps that determined
    them. /window is for the peers: GET reads the history of steps, POST adds to it.
    """
    engine = PodEngine()
    service = Service(settings.service, start=lambda: start())
    sharing_metrics = SharingMetrics(service.registry)
    field = Field(settings.pod_name, engine, sharing_metrics.fold_seconds.observe)
    source = None if settings.host in _ANY_ADDRESS else settings.host
    peers = Peers(settings.peers, field.incarnation, sharing_metrics, source=source)
    sharing = Sharing(field, peers, sharing_metrics)
    metrics = StepMetrics(service.registry, field)
    handlers = _Handlers(settings.max_concurrent, engine, field, peers, sharing)

    async def start() -> None:
        await engine.start()
        metrics.name_engine(engine.name)
        await sharing.take_over(settings.takeover_seconds)
        await field.settle(SETTLE_SECONDS)

    service.check_ready(lambda: field.failure)
    service.run_in_background("fold", field.fold_for_ever)
    service.route("POST", "/step", handlers.take_step, metrics.observe)
    service.route("GET", "/window", handlers.read_history)
    service.route("POST", "/window", handlers.add_to_history)
    service.repeat("compare", settings.sync_seconds, sharing.catch_up)
    service.close_at_stop(sharing.hand_over)
    service.close_at_stop(peers.close)
    service.close_at_stop(engine.close)
    return service


class _Handlers:
    def __init__(
        self,
        max_concurrent: int,
        engine: PodEngine,
        field: Field,
        peers: Peers,
        sharing: Sharing,
    ) -> None:
        self._max_concurrent = max_concurrent
        self._engine = engine
        self._field = field
        self._peers = peers
        self._sharing = sharing
        self._under_way = 0

    async def take_step(self, request: Request) -> Answer:
        if not self._sharing.established:
            raise _busy("The field is not taken over yet; try again.")
        self._admit()
        key = request.headers.get("idempotency-key")
        if key is not None and not re.fullmatch(KEY_PATTERN, key):
            raise HTTPException(400, f"Idempotency-Key: must match {KEY_PATTERN}")
        body = await read_body(request, Step)
        # A body may arrive slowly, so a step counts as under way only now.
        self._admit()
        self._under_way += 1
        try:
            return await self._take(body, key)
        finally:
            self._under_way -= 1

    async def _take(self, body: Step, key: str | None) -> Answer:
        try:
            entry, after = await self._field.step(body.x, body.apply_guardian, key)
        except KeyReusedError:
            raise HTTPException(422, "Idempotency-Key: belongs to a different step") from None
        except EngineError as error:
            raise HTTPException(500, "The engine failed; the field is as it was.") from error
        shared = await self._sharing.share(entry)
        kept = self._field.history.known(key)
        if kept and not kept.is_the_step(body.x, body.apply_guardian):
            reason = "another pod took a different step under it at the same time; this one is void"
            raise HTTPException(409, f"Idempotency-Key: {reason}")
        return {
            "engine": self._engine.name,
            "metrics": after,
            "step": {"counter": entry.counter, "pod": entry.pod},
            "peers": {"took": shared.took, "missed": shared.missed},
            "at_risk": shared.at_risk,
        }

    async def read_history(self, request: Request) -> Answer:
        etag = f'"{self._field.history.digest}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        history = PeerHistory(
            incarnation=self._field.incarnation,
            established=self._sharing.established,
            entries=self._field.history.entries,
        )
        return Response(history.model_dump_json(), 200, {"ETag": etag}, "application/json")

    async def add_to_history(self, request: Request) -> Answer:
        source = request.client.host if request.client else None
        if not await self._peers.is_peer(source):
            raise HTTPException(403, "Only the pods of the field may add to its history.")
        body = await read_body(request, Push, MESSAGE_LIMIT)
        limit = self._field.history.max_peer_counter
        if max(entry.counter for entry in body.entries) > limit:
            raise HTTPException(422, f"entries: a counter is above {limit}")
        conflicts = self._sharing.receive(body.entries)
        await self._field.settle(RECEIPT_SECONDS)
        return PushReceipt(incarnation=self._field.incarnation, conflicts=conflicts).model_dump()

    def _admit(self) -> None:
        if self._under_way >= self._max_concurrent:
            raise _busy(f"{self._under_way} steps are under way; try again later.")


def _busy(reason: str) -> HTTPException:
    return HTTPException(503, reason, {"Retry-After": "1"})
