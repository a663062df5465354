"""Finds the other pods and exchanges messages with them.

Messages from peers are validated as strictly as a caller's step, and limited in time and size.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from services.psi_field.history import MAX_ENTRIES, Entry
from services.psi_field.metrics import SharingMetrics
from services.shell import Address, Body, HttpClient, NoAnswerError, Reply, look_up, one_line

PUSH_SECONDS = 0.8
"""Time limit for a push to a peer."""

MESSAGE_LIMIT = 512 * 1024
"""Maximum bytes of a message: a history of MAX_ENTRIES of the longest entries fits."""

_PULL_SECONDS = 2  # No request to a peer takes longer.
_LOOKUP_SECONDS = 2
_LOOKUP_PAUSE_SECONDS = 1

T = TypeVar("T")
log = logging.getLogger(__name__)


class Push(Body):
    """New entries for a peer; the peer adds them to its history and does not forward them."""

    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=MAX_ENTRIES)]


class PushReceipt(Body):
    """A peer's answer to a push.

    `conflicts` are the entries that the peer knew under the keys of different steps in the push.
    """

    incarnation: str
    conflicts: Annotated[tuple[Entry, ...], Field(max_length=MAX_ENTRIES)] = ()


class PeerHistory(Body):
    """A peer's whole history. `established`: the peer has taken over the field or begun it."""

    incarnation: str
    established: bool
    entries: Annotated[tuple[Entry, ...], Field(max_length=MAX_ENTRIES)]


