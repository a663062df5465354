"""Requests to an HTTP API that may be slow, broken or gone: an answer, or one line why not."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

TIMEOUT_SECONDS = 10.0
"""How long one answer may take, from the first byte sent to the last one read."""
MAX_BYTES = 32 * 1024 * 1024
"""The largest answer that is read: far more than a thousand pods make."""

_USERINFO = re.compile(r"(?<=://)[^/\s?#]*@")

T = TypeVar("T")
Labels = dict[str, str]
EmptyIfNull = BeforeValidator(lambda value: value if value is not None else [])
"""Reads the `null` that a Go program writes for an empty list."""


class Answer(BaseModel):
    """A part of an answer; keys without a field are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True
    )


class ApiError(Exception):
    """There is no usable answer: one line that says whose, and why."""


class HttpApi:
    """One server. After a timeout or a failed connection it is not asked again.

    Every method that asks raises ApiError.
    """

    name: ClassVar[str]

    def __init__(
        self,
        address: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` may hold a user and password, which are sent and never shown."""
        self.shown_address = without_userinfo(address)
        self._address, self._timeout, self._clock = address, timeout, clock
        self._client = httpx.Client(timeout=timeout, transport=transport, trust_env=False)
        self._unreachable: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of the answer, None for an empty body; `options` are those of httpx."""
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
        if not text.strip():
            return None
        try:
            return _without_userinfo(json.loads(text))
        except (ValueError, RecursionError):
            raise self._error(
                f"answered {path} with no JSON. Check that the address is that of {self.name}."
            ) from None

    def parse(self, type_: type[T], answer: Any, *keys: str) -> T:
        """The value below `keys` in an answer, as this type."""
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
                # The client's own timeout is per read; a slow trickle of bytes never meets it.
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
    """The text without the user and password of any address in it."""
    return _USERINFO.sub("", text)


def _without_userinfo(value: Any) -> Any:
    """The same JSON, with `without_userinfo` applied to every text in it."""
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, list):
        return [_without_userinfo(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_userinfo(item) for key, item in value.items()}
    return value


def _refusal_reason(text: str) -> str:
    """`: REASON` if the body of a refusal is JSON that states one, else nothing."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    reason = body.get("error") or body.get("message") if isinstance(body, dict) else body
    return f": {' '.join(reason.split())[:200]}" if isinstance(reason, str) else ""
