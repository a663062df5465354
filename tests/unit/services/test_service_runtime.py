"""How programs run: logs, exit codes, connections, and the time that a stop takes."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
from inspect import signature

import httpx
import pytest
from starlette.requests import Request

from components.pods import template
from services.scheduler.runner import STOP_SECONDS
from services.shell import Answer, ServerSettings, Service, configure_logs
from services.shell.runtime import FINISH_SECONDS, listen
from services.shell.service import CLEANUP_SECONDS
from services.treaty.app import TreatySettings
from tests.support.series import ROOT
from tests.support.services.served import served


def test_a_log_line_is_one_json_object_without_the_text_of_the_exception(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs("ping", "info")
        log = logging.getLogger("test")
        log.debug("unseen")
        log.info("two\nlines", extra={"peer": "ψ"})
        try:
            raise RuntimeError("s3cret")
        except RuntimeError:
            log.exception("failed")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    text = capsys.readouterr().err
    first, second = map(json.loads, text.splitlines())
    assert list(first) == ["ts", "level", "service", "message", "fields"]
    assert (first["level"], first["service"], first["message"]) == ("info", "ping", "two\nlines")
    assert first["fields"] == {"peer": "ψ"}
    assert second["fields"]["error"] == "RuntimeError"
    assert __file__ in second["fields"]["at"][-1]
    assert "s3cret" not in text


@pytest.mark.parametrize("service", ["feeder", "heartbeat"])
def test_a_job_with_wrong_settings_exits_with_code_2_and_one_line(service: str) -> None:
    variable = f"{service.upper()}_TARGET"
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        cwd=ROOT,
        env={variable: "no address"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{service}: {variable}: ") and done.stderr.count("\n") == 1


NO_SNIFFIO = """
import sys
from typing import ClassVar
from services.shell import Settings, run_once

class Ask(Settings):
    service: ClassVar[str] = "ask"

async def work(_):
    return sys.modules["sniffio"] is None

assert "sniffio" not in sys.modules
run_once(Ask, work)
"""


def test_a_program_that_runs_but_none_that_imports_the_shell_says_that_sniffio_is_missing() -> None:
    subprocess.run([sys.executable, "-c", NO_SNIFFIO], cwd=ROOT, env={}, check=True, timeout=20)


def test_a_connection_sends_each_part_of_an_answer_immediately() -> None:
    async def no_delay() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            here: socket.socket = writer.get_extra_info("socket")
            accepted.set_result(here.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen(TreatySettings(host="127.0.0.1", port=0))
        async with await asyncio.start_server(serve, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            try:
                return await asyncio.wait_for(accepted, 1)
            finally:
                writer.close()

    assert asyncio.run(no_delay())


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone can do it")
def test_a_connection_ends_if_its_caller_takes_nothing_of_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.shell.runtime.UNTAKEN_SECONDS", 1)

    async def sending_fails() -> bool:
        failed = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    writer.write(b" " * 1_000_000)
                    await writer.drain()
            except OSError:
                failed.set()

        listener = listen(TreatySettings(host="127.0.0.1", port=0))
        async with await asyncio.start_server(serve, sock=listener):
            with socket.create_connection(listener.getsockname()):
                return await asyncio.wait_for(failed.wait(), 10)

    assert asyncio.run(sending_fails())


def test_the_longest_stop_fits_into_the_grace_period_of_a_pod() -> None:
    drain = ServerSettings.model_json_schema()["properties"]["drain_seconds"]["maximum"]
    longest = drain + FINISH_SECONDS + CLEANUP_SECONDS + STOP_SECONDS
    assert longest < signature(template).parameters["grace_seconds"].default


def test_no_header_changes_a_caller_s_address() -> None:
    service = Service("ping")

    async def tell(request: Request) -> Answer:
        return {"host": request.client.host if request.client else None}

    async def ask() -> dict[str, str]:
        service.route("GET", "/caller", tell)
        async with served(service) as address, httpx.AsyncClient(trust_env=False) as http:
            headers = {"X-Forwarded-For": "192.0.2.1"}
            return (await http.get(f"http://{address}/caller", headers=headers)).json()

    assert asyncio.run(ask()) == {"host": "127.0.0.1"}