class Peers:
    """The pods behind `targets`, except this one, which is recognised by its `incarnation`."""

    def __init__(
        self,
        targets: Sequence[Address],
        incarnation: str,
        metrics: SharingMetrics,
        *,
        source: str | None = None,
    ) -> None:
        """Connect to peers from the address `source`; they take steps from peers alone."""
        self._targets = targets
        self._incarnation = incarnation
        self._metrics = metrics
        self._found: list[Address] = []
        self.answering = 0
        """Number of other pods that answered the last `pull` as they should."""
        self._unresolved: set[Address] = set()
        """The targets whose last look-up found nothing."""
        self._looked_up = 0.0
        self._failing: dict[Address, bool] = {}
        """{address: whether it timed out} of the addresses whose last exchange failed."""
        self._incarnations: dict[Address, str] = {}
        """The pod behind each address, as it said last."""
        self._source = source
        # A client that served several peers would look through the connections to all of them for
        # each request: a push would cost more with each pod that is added.
        self._clients: dict[Address, HttpClient] = {}
        self._unused: list[tuple[float, HttpClient]] = []
        """(since when, client) of addresses that are no longer found, the oldest first. They may
        still serve a request."""

    async def close(self) -> None:
        """Close all connections."""
        for client in (*self._clients.values(), *(client for _, client in self._unused)):
            await client.aclose()

    @property
    def addresses(self) -> list[Address]:
        """The addresses of the other pods."""
        own = self._incarnation
        return [one for one in self._found if self._incarnations.get(one) != own]

    async def discover(self) -> bool:
        """Resolve the targets. Returns whether all resolved; if not, known addresses stay."""
        self._looked_up = time.monotonic()
        found = await asyncio.gather(*(look_up(one, _LOOKUP_SECONDS) for one in self._targets))
        for target, addresses in zip(self._targets, found, strict=True):
            self._note_lookup(target, bool(addresses))
        complete = all(addresses for addresses in found)
        if complete or not self._found:
            self._found = sorted({address for addresses in found for address in addresses})
            self._incarnations = {
                address: pod
                for address, pod in self._incarnations.items()
                if address in self._found
            }
            self._metrics.peers.set(len(self.addresses))
            now, gone = time.monotonic(), self._clients.keys() - {*self._found}
            self._unused += [(now, self._clients.pop(address)) for address in gone]
            while self._unused and now - self._unused[0][0] > _PULL_SECONDS:
                await self._unused.pop(0)[1].aclose()
        return complete

    async def is_peer(self, host: str | None) -> bool:
        """Whether this is the IP address of a peer; looks again for peers if it is unknown."""
        if not host:
            return False
        if self._is_found(host):
            return True
        if time.monotonic() - self._looked_up < _LOOKUP_PAUSE_SECONDS:
            return False
        await self.discover()
        return self._is_found(host)

    async def push(
        self, entries: Sequence[Entry], *, last: bool = False
    ) -> list[PushReceipt | None]:
        """Send entries to all peers at once. A peer's receipt is None if it missed them.

        After a timeout, an address gets no push but the `last` one until it answers a `pull`, so
        that a dead peer delays only one push.
        """
        content = Push(entries=tuple(entries)).model_dump_json()

        async def send(address: Address) -> PushReceipt:
            reply = await self._exchange(address, PUSH_SECONDS, "POST", body=content)
            return PushReceipt.model_validate_json(reply.body)

        async def push_to(address: Address) -> PushReceipt | None:
            given_up = self._failing.get(address) and not last
            receipt = None if given_up else await self._ask(address, send)
            if receipt is None:
                self._metrics.pushes_missed.inc(len(entries))
            else:
                self._note_incarnation(address, receipt.incarnation)
            return receipt

        return await asyncio.gather(*map(push_to, self.addresses))

    async def pull(self, digest: str) -> tuple[list[PeerHistory], int]:
        """Fetch the histories with another digest. Returns them and the number of failed peers."""

        async def fetch(address: Address) -> PeerHistory | Literal["same"]:
            # An address that is new must say which pod it is; it may be this one.
            known = {"If-None-Match": f'"{digest}"'} if address in self._incarnations else None
            reply = await self._exchange(address, _PULL_SECONDS, "GET", headers=known)
            if known and reply.status == HTTPStatus.NOT_MODIFIED:
                return "same"
            history = PeerHistory.model_validate_json(reply.body)
            self._note_incarnation(address, history.incarnation)
            return history

        asked = self.addresses
        answers = await asyncio.gather(*(self._ask(one, fetch) for one in asked))
        answering = {
            self._incarnations[address]
            for address, answer in zip(asked, answers, strict=True)
            if answer
        }
        self.answering = len(answering - {self._incarnation})
        histories = [one for one in answers if isinstance(one, PeerHistory)]
        others = [one for one in histories if one.incarnation != self._incarnation]
        return others, answers.count(None)

    def _note_incarnation(self, address: Address, incarnation: str) -> None:
        """Note which pod it is; this pod's own address is left out from then on."""
        if self._incarnations.get(address) != incarnation:
            self._incarnations[address] = incarnation
            self._metrics.peers.set(len(self.addresses))

    def _is_found(self, host: str) -> bool:
        return _plain(host) in {_plain(address.host) for address in self.addresses}

    def _note_lookup(self, target: Address, found: bool) -> None:
        fields = {"peer": str(target)}
        if not found:
            self._metrics.lookups_failed.inc()
            if target not in self._unresolved:
                log.warning("a peer's name has no address", extra=fields)
            self._unresolved.add(target)
        elif target in self._unresolved:
            log.info("a peer's name has an address again", extra=fields)
            self._unresolved.discard(target)

    async def _exchange(
        self,
        address: Address,
        seconds: float,
        method: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        if address not in self._clients:
            self._clients[address] = HttpClient(limit=MESSAGE_LIMIT, source=self._source)
        client = self._clients[address]
        url = f"http://{address}/window"
        reply = await client.send(method, url, seconds=seconds, body=body, headers=headers)
        if reply.is_success or reply.status == HTTPStatus.NOT_MODIFIED:
            return reply
        raise NoAnswerError(f"answered {reply.status}")

    async def _ask(self, address: Address, question: Callable[[Address], Awaitable[T]]) -> T | None:
        """The answer, if a valid one arrives in time; logs when an address begins to give none."""
        try:
            answer = await question(address)
        except (NoAnswerError, ValidationError) as error:
            reason = one_line(error) if isinstance(error, ValidationError) else str(error)
            if address not in self._failing:
                fields = {"peer": str(address), "reason": reason}
                log.warning("a peer does not answer as it should", extra=fields)
            self._failing[address] = isinstance(error, NoAnswerError) and error.timed_out
            return None
        if self._failing.pop(address, None) is not None:
            log.info("a peer answers again", extra={"peer": str(address)})
        return answer


@lru_cache(maxsize=256)
def _plain(host: str) -> str:
    """The IP address as text; an IPv4 address that was mapped into IPv6 as IPv4."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
