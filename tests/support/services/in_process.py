"""Runs a service in this process, for tests that are not coroutines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from services.shell import Service
from tests.support.services.asgi import serving
from tests.support.services.exposition import Exposed, parse

T = TypeVar("T")


class Client:
    """A client of the service that can be used from any thread."""

    def __init__(self, portal: BlockingPortal, http: httpx.AsyncClient) -> None:
        self._portal, self._http = portal, http

    def get(self, path: str, **details: Any) -> httpx.Response:
        return self._portal.call(partial(self._http.get, path, **details))

    def post(self, path: str, **details: Any) -> httpx.Response:
        return self._portal.call(partial(self._http.post, path, **details))

    def wait_for(self, condition: Callable[[], T]) -> T:
        """Poll until `condition` returns a true value, and return that value."""
        for _ in range(1000):
            if answer := condition():
                return answer
            self.sleep(0.005)
        raise AssertionError("the condition did not become true")

    def sleep(self, seconds: float) -> None:
        """Wait while the service's background tasks run."""
        self._portal.call(anyio.sleep, seconds)

    def metrics(self) -> Exposed:
        return parse(self.get("/metrics").text)


@contextmanager
def running_service(service: Service) -> Iterator[Client]:
    """Start the service, yield a client, and stop the service on exit."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(service)) as http,
    ):
        yield Client(portal, http)
