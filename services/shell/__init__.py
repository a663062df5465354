"""The framework that all services share: HTTP, metrics, logs, settings and graceful shutdown.

A service consists of a settings model, a function that builds a `Service` from the settings, and a
`__main__.py` that calls `run(Model, build)`:

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

Every service also answers /health, /ready and /metrics. Handlers raise
`starlette.exceptions.HTTPException`, which is answered as `{"error": reason}`. A program that does
not serve HTTP (a CronJob) derives its model from `Settings` and calls `run_once(Model, work)`.

All requests to other programs go through `HttpClient`.
"""

from services.shell.bodies import BODY_LIMIT, Body, JsonObject, parse_json, read_body
from services.shell.client import HttpClient, NoAnswerError, Reply
from services.shell.lookup import look_up
from services.shell.metrics import BareCounter, exposition
from services.shell.runtime import configure_logs, run, run_once
from services.shell.service import Answer, Service
from services.shell.settings import (
    Address,
    Addresses,
    HttpUrl,
    ServerSettings,
    Settings,
    SettingsError,
    check_http_url,
    load_settings,
    one_line,
    parse_address,
)

__all__ = [
    "BODY_LIMIT",
    "Address",
    "Addresses",
    "Answer",
    "BareCounter",
    "Body",
    "HttpClient",
    "HttpUrl",
    "JsonObject",
    "NoAnswerError",
    "Reply",
    "ServerSettings",
    "Service",
    "Settings",
    "SettingsError",
    "check_http_url",
    "configure_logs",
    "exposition",
    "load_settings",
    "look_up",
    "one_line",
    "parse_address",
    "parse_json",
    "read_body",
    "run",
    "run_once",
]
