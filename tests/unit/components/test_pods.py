"""Every pod of every stack fits a restricted namespace and small nodes."""

from typing import Any

import pytest

from tests.support.recording import mounts

ALLOWED_VOLUMES = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim"}


def containers(platform: Any) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name}/{container['name']}", container)
        for name, template in (*platform.pods(), *platform.tasks())
        for container in template["spec"]["containers"]
    ]


def test_every_pod_runs_as_an_unprivileged_user(platform: Any) -> None:
    for name, template in (*platform.pods(), *platform.tasks()):
        security = template["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] >= 10000, name
        assert security["runAsGroup"] >= 10000, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name


def test_every_container_is_locked_down(platform: Any) -> None:
    for name, container in containers(platform):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert security["readOnlyRootFilesystem"] is True, name
        assert "runAsUser" not in security, f"{name} overrides the user of its pod"


def test_every_container_is_bounded(platform: Any) -> None:
    for name, container in containers(platform):
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory", "ephemeral-storage"}, name
        assert set(resources["limits"]) == {"memory", "ephemeral-storage"}, name


def test_pods_use_only_the_volumes_that_restricted_allows(platform: Any) -> None:
    for name, template in platform.pods():
        for volume in template["spec"]["volumes"]:
            assert set(volume) - {"name"} <= ALLOWED_VOLUMES, f"{name}: {volume}"


def test_every_pod_has_its_own_account_and_a_token_only_if_a_role_needs_it(
    platform: Any,
) -> None:
    allowed = {
        subject["name"] for found in platform.all("RoleBinding") for subject in found["subjects"]
    }
    pods = [*platform.pods(), *platform.tasks()]
    accounts = [name for name, _ in pods]
    assert len(set(accounts)) == len(accounts)
    for name, template in pods:
        account = template["spec"]["serviceAccountName"]
        assert account == name
        assert platform.one("ServiceAccount", account)["automountServiceAccountToken"] is False
        token = template["spec"]["automountServiceAccountToken"]
        assert token is (account in allowed), name


def test_every_mount_has_its_volume_and_every_volume_a_mount(platform: Any) -> None:
    claims = {
        owner["metadata"]["name"]: [
            claim["metadata"]["name"] for claim in owner["spec"]["volumeClaimTemplates"]
        ]
        for owner in platform.all("StatefulSet")
    }
    for name, template in platform.pods():
        volumes = [volume["name"] for volume in template["spec"]["volumes"]]
        mounts = {
            mount["name"]
            for container in template["spec"]["containers"]
            for mount in container.get("volumeMounts", [])
        }
        assert mounts == {*volumes, *claims.get(name, [])}, name


def test_every_mounted_config_map_and_secret_exists_with_its_keys(platform: Any) -> None:
    for name, template in platform.pods():
        for volume in template["spec"]["volumes"]:
            for kind, key, data in (
                ("ConfigMap", "configMap", "data"),
                ("Secret", "secret", "stringData"),
            ):
                if key not in volume:
                    continue
                source = volume[key]
                found = platform.one(kind, source.get("name") or source.get("secretName"))
                wanted = {item["key"] for item in source.get("items", [])}
                assert wanted <= set(found[data].get("value", found[data])), name


def test_replicas_come_with_a_budget_and_are_spread(platform: Any) -> None:
    budgets = {
        budget["metadata"]["name"]: budget["spec"] for budget in platform.all("PodDisruptionBudget")
    }
    for owner in (*platform.all("Deployment"), *platform.all("StatefulSet")):
        name, spec = owner["metadata"]["name"], owner["spec"]
        several = spec["replicas"] > 1
        assert (name in budgets) is several, name
        constraints = spec["template"]["spec"].get("topologySpreadConstraints", [])
        assert bool(constraints) is several, name
        for selector in [constraint["labelSelector"] for constraint in constraints]:
            assert selector == spec["selector"], name
        if several:
            assert budgets[name]["selector"] == spec["selector"], name


def test_selectors_find_their_pods_and_carry_no_version(platform: Any) -> None:
    for owner in (*platform.all("Deployment"), *platform.all("StatefulSet")):
        wanted = owner["spec"]["selector"]["matchLabels"]
        labels = owner["spec"]["template"]["metadata"]["labels"]
        assert wanted.items() <= labels.items()
        assert not [key for key in wanted if "version" in key]


@pytest.mark.parametrize(
    ("pod", "container", "liveness", "readiness"),
    [
        ("prometheus-server", "prometheus-server", "/-/healthy", "/-/ready"),
        ("alertmanager", "alertmanager", "/-/healthy", "/-/ready"),
        ("psi-field", "psi-field", "/health", "/ready"),
    ],
)
def test_liveness_and_readiness_use_different_paths(
    platform: Any, pod: str, container: str, liveness: str, readiness: str
) -> None:
    found = dict(containers(platform))[f"{pod}/{container}"]
    assert found["livenessProbe"]["httpGet"]["path"] == liveness
    assert found["readinessProbe"]["httpGet"]["path"] == readiness


def test_probes_and_scrapes_name_a_port_of_their_container(platform: Any) -> None:
    for name, container in containers(platform):
        ports = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["port"] in ports, f"{name} {probe}"


def quantity(text: str) -> float:
    """A Kubernetes quantity in its base unit: cores or bytes."""
    suffixes = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    for suffix, factor in suffixes.items():
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


def test_every_server_is_probed_and_survives_a_slow_answer(platform: Any) -> None:
    for name, _ in platform.pods():
        server = platform.server(name)
        for probe in ("livenessProbe", "readinessProbe"):
            assert server[probe]["timeoutSeconds"] >= 5, f"{name} {probe}"
            assert server[probe]["failureThreshold"] >= 3, f"{name} {probe}"


def test_a_startup_probe_allows_a_slow_start(platform: Any) -> None:
    for name, _ in platform.pods():
        if name != "alertmanager":
            probe = platform.server(name)["startupProbe"]
            assert probe["periodSeconds"] * probe["failureThreshold"] >= 60, name


def test_a_pod_can_write_to_its_volumes_and_gets_no_service_variables(
    platform: Any,
) -> None:
    for name, template in platform.pods():
        security = template["spec"]["securityContext"]
        assert security["fsGroup"] == security["runAsGroup"], name
        assert template["spec"]["enableServiceLinks"] is False, name


def scratch_sizes(template: dict[str, Any]) -> list[float]:
    """The size limit of each emptyDir of a pod, in bytes."""
    volumes = template["spec"].get("volumes", [])
    return [quantity(v["emptyDir"]["sizeLimit"]) for v in volumes if "emptyDir" in v]


def test_only_grafana_writes_to_scratch_space(platform: Any) -> None:
    pods = [*platform.pods(), *platform.tasks()]
    assert [name for name, template in pods if scratch_sizes(template)] == ["grafana"]
    assert {"/var/lib/grafana", "/tmp"} <= mounts(platform.server("grafana")).keys()


def test_no_scratch_space_keeps_the_autoscaler_from_removing_a_node(platform: Any) -> None:
    for name, template in (*platform.pods(), *platform.tasks()):
        annotations = template["metadata"].get("annotations") or {}
        safe = annotations.get("cluster-autoscaler.kubernetes.io/safe-to-evict")
        assert safe == ("true" if scratch_sizes(template) else None), name


def test_ephemeral_storage_has_room_for_logs_and_scratch_space(platform: Any) -> None:
    log = 5 * 10 * 2**20
    for name, container in containers(platform):
        for kind in ("requests", "limits"):
            assert quantity(container["resources"][kind]["ephemeral-storage"]) >= log, name
    for name, template in (*platform.pods(), *platform.tasks()):
        limits = [
            quantity(container["resources"]["limits"]["ephemeral-storage"])
            for container in template["spec"]["containers"]
        ]
        assert sum(limits) >= log * len(limits) + sum(scratch_sizes(template)), name
    [default] = platform.one("LimitRange", "defaults")["spec"]["limits"]
    assert quantity(default["default"]["ephemeral-storage"]) >= log


def test_each_pod_runs_the_image_of_its_own_name(platform: Any) -> None:
    images = {
        f"{name}/{c['name']}": c["image"]
        for name, t in platform.pods()
        for c in t["spec"]["containers"]
    }
    for name, repository in {
        "prometheus-server/prometheus-server": "/prometheus:",
        "alertmanager/alertmanager": "/alertmanager:",
        "prometheus-server/config-reload": "/prometheus-config-reloader:",
        "alertmanager/config-reload": "/prometheus-config-reloader:",
        "grafana/grafana": "/grafana:",
        "blackbox-exporter/blackbox-exporter": "/blackbox-exporter:",
        "blackbox-exporter/config-reload": "/prometheus-config-reloader:",
    }.items():
        assert repository in images[name], name


def test_a_drain_may_evict_one_replica_and_replicas_avoid_zones_and_nodes_of_another(
    platform: Any,
) -> None:
    for budget in platform.all("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1
    for name, template in platform.pods():
        constraints = template["spec"].get("topologySpreadConstraints") or []
        if constraints:
            assert {(c["topologyKey"], c["whenUnsatisfiable"]) for c in constraints} == {
                ("topology.kubernetes.io/zone", "ScheduleAnyway"),
                ("kubernetes.io/hostname", "ScheduleAnyway"),
            }, name
