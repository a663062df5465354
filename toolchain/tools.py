"""The Go programs that the project uses; each is built once per machine."""

import hashlib
import importlib.metadata
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolchain import golang
from toolchain.base import MODULES, cache, hold_lock, require_disk, say
from toolchain.golang import Build, ModuleFile

PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
PULUMI_VERSION = f"{PULUMI_SDK}/go/common/version.Version"
KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
PROMETHEUS_VERSION = "github.com/prometheus/common/version.Version"
KUBERNETES_VERSION = "k8s.io/component-base/version"
PROVIDER_VERSION = importlib.metadata.version("pulumi-kubernetes")
"""The Kubernetes provider's version, which must be that of its Python package."""
PROVIDER_FILES = ("schema.json", "terraform-mapping.json")


def _one_build(
    module: str, *packages: str, minutes: float, gib: float, variables: tuple[str, ...] = ()
) -> tuple[Build]:
    return (Build(module=module, packages=packages, minutes=minutes, gib=gib, variables=variables),)


def _judge(module: str, *, minutes: float, gib: float) -> Build:
    package = f"./{module}-verdicts"
    return Build(module=module, packages=(package,), minutes=minutes, gib=gib, shared=("lines.go",))


TOOLS: dict[str, tuple[Build, ...]] = {
    "pulumi": (
        Build(
            module="pulumi",
            packages=(
                "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                # Not called pulumi-resource-kubernetes, which Pulumi would find on PATH: it warns
                # about such a plugin on every run.
                "./kubernetes-provider",
            ),
            minutes=6,
            gib=8,
            variables=(
                f"{PULUMI_VERSION}=3.215.0",
                f"{KUBERNETES_PROVIDER}/pkg/version.Version={PROVIDER_VERSION}",
            ),
            embedded=tuple(
                (
                    "kubernetes-provider",
                    ModuleFile(
                        module=KUBERNETES_PROVIDER, path=f"cmd/pulumi-resource-kubernetes/{file}"
                    ),
                )
                for file in PROVIDER_FILES
            ),
            scripts=(ModuleFile(module=PULUMI_SDK, path="python/cmd/pulumi-language-python-exec"),),
        ),
        # Later releases moved the language host to a module that builds only in its repository.
        Build(
            module="pulumi-language-python",
            packages=(f"{PULUMI_SDK}/python/cmd/pulumi-language-python",),
            minutes=0.5,
            gib=0.5,
            variables=(f"{PULUMI_VERSION}=3.75.0",),
        ),
    ),
    "prometheus": _one_build(
        "prometheus",
        "github.com/prometheus/prometheus/cmd/prometheus",
        "github.com/prometheus/prometheus/cmd/promtool",
        minutes=4.5,
        gib=4,
        variables=(f"{PROMETHEUS_VERSION}=3.13.5",),
    ),
    "alertmanager": _one_build(
        "alertmanager",
        "github.com/prometheus/alertmanager/cmd/alertmanager",
        "github.com/prometheus/alertmanager/cmd/amtool",
        minutes=0.5,
        gib=0.7,
        variables=(f"{PROMETHEUS_VERSION}=0.31.1",),
    ),
    # Programs of our own, with which tests compare what preview accepts. The first two consist of
    # what their servers do: `make test` builds those before, which leaves little to compile.
    "verdicts": (
        _judge("prometheus", minutes=0.2, gib=4),
        _judge("alertmanager", minutes=0.1, gib=0.7),
        _judge("kubernetes", minutes=1.5, gib=2),
    ),
    # A program of our own, which writes the series that `make bench` evaluates rules over.
    "series": _one_build("prometheus", "./prometheus-series", minutes=0.2, gib=4),
    "blackbox_exporter": _one_build(
        "blackbox_exporter",
        "github.com/prometheus/blackbox_exporter",
        minutes=0.4,
        gib=0.6,
        variables=(f"{PROMETHEUS_VERSION}=0.28.0",),
    ),
    "kube-score": _one_build(
        "kube-score", "github.com/zegl/kube-score/cmd/kube-score", minutes=0.4, gib=0.5
    ),
    "kubeconform": _one_build(
        "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", minutes=0.1, gib=0.2
    ),
    "kubernetes": _one_build(
        "kubernetes",
        *(
            f"k8s.io/kubernetes/cmd/{program}"
            for program in (
                *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
                *("kubelet", "kube-proxy"),
            )
        ),
        minutes=4.5,
        gib=4,
        # Clients compare it with their own version, and refuse a server that reports none.
        variables=(
            f"{KUBERNETES_VERSION}.gitVersion=v1.34.4",
            f"{KUBERNETES_VERSION}.gitMajor=1",
            f"{KUBERNETES_VERSION}.gitMinor=34",
        ),
    ),
    "etcd": _one_build("etcd", "go.etcd.io/etcd/server/v3", minutes=0.5, gib=0.6),
    "coredns": _one_build("coredns", "github.com/coredns/coredns", minutes=1.2, gib=1.5),
    "kube-router": _one_build(
        "kube-router",
        "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
        minutes=1,
        gib=1.2,
    ),
    "kube-state-metrics": _one_build(
        "kube-state-metrics", "k8s.io/kube-state-metrics/v2", minutes=1, gib=1.2
    ),
    "prometheus-config-reloader": _one_build(
        "prometheus-config-reloader",
        "github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader",
        minutes=1,
        gib=1.2,
    ),
    "actionlint": _one_build(
        "actionlint", "github.com/rhysd/actionlint/cmd/actionlint", minutes=0.1, gib=0.2
    ),
    "vegeta": _one_build("vegeta", "github.com/tsenart/vegeta/v12", minutes=0.2, gib=0.3),
    # What others write such a platform with: `make bench` compares them.
    "jsonnet": _one_build(
        "jsonnet", "github.com/google/go-jsonnet/cmd/jsonnet", minutes=0.1, gib=0.2
    ),
    "helm": _one_build("helm", "helm.sh/helm/v3/cmd/helm", minutes=1.5, gib=1.5),
    "pause": _one_build("pause", "./", minutes=0.1, gib=0.1),
}
"""The builds of each tool, whose programs share a folder, as `pulumi` and its host must."""
NODE = ("etcd", "kubernetes", "kube-router")
"""The processes of a Kubernetes node on this machine; containerd is a Debian package."""
SERVERS = ("prometheus", "alertmanager", "blackbox_exporter")
VERDICTS = ("verdicts",)
JUDGES = ("kube-score", "kubeconform")
"""Judges of manifests; `judges` fetches what else they need."""


