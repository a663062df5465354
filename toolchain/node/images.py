"""Builds the node's container images from this toolchain's programs, Debian and the Dockerfile.

No registry is asked. The images carry the names of the public ones, so the manifests are those of
any cluster.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from stacks.images import SERVICES_IMAGE
from toolchain import progress, tools
from toolchain.base import CLONE, cache, hold_lock, require_disk, write_atomically
from toolchain.node.layout import PAUSE_IMAGE

DOCKERFILE = CLONE / "Dockerfile"
COREDNS_IMAGE = "vaultmesh.dev/node/coredns:1.12.4"
STATIC_IMAGE = "vaultmesh.dev/node/static:1"
IMAGES_GIB = 3.0
"""Measured: 0.5 GiB of layers, 0.7 GiB of archives, and the Debian while it is being unpacked."""
KEPT_SECONDS = 24 * 3600.0
"""How long an archive stays that no node uses; another clone may still need it."""
BASE = """\
FROM scratch
COPY root/ /
COPY certificates /etc/vaultmesh/
RUN ["/usr/bin/python3", "-m", "venv", "/usr/local"]
ENV PATH=/usr/local/bin:/usr/bin:/bin PIP_CONFIG_FILE=/etc/vaultmesh/pip.conf
"""
DEBIAN = ("bookworm", "python3,python3-venv,python3-yaml,ca-certificates,tzdata")
"""Release and packages. Its Python is 3.11, the oldest that the services support."""
UNUSED = (
    *("var/cache/apt", "var/lib/apt/lists"),
    *("usr/share/doc", "usr/share/locale", "usr/share/man"),
)
"""What no image needs of Debian: a third of its size."""
STATIC = """\
FROM {base} AS debian
FROM scratch
COPY --from=debian /etc/passwd /etc/group /etc/
COPY --from=debian /etc/ssl/certs /etc/ssl/certs
COPY --from=debian /usr/share/zoneinfo /usr/share/zoneinfo
"""
PROGRAM = """\
FROM {static}
COPY {program} {path}
USER 10001:10001
ENTRYPOINT ["{path}"]
"""
GRAFANA = """\
FROM {base}
COPY grafana.py /grafana.py
USER 10001:10001
ENTRYPOINT ["/usr/bin/python3", "/grafana.py"]
"""


SERVERS = {
    "prometheus": "/bin/prometheus",
    "alertmanager": "/bin/alertmanager",
    "blackboxExporter": "/bin/blackbox_exporter",
    "configReloader": "/bin/prometheus-config-reloader",
    "kubeStateMetrics": "/kube-state-metrics",
    COREDNS_IMAGE: "/coredns",
    PAUSE_IMAGE: "/pause",
}
"""The servers by their key in Pulumi.yaml's `images`, and the node's own by their image's name.

