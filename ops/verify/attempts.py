"""Tries connections and looks up names, from inside of a pod.

`python attempts.py JSON` takes {"names": [HOST...], "open": [HOST:PORT...], "closed":
[HOST:PORT...]} and prints an object with the same keys that maps each entry to null, if the name is
known or the connection is made, or else to the reason. It tries names and `open` addresses until
they answer, for at most PATIENCE_SECONDS; new pods wait that long for their policies. Standard
library alone: it runs in the services' image.
"""

import asyncio
import json
import os
import socket
import sys

LIMIT_SECONDS = 2.0
"""Time limit of one attempt; a policy may drop packets without an answer."""
PATIENCE_SECONDS = 15.0


async def _look_up(host):
    await asyncio.get_running_loop().getaddrinfo(host, None)


async def _connect(address):
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.close()


async def _attempt(act, target):
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await act(target)
    except TimeoutError:
        return f"no answer within {LIMIT_SECONDS:g} s"
    except socket.gaierror:
        return "the name is unknown"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else type(error).__name__
    return None


async def _insist(act, target):
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while reason := await _attempt(act, target):
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.5)
    return reason


async def _all(try_one, act, targets):
    reasons = await asyncio.gather(*(try_one(act, target) for target in targets))
    return dict(zip(targets, reasons, strict=True))


async def _main(wanted):
    # The closed ones come last: once the others answer, the policies are in force.
    return {
        "names": await _all(_insist, _look_up, wanted["names"]),
        "open": await _all(_insist, _connect, wanted["open"]),
        "closed": await _all(_attempt, _connect, wanted["closed"]),
    }


if __name__ == "__main__":
    json.dump(asyncio.run(_main(json.loads(sys.argv[1]))), sys.stdout)
