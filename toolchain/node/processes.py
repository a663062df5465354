"""The node's processes: their command lines and configuration files."""

import json
from collections.abc import Mapping
from typing import Any

from toolchain.base import write_atomically
from toolchain.node.layout import (
    ADDRESS,
    API_PORT,
    DNS_SERVICE,
    ETCD,
    NAME,
    NETWORK_PLUGINS,
    PAUSE_IMAGE,
    PODS,
    SERVICES,
    Folder,
    run_module,
)

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
RELAY = "relay"


def commands(folder: Folder, api_socket: int) -> dict[str, list[str]]:
    """Process -> its command line; all can start at once, in any order.

    `api_socket` is the descriptor of the socket that listens for the API server outside.
    """
    key, certificate = str(folder.key), str(folder.certificate)
    return {
        "etcd": [
            # The name of etcd's program is that of its package.
            "server",
            f"--data-dir={folder.root}/etcd",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            # The data is removed with the node, so nothing has to survive a power cut.
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            "kube-apiserver",
            f"--etcd-servers={ETCD}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--token-auth-file={folder.tokens}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--kubelet-client-certificate={certificate}",
            f"--kubelet-client-key={key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={certificate}",
        ],
        "kube-controller-manager": [
            "kube-controller-manager",
            *_as_user(folder, "kube-controller-manager"),
            "--use-service-account-credentials",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={certificate}",
            "--controllers=*",
        ],
        "kube-scheduler": ["kube-scheduler", *_as_user(folder, "kube-scheduler")],
        "containerd": ["containerd", f"--config={folder.configuration('containerd')}"],
        "kubelet": [
            "kubelet",
            f"--kubeconfig={folder.kubeconfig('kubelet')}",
            f"--config={folder.configuration('kubelet')}",
            f"--hostname-override={NAME}",
            f"--node-ip={ADDRESS}",
            "--node-labels=topology.kubernetes.io/zone=local",
        ],
        "kube-proxy": ["kube-proxy", f"--config={folder.configuration('kube-proxy')}"],
        # Enforces NetworkPolicies, which the bridge plug-in ignores.
        "kube-router": [
            "kube-router",
            f"--kubeconfig={folder.kubeconfig('kube-router')}",
            f"--hostname-override={NAME}",
            f"--service-cluster-ip-range={SERVICES}",
            "--run-firewall=true",
            *(
                f"--{part}=false"
                for part in ("run-router", "run-service-proxy", "run-loadbalancer", "enable-cni")
            ),
        ],
        RELAY: run_module(RELAY, str(api_socket)),
    }


def write_configurations(folder: Folder) -> None:
    """Write the configuration files of the processes that need one."""
    _write_json(folder, "kubelet", _kubelet(folder))
    _write_json(folder, "kube-proxy", _kube_proxy(folder))
    write_atomically(folder.configuration("containerd"), _containerd(folder))
    network = folder.root / "network" / "10-bridge.conf"
    write_atomically(network, json.dumps(_bridge(folder)))
    # The node has no name server but its own, which is a pod.
    write_atomically(folder.root / "resolv.conf", "")


def _write_json(folder: Folder, process: str, content: Mapping[str, Any]) -> None:
    write_atomically(folder.configuration(process), json.dumps(content))


def _as_user(folder: Folder, user: str) -> list[str]:
    """Flags for a process that calls the API server, and asks it to authorise its own clients."""
    kubeconfig = folder.kubeconfig(user)
    return [
        f"--{kind}={kubeconfig}"
        for kind in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    ]


def _kubelet(folder: Folder) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(folder.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{folder.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder.root / "resolv.conf"),
        "volumePluginDir": str(folder.root / "volume-plugins"),
        # Images come from files. One that the kubelet removes from a full disk can't be pulled.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "200Mi"},
    }


def _kube_proxy(folder: Folder) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(folder.kubeconfig("kube-proxy"))},
        "mode": "nftables",
        "clusterCIDR": PODS,
        "hostnameOverride": NAME,
        # The machine's own limits stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }


def _bridge(folder: Folder) -> dict[str, Any]:
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "type": "bridge",
        "bridge": "pods0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(folder.root / "addresses"),
        },
    }


def _containerd(folder: Folder) -> str:
    """The configuration of containerd as TOML.

    A machine that is a container itself may not lower a process's OOM score, so runc must not try.
    """
    return f"""\
version = 2
root = "{folder.root}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder.root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{NETWORK_PLUGINS}"
conf_dir = "{folder.root}/network"
"""
