"""The node on this machine: what it runs fits what the manifests and this repository name."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.images import NODE_CONTEXT, SERVICES_IMAGE
from tests.support.loopback import unused_address
from tests.support.recording import ROOT, run_stack
from tests.support.waiting import wait_for
from toolchain import tools
from toolchain.base import UserError
from toolchain.node import cluster, command, grafana, host, images, processes
from toolchain.node.cluster import Node
from toolchain.node.layout import DNS_SERVICE, Folder

FOLDER = Path("/nodes/one")
MANIFESTS = [
    *yaml.safe_load_all((ROOT / "toolchain/node/manifests/coredns.yaml").read_text()),
]


def test_every_process_of_the_node_is_a_program_that_is_built_or_installed():
    built = {
        package.rpartition("/")[2]
        for name in tools.NODE
        for build in tools.TOOLS[name]
        for package in [package.removesuffix("/v3") for package in build.packages]
    }
    for name, words in processes.commands(Folder(root=FOLDER), 3).items():
        assert words[0] in {sys.executable, *built, *host.PROGRAMS}, name


def test_every_image_of_the_stack_node_is_built():
    config = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    built = {config["images"]["default"].get(key, key) for key in images.SERVERS}
    built |= {config["images"]["default"]["grafana"]}
    built |= {config[SERVICES_IMAGE]["default"]}
    assert images_of([resource.inputs for resource in run_stack("node").resources]) <= built


def images_of(value: Any) -> set[str]:
    """All values of the key `image` in nested mappings and lists."""
    if isinstance(value, dict):
        own = {value["image"]} if isinstance(value.get("image"), str) else set[str]()
        return own.union(*map(images_of, value.values()))
    return set[str]().union(*map(images_of, value)) if isinstance(value, list) else set()


def test_the_name_server_has_the_image_and_the_address_that_the_node_gives_it():
    [deployment] = [one for one in MANIFESTS if one["kind"] == "Deployment"]
    [service] = [one for one in MANIFESTS if one["kind"] == "Service"]
    assert images_of(deployment) == {images.COREDNS_IMAGE}
    assert service["spec"]["clusterIP"] == DNS_SERVICE


def test_the_stack_node_runs_in_the_context_and_on_the_volumes_of_the_node(tmp_path: Path):
    settings = yaml.safe_load((ROOT / "Pulumi.node.yaml").read_text())["config"]
    settings = settings["vaultmesh:settings"]
    assert settings["cluster"]["context"] == NODE_CONTEXT
    assert "storageClass" not in settings, "it uses the default class"
    folder = Folder(root=tmp_path)
    folder.volumes.mkdir(parents=True)
    offered, *volumes = json.loads(cluster._storage(folder))["items"]
    key = "storageclass.kubernetes.io/is-default-class"
    assert offered["metadata"]["annotations"][key] == "true"
    assert {one["spec"]["storageClassName"] for one in volumes} == {offered["metadata"]["name"]}


@pytest.mark.parametrize(
    ("platform", "user", "writable", "reason"),
    [
        ("darwin", 0, True, "needs Linux"),
        ("linux", 1000, True, "needs root"),
        ("linux", 0, False, "/sys/fs/cgroup is read-only"),
    ],
)
def test_a_machine_that_cannot_run_a_node_is_told_what_does_the_same_job(
    monkeypatch: pytest.MonkeyPatch, platform: str, user: int, writable: bool, reason: str
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(host.os, "geteuid", lambda: user)
    monkeypatch.setattr(host.os, "access", lambda path, mode: writable)
    with pytest.raises(UserError, match=rf"{reason}.* kind or k3d .*docs/try-it\.md"):
        host.ensure()


def test_a_recipe_is_where_a_message_says():
    title = command.RECIPE.strip("`")
    assert f"\n## {title}\n" in (ROOT / "docs/how-to.md").read_text()
    [page] = re.findall(r"see (\S+)\.$", host.ELSEWHERE)
    assert (ROOT / page).exists()


@pytest.fixture
def provisioning(tmp_path: Path) -> Path:
    """Grafana's provisioning folder, with the files that the stack `local` gives it."""
    maps = {
        resource.name: resource.inputs["data"]
        for resource in run_stack("local").resources
        if resource.kind == "ConfigMap"
    }
    boards = tmp_path / "boards"
    boards.mkdir()
    for name, data in maps.items():
        for file, text in data.items() if name.startswith("dashboard-") else ():
            (boards / file).write_text(text)
    for kind, file in (("datasources", "prometheus.yaml"), ("dashboards", "vaultmesh.yaml")):
        text = maps["grafana"][f"provisioning_{kind}_{file}"]
        (tmp_path / kind).mkdir()
        (tmp_path / kind / file).write_text(text.replace("/etc/grafana-dashboards", str(boards)))
    return tmp_path


