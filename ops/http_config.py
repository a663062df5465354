"""Reads a file with credentials, CA and proxy, as `promtool` and `amtool` take it.

The option has their name, --http.config.file, and the file their form: Prometheus' `http_config`.
Secrets stand in files, never among the arguments, where every user of the machine can read them. No
message repeats what the file holds: a password may stand in the wrong place, even as a key.
"""

import argparse
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from ops.arguments import is_server_address
from ops.http_api import within
from ops.manifests import load_yaml
from problems import one_line

OPTION = "--http.config.file"
_REMEDY = "Write the form of Prometheus' http_config."
READ_SECONDS = 10.0
"""Time limit for reading all files: a pipe may have nobody who writes into it."""
MAX_BYTES = 1 << 20
"""Size limit of each file; certificates of all public authorities take a fifth of it."""
_TOKEN = re.compile(r"[!-~]+")


class HttpConfigError(Exception):
    """The file can't be used; the message, one line, says why and holds no secret."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _BasicAuth(_Part):
    username: str = ""
    username_file: str = ""
    password: SecretStr = SecretStr("")
    password_file: str = ""


class _Authorization(_Part):
    type: str = "Bearer"
    credentials: SecretStr = SecretStr("")
    credentials_file: str = ""


class _TlsConfig(_Part):
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class _HttpConfig(_Part):
    basic_auth: _BasicAuth | None = None
    authorization: _Authorization | None = None
    tls_config: _TlsConfig = _TlsConfig()
    proxy_url: SecretStr = SecretStr("")


class _Token(httpx.Auth):
    """Sends `Authorization: TYPE CREDENTIALS`."""

    def __init__(self, header: str) -> None:
        self._header = header

    def auth_flow(self, request: httpx.Request) -> Any:
        """Add the header."""
        request.headers["Authorization"] = self._header
        yield request


def add_http_config(parser: argparse.ArgumentParser, servers: str, prefix: str = "--") -> None:
    """Add the option; its value, `http_config_file`, is the keyword arguments of their clients."""
    option = OPTION.replace("--", prefix)
    parser.add_argument(
        option,
        dest=option.strip("-").replace(".", "_"),
        type=_argument,
        default={},
        metavar="FILE",
        help=f"credentials, CA and proxy for {servers}, in the form of Prometheus' http_config",
    )


def read_http_config(path: Path) -> dict[str, Any]:
    """The keyword arguments for httpx.Client that the file asks for. Raises HttpConfigError.

    Paths in it are relative to its folder.
    """
    try:
        return within(READ_SECONDS, lambda: _read(path))
    except httpx.TimeoutException:
        raise HttpConfigError(
            f"{path}: can't be read within {READ_SECONDS:g} s, or a file that it names can't."
            " Name files, or pipes that are written."
        ) from None


def _read(path: Path) -> dict[str, Any]:
    text = _text(path, str(path))
    try:
        values = load_yaml(text) or {}
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        # The error itself quotes the line, which may hold a secret.
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise HttpConfigError(
            f"{path}{line}: is not YAML. Write the form of http_config."
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise HttpConfigError(f"{path}: is not YAML. Write the form of http_config.") from None
    try:
        config = _HttpConfig.model_validate(values)
    except ValidationError as error:
        raise HttpConfigError(f"{path}{_problem(error, node)}") from None
    found = {"auth": _auth(path, config), "verify": _trust(path, config.tls_config)}
    if proxy := config.proxy_url.get_secret_value():
        if not is_server_address(proxy):
            raise HttpConfigError(f"{path}: proxy_url is not an address. Write http://HOST:PORT.")
        found["proxy"] = httpx.Proxy(proxy)
    return {name: value for name, value in found.items() if value is not None}


def _argument(text: str) -> dict[str, Any]:
    try:
        return read_http_config(Path(text))
    except HttpConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _problem(error: ValidationError, node: Any) -> str:
    """`: PLACE: WHAT` of the first problem, or `:LINE: WHAT` of a key that is not known."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] not in ("extra_forbidden", "invalid_key"):
        place = ".".join(map(str, first["loc"])) or "the file"
        return f": {place}: {first['msg']}. {_REMEDY}"
    parts = {"basic_auth": _BasicAuth, "authorization": _Authorization, "tls_config": _TlsConfig}
    *parents, key = map(str, first["loc"])
    known = parts[parents[0]] if parents else _HttpConfig
    what = f"a key of {parents[0]}" if parents else "a key"
    line = _line(node, [*parents, key])
    return f":{line}: {what} is not supported. Choose {', '.join(known.model_fields)}."


def _line(node: Any, keys: Sequence[str]) -> int:
    """The number of the line with the last of these keys, each in the mapping of the one before."""
    line = 1
    for wanted in keys:
        found = [pair for pair in node.value if pair[0].value == wanted]
        if found:  # the last of several counts; a merged key stands elsewhere
            key, node = found[-1]
            line = key.start_mark.line + 1
    return line


def _auth(path: Path, config: _HttpConfig) -> httpx.Auth | None:
    if config.basic_auth and config.authorization:
        raise HttpConfigError(f"{path}: has basic_auth and authorization. Remove one.")
    if basic := config.basic_auth:
        user = _one_of(path, "basic_auth.username", basic.username, basic.username_file)
        given = basic.password.get_secret_value()
        return httpx.BasicAuth(
            user, _one_of(path, "basic_auth.password", given, basic.password_file)
        )
    if not (own := config.authorization):
        return None
    place = "authorization.credentials"
    token = _one_of(path, place, own.credentials.get_secret_value(), own.credentials_file)
    if own.type.casefold() == "basic" or not _TOKEN.fullmatch(own.type):
        raise HttpConfigError(
            f"{path}: authorization.type is not Bearer. For Basic, use basic_auth."
        )
    if not _TOKEN.fullmatch(token):
        raise HttpConfigError(
            f"{path}: {place}: is not a token. Write one word of printable ASCII."
        )
    return _Token(f"{own.type} {token}")


def _one_of(path: Path, name: str, given: str, file: str) -> str:
    """The value, or the text of the file that holds it."""
    if given and file:
        raise HttpConfigError(f"{path}: has {name} and {name}_file. Remove one.")
    return _text(path.parent / file, f"{path}: {name}_file").strip() if file else given


def _text(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise HttpConfigError(f"{place}: can't be read: {error.strerror}.") from None
    except ValueError:
        raise HttpConfigError(f"{place}: is not UTF-8 text.") from None
    if len(content) > MAX_BYTES:
        raise HttpConfigError(f"{place}: has more than {MAX_BYTES >> 20} MiB. Name another file.")
    return text


def _trust(path: Path, tls: _TlsConfig) -> ssl.SSLContext | None:
    """A context that trusts the CA of the file alone, and shows the client certificate."""
    if not (tls.ca_file or tls.cert_file or tls.key_file):
        return None
    if bool(tls.cert_file) != bool(tls.key_file):
        raise HttpConfigError(f"{path}: tls_config needs cert_file and key_file, or neither.")
    place = "ca_file"
    try:
        ca = path.parent / tls.ca_file if tls.ca_file else None
        context = ssl.create_default_context(cafile=ca)
        if tls.cert_file:
            place = "cert_file or key_file"
            # A key with a passphrase is refused: without this, OpenSSL would ask the terminal.
            key = path.parent / tls.key_file
            context.load_cert_chain(path.parent / tls.cert_file, key, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = one_line(getattr(error, "strerror", None) or type(error).__name__)
        raise HttpConfigError(f"{path}: tls_config.{place}: can't be used: {reason}.") from None
    return context
