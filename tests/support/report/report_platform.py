"""A fake Prometheus and Alertmanager whose answers a test sets, and the report on them."""

import json
from collections.abc import Callable, Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import yaml

from ops.alertmanager_api import Alertmanager
from ops.grafana_api import Grafana
from ops.kubernetes_api import Kubernetes
from ops.manifests import Manifests, read_manifests
from ops.prometheus_api import Prometheus
from ops.report.changes import Snapshot
from ops.report.composition import compose
from ops.report.document import Document, Items, Section, Table
from ops.report.facts import Facts, Unavailable
from ops.report.gather import MOVES, STORED, gather, or_unavailable
from tests.support.recording import Recording
from tests.support.report.report_answers import NOW, rule_groups, samples, targets
from toolchain.node.grafana import answer_api


@dataclass
class Platform:
    """The answers of both servers; `past` makes those to range queries.

    `boards` are Grafana's dashboards by uid: those of the manifests, unless a test sets others.
    `measured` has the values that Grafana finds in CloudWatch for each region, and `verification`
    the data of the ConfigMap that `make verify` leaves, None without one. `broken` overrides
    answers, by the end of a path or a part of the host name.
    """

    groups: list[dict[str, Any]] = field(default_factory=rule_groups)
    samples: list[dict[str, Any]] = field(default_factory=samples)
    moves: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=targets)
    silences: list[dict[str, Any]] = field(default_factory=list)
    notified: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    boards: dict[str, Any] | None = None
    measured: dict[str, list[float | None]] = field(default_factory=dict)
    verification: dict[str, str] | None = None
    stored: list[dict[str, Any]] = field(default_factory=list)
    past: Callable[[dict[str, str]], list[dict[str, Any]]] = lambda _: []
    broken: dict[str, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        for end, broken in self.broken.items():
            if path.endswith(end) or end in request.url.host:
                return broken(request)
        if request.url.host == "grafana":
            return self.grafana(request)
        if request.url.host == "kubernetes.default.svc":
            if self.verification is None:
                return httpx.Response(404, json={"message": "configmaps not found"})
            return httpx.Response(200, content=json.dumps({"data": self.verification}))
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if request.url.host == "alertmanager":
            known = {
                "/api/v2/alerts": self.alertmanager_alerts(),
                "/api/v2/silences": self.silences,
            }
            return httpx.Response(200, content=json.dumps(known[path]))
        others = {MOVES: self.moves, STORED: self.stored}
        asked = others.get(form.get("query", ""), self.samples)
        known = {
            "/status/buildinfo": {"version": "3.13.5"},
            "/targets": {"activeTargets": self.targets},
            "/rules": {"groups": self.groups},
            "/metadata": self.metadata,
            "/query": {"result": asked},
            "/query_range": {"result": self.past(form) if "start" in form else []},
        }
        data = known[path.removeprefix("/api/v1")]
        return httpx.Response(200, content=json.dumps({"status": "success", "data": data}))

    def grafana(self, request: httpx.Request) -> httpx.Response:
        """Grafana's answer, from the stand-in that runs on the node, and from CloudWatch."""
        if request.url.path != "/api/ds/query":
            status, found = answer_api(request.url.raw_path.decode(), {}, self.boards or {})
            return httpx.Response(status, content=json.dumps(found))
        queries = json.loads(request.content)["queries"]
        assert all(query["dimensions"]["Region"] == "*" for query in queries), queries
        frames = [
            {
                "schema": {
                    "name": region,
                    "fields": [{"name": "Time"}, {"name": "Value", "labels": {"Region": region}}],
                },
                "data": {"values": [list(range(len(values))), values]},
            }
            for region, values in self.measured.items()
        ]
        results = {query["refId"]: {"frames": frames} for query in queries}
        return httpx.Response(200, content=json.dumps({"results": results}))

    def alertmanager_alerts(self) -> list[dict[str, Any]]:
        """The firing alerts with the external label, each routed to the receiver of its
        severity."""
        if self.notified is not None:
            return self.notified
        firing = [
            alert
            for group in self.groups
            for rule in group["rules"]
            for alert in rule.get("alerts", ())
        ]
        return [
            {
                "labels": {**alert["labels"], "environment": "local"},
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
                "receivers": [{"name": alert["labels"]["severity"]}],
            }
            for alert in firing
        ]


def without_empty_parts(value: Any) -> Any:
    """The value without the empty parts that the provider leaves out; they mean the same."""
    if isinstance(value, dict):
        return {
            key: without_empty_parts(item)
            for key, item in value.items()
            if item or key not in ("matchLabels", "volumes")
        }
    return [without_empty_parts(item) for item in value] if isinstance(value, list) else value


def render_manifests(recorded: Recording, folder: Path) -> Path:
    """Write a recorded stack's manifests into the folder as the provider does; return it."""
    manifests = folder / "1-manifest"
    manifests.mkdir(parents=True)
    for resource in recorded.resources:
        if resource.type.startswith("kubernetes:") and "apiVersion" in resource.inputs:
            metadata = resource.inputs["metadata"]
            version = resource.inputs["apiVersion"].replace("/", "_")
            namespace = metadata.get("namespace", "default")
            name = f"{version}-{resource.kind.lower()}-{namespace}-{metadata['name']}.yaml"
            manifest = without_empty_parts(dict(resource.inputs))
            (manifests / name).write_text(yaml.safe_dump(manifest))
    return folder


def gather_facts(
    platform: Platform,
    rendered: Path,
    hours: float = 6,
    tell: Callable[[str], None] = lambda _: None,
    asked: Collection[str] = ("grafana",),
) -> Facts:
    """Gather the facts of a report from the platform. `asked` are the optional servers to ask."""
    transport = httpx.MockTransport(platform.answer)
    with ExitStack() as stack:
        prometheus = Prometheus("http://user:hunter2@prometheus:9090", transport=transport)
        alertmanager = Alertmanager("http://alertmanager:9093", transport=transport)
        grafana = Grafana("http://grafana:3000", transport=transport)
        kubernetes = Kubernetes(transport)
        for api in (prometheus, alertmanager, grafana, kubernetes):
            stack.enter_context(closing(api))
        manifests = or_unavailable(lambda: _manifests(rendered, _state(rendered)))
        if platform.boards is None and not isinstance(manifests, Unavailable):
            platform.boards = {one["uid"]: dict(one) for one in manifests.dashboards.values()}
        return gather(
            prometheus,
            alertmanager,
            grafana=grafana if "grafana" in asked else None,
            kubernetes=kubernetes if "kubernetes" in asked else None,
            manifests=manifests,
            now=NOW,
            hours=hours,
            tell=tell,
        )


def _state(folder: Path) -> frozenset[tuple[str, int]]:
    """The files of a folder with their modification times."""
    return frozenset((str(one), one.stat().st_mtime_ns) for one in folder.rglob("*.yaml"))


@lru_cache
def _manifests(folder: Path, _: frozenset[tuple[str, int]]) -> Manifests:
    return read_manifests(folder)


def report_on(
    platform: Platform, rendered: Path, previous: Snapshot | None = None
) -> tuple[Document, Snapshot]:
    """Compose the report on the platform, and its snapshot."""
    facts = gather_facts(platform, rendered)
    return compose(
        facts, title="KPI status report", environment="local", hours=6, previous=previous
    )


def find_section(document: Document, name: str) -> Section:
    """The section with this id."""
    return next(one for one in document.sections if one.id == name)


def table_rows(document: Document, name: str) -> dict[str, dict[str, str]]:
    """The rows of a section's first table, by first cell; lines of a cell are joined."""
    table = next(block for block in find_section(document, name).blocks if isinstance(block, Table))
    found = {}
    for row in table.rows:
        texts = ["; ".join(part.text for part in cell) for cell in row]
        found[texts[0]] = dict(zip(table.headers, texts, strict=True))
    return found


def list_items(document: Document, name: str) -> list[str]:
    """The items of a section's lists."""
    lists = [block for block in find_section(document, name).blocks if isinstance(block, Items)]
    return [" ".join(part.text for part in item) for block in lists for item in block.items]
