"""Tries connections from where it runs: `attempts.py ADDRESS:PORT ...`.

Prints, as a JSON object, for each address whether the connection is made. The address
`dns:ADDRESS` asks a name server for the API server's Service over UDP. Standard library alone,
because it runs inside the network namespaces of pods.
"""

import asyncio
import json
import socket
import sys

LIMIT_SECONDS = 2.0
"""Time limit for a connection. On one machine it is made at once, or dropped or refused."""
QUESTION = (
    b"\0\1\1\0\0\1\0\0\0\0\0\0"
    + b"".join(
        bytes([len(part)]) + part for part in b"kubernetes.default.svc.cluster.local".split(b".")
    )
    + b"\0\0\1\0\1"
)
"""A DNS query for an address (type A, class IN), with recursion desired."""


async def _connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()


async def _ask(server: str) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((server, 53))
        await loop.sock_sendall(client, QUESTION)
        await loop.sock_recv(client, 512)


async def _attempt(address: str) -> bool:
    kind, _, server = address.partition(":")
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await (_ask(server) if kind == "dns" else _connect(address))
    except (TimeoutError, OSError):
        return False
    return True


async def _attempt_all(addresses: list[str]) -> dict[str, bool]:
    made = await asyncio.gather(*map(_attempt, addresses))
    return dict(zip(addresses, made, strict=True))


if __name__ == "__main__":
    json.dump(asyncio.run(_attempt_all(sys.argv[1:])), sys.stdout)
