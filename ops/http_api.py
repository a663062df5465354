"""A client for HTTP APIs that may be slow or down; every failure is an ApiError of one line."""

import json
import re
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import unquote

import httpx
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticOmit

from problems import one_line, without_userinfo

TIMEOUT_SECONDS = 10.0
"""Time limit for a whole exchange, from the first byte sent to the last byte read."""
MAX_BYTES = 32 * 1024 * 1024
"""Size limit of an answer; the answers for a thousand pods are far smaller."""

_ADDRESS = re.compile(r"([A-Za-z]+://)(?:([^/?#]*)@)?(.*)", re.DOTALL)
"""The scheme, the user and password if there is an @, and the rest."""
_SURROGATE = re.compile("[\ud800-\udfff]")

T = TypeVar("T")
Labels = dict[str, str]
EmptyIfNull = BeforeValidator(lambda value: value if value is not None else [])
"""Reads `null` as an empty list, because Go encodes a nil slice as `null`."""


def _drop_if_invalid(
    value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> Any:
    """Validate an item; leave an invalid one out of its list, and tell `parse` why."""
    try:
        return validate(value)
    except ValidationError as error:
        if info.context is not None:
            info.context.append(_first_problem(error))
        raise PydanticOmit from None


Kept = Annotated[T, WrapValidator(_drop_if_invalid)]
"""An item of a list in an answer: an invalid one is left out and costs no other."""


class Partial(list[T]):
    """The valid items of an answer; `reason`, one line, says what was left out."""

    def __init__(self, items: list[T], reason: str) -> None:
        super().__init__(items)
        self.reason = reason


class Answer(BaseModel):
    """Base model for parts of an answer; unknown keys are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True
    )


class ApiError(Exception):
    """The server gave no usable answer; the message, one line, names the server and the reason.

    `status` is that of its answer, None without one.
    """

    status: int | None = None


class Deadline:
    """A time limit for all requests of several clients together."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._start = clock()

    def spent(self) -> float:
        """The seconds since the start."""
        return self._clock() - self._start

    def left(self) -> float:
        """The seconds that are left; 0 or less when the time is over."""
        return self.seconds - self.spent()


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
        deadline: Deadline | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        """`address` may contain a user and password; they are sent but never shown.

        `options` are those of httpx.Client, such as `auth`.
        """
        self.shown_address, login = split_userinfo(address)
        if login:
            options.setdefault("auth", httpx.BasicAuth(*login))
        self._timeout, self._deadline, self._clock = timeout, deadline, clock
        self._client = httpx.Client(
            timeout=timeout, transport=transport, trust_env=False, **options
        )
        self._client.headers["Accept-Encoding"] = "identity"
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
            return _safe_value(json.loads(text))
        except (ValueError, RecursionError):
            raise self._error(
                f"did not answer {path} with JSON. Check that the address is that of {self.name}."
            ) from None

    def text(self, method: str, path: str, **options: Any) -> str:
        """Send a request; return the body of the answer."""
        if self._unreachable:
            raise ApiError(self._unreachable)
        left = self._deadline.left() if self._deadline else self._timeout
        if self._deadline and left <= 0:
            raise self._error(
                f"was not asked: the {self._deadline.seconds:g} s for all requests are over"
            )
        limit = min(self._timeout, left)
        try:
            status, body = within(limit, lambda: self._read(method, path, limit, options))
        except httpx.TimeoutException:
            raise self._lost(f"gave no answer within {limit:.2g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise self._lost(f"can't be reached: {error or type(error).__name__}") from None
        text = body.decode("utf-8", errors="replace")
        if status // 100 != 2:
            error = self._error(f"answered {path} with HTTP {status}{_refusal_reason(text)}")
            error.status = status
            raise error
        return text

    def parse(self, type_: type[T], answer: Any, *keys: str) -> T:
        """Validate the value at the path `keys` of an answer as `type_`.

        A list from which a `Kept` item was left out is a `Partial`.
        """
        for key in keys:
            if not isinstance(answer, dict) or key not in answer:
                raise self._error(f"gave an answer that has no {key}")
            answer = answer[key]
        lost: list[str] = []
        try:
            value: Any = TypeAdapter(type_).validate_python(answer, context=lost)
        except ValidationError as error:
            raise self._error(f"gave an unexpected answer: {_first_problem(error)}") from None
        if lost and isinstance(value, list):
            if not value:
                raise self._error(f"gave an unexpected answer: {lost[0]}")
            place = ".".join(keys) or "its answer"
            what = f"sent invalid items in {place}, left out ({len(lost)}): {lost[0]}"
            value = Partial(value, str(self._error(what)))
        return value

    def _read(
        self, method: str, path: str, limit: float, options: dict[str, Any]
    ) -> tuple[int, bytes]:
        deadline = self._clock() + limit
        body = bytearray()
        url = self.shown_address + path
        with self._client.stream(method, url, timeout=limit, **options) as response:
            # httpx unpacks a whole chunk before anybody can measure it: kilobytes become gigabytes.
            if "content-encoding" in response.headers:
                raise self._error(f"answered {path} compressed, which was not asked for")
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
        return ApiError(one_line(f"{self.name} at {self.shown_address} {what}"))

    def _lost(self, what: str) -> ApiError:
        error = self._error(what)
        self._unreachable = str(error)
        return error


def within(seconds: float, call: Callable[[], T]) -> T:
    """Call in a thread, and leave it behind after these seconds. Raises httpx.TimeoutException.

    httpx limits each step alone: a name server that hangs, or headers that trickle, take for ever.
    """
    answers: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:
            answers.put((None, error))

    Thread(target=run, daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except Empty:
        raise httpx.ReadTimeout("no answer") from None
    if error:
        raise error
    return value  # pyright: ignore[reportReturnType] - it is a T without an error


def split_userinfo(address: str) -> tuple[str, tuple[str, str] | None]:
    """The address without the user and password, and these two, decoded, if it has them."""
    found = _ADDRESS.fullmatch(address)
    if not found or found[2] is None:
        return address, None
    user, _, password = found[2].partition(":")
    return found[1] + found[3], (unquote(user), unquote(password))


def _safe_value(value: Any) -> Any:
    """The JSON value whose strings have no user and password in URLs, and no lone surrogates."""
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", without_userinfo(value))
    if isinstance(value, list):
        return [_safe_value(item) for item in value]
    if isinstance(value, dict):
        return {_safe_value(key): _safe_value(item) for key, item in value.items()}
    return value


def _first_problem(error: ValidationError) -> str:
    """`PLACE: WHAT` of the first problem."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def _refusal_reason(text: str) -> str:
    """`: REASON` if the body of an error response is JSON with a reason, else an empty string."""
    try:
        body = _safe_value(json.loads(text))
    except (ValueError, RecursionError):
        return ""
    reason = body.get("error") or body.get("message") if isinstance(body, dict) else body
    return f": {' '.join(reason.split())[:200]}" if isinstance(reason, str) else ""
