"""The service: POST /requests."""

import time
from typing import Annotated, Any
from uuid import uuid4

from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.fields import JsonObject
from services.shell import Answer, Body, Service, read_body
from services.treaty.downstream import LOOPBACK, Downstream, DroppedError, HttpDownstream, Loopback
from services.treaty.metrics import Ledger
from services.treaty.settings import TreatySettings
from services.treaty.window import Window

Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"\S")]


class TreatyRequest(Body):
    """A request under the treaty; `provenance` says where it comes from, if anybody knows."""

    id: Text = Field(default_factory=lambda: uuid4().hex)
    payload: JsonObject = Field(default_factory=dict)
    provenance: Text | None = None


def build(settings: TreatySettings) -> Service:
    """The service with the downstream of its settings."""
    if settings.downstream == LOOPBACK:
        downstream: Downstream = Loopback()
    else:
        downstream = HttpDownstream(
            settings.downstream,
            timeout_seconds=settings.timeout_seconds,
            connections=settings.max_concurrent,
        )
    service = Service(settings.service)
    ledger = Ledger(service.registry, settings.name, Window(settings.window_seconds))
    router = _Router(settings, downstream, ledger)
    service.route("POST", "/requests", router.requests)
    service.at_stop(downstream.close)
    return service


class _Router:
    def __init__(self, settings: TreatySettings, downstream: Downstream, ledger: Ledger) -> None:
        self._settings = settings
        self._downstream = downstream
        self._ledger = ledger
        self._under_way = 0

    async def requests(self, request: Request) -> Answer:
        """Route a request.

        One that is not well-formed is refused and counts nowhere. One that can't be routed is
        dropped: 503 when too many are under way, 502 or 504 when the downstream fails.
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
            self._ledger.add(time.monotonic(), rtt_ms=rtt_ms, provenance=has_provenance)
        treaty = self._settings.name
        return {"id": body.id, "treaty": treaty, "rtt_ms": rtt_ms, "answer": answer}

    async def _route(self, body: TreatyRequest) -> Any:
        if self._under_way >= self._settings.max_concurrent:
            raise DroppedError(503, f"{self._under_way} requests are under way; try again later.")
        self._under_way += 1
        try:
            return await self._downstream.route(
                {"treaty": self._settings.name, **body.model_dump()}
            )
        finally:
            self._under_way -= 1
