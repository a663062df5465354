"""The objects of the stack `local` as a chart, as Jsonnet and as a plain Pulumi program.

All take the objects as `pulumi up` renders them, and the texts of their ConfigMaps from files
beside them, as their users do.
"""

import json
import os
import pprint
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.edits import up
from bench.program import MANIFESTS
from toolchain import judges, plugins, rehearsal, stacks, tools
from toolchain.base import VENV, state
from toolchain.schemas import location, write_schemas
from toolchain.stacks import Run

Texts = Mapping[str, str]
"""`files/CONFIG_MAP/KEY` -> its text, `objects/KIND-NAME` -> an object as JSON; SOURCE -> what a
peer's own source ends with, in its language."""

SOURCE = "source"
PLAIN = "plain"
_TEXT_OF = "text of "
"""Begins the value that stands in an object for the text of a file."""
PROVIDER = """\
from pulumi import ResourceOptions
from pulumi_kubernetes import Provider

cluster = Provider(
    "cluster",
    kubeconfig="",
    render_yaml_to_directory="rendered",
    enable_config_map_mutable=True,
    enable_secret_mutable=True,
)
options = ResourceOptions(provider=cluster)
"""
"""A program declares the provider as ours does."""
_PLACE = re.compile(rf"""(["']){_TEXT_OF}(\S+?)\1""")
_CAPITAL = re.compile("(?=[A-Z])")


def render(root: Path) -> Texts:
    """The texts of the stack `local` of the program in this folder. Raises UserError."""
    up(root, stacks.LOCAL, {})
    manifests = sorted((root / MANIFESTS).glob("*.yaml"))
    return separate(yaml.safe_load(path.read_text(encoding="utf-8")) for path in manifests)


def separate(manifests: Iterable[dict[str, Any]]) -> Texts:
    """The objects, and the texts of their ConfigMaps apart."""
    texts = {SOURCE: ""}
    for manifest in manifests:
        name = f"{manifest['kind']}-{manifest['metadata']['name']}"
        if manifest["kind"] == "ConfigMap":
            paths = {key: f"files/{manifest['metadata']['name']}/{key}" for key in manifest["data"]}
            texts |= {path: manifest["data"][key] for key, path in paths.items()}
            manifest["data"] = {key: f"{_TEXT_OF}{path}" for key, path in paths.items()}
        texts[f"objects/{name}"] = json.dumps(manifest, indent=1, sort_keys=True)
    return texts


def objects(texts: Texts) -> list[str]:
    """The objects as JSON."""
    return [text for path, text in texts.items() if path.startswith("objects/")]


