"""A service in this process: its start, its tasks and its stop run as they do in a pod."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from services.shell import Service


@asynccontextmanager
async def serving(service: Service) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the running service; on leaving, the service stops."""
    transport = httpx.ASGITransport(service.app)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client