def folders(names: Sequence[str]) -> list[Path]:
    """The tools' folders; builds missing tools first. Raises UserError."""
    if any(not folder_of(name).exists() for name in names):
        with hold_lock(cache() / "build.lock"):
            _build([name for name in names if not folder_of(name).exists()])
    return [folder_of(name) for name in names]


def official_pulumi() -> Path | None:
    """The user's `pulumi` on PATH, if its Python language host is beside it; else None."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        return None
    beside = Path(pulumi).resolve().with_name("pulumi-language-python")
    return Path(pulumi) if beside.exists() or shutil.which("pulumi-language-python") else None


def folder_of(name: str) -> Path:
    """The tool's folder; its name includes a hash of everything that determines its programs."""
    parts = [repr(TOOLS[name]).encode()]
    for build in TOOLS[name]:
        module = MODULES / build.module
        files = {module / "go.mod", module / "go.sum", *map(MODULES.joinpath, build.shared)}
        for folder in build.own():
            files |= {path for path in folder.rglob("*") if path.is_file()}
        parts += [path.read_bytes() for path in sorted(files)]
    return cache() / f"{name}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"


def kubernetes_provider() -> Path:
    """The Kubernetes provider's plugin, built from its Go module. Raises UserError."""
    return folders(["pulumi"])[0] / "kubernetes-provider"


def _build(names: Sequence[str]) -> None:
    if not names:
        return
    builds = [build for name in names for build in TOOLS[name]]
    purpose = f"building {', '.join(names)}"
    require_disk(cache(), sum(build.gib for build in builds), purpose)
    minutes = math.ceil(sum(build.minutes for build in builds))
    say(f"{purpose}, once on this machine: about {minutes} min on 2 idle cores")
    go, number = golang.find(), 0
    for name in names:
        with tempfile.TemporaryDirectory(dir=cache(), prefix="build-part-") as scratch:
            part = Path(scratch) / "part"
            part.mkdir()
            for build in TOOLS[name]:
                number += 1
                task = f"{build.module} ({number} of {len(builds)})"
                golang.build(go, build, part, task=task)
            part.rename(folder_of(name))


def on_path(folders: Iterable[Path], path: str) -> str:
    """PATH with the folders first."""
    return os.pathsep.join([*map(str, folders), path])
