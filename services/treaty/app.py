"""The treaty over HTTP: POST /requests."""

import time
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.shell import (
    Answer,
    Body,
    JsonObject,
    ServerSettings,
    Service,
    check_http_url,
    read_body,
)
from services.treaty.downstream import Downstream, DroppedError, HttpDownstream, Loopback
from services.treaty.metrics import RecentRequests, TreatyMetrics

LOOPBACK = "loopback"

Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"\S")]


def _check_downstream(text: str) -> str:
    return text if text == LOOPBACK else check_http_url(text)


def _check_name(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("is not a printable name. Write letters, digits and punctuation.")
    return text


class TreatySettings(ServerSettings):
    """Read from TREATY_NAME, TREATY_DOWNSTREAM and so on.

    `name` is the value of the label `treaty`. `downstream` is the URL to post requests to, or
    `loopback`: the service answers them itself. `timeout_seconds` limits each request; at most
    `max_concurrent` are in flight. The rates cover the last `window_seconds` of traffic.
    """

    service: ClassVar[str] = "aurora-treaty"

    name: Annotated[str, Field(max_length=128), AfterValidator(_check_name)] = "AURORA-AKASH-001"
    downstream: Annotated[str, AfterValidator(_check_downstream)] = LOOPBACK
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = 64
    window_seconds: Annotated[float, Field(ge=1, le=86400)] = 300

    @model_validator(mode="after")
    def _check_that_connections_suffice(self) -> "TreatySettings":
        if self.max_concurrent >= self.max_connections:
            raise ValueError(
                "MAX_CONNECTIONS must be more than TREATY_MAX_CONCURRENT. Otherwise requests are "
                "refused without being counted."
            )
        return self

    @classmethod
    def prefix(cls) -> str:
        """The platform's name, with which the workload's name starts, is not part of the prefix."""
        return "TREATY_"


class TreatyRequest(Body):
    """A request under the treaty; `provenance` names its origin, if known."""

    id: Text = Field(default_factory=lambda: uuid4().hex)
    payload: JsonObject = Field(default_factory=dict)
    provenance: Text | None = None


def build(settings: TreatySettings) -> Service:
    """Build the service."""
    if settings.downstream == LOOPBACK:
        downstream: Downstream = Loopback()
    else:
        downstream = HttpDownstream(
            settings.downstream,
            timeout_seconds=settings.timeout_seconds,
            connections=settings.max_concurrent,
        )
    service = Service(settings.service)
    recent = RecentRequests(settings.window_seconds)
    router = _Router(settings, downstream, TreatyMetrics(service.registry, settings.name, recent))
    service.route("POST", "/requests", router.handle)
    service.close_at_stop(downstream.close)
    return service


class _Router:
    def __init__(
        self, settings: TreatySettings, downstream: Downstream, metrics: TreatyMetrics
    ) -> None:
        self._settings = settings
        self._downstream = downstream
        self._metrics = metrics
        self._in_flight = 0

    async def handle(self, request: Request) -> Answer:
        """Route a request.

        A malformed request is refused and not counted. A request that can't be routed is dropped:
        503 if too many are in flight, 502 or 504 if the downstream fails.
        """
        body = await read_body(request, TreatyRequest)
        rtt_ms = None
        began = time.perf_counter()
        try:
            answer = await self._route(body)
            rtt_ms = (time.perf_counter() - began) * 1000
        except DroppedError as drop:
            headers = {"Retry-After": "1"} if drop.status == 503 else None
            raise HTTPException(drop.status, str(drop), headers) from None
        finally:
            has_provenance = body.provenance is not None
            self._metrics.add(time.monotonic(), rtt_ms=rtt_ms, provenance=has_provenance)
        treaty = self._settings.name
        return {"id": body.id, "treaty": treaty, "rtt_ms": rtt_ms, "answer": answer}

    async def _route(self, body: TreatyRequest) -> Any:
        if self._in_flight >= self._settings.max_concurrent:
            raise DroppedError(503, f"{self._in_flight} requests are in flight; try again later.")
        self._in_flight += 1
        try:
            return await self._downstream.route(
                {"treaty": self._settings.name, **body.model_dump()}
            )
        finally:
            self._in_flight -= 1
