"""The HTTP side of a psi-field pod."""

import logging
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.psi_field.engine import EngineError, load_engine
from services.psi_field.history import KEY
from services.psi_field.messages import Push, Step, Taken, Window
from services.psi_field.metrics import StepMetrics
from services.psi_field.peers import Peers
from services.psi_field.replica import KeyReusedError, Replica
from services.psi_field.settings import PsiFieldSettings, target
from services.psi_field.sharing import Sharing
from services.shell import Answer, Service, read_body

log = logging.getLogger(__name__)


def build(settings: PsiFieldSettings) -> Service:
    """A pod of the field.

    POST /step takes `{"x": [16 numbers], "apply_guardian": false}`, and answers with the metrics
    after it and how many peers took it. With a header Idempotency-Key a step counts once,
    however often it is sent and to whichever pods, as long as it is among the last WINDOW steps.
    /window is for the peers: GET reads the window, POST adds to it.
    """
    engine_name, engine = load_engine()
    replica = Replica(settings.pod_name, engine)
    peers = Peers([target(peer) for peer in settings.peers], replica.incarnation)
    sharing = Sharing(replica, peers)
    service = Service(settings.service, start=lambda: sharing.take_over(settings.takeover_seconds))
    metrics = StepMetrics(service.registry, replica, engine_name)

    async def step(request: Request) -> Answer:
        if not sharing.established:
            headers = {"Retry-After": "1"}
            raise HTTPException(503, "The field is not taken over yet; try again.", headers)
        key = request.headers.get("idempotency-key")
        if key is not None and not re.fullmatch(KEY, key):
            raise HTTPException(400, f"Idempotency-Key: must match {KEY}")
        body = await read_body(request, Step)
        try:
            entry = replica.step(body.x, body.apply_guardian, key)
        except KeyReusedError:
            raise HTTPException(422, "Idempotency-Key: belongs to a different step") from None
        except EngineError as error:
            raise _engine_failed(error) from error
        after = dict(replica.metrics)
        took, missed = await sharing.push(entry)
        return {
            "engine": engine_name,
            "metrics": after,
            "step": {"counter": entry.counter, "pod": entry.pod},
            "peers": {"took": took, "missed": missed},
        }

    async def read_window(request: Request) -> Answer:
        etag = f'"{replica.digest}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        window = Window(
            incarnation=replica.incarnation,
            established=sharing.established,
            entries=replica.entries,
        )
        return Response(window.model_dump_json(), 200, {"ETag": etag}, "application/json")

    async def add_to_window(request: Request) -> Answer:
        body = await read_body(request, Push)
        if max(entry.counter for entry in body.entries) > replica.limit:
            raise HTTPException(422, f"entries: a counter is above {replica.limit}")
        try:
            replica.merge(body.entries)
        except EngineError as error:
            raise _engine_failed(error) from error
        return Taken(incarnation=replica.incarnation).model_dump()

    service.route("POST", "/step", step, metrics.observe)
    service.route("GET", "/window", read_window)
    service.route("POST", "/window", add_to_window)
    service.repeat("compare", settings.sync_seconds, sharing.compare)
    service.at_stop(peers.close)
    return service


def _engine_failed(error: EngineError) -> HTTPException:
    log.error("the engine failed", extra={"reason": str(error)})
    return HTTPException(500, "The engine failed; the field is as it was.")
