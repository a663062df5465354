"""Prometheus discovers and labels the pods, limits its disk usage, and reloads."""

import re
from typing import Any

from tests.support.recording import Recording, fixed_labels


def metrics_jobs(platform: Any) -> dict[str, dict[str, Any]]:
    """The scrape jobs of pods' own metrics, by name."""
    jobs = platform.config("prometheus-server")["scrape_configs"]
    return {job["job_name"]: job for job in jobs if "/" not in job["job_name"]}


def pod(platform: Any) -> dict[str, Any]:
    return platform.one("StatefulSet", "prometheus-server")["spec"]["template"]["spec"]


def test_the_config_map_has_the_files_the_platform_knows(platform: Any) -> None:
    data = platform.one("ConfigMap", "prometheus-server")["data"]
    assert set(data) == {
        "prometheus.yml",
        "alerting_rules.yml",
        "recording_rules.yml",
        "platform_rules.yml",
        "slo_rules.yml",
    }


def test_every_rule_file_it_loads_is_mounted(platform: Any) -> None:
    server = pod(platform)["containers"][0]
    mounted = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
    assert mounted["config"] == "/etc/config"
    data = platform.one("ConfigMap", "prometheus-server")["data"]
    listed = {
        path.removeprefix("/etc/config/")
        for path in platform.config("prometheus-server")["rule_files"]
    }
    assert listed == set(data) - {"prometheus.yml"}
    assert "--config.file=/etc/config/prometheus.yml" in server["args"]


def test_it_scrapes_and_evaluates_every_30_seconds(platform: Any) -> None:
    assert platform.config("prometheus-server")["global"]["scrape_interval"] == "30s"
    assert platform.config("prometheus-server")["global"]["evaluation_interval"] == "30s"


