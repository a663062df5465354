"""The other pods: finding them, and asking them with bounds on time and size."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import httpx
from pydantic import ValidationError

from services.psi_field.history import Entry
from services.psi_field.messages import Push, Taken, Window
from services.shell import BODY_LIMIT, one_line

Target = tuple[str, int]
"""A name or an address, and a port."""

_PUSH_SECONDS = 0.8
_PULL_SECONDS = 2
_LOOKUP_SECONDS = 2

T = TypeVar("T")
log = logging.getLogger(__name__)


class Peers:
    """The pods behind `targets`. `incarnation` is this pod's own: by it, it knows itself."""

    def __init__(self, targets: Sequence[Target], incarnation: str) -> None:
        self._targets = targets
        self._incarnation = incarnation
        self._addresses: list[Target] = []
        self._silent: dict[Target, bool] = {}
        """The addresses that did not answer when last asked, and whether that took all the time."""
        # Proxies are for the world outside; a pod's address is never behind one. Answers stay as
        # they were sent: unpacked, a small one could be huge.
        self._client = httpx.AsyncClient(trust_env=False, headers={"Accept-Encoding": "identity"})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def discover(self) -> bool:
        """Look the targets up; whether each was found. Without an answer the old ones stay."""
        found = await asyncio.gather(*map(_resolve, self._targets))
        complete = all(addresses for addresses in found)
        if complete or not self._addresses:
            self._addresses = sorted({address for addresses in found for address in addresses})
        return complete

    async def push(self, entry: Entry) -> tuple[int, int]:
        """Give every peer a new entry; how many pods took it, and how many addresses missed it.

        An address that let the time run out is left to `pull` until it answers again, so that a
        dead peer slows down one step and not all.
        """
        content = Push(entries=(entry,)).model_dump_json()

        async def give(address: Target) -> Taken:
            _, raw = await self._exchange(address, "POST", content=content)
            return Taken.model_validate_json(raw)

        awake = [address for address in self._addresses if not self._silent.get(address)]
        answers = await self._ask(awake, _PUSH_SECONDS, give)
        took = {answer.incarnation for answer in answers} - {self._incarnation}
        return len(took), len(self._addresses) - len(answers)

    async def pull(self, digest: str) -> tuple[list[Window], int]:
        """The windows of the peers whose digest is not `digest`, and how many did not answer."""

        async def fetch(address: Target) -> Window | None:
            headers = {"If-None-Match": f'"{digest}"'}
            status, raw = await self._exchange(address, "GET", headers=headers)
            return Window.model_validate_json(raw) if status != httpx.codes.NOT_MODIFIED else None

        answers = await self._ask(self._addresses, _PULL_SECONDS, fetch)
        windows = [w for w in answers if w and w.incarnation != self._incarnation]
        return windows, len(self._addresses) - len(answers)

    async def _exchange(
        self,
        address: Target,
        method: str,
        *,
        content: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        url = httpx.URL(scheme="http", host=address[0], port=address[1], path="/window")
        headers = {"Content-Type": "application/json"} | (headers or {})
        raw = bytearray()
        async with self._client.stream(method, url, content=content, headers=headers) as answer:
            if answer.status_code != httpx.codes.NOT_MODIFIED:
                answer.raise_for_status()
            async for chunk in answer.aiter_raw():
                raw += chunk
                if len(raw) > BODY_LIMIT:
                    raise ValueError(f"an answer of more than {BODY_LIMIT} bytes")
        return answer.status_code, bytes(raw)

    async def _ask(
        self,
        addresses: Sequence[Target],
        seconds: float,
        question: Callable[[Target], Awaitable[T]],
    ) -> list[T]:
        """The answers of those who gave one in time; keeps book of those who did not."""

        async def one(address: Target) -> list[T]:
            try:
                async with asyncio.timeout(seconds):
                    answer = await question(address)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                if address not in self._silent:
                    fields = {"peer": f"{address[0]}:{address[1]}", "reason": _reason(error)}
                    log.warning("a peer does not answer as it should", extra=fields)
                self._silent[address] = isinstance(error, TimeoutError)
                return []
            if self._silent.pop(address, None) is not None:
                log.info("a peer answers again", extra={"peer": f"{address[0]}:{address[1]}"})
            return [answer]

        return [answer for found in await asyncio.gather(*map(one, addresses)) for answer in found]


def _reason(error: Exception) -> str:
    return one_line(error) if isinstance(error, ValidationError) else type(error).__name__


async def _resolve(target: Target) -> list[Target]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await loop.getaddrinfo(*target, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [(str(address[0]), int(address[1])) for *_, address in found]
