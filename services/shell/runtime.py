"""Runs a program: settings, logs, exit codes, and a server's graceful shutdown."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from importlib.util import find_spec
from types import FrameType
from typing import Any, NoReturn, TypeVar

import uvicorn

from services.shell.connections import BoundedProtocol
from services.shell.service import Service
from services.shell.settings import (
    Address,
    ServerSettings,
    Settings,
    SettingsError,
    load_settings,
)

FINISH_SECONDS = 9
"""Time limit for requests in flight when the service stops. Together with the longest drain (10 s),
the cleanup of tasks (5 s) and the scheduler's last runs (5 s), it fits into a pod's grace period of
30 s.
"""

UNTAKEN_SECONDS = 20
"""How long a caller may take nothing of an answer before its connection is closed."""

_RECORD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Settings)
S = TypeVar("S", bound=ServerSettings)


def run(model: type[S], build: Callable[[S], Service]) -> NoReturn:
    """Build the service from its settings and serve it until SIGTERM or SIGINT, then exit.

    Exit codes: 0 after a graceful stop; 2, with one line on stderr, if a setting is wrong (`build`
    may raise SettingsError too) or the service can't listen on its address. After SIGTERM, the
    service first drains for `drain_seconds`; after SIGINT (Ctrl-C), it does not.
    """
    try:
        settings = _begin(model)
        listener = listen(settings)
        service = build(settings)
    except SettingsError as error:
        _exit_for_settings(model, error)
    host, port = listener.getsockname()[:2]
    log.info("starting", extra={"host": host, "port": port, "pod": settings.pod_name})
    server = make_server(service, settings)
    server.run(sockets=[listener])
    log.info("stopped")
    sys.exit(0 if server.started else 1)


def make_server(service: Service, settings: ServerSettings) -> uvicorn.Server:
    """The server of the service, which stops gracefully and bounds its connections."""
    config = uvicorn.Config(
        service.app,
        http=BoundedProtocol,
        limit_concurrency=settings.max_connections,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # A caller's address is that of its connection, whatever its headers say.
        proxy_headers=False,
        # Longer than callers keep idle connections. Otherwise a caller may send a request while
        # the server closes the connection.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    return _Server(config, service, settings.drain_seconds)


def run_once(model: type[M], work: Callable[[M], Coroutine[Any, Any, bool]]) -> NoReturn:
    """Run `work` once with the settings, then exit. For CronJobs.

    Exit codes: 0 if `work` returns True, 1 if it returns False, 2 with one line on stderr if a
    setting is wrong.
    """
    try:
        settings = _begin(model)
    except SettingsError as error:
        _exit_for_settings(model, error)
    sys.exit(0 if asyncio.run(work(settings)) else 1)


def _begin(model: type[M]) -> M:
    """Prepare this process, and return its settings."""
    settings = load_settings(model, os.environ)
    configure_logs(model.service, settings.log_level)
    if find_spec("sniffio") is None:
        # httpcore tries to import it several times a request, to learn what runs the event loop.
        # Each search of the disk in vain takes 30 µs; this entry says at once that there is none.
        sys.modules["sniffio"] = None  # type: ignore[assignment]
    return settings


def _exit_for_settings(model: type[Settings], error: SettingsError) -> NoReturn:
    sys.stderr.write(f"{model.service}: {error}\n")
    sys.exit(2)


def listen(settings: ServerSettings) -> socket.socket:
    """Listen on the address in the settings. Raises SettingsError if that is not possible.

    `::` means all addresses, those of IPv4 too; where the kernel has no IPv6, these alone.
    """
    host = settings.host
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104 - as `::`
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only if the socket names the protocol. Without it, every answer on a
    # kept-alive connection waits 40 ms for the caller's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if host == "::":
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Every connection inherits it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_SECONDS * 1000)
    try:
        listener.bind((host, settings.port))
        # Listen before the server starts: bind alone may succeed on a port that is in use.
        listener.listen(128)
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        address = Address(settings.host, settings.port)
        raise SettingsError(f"HOST, PORT: can't listen on {address}: {reason}.") from None
    return listener


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, service: Service, drain_seconds: float) -> None:
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if sig == signal.SIGINT:
            self._drain_seconds = 0
        # uvicorn would raise the signal again at the end, and a graceful stop would look like a
        # kill.
        self._captured_signals.clear()

    async def main_loop(self) -> None:
        await super().main_loop()
        self._service.stop()
        log.info("stopping", extra={"drain_seconds": self._drain_seconds})
        await asyncio.sleep(self._drain_seconds)


def configure_logs(service: str, level: str) -> None:
    """Log to stderr, one JSON object a line: ts (RFC 3339), level, service, message, fields.

    `fields` holds what a call passes as `extra`: `log.info("a peer is silent", extra={"peer": p})`.
    An exception is logged with its type and stack but without its text, which may contain a body or
    a secret.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(service))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # These log every request and start, which our metrics and log lines already cover.
    for name in ("uvicorn", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
        }
        fields = {k: value for k, value in vars(record).items() if k not in _RECORD_ATTRIBUTES}
        if record.exc_info and record.exc_info[0]:
            fields["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            fields["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        if fields:
            line["fields"] = fields
        return json.dumps(line, ensure_ascii=False, default=str)