def test_the_stand_in_for_grafana_reads_every_dashboard(provisioning: Path):
    sources, boards = grafana.read_provisioning(provisioning)
    assert {uid: source["type"] for uid, source in sources.items()} == {"prometheus": "prometheus"}
    assert len(boards) == len(list((provisioning / "boards").iterdir()))


def test_the_stand_in_for_grafana_answers_as_its_api_does(provisioning: Path):
    sources, boards = grafana.read_provisioning(provisioning)

    def ask(path: str) -> tuple[int, Any]:
        return grafana.answer_api(f"/api/{path}", sources, boards)

    status, found = ask("search?type=dash-db&limit=5000")
    assert status == 200
    assert {(one["uid"], one["type"]) for one in found} == {(uid, "dash-db") for uid in boards}
    for uid, board in boards.items():
        status, answer = ask(f"dashboards/uid/{uid}")
        assert (status, answer["dashboard"]) == (200, board)
    missing = ("dashboards/uid/none", "datasources/uid/none/health", "users", "dashboards/uid/a/b")
    assert [ask(path)[0] for path in missing] == [404, 404, 404, 404]


def test_the_stand_in_for_grafana_lets_a_data_source_add(provisioning: Path):
    sources, _ = grafana.read_provisioning(provisioning)
    [source] = sources.values()
    source["url"] = f"http://{unused_address()}"
    status, answer = grafana.answer_api("/api/datasources/uid/prometheus/health", sources, {})
    assert (status, answer["status"]) == (400, "ERROR")
    assert "refused" in answer["message"]


Break = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda board: board.pop("title"), "no title"),
        (lambda board: board["panels"].clear(), "no panels"),
        (lambda board: board["panels"][1].update(id=board["panels"][0]["id"]), "the same id"),
        (lambda board: board["panels"][0].pop("gridPos"), "no type, title or place"),
        (
            lambda board: board["panels"][0]["datasource"].update(uid="other"),
            "no data source .*other",
        ),
    ],
)
def test_the_stand_in_for_grafana_finds_a_broken_dashboard(
    provisioning: Path, break_it: Break, reason: str
):
    file = next((provisioning / "boards").iterdir())
    board = json.loads(file.read_text())
    break_it(board)
    file.write_text(json.dumps(board))
    with pytest.raises(grafana.GrafanaError, match=f"{file.name}: .*{reason}"):
        grafana.read_provisioning(provisioning)


@pytest.mark.skipif(sys.platform != "linux", reason="the node needs Linux")
def test_the_stand_in_for_grafana_ends_when_its_pod_is_asked_to(tmp_path: Path):
    config = tmp_path / "grafana.ini"
    config.write_text("[security]\nadmin_password = made up\n[server]\nhttp_port = 0\n")
    environment = {**os.environ, "GF_PATHS_CONFIG": str(config)}
    process = subprocess.Popen([sys.executable, grafana.__file__], env=environment)
    try:
        status = Path(f"/proc/{process.pid}/status")
        wait_for(lambda: handles(status.read_text(), signal.SIGTERM), "it handles SIGTERM")
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def handles(status: str, number: int) -> bool:
    """Whether the process handles the signal; `status` is what /proc says of it."""
    [caught] = re.findall(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_an_archive_that_is_gone_is_reported_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(node: Node, *command: str) -> str:
        raise subprocess.CalledProcessError(1, command, stderr="gone.tar: no such file")

    monkeypatch.setattr(Node, "run", refuse)
    with pytest.raises(UserError, match=r"gone\.tar: no such file\. Run the command again"):
        cluster.import_images(Node(folder=Folder(root=tmp_path)), [tmp_path / "gone.tar"])
