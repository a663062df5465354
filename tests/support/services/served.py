"""Serves a service on loopback with its real server, for tests of connections."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from services.shell import Address, ServerSettings, Service
from services.shell.runtime import listen, make_server


class _Settings(ServerSettings):
    service: ClassVar[str] = "ping"


@asynccontextmanager
async def served(service: Service, **settings: Any) -> AsyncGenerator[Address]:
    """Serve the service on a free port, yield its address, and stop it on exit."""
    own = {"host": "127.0.0.1", "port": 0, "drain_seconds": 0} | settings
    model = _Settings.model_validate(own)
    listener = listen(model)
    server = make_server(service, model)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.001)
    try:
        yield Address(*listener.getsockname()[:2])
    finally:
        server.should_exit = True
        await task
