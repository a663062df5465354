"""Runs the services as processes on loopback, and reads what they use."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.process_memory import OWN, PEAK, memory_bytes
from ops.live.processes import Child, start_child
from toolchain.base import UserError

START_SECONDS = 60
"""How long all servers may take to be ready on a busy machine."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class ServerProgram:
    """A server that is yet to be started. `arguments` follow `python`."""

    name: str
    host: str
    port: int
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it will listen."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running program."""

    name: str
    url: str
    child: Child

    def cpu_seconds(self) -> float:
        """CPU time since the start, of all threads."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_bytes(self) -> int:
        """The memory that is its own: resident, and not of a file."""
        return self._status_bytes(OWN)

    def peak_bytes(self) -> int:
        """The largest resident set so far."""
        return self._status_bytes(PEAK)

    def _status_bytes(self, field: str) -> int:
        found = memory_bytes(self._proc("status"), field)
        if found is None:
            raise _ended(self)
        return found

    def _proc(self, file: str) -> str:
        try:
            return Path(f"/proc/{self.child.process.pid}/{file}").read_text(encoding="utf-8")
        except OSError:
            raise _ended(self) from None


def service_pod(module: str, host: str, port: int = 0, **settings: str) -> ServerProgram:
    """A pod of a service, on a free port or the given one; settings are environment variables."""
    port = port or free_port(host)
    address = {"HOST": host, "PORT": str(port)}
    return ServerProgram(
        name=settings.get("POD_NAME", module),
        host=host,
        port=port,
        arguments=("-m", f"services.{module}"),
        environment={**address, **settings},
    )


def psi_pods(number: int, network: str, **settings: str) -> list[ServerProgram]:
    """Pods of one field, which know of each other; `network` begins their addresses.

    Additional settings are environment variables.
    """
    hosts = [f"{network}.{place}" for place in range(1, number + 1)]
    ports = [free_port(host) for host in hosts]
    peers = ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
    return [
        service_pod(
            *("psi_field", host, port),
            POD_NAME=f"psi-field-{place}",
            PSI_FIELD_PEERS=peers if number > 1 else "",
            **settings,
        )
        for place, (host, port) in enumerate(zip(hosts, ports, strict=True))
    ]


def bare_endpoint(host: str) -> ServerProgram:
    """The bare Starlette endpoint that /step is compared with."""
    port = free_port(host)
    return ServerProgram(
        name="bare Starlette", host=host, port=port, arguments=("-m", "bench.bare", host, str(port))
    )


def free_port(host: str) -> int:
    """A port that no program listens on now."""
    with socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def run_servers(programs: Sequence[ServerProgram]) -> Iterator[list[Server]]:
    """Run the programs from when all are ready to the end of the block.

    They end with this process, however it ends. Raises UserError if one does not become ready.
    """
    servers: list[Server] = []
    with tempfile.TemporaryDirectory(prefix="servers-") as scratch:
        names = Path(scratch, "names.json")
        names.write_text("{}", encoding="utf-8")
        try:
            for number, program in enumerate(programs):
                child = start_child(
                    program.name,
                    ["python", *program.arguments],
                    program.environment,
                    names=names,
                    log=Path(scratch, f"{number}.log"),
                )
                servers.append(Server(name=program.name, url=program.url, child=child))
            wait_until_ready(servers, "/ready", START_SECONDS)
            yield servers
        finally:
            for server in servers:
                server.child.process.kill()
                server.child.process.wait()


def wait_until_ready(servers: Sequence[Server], path: str, seconds: float) -> None:
    """Wait until each server answers on the path. Raises UserError if one does not in time."""
    deadline = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=5) as http:
        for server in servers:
            while not _is_ready(http, f"{server.url}{path}"):
                if server.child.exit_code is not None:
                    raise _ended(server)
                if time.monotonic() > deadline:
                    raise UserError(
                        f"{server.name} is not ready after {seconds:g} s: "
                        f"{server.child.last_line()}"
                    )
                time.sleep(0.05)


def _is_ready(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx.TransportError:
        return False


def _ended(server: Server) -> UserError:
    return UserError(f"{server.name} has ended: {server.child.last_line()}")
