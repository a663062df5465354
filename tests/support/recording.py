"""Runs the program on Pulumi mocks and records the resources that it declares."""

import asyncio
import atexit
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from stacks.images import MADE_UP_IMAGE, SERVICES_IMAGE
from tests.support.aws import computed, look_up
from tests.support.cluster import FakeCluster

ROOT = Path(__file__).resolve().parents[2]
ALL_STACKS = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))
STACKS = [
    stack
    for stack in ALL_STACKS
    if "vaultmesh:settings" in (ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
]
"""The stacks of environments; the others prepare an AWS account."""
CONFIG_FILES = ("prometheus.yml", "alertmanager.yml", "blackbox.yml")
NAME_LABEL = "app.kubernetes.io/name"
SECRETS = {
    "vaultmesh:grafanaAdminPassword": "made-up-password",
    "vaultmesh:grafanaMetricsPassword": "made-up-metrics-password",
    "vaultmesh:grafanaClientSecret": "made-up-client-secret",
    "vaultmesh:slackApiUrl": "https://slack.invalid/made-up",
    "vaultmesh:pagerdutyRoutingKey": "made-up-routing-key",
    "vaultmesh:heartbeatUrl": "https://heartbeat.invalid/made-up",
    "vaultmesh:outsideAlarmEndpoint": "https://alarm.invalid/made-up",
}

_LOOP = asyncio.new_event_loop()
"""The one loop for outputs in all tests: `asyncio.run` in another test leaves no current loop, and
a loop that nobody closes is a warning in whatever test comes later."""
atexit.register(_LOOP.close)


@dataclass(frozen=True)
class Declared:
    """One declared resource: type token, Pulumi name, inputs and provider."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    provider: str

    @property
    def kind(self) -> str:
        return self.type.rsplit(":", 1)[-1]


@dataclass
class Recording(mocks.Mocks):
    """All resources that a program declared, and its return value.

    `timeouts` says how long the engine waits for the creation and for an update of an object, by
    its kind and Pulumi name; `protected` holds the kinds and names of what it refuses to delete.
    `look_ups` holds the token and the arguments of each question to AWS.
    """

    resources: list[Declared] = field(default_factory=list)
    timeouts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    protected: set[tuple[str, str]] = field(default_factory=set)
    look_ups: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    result: Any = None

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources.append(Declared(args.typ, args.name, args.inputs, args.provider or ""))
        return f"{args.name}-id", {**args.inputs, **computed(args.typ, args.name, args.inputs)}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        self.look_ups.append((args.token, args.args))
        return look_up(args.token, args.args)

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """The only object of `kind` whose metadata.name is `name`."""
        found = [found for found in self.all(kind) if found["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} {kind} called {name}"
        return found[0]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The inputs of every Kubernetes object of `kind`."""
        return [
            dict(resource.inputs)
            for resource in self.resources
            if resource.kind == kind and resource.type.startswith("kubernetes:")
        ]

    def pods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name and the pod template of every server."""
        for kind in ("Deployment", "StatefulSet"):
            for owner in self.all(kind):
                yield owner["metadata"]["name"], owner["spec"]["template"]

    def server(self, name: str) -> dict[str, Any]:
        """The first container of the server called `name`."""
        return dict(self.pods())[name]["spec"]["containers"][0]

    def config(self, server: str) -> dict[str, Any]:
        """The configuration of Prometheus, Alertmanager or the blackbox exporter, parsed."""
        data = self.one("ConfigMap", server)["data"]
        (text,) = (data[file] for file in CONFIG_FILES if file in data)
        return yaml.safe_load(text)

    def rules(self) -> list[dict[str, Any]]:
        """Every alerting and recording rule, as Prometheus loads it."""
        return [
            rule
            for name, text in self.one("ConfigMap", "prometheus-server")["data"].items()
            if name.endswith("_rules.yml")
            for group in yaml.safe_load(text)["groups"]
            for rule in group["rules"]
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """Every alerting rule."""
        return [rule for rule in self.rules() if "alert" in rule]

    def edges(self) -> set[tuple[str, str, int]]:
        """(source, target, port) of each connection between pods that the policies allow."""
        return {
            (origin["podSelector"]["matchLabels"][NAME_LABEL], target, port["port"])
            for policy in self.all("NetworkPolicy")
            for rule in policy["spec"].get("ingress", [])
            for origin in rule["from"]
            if "podSelector" in origin
            for port in rule["ports"]
            for target in [policy["spec"]["podSelector"]["matchLabels"][NAME_LABEL]]
        }

    def probe_jobs(self) -> dict[str, dict[str, Any]]:
        """The scrape jobs of probes, by probe name."""
        jobs = self.config("prometheus-server")["scrape_configs"]
        return {fixed_labels(job)["probe"]: job for job in jobs if "params" in job}

    def tasks(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name and the pod template of every CronJob."""
        for owner in self.all("CronJob"):
            yield owner["metadata"]["name"], owner["spec"]["jobTemplate"]["spec"]["template"]


class Monitor(mocks.MockMonitor):
    """The engine's end of the mocks; it also records options, which no mock sees."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        key, given = (request.type.rsplit(":", 1)[-1], request.name), request.customTimeouts
        self.mocks.timeouts[key] = (given.create, given.update)
        if request.protect:
            self.mocks.protected.add(key)
        return super().RegisterResource(request)


def mounts(container: dict[str, Any]) -> dict[str, str]:
    """The volume name by mount path of a container."""
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


def fixed_labels(job: dict[str, Any]) -> dict[str, str]:
    """The labels that a scrape job sets on all its series."""
    rules = job["relabel_configs"]
    return {rule["target_label"]: rule["replacement"] for rule in rules if "replacement" in rule}


def record(program: Callable[[], Any], stack: str = "test") -> Recording:
    """Run `program` on mocks, as this stack, until all resources are registered."""
    recording = Recording()
    asyncio.set_event_loop(_LOOP)
    mocks.set_mocks(
        recording, project="vaultmesh", stack=stack, preview=False, monitor=Monitor(recording)
    )

    @pulumi.runtime.test
    def run() -> None:
        recording.result = program()

    run()
    return recording


def configured(stack: str) -> dict[str, Any]:
    """The configuration from Pulumi.<stack>.yaml and the defaults of Pulumi.yaml, as data.

    A stack on EKS that has no image yet gets the made-up one, as in a rehearsal.
    """
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    defaults = {
        f"vaultmesh:{key}": schema["default"]
        for key, schema in project.items()
        if "default" in schema
    }
    own = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    if stack in STACKS and "eks" in own["vaultmesh:settings"]["cluster"]:
        defaults[f"vaultmesh:{SERVICES_IMAGE}"] = MADE_UP_IMAGE
    return defaults | own


def stack_values(stack: str) -> dict[str, Any]:
    """The configuration with the shared settings merged in, for tests to change."""
    from stacks.settings.layers import merged

    values = configured(stack)
    values["vaultmesh:settings"] = merged(
        values.pop("vaultmesh:shared"), values["vaultmesh:settings"]
    )
    return values


def configure(values: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS) -> None:
    """Set the configuration that the program reads.

    Structures are passed as Pulumi does: as JSON with sorted keys.
    """
    asyncio.set_event_loop(_LOOP)
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in values.items()
    }
    pulumi.runtime.set_all_config(texts | dict(secrets), list(secrets))


def run_stack(stack: str) -> Recording:
    """Run the whole program with the settings of one stack."""
    return run_values(configured(stack), stack=stack)


def run_values(
    values: Mapping[str, Any],
    secrets: Mapping[str, str] = SECRETS,
    cluster: FakeCluster | None = None,
    stack: str = "test",
) -> Recording:
    """Run the whole program with this configuration, by default on a new cluster."""
    from stacks.program import build

    configure(values, secrets)
    with pytest.MonkeyPatch.context() as patch:
        found = cluster or FakeCluster()
        patch.setattr("kubectl.Kubectl.read", lambda _, path: found.read(path))
        return record(build, stack)
