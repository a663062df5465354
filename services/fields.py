"""Types of settings and of bodies that more than one service has."""

import json
import re
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator

_HOST = re.compile(r"[\w.:-]+", re.ASCII)


def http_url(text: str) -> str:
    """The URL as it is. Raises ValueError if it is none, or holds a user or a password."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"is no URL: {error}") from None
    is_complete = url.scheme in ("http", "https") and _HOST.fullmatch(url.host)
    if not is_complete or not 0 < (url.port or 80) < 65536:
        raise ValueError("is no URL, such as http://name:8000/path")
    if url.userinfo:
        raise ValueError("leave the user and the password out of the URL")
    return text


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("must hold no NaN and no infinity") from None
    return value


HttpUrl = Annotated[str, AfterValidator(http_url)]
"""A URL of http or https, without user and password."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_finite)]
"""A JSON object that every other JSON parser understands as well."""
