"""Real Alertmanagers with the rendered flags find their peers, over IPv4 and over IPv6."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.recording import run_values, stack_values
from tests.support.report.report_servers import process
from tests.support.waiting import wait_for

GOSSIP = ":9094"
CONFIG = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
# The pods of a cluster have the same port and an address each; IPv6 has one address for loopback.
ADDRESSES = {
    "IPv4": ("127.0.98.1:9094", "127.0.98.2:9094", "127.0.98.3:9094"),
    "IPv6": ("[::1]:9094", "[::1]:9194", "[::1]:9294"),
}


@pytest.fixture(params=ADDRESSES)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sequence[str]]:
    """Two Alertmanagers of one environment and one of another, which know each other's address."""
    if request.param == "IPv6" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    gossip = ADDRESSES[request.param]
    urls = [address.replace("94", "93") for address in gossip]
    environments = ("aurora-one", "aurora-one", "aurora-two")
    with ExitStack() as stack:
        for number, (environment, url) in enumerate(zip(environments, urls, strict=True)):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "alertmanager.yml").write_text(yaml.safe_dump(CONFIG))
            options = [
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder}",
                f"--web.listen-address={url}",
                *here(cluster_flags(environment), gossip, number),
            ]
            stack.enter_context(process("alertmanager", options, folder))
        yield [f"http://{url}" for url in urls]


def cluster_flags(environment: str) -> list[str]:
    """The flags about the cluster that an environment of production's size renders."""
    values = stack_values("production")
    values["vaultmesh:settings"]["environment"] = environment
    server = run_values(values).server("alertmanager")
    return [flag for flag in server["args"] if flag.startswith("--cluster.")]


def here(flags: Sequence[str], gossip: Sequence[str], number: int) -> Iterator[str]:
    """The flags with the addresses of this machine instead of the pods'."""
    host, _, port = gossip[number].rpartition(":")
    for flag in flags:
        name, _, value = flag.partition("=")
        if name == "--cluster.listen-address":
            assert value == GOSSIP, "not on every address of the pod"
            value = gossip[number]
        if name != "--cluster.peer":
            address = value.replace("$(POD_IP)", host.strip("[]"))
            yield f"{name}={address.replace(GOSSIP, f':{port}')}"
    yield from (f"--cluster.peer={address}" for address in gossip)


def members(url: str) -> Any:
    """The addresses of the peers that an Alertmanager sees, itself included; none at its start."""
    try:
        answer = httpx.get(f"{url}/api/v2/status", trust_env=False).raise_for_status()
    except httpx.HTTPError:
        return []
    return [peer["address"] for peer in answer.json()["cluster"].get("peers", ())]


def test_replicas_of_one_environment_find_each_other_and_nobody_else(urls: Sequence[str]) -> None:
    one, two, other = urls
    wait_for(lambda: [*map(len, map(members, urls))] == [2, 2, 1], "two members and one", 30)
    assert sorted(members(one)) == sorted(members(two))
    refused = "alertmanager_cluster_reconnections_failed_total"
    wait_for(lambda: float(metric(other, refused)) > 0, "an attempt on a foreign peer", 30)
    assert len(members(one)) == 2
    assert len(members(other)) == 1


def metric(url: str, name: str) -> str:
    """The value of a metric without labels."""
    answer = httpx.get(f"{url}/metrics", trust_env=False).raise_for_status()
    lines = answer.text.splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name} "))
    return line.rpartition(" ")[2]
