"""What every service has in common: HTTP, metrics, logs, settings and a graceful stop.

A service is three things: a settings model, a function that builds a `Service` from the settings,
and a `__main__.py` that calls `run(Model, build)`:

    class PingSettings(ServerSettings):
        service: ClassVar[str] = "ping"
        greeting: str = "hello"                      # read from PING_GREETING

    class Ping(Body):
        x: Annotated[tuple[float, ...], Field(max_length=4)]

    def build(settings: PingSettings) -> Service:
        service = Service(settings.service)
        pings = Counter("ping_requests", "Pings answered.", registry=service.registry)

        async def ping(request: Request) -> Answer:
            body = await read_body(request, Ping)    # refuses with 400, 408, 413, 415 or 422
            pings.inc()
            return {"greeting": settings.greeting, "sum": sum(body.x)}

        service.route("POST", "/ping", ping)
        return service

    if __name__ == "__main__":
        run(PingSettings, build)

/health, /ready and /metrics come with it. Errors are raised as `starlette.exceptions.HTTPException`
and answered as `{"error": reason}`. A program that serves nothing (a CronJob) takes `Settings`,
and its `__main__.py` calls `run_once(Model, work)`.
"""

from services.shell.bodies import BODY_LIMIT, Body, read_body
from services.shell.logs import configure_logs
from services.shell.metrics import BareCounter
from services.shell.once import run_once
from services.shell.problems import one_line
from services.shell.runtime import run
from services.shell.service import Answer, Service
from services.shell.settings import (
    CommaList,
    ServerSettings,
    Settings,
    SettingsError,
    load_settings,
)

__all__ = [
    "BODY_LIMIT",
    "Answer",
    "BareCounter",
    "Body",
    "CommaList",
    "ServerSettings",
    "Service",
    "Settings",
    "SettingsError",
    "configure_logs",
    "load_settings",
    "one_line",
    "read_body",
    "run",
    "run_once",
]
