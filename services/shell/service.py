"""A service as an ASGI application: its routes, its probes, its metrics and its tasks."""

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.shell.metrics import CONTENT_TYPE, exposition
from services.shell.tasks import Tasks, Work, repeated

Answer = Response | Mapping[str, Any]
"""What a handler returns: a response, or an object that is sent as JSON with status 200."""

Handler = Callable[[Request], Awaitable[Answer]]
Observer = Callable[[int, float], None]

log = logging.getLogger(__name__)


class Service:
    """A service: `app` is the ASGI application, `registry` holds the metrics that /metrics shows.

    It is live until a background task crashes. It is ready once `start` has returned (at once
    without `start`), and no longer when it stops. The registry holds when it started, what the
    service registers there and nothing else, so that /metrics is exactly the inventory.
    """

    def __init__(self, name: str, start: Work | None = None) -> None:
        self.name = name
        self.registry = CollectorRegistry()
        started = Gauge(
            "process_start_time_seconds",
            "Unix time at which the process started.",
            registry=self.registry,
        )
        started.set_to_current_time()
        self.app = Starlette(exception_handlers={HTTPException: _refused}, lifespan=self._lifespan)
        self.app.router.redirect_slashes = False
        self._start = start
        self._tasks = Tasks()
        self._unready: str | None = "starting"
        self._closers: list[Work] = []
        self._tasks.add("start", self._become_ready)
        self.route("GET", "/health", self._health)
        self.route("GET", "/ready", self._ready)
        self.route("GET", "/metrics", self._metrics)

    def route(
        self, method: str, path: str, handler: Handler, observe: Observer | None = None
    ) -> None:
        """Let `handler` answer `method` on `path`.

        It may raise HTTPException(status, reason); anything else it raises is logged and answered
        with 500. `observe` is told each answer's status code and how many seconds it took.
        """

        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            try:
                answer = await handler(request)
                response = answer if isinstance(answer, Response) else JSONResponse(answer)
            except HTTPException as refusal:
                response = await _refused(request, refusal)
            except Exception:
                log.exception("a request failed", extra={"method": method, "path": path})
                response = JSONResponse({"error": "Internal error; the log has more."}, 500)
            if observe:
                observe(response.status_code, time.perf_counter() - began)
            return response

        self.app.add_route(path, endpoint, methods=[method])

    def background(self, name: str, work: Work) -> None:
        """Run `work` beside the requests, from the start until the stop, which cancels it.

        If it raises, that is logged under `name` and the service is no longer live.
        """
        self._tasks.add(name, work)

    def repeat(self, name: str, seconds: float, work: Work) -> None:
        """Run `work` in the background again and again, `seconds` after it last ended."""
        self.background(name, repeated(seconds, work))

    def at_stop(self, work: Work) -> None:
        """Await `work` when requests and tasks have ended, say to close a client."""
        self._closers.append(work)

    @property
    def unready(self) -> str | None:
        """Why the service is not ready; None when it is."""
        return self._unready

    def stop(self) -> None:
        """Take the service out of rotation: /ready goes off for good, all else is still served."""
        self._unready = "stopping"

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        self._tasks.start()
        try:
            yield
        finally:
            self.stop()
            await self._tasks.stop()
            for close in self._closers:
                await close()

    async def _become_ready(self) -> None:
        if self._start:
            await self._start()
        if self._unready == "starting":
            self._unready = None
            log.info("ready")

    async def _health(self, _: Request) -> Response:
        if self._tasks.crashed:
            reason = f"The task {self._tasks.crashed} has crashed; the log has more."
            return JSONResponse({"error": reason}, 503)
        return JSONResponse({"status": "live"})

    async def _ready(self, _: Request) -> Response:
        if self._unready:
            return JSONResponse({"error": self._unready}, 503)
        return JSONResponse({"status": "ready"})

    async def _metrics(self, _: Request) -> Response:
        return PlainTextResponse(exposition(self.registry), headers={"Content-Type": CONTENT_TYPE})


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, HTTPException):
        raise refusal
    return JSONResponse({"error": refusal.detail}, refusal.status_code, headers=refusal.headers)
