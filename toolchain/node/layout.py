"""Names, addresses and files of the node."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from toolchain.base import CLONE

NAME = "node"
ADDRESS = "198.18.0.1"
"""The node's own address. 198.18.0.0/15 is reserved for tests (RFC 2544), and nothing routes it."""
PODS = "198.18.64.0/18"
SERVICES = "198.18.128.0/18"
API_SERVICE = "198.18.128.1"
DNS_SERVICE = "198.18.128.10"
API_PORT = 6443
ETCD = "http://127.0.0.1:2379"
PAUSE_IMAGE = "vaultmesh.dev/node/pause:1"
VOLUMES = 32
"""Local volumes; a released volume is not used again."""
SHARED_FOLDERS = ("/var/lib/kubelet", "/var/lib/cni")
"""Folders in which the kubelet and the network plug-ins insist on writing; the node has its own."""
LOCAL_CLASS = "local"
"""The StorageClass of the local volumes."""

NETWORK_PLUGINS = "/usr/lib/cni"
"""Where Debian's package containernetworking-plugins puts its programs."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The node's folder, which holds all of its files and is removed with it."""

    root: Path

    @property
    def certificate(self) -> Path:
        """One self-signed certificate, for the API server and its connections to the kubelet."""
        return self.root / "api.crt"

    @property
    def key(self) -> Path:
        """The certificate's key, which also signs the tokens of ServiceAccounts."""
        return self.root / "api.key"

    @property
    def tokens(self) -> Path:
        """The API server's list of users and their tokens."""
        return self.root / "tokens.csv"

    @property
    def admin(self) -> Path:
        """The kubeconfig for people and programs outside of the node's namespaces."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        """A log for each process."""
        return self.root / "logs"

    @property
    def kept_logs(self) -> Path:
        """Where the logs stay after the node has gone, until the next one goes."""
        return self.root.with_name(f"{self.root.name}-logs")

    @property
    def processes(self) -> Path:
        """A file for each process, with its id inside the node's namespace."""
        return self.root / "processes"

    @property
    def first_process(self) -> Path:
        """A file with the id, on this machine, of the node's first process."""
        return self.root / "init.pid"

    @property
    def volumes(self) -> Path:
        """A folder for each local volume."""
        return self.root / "volumes"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one of the node's own processes."""
        return self.root / f"{user}.kubeconfig"

    def configuration(self, process: str) -> Path:
        """The configuration file of one of the node's own processes."""
        return self.root / f"{process}.config"

    @property
    def cgroup(self) -> str:
        """The name of the pods' parent cgroup, the same in each cgroup hierarchy."""
        return f"vaultmesh-node-{hashlib.sha256(str(self.root).encode()).hexdigest()[:12]}"

    @property
    def lock(self) -> Path:
        """The lock that the node's keeper holds as long as there is anything left of the node."""
        return self.root.with_name(f"{self.root.name}.lock")


def run_module(name: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this package."""
    return [sys.executable, "-m", f"toolchain.node.{name}", *arguments]


MODULE_ENVIRONMENT = {"PYTHONPATH": str(CLONE)}
