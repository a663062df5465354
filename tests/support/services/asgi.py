"""Runs a service in this process, including its start, background tasks and stop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.shell import Service

JSON = {"Content-Type": "application/json"}

Call = tuple[str, str, dict[str, Any]]
"""Method, path, and keyword arguments of `httpx.AsyncClient.request`."""


@asynccontextmanager
async def serving(service: Service) -> AsyncGenerator[httpx.AsyncClient]:
    """Start the service, yield a client, and stop the service on exit."""
    transport = httpx.ASGITransport(service.app)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client


async def wait_until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(1000):
        if (await client.get("/ready")).is_success:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the service is not ready")


def ask(service: Service, *calls: Call) -> list[httpx.Response]:
    """Start the service, make the calls one at a time, and return the answers."""

    async def make_calls() -> list[httpx.Response]:
        async with serving(service) as client:
            # Let the event loop run once, so that the service's tasks start.
            await asyncio.sleep(0)
            return [await client.request(method, path, **kw) for method, path, kw in calls]

    return asyncio.run(make_calls())
