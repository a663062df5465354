"""What the node needs of this machine: Linux, root, and programs from Debian packages."""

import os
import shutil
import sys

from toolchain.base import UserError
from toolchain.debian import install
from toolchain.node import keeper
from toolchain.node.layout import NETWORK_PLUGINS

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    f"{NETWORK_PLUGINS}/bridge": "containernetworking-plugins",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ipset": "ipset",
    "nft": "nftables",
    "ip": "iproute2",
    "openssl": "openssl",
    "update-ca-certificates": "ca-certificates",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""Each program that the node and its images need, and the Debian package that has it."""
ELSEWHERE = "Elsewhere, kind or k3d do the same job: see docs/try-it.md."


def missing() -> str | None:
    """Why no node can run on this machine, in one sentence; None if one can."""
    if sys.platform != "linux":
        return f"the node needs Linux, and this is {sys.platform}."
    if os.geteuid() != 0:
        return "the node needs root, for namespaces, mounts and cgroups of its own."
    if not all(os.access(path, os.W_OK) for path in keeper.hierarchies()):
        return f"the node needs to create cgroups, and {keeper.CGROUPS} is read-only."
    if _missing_packages() and shutil.which("apt-get") is None:
        return (
            f"the node needs {', '.join(_missing_packages())}, and there is no apt-get to install "
            "these packages."
        )
    return None


def ensure() -> None:
    """Install the Debian packages that are missing. Raises UserError if no node can run here."""
    if reason := missing():
        raise UserError(f"{reason} {ELSEWHERE}")
    if packages := _missing_packages():
        install(*packages)


def _missing_packages() -> list[str]:
    return sorted({package for name, package in PROGRAMS.items() if shutil.which(name) is None})
