"""Reads request bodies strictly: anything but the expected JSON is refused with a reason."""

import asyncio
import json
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from services.shell.settings import one_line

BODY_LIMIT = 64 * 1024
"""Maximum bytes of a body, unless its route sets another limit."""

BODY_SECONDS = 10
"""Time limit for receiving a body, so that a stalled sender does not hold a connection."""


T = TypeVar("T")


class Body(BaseModel):
    """A JSON object, checked strictly.

    Refuses unknown fields, NaN, infinity, and strings or booleans in place of numbers.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


def _check_finite(value: T) -> T:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("must not contain NaN or infinity") from None
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_check_finite)]
"""A JSON object with any content except NaN and infinity, which other parsers refuse."""

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text that another program sent.

    Raises ValueError unless every JSON parser takes the value when it is sent on. That excludes NaN
    and numbers that overflow to infinity, lone surrogates, integers of more than 4300 digits, and
    more than 200 levels.
    """
    return _check_finite(_ANY.validate_json(raw))


M = TypeVar("M", bound=Body)


async def read_body(request: Request, model: type[M], limit: int = BODY_LIMIT) -> M:
    """Read the request's body, of at most `limit` bytes, as a `model`.

    Raises HTTPException: 415 if the content type is not JSON, 413 over the limit, 408 if the sender
    is too slow, 400 if the body is malformed or breaks off, 422 if it is well-formed JSON but not
    a `model`; the reason names the field.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415, "The body must be JSON: send Content-Type: application/json.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await _read_bytes(request, limit)
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {BODY_SECONDS} s.") from None
    except ClientDisconnect:
        raise HTTPException(400, "The body broke off.") from None
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        malformed = error.errors()[0]["type"] == "json_invalid"
        raise HTTPException(400 if malformed else 422, one_line(error)) from None


async def _read_bytes(request: Request, limit: int) -> bytes:
    raw = bytearray()
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        raise HTTPException(413, f"The body is larger than {limit} bytes.")
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > limit:
            raise HTTPException(413, f"The body is larger than {limit} bytes.")
    return bytes(raw)
