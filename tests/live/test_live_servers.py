"""Prometheus in a running stack: reloaded, given a broken file, and killed."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise

import httpx
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from ops.http_api import ApiError
from ops.live.mounts import write_changed_json
from ops.live.observation import Observation
from ops.live.pods import Pod
from ops.live.terminal import status_table
from ops.prometheus_api import Prometheus
from tests.live.conftest import INTERVAL, Live
from tests.support.project import Project

SERIES = 3000
RECORDED = "psi:density:spread"
RELOAD_FAILED = "PrometheusConfigReloadFailed"
RULE = f"""
      - record: {RECORDED}
        expr: psi:density:max - psi:density:min
"""


def rule_names(live: Live) -> set[str]:
    return {rule.name for rule in live.observer.observe().rules()}


def test_a_rule_that_is_edited_and_brought_up_again_is_loaded_without_a_restart(
    replayed: Live, project: Project
) -> None:
    replayed.wait_for_rules()
    process = process_id(replayed, "prometheus-server")
    path = project.root / "rules" / "recording-rules.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + RULE, encoding="utf-8")
    try:
        result = project.up()
        assert result.code == 0, result.text
        assert result.changes["~"] == 1
        replayed.wait_for(lambda _: RECORDED in rule_names(replayed), "the new rule is loaded")
        replayed.wait_for(
            lambda _: replayed.observer.prometheus.query(RECORDED), "the new rule's first value"
        )
        assert "changed configuration of prometheus-server: loaded" in replayed.logged
        assert process_id(replayed, "prometheus-server") == process
    finally:
        path.write_text(text, encoding="utf-8")
        assert project.up().code == 0
        replayed.wait_for(lambda _: RECORDED not in rule_names(replayed), "the old rules are back")


def process_id(live: Live, workload: str) -> int:
    (pod,) = live.platform.pods_of(workload)
    return live.platform.children[pod.name].process.pid


def test_a_broken_rule_file_leaves_the_old_rules_in_force_and_raises_an_alert(
    replayed: Live,
) -> None:
    replayed.wait_for_rules()
    old = rule_names(replayed)
    path = replayed.platform.files.config("prometheus-server") / "alerting_rules.yml"
    good = path.read_text()
    path.write_text(good + "\n" + good)
    try:
        seen = replayed.wait_for(
            lambda seen: seen.reloads.get("prometheus-server") is False, "the metric goes to 0"
        )
        assert any("REFUSED" in line for line in status_table(seen))
        assert any("prometheus-server: refused:" in line for line in replayed.logged)
        replayed.wait_for(lambda seen: last_status(seen) == "firing", "the alert arrives")
        assert rule_names(replayed) == old
        assert all(rule.health == "ok" for rule in replayed.observer.observe().rules())
    finally:
        path.write_text(good)
        replayed.wait_for(lambda seen: last_status(seen) == "resolved", "the alert is over")


def last_status(seen: Observation) -> str | None:
    """The newest event's status of the alert on a refused configuration."""
    told = [event["status"] for event in seen.events if event["alertname"] == RELOAD_FAILED]
    return told[0] if told else None


def samples(pod: Pod) -> Mapping[str, set[float]]:
    """The times of the raw samples of a series, by pod."""
    url = f"{pod.url}/api/v1/query"
    answer = httpx.get(url, params={"query": "psi_field_density[1h]"}, trust_env=False)
    series = answer.raise_for_status().json()["data"]["result"]
    return {found["metric"]["pod"]: {time for time, _ in found["values"]} for found in series}


@contextmanager
def ballast() -> Iterator[str]:
    """The address of an exporter of thousands of series."""
    registry = CollectorRegistry()
    gauge = Gauge("ballast", "A heavy load.", ["n"], registry=registry)
    for number in range(SERIES):
        gauge.labels(number).set(number)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def scrape(live: Live, address: str) -> None:
    """Add a pod of the scheduler at this address to discovery."""
    path = live.platform.files.targets / "scheduler.json"
    (group,) = json.loads(path.read_text())
    write_changed_json(path, [group, {**group, "targets": [address]}])


def test_a_killed_prometheus_has_lost_no_more_than_one_scrape_interval(replayed: Live) -> None:
    (pod,) = replayed.platform.pods_of("prometheus-server")
    process = replayed.platform.children[pod.name].process
    answered, is_over = [0, 0], False

    def load(caller: int) -> None:
        """Query without a pause, and count the answers."""
        asked = Prometheus(pod.url)
        while not is_over:
            with suppress(ApiError):
                asked.query('count by (__name__) (last_over_time({__name__=~".+"}[1m]))')
                answered[caller] += 1
        asked.close()

    with ballast() as heavy, ThreadPoolExecutor(2) as callers:
        scrape(replayed, heavy)
        replayed.wait_for(
            lambda _: replayed.observer.prometheus.query("count(ballast)"), "the ballast"
        )
        began = time.time()
        loads = [callers.submit(load, caller) for caller in range(len(answered))]
        try:
            time.sleep(6 * INTERVAL)
            replayed.wait_for(lambda _: all(answered), "answers to each caller")
            before = samples(pod)
            killed = time.time()
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        finally:
            is_over = True
        for found in loads:
            found.result()
    replayed.platform.tick()
    assert f"{pod.name} was ended by SIGKILL; {pod.name} takes its place" in replayed.logged
    replayed.wait_for_rules()

    after = samples(pod)
    assert len(before) == 2 and after.keys() == before.keys()
    for name in before:
        assert before[name] <= after[name], "samples that were there are gone"
        last = max(found for found in after[name] if found <= killed)
        # On a slow machine, Prometheus misses scrapes under this load.
        scraped = sorted(found for found in before[name] if found > began)
        gaps = [end - start for start, end in pairwise([began, *scraped])]
        longest = max(gaps, default=killed - began)
        assert killed - last <= longest + INTERVAL, "more than one scrape is missing"
