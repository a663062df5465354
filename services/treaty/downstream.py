"""Downstreams, to which the treaty routes requests."""

import asyncio
import json
from typing import Any, Protocol

import httpx

from services.shell import BODY_LIMIT


class DroppedError(Exception):
    """The request could not be routed; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Downstream(Protocol):
    """The receiver of the requests."""

    async def route(self, request: dict[str, Any]) -> Any:
        """Pass a request on and return the answer, a JSON value. Raises DroppedError."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Loopback:
    """Answers every request itself, immediately; for a treaty that has no downstream yet."""

    async def route(self, request: dict[str, Any]) -> Any:
        """Answer with the request's id."""
        return {"id": request["id"]}

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class HttpDownstream:
    """Posts requests to a URL. Accepts an answer of 2xx whose body is empty or JSON."""

    def __init__(self, url: str, *, timeout_seconds: float, connections: int) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        # The downstream is never behind a proxy. `route` limits the whole exchange.
        self._http = httpx.AsyncClient(
            timeout=None,  # noqa: S113
            limits=httpx.Limits(max_connections=connections),
            trust_env=False,
        )

    async def route(self, request: dict[str, Any]) -> Any:
        """Post a request. Raises DroppedError: 504 after the timeout, 502 for other failures."""
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
            return json.loads(body, parse_constant=_refuse_constant) if body else None
        except (ValueError, RecursionError):
            raise DroppedError(502, "The downstream's answer is not JSON.") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _refuse_constant(constant: str) -> None:
    """Refuse NaN and Infinity, which Python's parser accepts although JSON has no such values."""
    raise ValueError(constant)
