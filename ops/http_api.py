"""A client for HTTP APIs that may be slow or down; every failure is an ApiError of one line."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

TIMEOUT_SECONDS = 10.0
"""Time limit for a whole exchange, from the first byte sent to the last byte read."""
MAX_BYTES = 32 * 1024 * 1024
"""Size limit of an answer; the answers for a thousand pods are far smaller."""

_USERINFO = re.compile(r"(?<=://)[^/\s?#]*@")

T = TypeVar("T")
Labels = dict[str, str]
EmptyIfNull = BeforeValidator(lambda value: value if value is not None else [])
"""Reads `null` as an empty list, because Go encodes a nil slice as `null`."""


class Answer(BaseModel):
    """Base model for parts of an answer; unknown keys are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True
    )


class ApiError(Exception):
    """The server gave no usable answer; the message, one line, names the server and the reason."""


class HttpApi:
    """A client of one server. After a timeout or failed connection, all further calls fail at once.

    Every method that sends a request may raise ApiError.
    """

    name: ClassVar[str]

    def __init__(
        self,
        address: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        """`address` may contain a user and password; they are sent but never shown.

        `options` are those of httpx.Client, such as `auth`.
        """
        self.shown_address = without_userinfo(address)
        self._address, self._timeout, self._clock = address, timeout, clock
        self._client = httpx.Client(
            timeout=timeout, transport=transport, trust_env=False, **options
        )
        self._unreachable: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Send a request; return the JSON, or None for an empty body. `options` go to httpx."""
        text = self.text(method, path, **options)
        if not text.strip():
            return None
        try:
            return _without_userinfo(json.loads(text))
        except (ValueError, RecursionError):
            raise self._error(
                f"answered {path} with no JSON. Check that the address is that of {self.name}."
            ) from None

    def text(self, method: str, path: str, **options: Any) -> str:
        """Send a request; return the body of the answer."""
        if self._unreachable:
            raise ApiError(self._unreachable)
        try:
            status, body = self._read(method, path, options)
        except httpx.TimeoutException:
            raise self._lost(f"gave no answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = without_userinfo(" ".join(str(error).split())) or type(error).__name__
            raise self._lost(f"can't be reached: {reason}") from None
        text = body.decode("utf-8", errors="replace")
        if status // 100 != 2:
            reason = without_userinfo(_refusal_reason(text))
            raise self._error(f"answered {path} with HTTP {status}{reason}")
        return text

    def parse(self, type_: type[T], answer: Any, *keys: str) -> T:
        """Validate the value at the path `keys` of an answer as `type_`."""
        for key in keys:
            if not isinstance(answer, dict) or key not in answer:
                raise self._error(f"gave an answer that has no {key}")
            answer = answer[key]
        try:
            return TypeAdapter(type_).validate_python(answer)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise self._error(f"gave an unexpected answer: {place}: {first['msg']}") from None

    def _read(self, method: str, path: str, options: dict[str, Any]) -> tuple[int, bytes]:
        deadline = self._clock() + self._timeout
        body = bytearray()
        with self._client.stream(method, self._address + path, **options) as response:
            for chunk in response.iter_bytes():
                body += chunk
                # httpx applies its timeout to each read, so a slow trickle of bytes never triggers
                # it.
                if self._clock() > deadline:
                    raise httpx.ReadTimeout("too slow")
                if len(body) > MAX_BYTES:
                    raise self._error(f"answered {path} with more than {MAX_BYTES >> 20} MiB")
            return response.status_code, bytes(body)

    def _error(self, what: str) -> ApiError:
        return ApiError(f"{self.name} at {self.shown_address} {what}")

    def _lost(self, what: str) -> ApiError:
        error = self._error(what)
        self._unreachable = str(error)
        return error


def without_userinfo(text: str) -> str:
    """Remove the user and password from every URL in the text."""
    return _USERINFO.sub("", text)


def _without_userinfo(value: Any) -> Any:
    """Apply `without_userinfo` to every string in the JSON value."""
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, list):
        return [_without_userinfo(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_userinfo(item) for key, item in value.items()}
    return value


def _refusal_reason(text: str) -> str:
    """`: REASON` if the body of an error response is JSON with a reason, else an empty string."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    reason = body.get("error") or body.get("message") if isinstance(body, dict) else body
    return f": {' '.join(reason.split())[:200]}" if isinstance(reason, str) else ""