def test_every_pod_with_metrics_has_a_scrape_job_that_selects_it(platform: Any) -> None:
    jobs = metrics_jobs(platform)
    templates = dict(platform.pods())
    assert set(jobs) == set(templates)
    for name, job in jobs.items():
        (discovery,) = job["kubernetes_sd_configs"]
        (selector,) = discovery["selectors"]
        key, value = selector["label"].split("=")
        assert templates[name]["metadata"]["labels"][key] == value
        assert discovery["namespaces"]["names"] == [
            platform.all("Namespace")[0]["metadata"]["name"]
        ]
        kept = {rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"}
        ports = [
            port["name"]
            for container in templates[name]["spec"]["containers"]
            for port in container["ports"]
        ]
        assert [port for port in ports if port in kept] == ["http"], name


def test_every_series_carries_the_namespace_and_name_of_its_pod(platform: Any) -> None:
    for job in metrics_jobs(platform).values():
        labels = {
            rule["target_label"]: rule["source_labels"]
            for rule in job["relabel_configs"]
            if "target_label" in rule
        }
        assert labels == {
            "namespace": ["__meta_kubernetes_namespace"],
            "pod": ["__meta_kubernetes_pod_name"],
        }


def test_blocks_fill_at_most_85_percent_of_the_volume(platform: Any) -> None:
    retention = platform.config("prometheus-server")["storage"]["tsdb"]["retention"]
    kept = int(re.fullmatch(r"(\d+)MB", retention["size"])[1]) * 2**20
    (claim,) = platform.one("StatefulSet", "prometheus-server")["spec"]["volumeClaimTemplates"]
    volume = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30
    assert 0.80 * volume < kept <= 0.85 * volume
    assert retention["time"]


def test_a_start_may_take_as_long_as_replaying_a_busy_servers_log(platform: Any) -> None:
    probe = pod(platform)["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 15 * 60
    assert probe["httpGet"]["path"] == "/-/ready"


def test_it_reads_pods_services_and_endpoints_of_its_namespace_and_nothing_else(
    platform: Any,
) -> None:
    assert not platform.all("ClusterRole")
    role = platform.one("Role", "prometheus-server")
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["pods", "services", "endpoints"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    binding = platform.one("RoleBinding", "prometheus-server")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"][0]["name"] == pod(platform)["serviceAccountName"]
    assert binding["subjects"][0]["namespace"] == role["metadata"]["namespace"]


def test_its_services_lead_to_the_port_it_listens_on(platform: Any) -> None:
    service = platform.one("Service", "prometheus-server")["spec"]
    headless = platform.one("Service", "prometheus-server-headless")["spec"]
    (port,) = service["ports"]
    assert (port["port"], port["targetPort"]) == (80, "http")
    assert headless["clusterIP"] == "None"
    stateful = platform.one("StatefulSet", "prometheus-server")
    assert stateful["spec"]["serviceName"] == "prometheus-server-headless"
    for spec in (service, headless):
        assert spec["selector"] == stateful["spec"]["selector"]["matchLabels"]
    (listening,) = pod(platform)["containers"][0]["ports"]
    assert listening == {"name": "http", "containerPort": 9090}


def test_alerts_go_to_every_alertmanager_pod_with_equal_labels_from_every_replica(
    platform: Any,
) -> None:
    alerting = platform.config("prometheus-server")["alerting"]
    (target,) = alerting["alertmanagers"]
    label = target["kubernetes_sd_configs"][0]["selectors"][0]["label"]
    key, value = label.split("=")
    labels = platform.one("StatefulSet", "alertmanager")["spec"]["template"]["metadata"]["labels"]
    assert labels[key] == value
    external = set(platform.config("prometheus-server")["global"]["external_labels"])
    drop, add = alerting["alert_relabel_configs"]
    assert external - {drop["regex"]} == {"environment"}
    assert add["replacement"] == platform.one("ConfigMap", "alertmanager")["metadata"]["namespace"]


def test_the_container_has_the_variable_that_the_configuration_expands(platform: Any) -> None:
    (name,) = [
        v["name"]
        for v in platform.server("prometheus-server")["env"]
        if v["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    ]
    assert (
        platform.config("prometheus-server")["global"]["external_labels"]["replica"]
        == f"${{{name}}}"
    )


def test_every_container_that_reloads_a_server_is_scraped_under_its_own_name(
    platform: Recording,
) -> None:
    jobs = platform.config("prometheus-server")["scrape_configs"]
    found = {
        job["job_name"]: fixed_labels(job)["job"]
        for job in jobs
        if job["job_name"].startswith("config-reload/")
    }
    reloaded = {
        name
        for name, template in platform.pods()
        if any(c["name"] == "config-reload" for c in template["spec"]["containers"])
    }
    assert found == {f"config-reload/{name}": "config-reload" for name in reloaded}
    open_to = {target for source, target, port in platform.edges() if port == 8080}
    assert open_to >= reloaded - {"prometheus-server"}, "Prometheus can't reach config-reload"


def test_finished_pods_are_not_scraped_and_alerts_reach_this_namespace_alone(platform: Any) -> None:
    namespace = platform.all("Namespace")[0]["metadata"]["name"]
    alertmanagers = platform.config("prometheus-server")["alerting"]["alertmanagers"]
    for found in (*platform.config("prometheus-server")["scrape_configs"], *alertmanagers):
        (discovery,) = found["kubernetes_sd_configs"]
        assert discovery["role"] == "pod"
        assert discovery["namespaces"]["names"] == [namespace]
        port, phase = found["relabel_configs"][:2]
        is_reloader = found.get("job_name", "").startswith("config-reload/")
        assert (port["action"], port["regex"]) == ("keep", "reload-http" if is_reloader else "http")
        assert (phase["action"], phase["regex"]) == ("drop", "Succeeded|Failed")


def test_prometheus_can_be_reloaded_but_not_administered_over_http(platform: Any) -> None:
    flags = {arg.split("=")[0] for arg in platform.server("prometheus-server")["args"]}
    assert flags == {"--config.file", "--storage.tsdb.path", "--web.enable-lifecycle"}


def test_a_stack_with_a_long_term_store_sends_recorded_series_and_slo_inputs_alone(
    recordings: dict[str, Recording],
) -> None:
    for stack, platform in recordings.items():
        targets = platform.config("prometheus-server").get("remote_write", [])
        assert len(targets) == (stack in ("staging", "production")), stack
        for target in targets:
            (keep, *_) = target["write_relabel_configs"]
            assert (keep["action"], keep["source_labels"]) == ("keep", ["__name__"])
            kept = set(keep["regex"].split("|"))
            records = {rule["record"] for rule in platform.rules() if "record" in rule}
            inputs = {
                name
                for rule in platform.rules()
                if rule.get("record", "").startswith("slo:sli_error:")
                for name in re.findall(r"([\w:]+)(?:\{[^}]*\})?\[", rule["expr"])
            }
            assert "treaty_requests_total" in inputs - records
            assert kept == records - {"treaty_pod:requests:increase_10m"} | inputs


def test_replicas_of_one_prometheus_are_copies_in_the_long_term_store_and_no_others(
    recordings: dict[str, Recording],
) -> None:
    clusters = set()
    for stack in ("staging", "production"):
        platform = recordings[stack]
        (target,) = platform.config("prometheus-server")["remote_write"]
        labels = {
            rule["target_label"]: rule.get("replacement", rule.get("source_labels"))
            for rule in target["write_relabel_configs"]
            if "target_label" in rule
        }
        assert labels["__replica__"] == ["replica"]
        dropped = {
            rule["regex"]
            for rule in target["write_relabel_configs"]
            if rule.get("action") == "labeldrop"
        }
        assert dropped == {"replica"}
        clusters.add(labels["cluster"])
    assert len(clusters) == 2
