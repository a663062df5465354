"""Finds the other pods, exchanges steps with them, and keeps the field consistent.

Messages from peers are validated as strictly as a caller's step, and limited in time and size.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import httpx
from pydantic import Field, ValidationError

from services.psi_field.engine import EngineError
from services.psi_field.history import HISTORY_LENGTH, MAX_TAKEOVER_COUNTER, Entry, Replica
from services.shell import BODY_LIMIT, Address, Body, one_line

PUSH_SECONDS = 0.8
"""Time limit for pushing a step to all peers."""

PAUSE_SECONDS = 0.2
"""Pause between two attempts of a starting pod to reach its peers."""

INCARNATION_HEADER = "X-Incarnation"
"""Names the pod in its answers to a pull, also in those without a body."""

_PULL_SECONDS = 2
_LOOKUP_SECONDS = 2

T = TypeVar("T")
log = logging.getLogger(__name__)


class Push(Body):
    """New entries for a peer; the peer adds them to its history and does not forward them."""

    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=HISTORY_LENGTH)]


class PushReceipt(Body):
    """A peer's answer to a push, with the peer's incarnation."""

    incarnation: str


class PeerHistory(Body):
    """A peer's whole history. `established`: the peer has taken over the field or begun it."""

    incarnation: str
    established: bool
    entries: Annotated[tuple[Entry, ...], Field(max_length=HISTORY_LENGTH)]


