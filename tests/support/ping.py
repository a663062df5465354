"""A small service that uses every part of the shell."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from prometheus_client import Counter
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.shell import Answer, Body, Service, read_body


class Ping(Body):
    x: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)]
    loud: bool = False


def ping_service(start: Callable[[], Awaitable[None]] | None = None) -> Service:
    service = Service("ping", start=start)
    pings = Counter("pings", "Pings taken.", registry=service.registry)

    async def ping(request: Request) -> Answer:
        body = await read_body(request, Ping)
        pings.inc()
        return {"sum": sum(body.x)}

    async def fail(_: Request) -> Answer:
        raise RuntimeError("s3cret")

    async def refuse(_: Request) -> Answer:
        raise HTTPException(418, "A teapot.")

    service.route("POST", "/ping", ping)
    service.route("GET", "/fail", fail)
    service.route("GET", "/refuse", refuse)
    return service