Each is the path that the program has in its public image; the last part is also the tool's name.
"""


def build() -> list[Path]:
    """Return an archive of each image that the manifests and the node name.

    Builds those that are missing; they stay in the cache. Raises UserError if one can't be built.
    """
    config = yaml.safe_load((CLONE / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    names = config["images"]["default"]
    services = config[SERVICES_IMAGE]["default"]
    base = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)[0]
    programs = [Path(path).name for path in SERVERS.values()]
    folders = tools.folders(programs)
    settings = _pip_settings()
    recipe = _digest([BASE, STATIC, *DEBIAN, *UNUSED, base, settings])
    with hold_lock(cache() / f"images-{recipe}.lock"):
        builder = _Builder(cache() / f"images-{recipe}")
        builder.ensure_base(base, settings)
        archives = [
            builder.archive(
                names.get(key, key),
                PROGRAM.format(static=STATIC_IMAGE, program=program, path=path),
                {program: folder / program},
            )
            for (key, path), program, folder in zip(SERVERS.items(), programs, folders, strict=True)
        ]
        grafana = Path(__file__).with_name("grafana.py")
        archives += [
            builder.archive(names["grafana"], GRAFANA.format(base=base), {"grafana.py": grafana}),
            builder.archive(services, DOCKERFILE.read_text(), _service_files()),
        ]
    return archives


def _service_files() -> dict[str, Path]:
    folder = CLONE / "services"
    paths = [*folder.rglob("*.py"), folder / "requirements.txt"]
    return {str(path.relative_to(CLONE)): path for path in sorted(paths)}


class _Builder:
    """Builds images with buildah, in a storage of its own, and keeps an archive of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.pip_settings = folder / "pip.conf"
        storage = folder / "storage"
        self.buildah = (
            *("unshare", "--mount", "buildah"),
            *("--root", str(storage), "--runroot", str(folder / "run")),
            *("--storage-driver", "overlay"),
        )

    def ensure_base(self, name: str, settings: str) -> None:
        """Build the image of Debian with Python, under the name of the services' base image.

        `settings` are pip's, as the text of its configuration file.
        """
        write_atomically(self.pip_settings, settings, mode=0o600)
        mark = self.folder / "base-is-built"
        if mark.exists():
            return
        require_disk(self.folder, IMAGES_GIB, "building images")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="base-part-") as part:
            context = Path(part)
            release, packages = DEBIAN
            # Its mounts and buildah's go with a mount namespace of their own.
            self._run(
                *("unshare", "--mount", "debootstrap"),
                *("--variant=minbase", f"--include={packages}", release, f"{context}/root"),
                task="Debian for the images",
                count={"^I: Retrieving ": "packages fetched", "^I: Configuring ": "configured"},
            )
            for path in UNUSED:
                shutil.rmtree(context / "root" / path)
            certificates = os.environ.get("PIP_CERT") or "/etc/ssl/certs/ca-certificates.crt"
            shutil.copy(certificates, context / "certificates")
            self.build(name, BASE, context)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="static-part-") as part:
            self.build(STATIC_IMAGE, STATIC.format(base=name), Path(part))
        mark.touch()

    def archive(self, name: str, recipe: str, files: Mapping[str, Path]) -> Path:
        """The image's archive; it is built if it is missing or if one of its files has changed."""
        content = [path.read_bytes() for path in files.values()]
        digest = _digest([name, recipe, *files, *content])
        label = re.sub(r"\W+", "-", name.rpartition("/")[2])
        archive = self.folder / f"{label}-{digest}.tar"
        if archive.exists():
            archive.touch()
            return archive
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="image-part-") as part:
            context = Path(part, "context")
            for target, source in files.items():
                (context / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, context / target)
            self.build(name, recipe, context)
            scratch = Path(part, "image.tar")
            target = f"docker-archive:{scratch}:{_full_name(name)}"
            self._run(*self.buildah, "push", name, target, task=f"archive of {name}")
            scratch.rename(archive)
        for other in self.folder.glob(f"{label}-*.tar"):
            if other.stat().st_mtime < time.time() - KEPT_SECONDS:
                other.unlink()
        return archive

    def build(self, name: str, recipe: str, context: Path) -> None:
        """Build the image from the recipe's text. Its commands run on this machine's network."""
        file = context.with_name(f"{context.name}.recipe")
        file.write_text(recipe)
        try:
            self._run(
                *self.buildah,
                *("build", "--isolation=chroot", "--network=host", "--pull-never", "--layers"),
                # Only builds see pip's settings, whose URL may hold a password.
                *("--volume", f"{self.pip_settings}:/etc/vaultmesh/pip.conf:ro"),
                *("--tag", name, "--file", str(file), str(context)),
                task=f"image {name}",
                count={r"STEP \d+/": "steps"},
            )
        finally:
            file.unlink()

    def _run(self, *command: str, task: str, count: Mapping[str, str] | None = None) -> None:
        log = cache() / "logs" / f"{re.sub(r'[^a-z]+', '-', task.lower())}.log"
        progress.run(command, task=task, log=log, count=count or {})


def _full_name(name: str) -> str:
    """The image's name with its registry; one without means Docker Hub."""
    first, slash, _ = name.partition("/")
    return name if slash and ("." in first or ":" in first) else f"docker.io/{name}"


def _pip_settings() -> str:
    """Pip's settings during a build: this machine's certificates and package index."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kept = "(index-url|extra-index-url|trusted-host|proxy|timeout|default-timeout)"
    found = re.findall(rf"^\S*\.{kept}='(.*)'$", listed, re.MULTILINE)
    lines = ["[global]", "cert = /etc/vaultmesh/certificates", *map(" = ".join, found)]
    return "\n".join(lines) + "\n"


def _digest(parts: Sequence[str | bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
