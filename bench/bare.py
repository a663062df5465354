"""`python -m bench.bare HOST PORT`: what /step is compared with, the least that answers it.

A Starlette endpoint that reads the same body and sends a short answer, on the same server program,
which does nothing else: it neither logs requests nor reads the headers of proxies.
"""

import json
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def _step(request: Request) -> Response:
    body = json.loads(await request.body())
    return JSONResponse({"sum": sum(body["x"])})


async def _ready(_: Request) -> Response:
    return Response()


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/step", _step, methods=["POST"]), Route("/ready", _ready)]),
        host=sys.argv[1],
        port=int(sys.argv[2]),
        # As in the services' image.
        http="h11",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
    )
