"""Looks up the addresses behind a name."""

import asyncio
import socket

from services.shell.settings import Address


async def look_up(target: Address, seconds: float) -> list[Address]:
    """All addresses of a target, those that the system prefers first.

    The name of a headless Service resolves to the addresses of its pods. Empty if DNS does not know
    the name, or not within `seconds`.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(*target, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [Address(str(address[0]), int(address[1])) for *_, address in found]