def write_files(root: Path, texts: Texts) -> None:
    """Write the files beside the peer's own source."""
    for path, text in texts.items():
        if path.startswith("files/"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")


def chart(root: Path, texts: Texts) -> None:
    """Write a chart of Helm."""
    write_files(root, texts)
    (root / "templates").mkdir(exist_ok=True)
    parts = [_PLACE.sub(r'{{ .Files.Get "\2" | toJson }}', text) for text in objects(texts)]
    source = "\n---\n".join(parts) + texts[SOURCE]
    (root / "templates" / "objects.yaml").write_text(source, encoding="utf-8")
    about = "apiVersion: v2\nname: peer\nversion: 0.1.0\nicon: https://icon.invalid/\n"
    (root / "Chart.yaml").write_text(about, encoding="utf-8")


def jsonnet(root: Path, texts: Texts) -> None:
    """Write a program in Jsonnet."""
    write_files(root, texts)
    parts = ",\n".join(_PLACE.sub(r"importstr '\2'", text) for text in objects(texts))
    source = f"[\n{parts}\n]\n{texts[SOURCE]}"
    (root / "main.jsonnet").write_text(source, encoding="utf-8")


def plain_pulumi(root: Path, texts: Texts) -> None:
    """Write a Pulumi program that declares each object with its typed class, and checks nothing."""
    write_files(root, texts)
    found = [json.loads(text) for text in objects(texts)]
    modules = sorted({_module(one["apiVersion"]) for one in found})
    imports = [
        f"from pulumi_kubernetes.{group} import {version} as {group}" for group, version in modules
    ]
    lines = ["from pathlib import Path", "", *imports, "", PROVIDER, *map(_declaration, found)]
    source = "\n".join(lines) + texts[SOURCE]
    (root / "__main__.py").write_text(source, encoding="utf-8")
    runtime = {"name": "python", "options": {"virtualenv": VENV.name}}
    project = {"name": PLAIN, "runtime": runtime}
    (root / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    if not (root / VENV.name).exists():
        (root / VENV.name).symlink_to(VENV)


def _module(version: str) -> tuple[str, str]:
    """Package and module of pulumi_kubernetes: ("networking", "v1") of networking.k8s.io/v1."""
    group, _, number = version.rpartition("/")
    return group.split(".")[0] or "core", number


def _declaration(found: dict[str, Any]) -> str:
    kind, (group, _) = found["kind"], _module(found["apiVersion"])
    arguments = [
        f"    {_CAPITAL.sub('_', key).lower()}={pprint.pformat(value, sort_dicts=False)},"
        for key, value in found.items()
        if key not in ("apiVersion", "kind")
    ]
    text = _PLACE.sub(r'Path("\2").read_text(encoding="utf-8")', "\n".join(arguments))
    return (
        f'{group}.{kind}(\n    "{kind}-{found["metadata"]["name"]}",\n{text}\n    opts=options,\n)'
    )


def helm_template(root: Path) -> Run:
    """Render the chart."""
    return _run(tools.folders(["helm"])[0] / "helm", "template", "peer", ".", root=root)


def helm_lint(root: Path) -> Run:
    """Lint the chart."""
    return _run(tools.folders(["helm"])[0] / "helm", "lint", "--strict", ".", root=root)


def helm_and_kubeconform(root: Path) -> Run:
    """Render the chart, and check it against the API of the oldest version that EKS supports."""
    schemas = root.parent / "schemas"
    if not schemas.exists():
        write_schemas(judges.specification(next(iter(judges.KUBERNETES))), schemas)
    helm, kubeconform = tools.folders(["helm", "kubeconform"])
    pipe = '"$0" template peer . | "$1" -strict -schema-location "$2"'
    return _run(
        *("bash", "-o", "pipefail", "-c", pipe),
        *(helm / "helm", kubeconform / "kubeconform", location(schemas)),
        root=root,
    )


def run_jsonnet(root: Path) -> Run:
    """Evaluate the program in Jsonnet."""
    return _run(tools.folders(["jsonnet"])[0] / "jsonnet", "main.jsonnet", root=root)


def preview_plain(root: Path, *, on_aws: bool = False) -> Run:
    """Preview the plain Pulumi program, with a backend of its own. Raises UserError.

    With `on_aws`, it finds the stand-in for the AWS provider.
    """
    env, pulumi = stacks.base_environment()
    env = rehearsal.environment(root, env, os.devnull)
    env |= plugins.environment(env, on_aws=on_aws, rehearsed=True)
    if not any((state(root) / "backend").rglob(f"{PLAIN}.json")):
        subprocess.run(
            [pulumi, "stack", "init", PLAIN], cwd=root, env=env, check=True, capture_output=True
        )
    command = [str(pulumi), "preview", "--stack", PLAIN]
    return Run(command=command, environment=env, root=root)


def preview_ours(root: Path, stack: str = stacks.LOCAL) -> Run:
    """Preview the stack of a copy of this program as `make preview` does for a user without login.

    Raises UserError as `make preview` does.
    """
    return stacks.plan("preview", stack, [], root=root, rehearse=True)


def _run(*command: str | Path, root: Path) -> Run:
    return Run(command=[str(part) for part in command], environment=dict(os.environ), root=root)


PEERS: Mapping[str, tuple[Callable[[Path, Texts], None], Callable[[Path], Run]]] = {
    "`helm template`": (chart, helm_template),
    "`helm lint --strict`": (chart, helm_lint),
    "`helm template`, `kubeconform`": (chart, helm_and_kubeconform),
    "`jsonnet`": (jsonnet, run_jsonnet),
    "plain Pulumi": (plain_pulumi, preview_plain),
}
"""How each peer's program is written into a folder, and how it is run there."""
