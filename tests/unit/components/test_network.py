"""Pods connect only along the declared edges, and each edge works at both ends."""

from typing import Any

import pytest

from tests.support.recording import NAME_LABEL, Recording


def ports(platform: Any) -> dict[str, set[int]]:
    """The ports on which the pods of each name listen."""
    return {
        name: {
            port["containerPort"]
            for container in template["spec"]["containers"]
            for port in container.get("ports", [])
        }
        for name, template in (*platform.pods(), *platform.tasks())
    }


def test_nothing_gets_in_or_out_by_default(platform: Any) -> None:
    spec = platform.one("NetworkPolicy", "default-deny")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_each_edge_has_one_policy_named_after_it(platform: Any) -> None:
    named = {
        policy["metadata"]["name"]
        for policy in platform.all("NetworkPolicy")
        if "Ingress" in policy["spec"]["policyTypes"]
    }
    found = {(source, target) for source, target, _ in platform.edges()}
    assert named == {"default-deny", *(f"{source}-to-{target}" for source, target in found)}


def test_both_ends_of_every_edge_exist_and_the_target_listens(platform: Any) -> None:
    listening = ports(platform)
    for source, target, port in platform.edges():
        assert source in listening, source
        assert port in listening[target], f"{target} does not listen on {port}"


def test_prometheus_may_reach_every_job_it_scrapes(platform: Any) -> None:
    config = platform.config("prometheus-server")
    jobs = {
        job["kubernetes_sd_configs"][0]["selectors"][0]["label"].removeprefix(f"{NAME_LABEL}=")
        for job in config["scrape_configs"]
    }
    reachable = {target for source, target, _ in platform.edges() if source == "prometheus-server"}
    assert jobs - {"prometheus-server"} == reachable - {"prometheus-server"}


def test_a_policy_opens_every_port_of_its_edges(platform: Any) -> None:
    policies = {policy["metadata"]["name"]: policy for policy in platform.all("NetworkPolicy")}
    [rule] = policies["prometheus-server-to-blackbox-exporter"]["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == [9115, 8080]


def test_grafana_may_reach_the_port_behind_its_data_source(platform: Any) -> None:
    assert ("grafana", "prometheus-server", 9090) in platform.edges()


def test_replicas_of_alertmanager_gossip_over_tcp_and_udp(platform: Any) -> None:
    replicas = platform.one("StatefulSet", "alertmanager")["spec"]["replicas"]
    policies = {policy["metadata"]["name"]: policy for policy in platform.all("NetworkPolicy")}
    gossip = policies.get("alertmanager-to-alertmanager")
    assert (gossip is not None) is (replicas > 1)
    if gossip:
        opened = gossip["spec"]["ingress"][0]["ports"]
        assert {(port["port"], port["protocol"]) for port in opened} == {
            (9094, "TCP"),
            (9094, "UDP"),
        }


def test_only_dns_and_the_namespace_are_open_to_every_pod(platform: Any) -> None:
    rules = {
        p["metadata"]["name"]: p["spec"]["egress"]
        for p in platform.all("NetworkPolicy")
        if not p["spec"]["podSelector"].get("matchLabels") and p["spec"].get("egress")
    }
    assert set(rules) == {"pods-to-dns", "pods-to-pods"}
    assert rules["pods-to-pods"] == [{"to": [{"podSelector": {"matchLabels": {}}}]}]
    (dns,) = rules["pods-to-dns"]
    assert not dns.get("to"), "a name server on the node has no labels to select it by"
    assert {(p["port"], p["protocol"]) for p in dns["ports"]} == {(53, "UDP"), (53, "TCP")}


def test_traffic_leaves_the_namespace_only_over_https_and_only_for_channels_in_use(
    platform: Any,
) -> None:
    config = platform.config("alertmanager")
    kinds = {
        key.removesuffix("_configs") for r in config["receivers"] for key in r if key != "name"
    }
    leaving = {
        p["metadata"]["name"]: p["spec"]["egress"]
        for p in platform.all("NetworkPolicy")
        if p["metadata"]["name"] != "pods-to-dns"
        and any("to" not in rule for rule in p["spec"].get("egress", []))
    }
    asking = {"prometheus-server-to-kubernetes-api", "kube-state-metrics-to-kubernetes-api"}
    if platform.config("prometheus-server").get("remote_write"):
        asking_aws = {f"{name}-to-managed-prometheus" for name in ("prometheus-server", "grafana")}
    else:
        asking_aws = set()
    hooks = [hook for r in config["receivers"] for hook in r.get("webhook_configs", [])]
    outside = {"heartbeat"} if any("url_file" in hook for hook in hooks) else set()
    assert set(leaving) == asking | asking_aws | {
        f"alertmanager-to-{kind}" for kind in kinds - {"webhook"} | outside
    }
    for name, [rule] in leaving.items():
        own = {6443} if name in asking else set()
        assert {port["port"] for port in rule["ports"]} - own == {443}


@pytest.mark.parametrize(("stack", "expected"), [("staging", {443}), ("node", {443, 6443})])
def test_the_api_server_can_be_reached_where_it_listens_on_eks_and_elsewhere(
    recordings: dict[str, Recording], stack: str, expected: set[int]
) -> None:
    for source in ("prometheus-server", "kube-state-metrics"):
        policy = recordings[stack].one("NetworkPolicy", f"{source}-to-kubernetes-api")
        [rule] = policy["spec"]["egress"]
        assert {port["port"] for port in rule["ports"]} == expected


def test_every_edge_is_ingress_from_named_pods(platform: Any) -> None:
    for policy in platform.all("NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]


def test_the_webhooks_workload_and_replicas_of_prometheus_can_be_reached(platform: Any) -> None:
    names = {policy["metadata"]["name"] for policy in platform.all("NetworkPolicy")}
    config = platform.config("alertmanager")
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", []):
            if "url_file" in webhook:
                continue
            target = webhook["url"].split("//")[1].split(".")[0]
            assert f"alertmanager-to-{target}" in names
