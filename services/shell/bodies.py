"""Request bodies: what is not exactly what was asked for is refused, with a reason."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from services.shell.problems import one_line

BODY_LIMIT = 64 * 1024
"""Most bytes of a body, unless its route says otherwise."""

_SECONDS = 10
"""Longest wait for a body, so that a stalled sender holds no connection."""


class Body(BaseModel):
    """A JSON object that is taken as it stands.

    No unknown field, no NaN or infinity, no number from a string or a boolean.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


M = TypeVar("M", bound=Body)


async def read_body(request: Request, model: type[M], limit: int = BODY_LIMIT) -> M:
    """The request's body, of at most `limit` bytes, as a `model`.

    Raises HTTPException: 415 not JSON by its content type, 413 over the limit, 408 too slow,
    400 malformed or broken off, 422 well-formed but not as the model says; the reason names the
    field.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415, "The body must be JSON: send Content-Type: application/json.")
    try:
        async with asyncio.timeout(_SECONDS):
            raw = await _bytes(request, limit)
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {_SECONDS} s.") from None
    except ClientDisconnect:
        raise HTTPException(400, "The body broke off.") from None
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        malformed = error.errors()[0]["type"] == "json_invalid"
        raise HTTPException(400 if malformed else 422, one_line(error)) from None


async def _bytes(request: Request, limit: int) -> bytes:
    raw = bytearray()
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        raise HTTPException(413, f"The body is larger than {limit} bytes.")
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > limit:
            raise HTTPException(413, f"The body is larger than {limit} bytes.")
    return bytes(raw)
