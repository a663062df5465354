"""The running configuration is the rendered one: only discovery, places and durations differ."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.live.rewriting import LocalEnvironment, rewrite_config_map
from ops.live.scaling import longest_range
from ops.manifests import read_config_maps
from promql.durations import parse_duration
from promql.expressions import parse

HARBINGER = "127.0.93.9"
UNCHANGED_FILES = {"notifications.tmpl", "blackbox.yml"}
"""Files that are the same in a cluster and here."""
SERVICES = {
    "psi-field": "127.0.93.1",
    "aurora-treaty": "127.0.93.3",
    "scheduler": "127.0.93.4",
    "harbinger": HARBINGER,
}
MAPS = ("prometheus-server", "alertmanager", "blackbox-exporter")
DURATIONS = {
    r"prometheus.yml/global/(scrape_interval|scrape_timeout|evaluation_interval)",
    r"prometheus.yml/scrape_configs/\d+/(scrape_interval|scrape_timeout)",
    r"\w+_rules.yml/groups/\d+/interval",
    r"\w+_rules.yml/groups/\d+/rules/\d+/for",
    r"\w+_rules.yml/groups/\d+/rules/\d+/expr",
    r"alertmanager.yml/route/(routes/\d+/)?(group_wait|group_interval|repeat_interval)",
}
PLACES = {
    r"prometheus.yml/rule_files/\d+",
    r"prometheus.yml/(alerting/alertmanagers|scrape_configs)/\d+/(kubernetes|file)_sd_configs",
    r"prometheus.yml/scrape_configs/\d+/params/target/\d+",
    r"alertmanager.yml/receivers/\d+/webhook_configs/\d+/url",
}


@pytest.fixture(scope="module")
def texts(manifests: Path) -> dict[str, str]:
    maps = read_config_maps(manifests)
    return {key: text for name in MAPS for key, text in maps[name].items()}


@pytest.fixture(scope="module")
def live(manifests: Path, texts: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The running texts, at speed 1 and 60."""
    return {speed: rewritten(manifests, speed) for speed in (1, 60)}


def rewritten(manifests: Path, speed: int) -> dict[str, str]:
    local = LocalEnvironment(
        speed=speed,
        folders={"/etc/config": Path("/a run/config")},
        targets=Path("/a run/targets"),
        names={f"{name}.aurora-local.svc": [address] for name, address in SERVICES.items()},
    )
    maps = read_config_maps(manifests)
    return {
        key: text
        for name in MAPS
        for key, text in rewrite_config_map(name, maps[name], local).items()
    }


def differences(old: Any, new: Any, path: str) -> Iterator[str]:
    """The paths at which two documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from differences(old.get(key), new.get(key), f"{path}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif old != new:
        yield path


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> set[str]:
    assert old.keys() == new.keys()
    return {
        path
        for key in old
        if key not in UNCHANGED_FILES
        for path in differences(yaml.safe_load(old[key]), yaml.safe_load(new[key]), key)
    }


def matching(paths: set[str], patterns: set[str]) -> set[str]:
    return {path for path in paths if any(re.fullmatch(pattern, path) for pattern in patterns)}


def test_at_speed_1_only_places_and_discovery_differ(
    texts: Mapping[str, str], live: Mapping[int, Mapping[str, str]]
) -> None:
    paths = changed(texts, live[1])
    assert paths == matching(paths, PLACES)
    for name in ("alerting_rules.yml", "recording_rules.yml"):
        assert live[1][name] == texts[name]


def test_at_speed_60_durations_differ_as_well_and_nothing_else(
    texts: Mapping[str, str], live: Mapping[int, Mapping[str, str]]
) -> None:
    paths = changed(texts, live[60])
    assert paths == matching(paths, PLACES | DURATIONS)
    # Each kind of both sets is there, or the sets allow more than is needed.
    for pattern in PLACES | DURATIONS:
        assert matching(paths, {pattern}), f"nothing is changed at {pattern}"


def test_every_line_that_is_not_a_change_is_a_rendered_line_byte_for_byte(
    texts: Mapping[str, str], live: Mapping[int, Mapping[str, str]]
) -> None:
    change = re.compile(
        r" *(- )?(file_sd_configs: \[|\"/a run/config/|expr: \"|url: \"http://127|for: \w+s$"
        r"|\"http://127[^\"]+\"$"
        r"|((scrape|evaluation|group|repeat)_)?(interval|timeout|wait): \w+$)"
    )
    for name, text in texts.items():
        if name in UNCHANGED_FILES:
            assert live[60][name] == text
            continue
        diff = list(difflib.ndiff(text.splitlines(), live[60][name].splitlines()))
        new = [line[2:] for line in diff if line.startswith("+ ")]
        assert new and [line for line in new if not change.match(line)] == []
        assert len(new) < len(text.splitlines()) / 2


def test_relabelling_is_untouched_and_discovery_reads_the_file_of_the_same_pods(
    texts: Mapping[str, str], live: Mapping[int, Mapping[str, str]]
) -> None:
    old, new = (yaml.safe_load(side["prometheus.yml"]) for side in (texts, live[60]))
    pairs = [
        *zip(old["scrape_configs"], new["scrape_configs"], strict=True),
        *zip(old["alerting"]["alertmanagers"], new["alerting"]["alertmanagers"], strict=True),
    ]
    assert len(pairs) > 4
    for was, now in pairs:
        assert was["relabel_configs"] == now["relabel_configs"]
        ((sd,), (selector,)) = now["file_sd_configs"], was["kubernetes_sd_configs"][0]["selectors"]
        name = selector["label"].removeprefix("app.kubernetes.io/name=")
        assert sd == {"files": [f"/a run/targets/{name}.json"]}


def test_every_duration_of_the_rules_is_a_sixtieth(
    texts: Mapping[str, str], live: Mapping[int, Mapping[str, str]]
) -> None:
    compared = 0
    for name in ("alerting_rules.yml", "recording_rules.yml"):
        old, new = (yaml.safe_load(side[name])["groups"] for side in (texts, live[60]))
        for was, now in zip(old, new, strict=True):
            assert parse_duration(was["interval"]) == 60 * parse_duration(now["interval"])
            for rule, faster in zip(was["rules"], now["rules"], strict=True):
                compared += "for" in rule
                if "for" in rule:
                    assert parse_duration(rule["for"]) == 60 * parse_duration(faster["for"])
                assert longest_range(rule["expr"]) == 60 * longest_range(faster["expr"])
                parse(faster["expr"])
    assert compared == 12


def test_the_webhook_leads_to_harbinger_s_own_address(
    live: Mapping[int, Mapping[str, str]],
) -> None:
    document = yaml.safe_load(live[1]["alertmanager.yml"])
    urls = {hook["url"] for r in document["receivers"] for hook in r["webhook_configs"]}
    assert urls == {f"http://{HARBINGER}:8000/alerts"}


def test_probes_ask_the_same_of_the_service_s_own_address(
    texts: Mapping[str, str], live: Mapping[int, Mapping[str, str]]
) -> None:
    old, new = (yaml.safe_load(side["prometheus.yml"]) for side in (texts, live[1]))
    asked = [
        (was["params"], now["params"])
        for was, now in zip(old["scrape_configs"], new["scrape_configs"], strict=True)
        if "params" in was
    ]
    assert len(asked) > len(SERVICES)
    for was, now in asked:
        (target,) = was["target"]
        name = target.split("/")[2].split(".")[0]
        there = target.replace(f"{name}.aurora-local.svc", SERVICES[name])
        assert now == {**was, "target": [there]}
