"""Starts the node, waits until it can run pods, and acts on it; used by commands and tests."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain import tools
from toolchain.base import VENV_BIN, UserError
from toolchain.node import keeper
from toolchain.node.layout import LOCAL_CLASS, MODULE_ENVIRONMENT, NAME, VOLUMES, Folder, run_module

READY_SECONDS = 120.0
"""Time limit for the node to be ready: four times what was measured on two busy cores."""
STOP_SECONDS = 60.0
MANIFESTS = Path(__file__).with_name("manifests")


@dataclass(frozen=True, kw_only=True)
class Node:
    """A running node."""

    folder: Folder

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """Run kubectl as the cluster's admin; returns what it prints.

        Raises subprocess.CalledProcessError if it fails and `check` is true.
        """
        command = [VENV_BIN / "kubectl", f"--kubeconfig={self.folder.admin}", *arguments]
        return subprocess.run(
            command, input=given, check=check, capture_output=True, text=True, timeout=120
        ).stdout

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command inside the node's namespaces; returns what it prints."""
        first = self.folder.first_process.read_text()
        enter = ("nsenter", f"--target={first}", "--pid", "--mount", "--net", "--")
        return subprocess.run(
            [*enter, *command], check=check, capture_output=True, text=True, timeout=120
        ).stdout

    def kill(self, process: str, signal: str = "KILL") -> None:
        """Send the signal to one of the node's processes; one that ends starts again after 1 s."""
        pid = (self.folder.processes / process).read_text()
        self.run("kill", f"-{signal}", pid)


@contextmanager
def running_node(root: Path, images: Sequence[Path], programs: Sequence[Path]) -> Iterator[Node]:
    """A node in the folder `root`, with the images of these archives.

    `programs` are the folders of the node's programs, as toolchain.tools returns them.

    The node and all of its traces are gone at the end, even if this process is killed. Raises
    UserError if another node runs in the folder, or if this one does not become ready.
    """
    folder = Folder(root=root)
    keeper_end, our_end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            run_module("keeper", str(root), str(listener.fileno())),
            stdin=keeper_end,
            stdout=subprocess.PIPE,
            # Ctrl-C reaches every process of the terminal's session. This one decides when to end.
            start_new_session=True,
            pass_fds=(listener.fileno(),),
            env={
                **os.environ,
                **MODULE_ENVIRONMENT,
                "PATH": tools.on_path(programs, os.environ["PATH"]),
            },
        )
    os.close(keeper_end)
    try:
        node = Node(folder=folder)
        _make_ready(node, process, images)
        yield node
    finally:
        os.close(our_end)
        process.communicate(timeout=STOP_SECONDS)


def _make_ready(node: Node, process: subprocess.Popen[bytes], images: Sequence[Path]) -> None:
    assert process.stdout  # noqa: S101 - for the type checker
    if not process.stdout.readline() and process.wait() == keeper.IN_USE:
        raise UserError(f"{node.folder.root}: another node runs here. Stop it first.")
    deadline = time.monotonic() + READY_SECONDS

    def wait(what: str, condition: Callable[[], object]) -> None:
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                logs = node.folder.kept_logs
                raise UserError(f"the node does not start: {what}. See the logs in {logs}.")
            time.sleep(0.2)

    threads = ThreadPoolExecutor(1)
    importing = threads.submit(import_images, node, images)
    # Not waited for if something else fails: the import ends with the node.
    threads.shutdown(wait=False)
    wait("its API server is not ready", lambda: _answers(node, "get", "--raw=/readyz"))
    node.kubectl("apply", "--server-side", f"--filename={MANIFESTS}")
    node.kubectl("apply", "--server-side", "--filename=-", given=_storage(node.folder))
    wait("its images are not imported", importing.done)
    importing.result()
    ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    wait(
        "the kubelet does not report that it is ready",
        lambda: _answers(node, "get", "node", NAME, f"--output={ready}") == "True",
    )
    available = "jsonpath={.status.availableReplicas}"
    wait(
        "CoreDNS is not ready",
        lambda: _answers(
            node, "-n=kube-system", "get", "deployment", "coredns", f"--output={available}"
        ),
    )


def _answers(node: Node, *arguments: str) -> str:
    return node.kubectl(*arguments, check=False)


def import_images(node: Node, images: Sequence[Path]) -> None:
    """Import the images into the node's containerd, as soon as it answers. Raises UserError."""
    for image in images:
        while True:
            try:
                node.run("ctr", "--namespace=k8s.io", "images", "import", str(image))
                break
            except subprocess.CalledProcessError as error:
                reasons = ("connection refused", "no such file")
                starting = any(reason in error.stderr for reason in reasons)
                # Another clone on this machine removes the archives of images that it builds anew.
                if not starting or not image.exists():
                    reason = error.stderr.strip().rpartition("\n")[2]
                    raise UserError(
                        f"{image}: the node can't import this image: {reason}. Run the command "
                        "again; it builds images that are missing."
                    ) from None
                time.sleep(0.2)


def _storage(folder: Folder) -> str:
    """A StorageClass and its local volumes, as JSON; each has a folder of its own."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": LOCAL_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    names = [f"volume-{number}" for number in range(VOLUMES)]
    for name in names:
        (folder.volumes / name).mkdir()
    on_this_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    volumes = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "100Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": LOCAL_CLASS,
                "local": {"path": str(folder.volumes / name)},
                "nodeAffinity": {
                    "required": {"nodeSelectorTerms": [{"matchExpressions": [on_this_node]}]}
                },
            },
        }
        for name in names
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [storage_class, *volumes]})