class Peers:
    """The pods behind `targets`, except this one, which is recognised by its `incarnation`."""

    def __init__(self, targets: Sequence[Address], incarnation: str) -> None:
        self._targets = targets
        self._incarnation = incarnation
        self._addresses: list[Address] = []
        self.answering = 0
        """Number of other pods that answered the last `pull` as they should."""
        self._silent: dict[Address, bool] = {}
        """{address: whether it timed out} of the addresses whose last exchange failed."""
        # Pods are never behind a proxy. Refuse compression: a small response could unpack to a huge
        # one.
        self._client = httpx.AsyncClient(trust_env=False, headers={"Accept-Encoding": "identity"})

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def discover(self) -> bool:
        """Resolve the targets. Returns whether all resolved; if not, known addresses stay."""
        found = await asyncio.gather(*map(_resolve, self._targets))
        complete = all(addresses for addresses in found)
        if complete or not self._addresses:
            self._addresses = sorted({address for addresses in found for address in addresses})
        return complete

    async def push(self, entry: Entry) -> tuple[int, int]:
        """Send a new entry to every peer. Returns how many peers took it and how many missed it.

        After a timeout, an address gets no pushes until it answers a `pull`, so that a dead peer
        delays only one step.
        """
        content = Push(entries=(entry,)).model_dump_json()

        async def push_to(address: Address) -> PushReceipt:
            _, raw = await self._exchange(address, "POST", content=content)
            return PushReceipt.model_validate_json(raw)

        awake = [address for address in self._addresses if not self._silent.get(address)]
        receipts = await self._ask(awake, PUSH_SECONDS, push_to)
        took = {receipt.incarnation for receipt in receipts} - {self._incarnation}
        return len(took), len(self._addresses) - len(receipts)

    async def pull(self, digest: str) -> tuple[list[PeerHistory], int]:
        """Fetch the histories with another digest. Returns them and the number of failed peers."""

        async def pull_from(address: Address) -> tuple[str, PeerHistory | None]:
            headers = {"If-None-Match": f'"{digest}"'}
            answer, raw = await self._exchange(address, "GET", headers=headers)
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return answer.headers.get(INCARNATION_HEADER, str(address)), None
            history = PeerHistory.model_validate_json(raw)
            return history.incarnation, history

        answers = await self._ask(self._addresses, _PULL_SECONDS, pull_from)
        self.answering = len({pod for pod, _ in answers} - {self._incarnation})
        histories = [one for pod, one in answers if one and pod != self._incarnation]
        return histories, len(self._addresses) - len(answers)

    async def _exchange(
        self,
        address: Address,
        method: str,
        *,
        content: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[httpx.Response, bytes]:
        """Returns answer and body. Raises httpx.HTTPError, or ValueError if the body is large."""
        url = httpx.URL(scheme="http", host=address.host, port=address.port, path="/window")
        headers = {"Content-Type": "application/json"} | (headers or {})
        raw = bytearray()
        async with self._client.stream(method, url, content=content, headers=headers) as answer:
            if answer.status_code != httpx.codes.NOT_MODIFIED:
                answer.raise_for_status()
            async for chunk in answer.aiter_raw():
                raw += chunk
                if len(raw) > BODY_LIMIT:
                    raise ValueError(f"an answer of more than {BODY_LIMIT} bytes")
        return answer, bytes(raw)

    async def _ask(
        self,
        addresses: Sequence[Address],
        seconds: float,
        question: Callable[[Address], Awaitable[T]],
    ) -> list[T]:
        """Collect the valid answers that arrive in time; log the addresses that gave none."""

        async def ask_one(address: Address) -> list[T]:
            try:
                async with asyncio.timeout(seconds):
                    answer = await question(address)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                if address not in self._silent:
                    fields = {"peer": str(address), "reason": _describe(error)}
                    log.warning("a peer does not answer as it should", extra=fields)
                self._silent[address] = isinstance(error, TimeoutError)
                return []
            if self._silent.pop(address, None) is not None:
                log.info("a peer answers again", extra={"peer": str(address)})
            return [answer]

        found = await asyncio.gather(*map(ask_one, addresses))
        return [answer for answers in found for answer in answers]


def _describe(error: Exception) -> str:
    return one_line(error) if isinstance(error, ValidationError) else type(error).__name__


async def _resolve(target: Address) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await loop.getaddrinfo(*target, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [Address(str(address[0]), int(address[1])) for *_, address in found]


class Sharing:
    """Keeps a replica and its peers in sync.

    A step is pushed to every peer immediately. Every pod also pulls the histories of its peers
    regularly, which adds the steps that a push missed.
    """

    def __init__(self, replica: Replica, peers: Peers) -> None:
        self.established = False
        """Whether this pod has taken over the field or begun it."""
        self.peers_in_step = 0
        """Number of peers whose steps this pod had all after the last `catch_up`."""
        self._replica = replica
        self._peers = peers

    async def take_over(self, seconds: float) -> None:
        """Take over the field from a peer, or begin a new one.

        Returns once a peer has sent the field, once all peers have answered that they have none, or
        after `seconds`, when the current attempt has ended.
        """
        deadline = time.monotonic() + seconds
        while not self.established:
            found = await self._peers.discover()
            histories, silent = await self._peers.pull("")
            self._merge(histories, MAX_TAKEOVER_COUNTER)
            if any(history.established for history in histories):
                log.info("took over the field", extra={"steps": len(self._replica.entries)})
                self.established = True
            elif found and not silent:
                log.info("no peer has a field yet: a new one begins")
                self.established = True
            elif time.monotonic() >= deadline:
                log.warning("no peer answered in time: a new field begins")
                self.established = True
            else:
                await asyncio.sleep(PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """Pull and add the steps that this pod lacks."""
        await self._peers.discover()
        histories, _ = await self._peers.pull(self._replica.digest)
        before = self._replica.digest
        took_all = self._merge(histories, self._replica.max_peer_counter)
        self.peers_in_step = self._peers.answering if took_all else 0
        if self._replica.digest != before:
            log.info("caught up with the peers")

    def _merge(self, histories: Sequence[PeerHistory], max_counter: int) -> bool:
        """Add the peers' steps. Returns whether all of them could be added."""
        entries = [entry for history in histories for entry in history.entries]
        accepted = [entry for entry in entries if entry.counter <= max_counter]
        if ignored := len(entries) - len(accepted):
            fields = {"steps": ignored, "limit": max_counter}
            log.error("peers have steps with absurd counters; they are ignored", extra=fields)
        try:
            self._replica.merge(accepted)
        except EngineError as error:
            log.error("the engine refused a peer's steps", extra={"reason": str(error)})
            return False
        return not ignored
