"""Types of settings and of bodies that more than one service has."""

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator


def http_url(text: str) -> str:
    """The URL as it is. Raises ValueError if it is none, or holds a user or a password."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("write a URL, such as http://name:8000/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave the user and the password out of the URL")
    return text


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False).encode()
    except ValueError:
        raise ValueError("must hold no NaN, no infinity and no broken text") from None
    return value


HttpUrl = Annotated[str, AfterValidator(http_url)]
"""A URL of http or https, without user and password."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_finite)]
"""A JSON object that every other JSON parser understands as well."""
