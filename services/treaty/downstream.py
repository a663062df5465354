"""Where requests are routed to."""

import asyncio
import json
from typing import Any, Protocol

import httpx

from services.shell import BODY_LIMIT

LOOPBACK = "loopback"


class DroppedError(Exception):
    """The request could not be routed; `status` is the HTTP status that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Downstream(Protocol):
    """Takes requests; `route` returns the answer, a JSON value, or raises DroppedError."""

    async def route(self, request: dict[str, Any]) -> Any:
        """Hand a request on."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...


class Loopback:
    """Answers every request itself, at once: a treaty that has no other end yet."""

    async def route(self, request: dict[str, Any]) -> Any:
        """The answer names the request."""
        return {"id": request["id"]}

    async def close(self) -> None:
        """Nothing is open."""


class HttpDownstream:
    """Posts requests to a URL, and takes an answer of 2xx with an empty or a JSON body."""

    def __init__(self, url: str, *, timeout_seconds: float, connections: int) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        # Proxies are for the world outside; the time is that of the whole exchange, see `route`.
        self._http = httpx.AsyncClient(
            timeout=None,  # noqa: S113
            limits=httpx.Limits(max_connections=connections),
            trust_env=False,
        )

    async def route(self, request: dict[str, Any]) -> Any:
        """Raises DroppedError: 504 after the timeout, 502 for any other failure."""
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._http.stream("POST", self._url, json=request) as answer,
            ):
                if not answer.is_success:
                    raise DroppedError(502, f"The downstream answered {answer.status_code}.")
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > BODY_LIMIT:
                        raise DroppedError(502, f"The downstream answered over {BODY_LIMIT} bytes.")
        except TimeoutError:
            reason = f"The downstream did not answer within {self._timeout_seconds:g} s."
            raise DroppedError(504, reason) from None
        except httpx.HTTPError as error:
            reason = f"The downstream can't be reached: {type(error).__name__}."
            raise DroppedError(502, reason) from None
        try:
            return json.loads(body, parse_constant=_refuse) if body else None
        except (ValueError, RecursionError):
            raise DroppedError(502, "The downstream's answer is not JSON.") from None

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()


def _refuse(constant: str) -> None:
    raise ValueError(constant)
