"""A small service that uses every part of the shell, and a way to ask it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import httpx
from prometheus_client import Counter
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.shell import (
    Answer,
    Body,
    Service,
    read_body,
)
from tests.support.asgi import serving

JSON = {"Content-Type": "application/json"}


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


def ask(service: Service, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """The answers to the requests, one after the other, of a service that has started."""

    async def all_of_them() -> list[httpx.Response]:
        async with serving(service) as client:
            await asyncio.sleep(0)
            return [await client.request(method, path, **kw) for method, path, kw in requests]

    return asyncio.run(all_of_them())


def get(service: Service, path: str) -> httpx.Response:
    return ask(service, ("GET", path, {}))[0]
