"""A service as an ASGI application: its routes, probes, metrics and background tasks."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.shell.connections import CloseUnread
from services.shell.metrics import CONTENT_TYPE, exposition

CLEANUP_SECONDS = 5
"""Time limit for the cleanup of cancelled tasks when the service stops."""

Answer = Response | Mapping[str, Any]
"""A handler returns a response, or an object that is sent as JSON with status 200."""

Handler = Callable[[Request], Awaitable[Answer]]
Observer = Callable[[int, float], None]
Work = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class Service:
    """A service: `app` is the ASGI application, `registry` holds the metrics that /metrics shows.

    It is live until a background task crashes. It is ready from the return of `start` (immediately
    without `start`) until it stops, except while the check of `check_ready` gives a reason. The
    registry contains only the process's start time and the metrics that the service registers, so
    that /metrics is exactly what rules/metrics.yaml lists.
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
        self.app = Starlette(
            exception_handlers={HTTPException: _error_response},
            middleware=[Middleware(CloseUnread)],
            lifespan=self._lifespan,
        )
        self.app.router.redirect_slashes = False
        self._start = start
        self._tasks = _Tasks()
        self._unready_reason: str | None = "starting"
        self._check_ready: Callable[[], str | None] = lambda: None
        self._closers: list[Work] = []
        self._tasks.add("start", self._become_ready)
        self.route("GET", "/health", self._health)
        self.route("GET", "/ready", self._ready)
        self.route("GET", "/metrics", self._metrics)

    def route(
        self, method: str, path: str, handler: Handler, observe: Observer | None = None
    ) -> None:
        """Answer `method` on `path` with `handler`.

        The handler may raise HTTPException(status, reason). Any other exception is logged and
        answered with 500. `observe` gets each answer's status code and duration in seconds.
        """

        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            try:
                answer = await handler(request)
                response = answer if isinstance(answer, Response) else JSONResponse(answer)
            except HTTPException as refusal:
                response = await _error_response(request, refusal)
            except Exception:
                log.exception("a request failed", extra={"method": method, "path": path})
                response = JSONResponse({"error": "Internal error; the log has more."}, 500)
            if observe:
                observe(response.status_code, time.perf_counter() - began)
            return response

        self.app.add_route(path, endpoint, methods=[method])

    def run_in_background(self, name: str, work: Work) -> None:
        """Run `work` when the service starts, and cancel it when the service stops.

        If it raises, the exception is logged under `name` and the service is no longer live.
        """
        self._tasks.add(name, work)

    def repeat(self, name: str, seconds: float, work: Work) -> None:
        """Repeat `work` in the background, with a pause of `seconds` after each run."""

        async def loop() -> None:
            while True:
                await work()
                await asyncio.sleep(seconds)

        self.run_in_background(name, loop)

    def check_ready(self, check: Callable[[], str | None]) -> None:
        """Ask `check` whether the service is ready: it returns why not, or None."""
        self._check_ready = check

    def close_at_stop(self, close: Work) -> None:
        """Call `close`, such as an HTTP client's, after all requests and tasks have ended."""
        self._closers.append(close)

    @property
    def unready_reason(self) -> str | None:
        """Why the service is not ready; None if it is."""
        return self._unready_reason or self._check_ready()

    def stop(self) -> None:
        """Begin draining: /ready answers 503, everything else still works."""
        self._unready_reason = "stopping"

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
        if self._unready_reason == "starting":
            self._unready_reason = None
            log.info("ready")

    async def _health(self, _: Request) -> Response:
        if self._tasks.crashed:
            reason = f"The task {self._tasks.crashed} has crashed; the log has more."
            return JSONResponse({"error": reason}, 503)
        return JSONResponse({"status": "live"})

    async def _ready(self, _: Request) -> Response:
        if reason := self.unready_reason:
            return JSONResponse({"error": reason}, 503)
        return JSONResponse({"status": "ready"})

    async def _metrics(self, _: Request) -> Response:
        return PlainTextResponse(exposition(self.registry), headers={"Content-Type": CONTENT_TYPE})


async def _error_response(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


class _Tasks:
    """Background tasks; `crashed` names the first one that crashed."""

    def __init__(self) -> None:
        self.crashed: str | None = None
        self._works: list[tuple[str, Work]] = []
        self._running: list[asyncio.Task[None]] = []

    def add(self, name: str, work: Work) -> None:
        self._works.append((name, work))

    def start(self) -> None:
        self._running = [asyncio.create_task(self._guard(*work)) for work in self._works]

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=CLEANUP_SECONDS)
            if late:
                log.warning("tasks did not stop in time", extra={"tasks": len(late)})

    async def _guard(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception:
            self.crashed = self.crashed or name
            log.exception("a background task crashed", extra={"task": name})
