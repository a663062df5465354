"""Running a service: from the environment to a graceful stop."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TypeVar

import uvicorn

from services.shell.logs import configure_logs
from services.shell.service import Service
from services.shell.settings import ServerSettings, SettingsError, load_settings

_FINISH_SECONDS = 9
"""How long requests in flight may take at the stop. With the longest drain (10 s), what a task may
take to tidy up (5 s) and what the scheduler grants its runs (5 s) it fits into the pod's grace
period of 30 s."""

log = logging.getLogger(__name__)
M = TypeVar("M", bound=ServerSettings)


def run(model: type[M], build: Callable[[M], Service]) -> NoReturn:
    """Serve what `build` makes of the settings until SIGTERM or SIGINT, then end the process.

    Exit codes: 0 after a graceful stop, 2 with one line on stderr when the settings are wrong
    (`build` may raise SettingsError too) or the address can't be had. SIGTERM first takes the
    service out of rotation for `drain_seconds`; SIGINT, the developer's Ctrl-C, does not wait.
    """
    try:
        settings = load_settings(model, os.environ)
        configure_logs(model.service, settings.log_level)
        listener = _bind(settings)
        service = build(settings)
    except SettingsError as error:
        sys.stderr.write(f"{model.service}: {error}\n")
        sys.exit(2)
    host, port = listener.getsockname()[:2]
    log.info("starting", extra={"host": host, "port": port, "pod": settings.pod_name})
    config = uvicorn.Config(
        service.app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than callers keep an idle connection: else one may write as it is closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_FINISH_SECONDS,
    )
    server = _Server(config, service, settings.drain_seconds)
    server.run(sockets=[listener])
    log.info("stopped")
    sys.exit(0 if server.started else 1)


def _bind(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer on a
    # connection that is kept open waits 40 ms for the caller's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # Here, not in the server: only then is a port that is in use noticed in every case.
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        address = f"{settings.host}:{settings.port}"
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
        # Else uvicorn raises the signal again at the end, and a graceful stop looks like a kill.
        self._captured_signals.clear()

    async def main_loop(self) -> None:
        await super().main_loop()
        self._service.stop()
        log.info("stopping", extra={"drain_seconds": self._drain_seconds})
        await asyncio.sleep(self._drain_seconds)
