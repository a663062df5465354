"""Settings of a service, which come from environment variables only."""

import re
import socket
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")
_PORT = re.compile("[0-9]{1,5}")
_MAX_LENGTH = 300


class SettingsError(Exception):
    """A setting is wrong; the message is one line. `run` prints it and exits with code 2."""


class Address(NamedTuple):
    """A host name or IP address, without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Parse `host:port`, where an IPv6 host stands in brackets.

    Raises ValueError without the text, which may be a URL with a password.
    """
    host, _, port = text.rpartition(":")
    in_brackets = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if in_brackets else host
    is_right = _is_host(host) and in_brackets == (":" in host) and _PORT.fullmatch(port)
    if not is_right or not 0 < int(port) < 65536:
        raise ValueError("is not an address. Write host:port.")
    return Address(host, int(port))


def _is_host(text: str) -> bool:
    """Whether it is a host name or an IP address, without brackets."""
    if ":" not in text:
        return _NAME.fullmatch(text) is not None
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _check_host(text: str) -> str:
    if not _is_host(text):
        raise ValueError("is not a host. Write an IP address or a name.")
    return text


def check_http_url(text: str) -> str:
    """Return the URL unchanged. Raises ValueError if it is invalid or holds credentials."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError("is not a URL. Write http://name:8000/path.") from None
    is_complete = url.scheme in ("http", "https") and _is_host(url.host)
    if not is_complete or url.port == 0 or (url.port or 80) > 65535:
        raise ValueError("is not a URL. Write http://name:8000/path.")
    if url.userinfo:
        raise ValueError("holds a user or a password. Remove them from the URL.")
    return text


def _split_addresses(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    found = []
    for number, part in enumerate(parts, 1):
        try:
            found.append(parse_address(part))
        except ValueError as error:
            place = f"entry {number} " if len(parts) > 1 else ""
            raise ValueError(f"{place}{error}") from None
    return tuple(found)


Addresses = Annotated[tuple[Address, ...], BeforeValidator(_split_addresses)]
"""Addresses as `host:port`, separated by commas."""

HttpUrl = Annotated[str, AfterValidator(check_http_url)]
"""An http or https URL without user and password."""


class Settings(BaseModel):
    """The settings of a program. A service `psi-field` reads its field `x` from `PSI_FIELD_X`.

    All programs share the fields of this class and of `ServerSettings`. Their variables have no
    prefix: `LOG_LEVEL`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: ClassVar[str]
    """Name of the service, as in the platform's settings: `psi-field`."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def prefix(cls) -> str:
        """The prefix of the service's own variables: `PSI_FIELD_`."""
        return cls.service.replace("-", "_").upper() + "_"


class ServerSettings(Settings):
    """The settings of a program that serves HTTP.

    `host` is `::` for all addresses, of IPv6 and of IPv4. At most `max_connections` are open.
    With `port` 0, the service picks a free port; the first log line has it. `pod_name` defaults to
    the host name, which in a pod is the pod's name. A stopping service keeps serving for
    `drain_seconds` after /ready has changed to 503, so that callers notice.
    """

    host: Annotated[str, AfterValidator(_check_host)] = "::"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    pod_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")] = Field(
        default_factory=socket.gethostname
    )
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 256
    drain_seconds: Annotated[float, Field(ge=0, le=10)] = 5


M = TypeVar("M", bound=Settings)


def load_settings(model: type[M], environ: Mapping[str, str]) -> M:
    """Read the settings from `environ`.

    Raises SettingsError for an invalid value, and for a variable that has the service's prefix but
    is not one of its settings.
    """
    variables = {name: _variable_name(model, name) for name in model.model_fields}
    unknown = sorted(
        name
        for name in environ
        if name.startswith(model.prefix()) and name not in variables.values()
    )
    if unknown:
        known = ", ".join(sorted(variables.values()))
        raise SettingsError(f"{unknown[0]}: unknown setting. The settings are {known}.")
    found = {name: environ[key] for name, key in variables.items() if key in environ}
    for name, value in found.items():
        # Python keeps a byte that is not UTF-8 as a lone surrogate, which breaks what it reaches.
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise SettingsError(f"{variables[name]}: is not UTF-8.")
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise SettingsError(one_line(error, lambda name: variables.get(name, name))) from None


def _variable_name(model: type[Settings], field: str) -> str:
    is_shared = field in ServerSettings.model_fields
    return field.upper() if is_shared else model.prefix() + field.upper()


def one_line(error: ValidationError, rename: Callable[[str], str] = str) -> str:
    """Summarise as `field: reason` of the first problem and the number of others, without input.

    Whatever can't be printed is shown as `?`.

    `rename` translates the first part of the field's path into the user's name for it.
    """
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    head, *rest = [str(part) for part in first["loc"]] or [""]
    place = ".".join([rename(head), *rest]) if head else ""
    reason = first["msg"].removeprefix("Value error, ")
    text = f"{place}: {reason}" if place else reason
    if len(text) > _MAX_LENGTH:
        text = f"{text[:_MAX_LENGTH]}..."
    text = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return f"{text} (and {len(others)} more)" if others else text
