"""Which pods there are."""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Address:
    """An IPv4 address, or a name that stands for several, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`host:port`; raises ValueError for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no address: write host:port")
    return Address(host, int(port))


async def find(targets: Iterable[Address]) -> list[Address]:
    """Every address behind the targets, each once.

    The name of a headless Service stands for the addresses of its pods; a name that DNS does not
    know stands for none.
    """
    loop = asyncio.get_running_loop()
    found: set[Address] = set()
    for target in targets:
        try:
            answers = await loop.getaddrinfo(
                target.host, target.port, family=socket.AF_INET, type=socket.SOCK_STREAM
            )
        except (socket.gaierror, UnicodeError):
            continue
        found |= {Address(str(answer[4][0]), target.port) for answer in answers}
    return sorted(found)
