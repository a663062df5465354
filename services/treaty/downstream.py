"""Downstreams, to which the treaty routes requests."""

from typing import Any, Protocol

from services.shell import HttpClient, NoAnswerError, parse_json


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
        self._client = HttpClient(connections=connections)

    async def route(self, request: dict[str, Any]) -> Any:
        """Post a request. Raises DroppedError: 504 after the timeout, 502 for other failures."""
        try:
            reply = await self._client.send(
                "POST", self._url, seconds=self._timeout_seconds, body=request
            )
        except NoAnswerError as error:
            status = 504 if error.timed_out else 502
            raise DroppedError(status, f"The downstream failed: {error}.") from None
        if not reply.is_success:
            raise DroppedError(502, f"The downstream answered {reply.status}.")
        try:
            return parse_json(reply.body) if reply.body else None
        except ValueError:
            raise DroppedError(502, "The downstream's answer is not JSON.") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
