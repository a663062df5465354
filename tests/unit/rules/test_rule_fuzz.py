"""Loading files with any content returns a rulebook or readable problems, and never raises."""

import random
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from problems import Refused
from tests.support.rules.rule_project import (
    ALERT_FILE,
    ALERTS,
    METRIC_FILE,
    METRICS,
    RECORD_FILE,
    RECORDS,
    RUNBOOK,
    load,
    read,
    write,
)

FILES = [ALERT_FILE, RECORD_FILE, METRIC_FILE, RUNBOOK]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from(["5m", "warning", "up", "oven_heat > 5", "{{ $labels.pod }}", "a:b:c"]),
)
KEYS = st.one_of(
    SCALARS,
    st.sampled_from(["groups", "name", "rules", "interval", "limit", "labels", "help", "unit"]),
    st.sampled_from(["alert", "record", "expr", "for", "annotations", "severity", "summary"]),
    st.sampled_from(["description", "threshold", "scrape_labels", "metrics", "prometheus", "type"]),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
bounded = settings(max_examples=150, derandomize=True, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def load_and_check(root: Path, files: dict[str, Any], overrides: Any = None) -> None:
    """Load the files, and check that the rulebook is usable and the problems readable."""
    book, problems = read(write(root, files), overrides)
    assert all(book.files({"Hot": "https://grafana.test"}).values())
    assert book.longest_range[1] >= 0
    for alert in book.alerts:
        assert "runbook_url" in alert.annotations
        assert isinstance(alert.thresholds, Mapping)
    book.check_query("oven_heat")
    for problem in problems.lines()[:100]:
        assert problem.isprintable()
        assert re.match(r"[^:]+(:\d+)?: \S|vaultmesh:settings\.rules\.overrides\.", problem)


@bounded
@given(file=st.sampled_from(FILES), raw=st.binary(max_size=300))
def test_any_bytes(file: str, raw: bytes, folder: Path) -> None:
    load_and_check(folder, {file: raw})


@bounded
@given(
    file=st.sampled_from(FILES),
    text=st.text(alphabet="abc:-[]{}&*!|>'\"#%@`?,<~ \t\n\r0", max_size=80),
)
def test_anything_like_yaml(file: str, text: str, folder: Path) -> None:
    load_and_check(folder, {file: text})


@bounded
@given(file=st.sampled_from(FILES[:3]), data=DATA)
def test_any_data_of_any_shape(file: str, data: Any, folder: Path) -> None:
    load_and_check(folder, {file: yaml.safe_dump(data)})


@bounded
@given(data=DATA, field=st.sampled_from(["expr", "for", "labels", "annotations", "alert"]))
def test_any_value_in_a_valid_rule(data: Any, field: str, folder: Path) -> None:
    document = yaml.safe_load(ALERTS)
    document["groups"][0]["rules"][0][field] = data
    load_and_check(folder, {ALERT_FILE: yaml.safe_dump(document)})


@bounded
@given(overrides=st.dictionaries(st.text(max_size=5) | st.just("Hot"), DATA, max_size=2))
def test_any_overrides(overrides: Any, folder: Path) -> None:
    load_and_check(folder, {}, overrides)


@bounded
@given(
    file=st.sampled_from([(ALERT_FILE, ALERTS), (RECORD_FILE, RECORDS), (METRIC_FILE, METRICS)]),
    seed=st.integers(0, 2**32),
)
def test_a_valid_file_with_pieces_moved_removed_or_doubled(
    file: tuple[str, str], seed: int, folder: Path
) -> None:
    name, text = file
    chance = random.Random(seed)
    pieces = re.split(r"(\W)", text)
    for _ in range(chance.randint(1, 4)):
        here, there = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        pieces[here] = chance.choice(["", pieces[there], pieces[here] * 2])
    load_and_check(folder, {name: "".join(pieces)})


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 100_000,
        "{?" * 50_000,
        "a: " * 60_000,
        "- " * 100_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(5000)),
        "groups: " + "9" * 150_000,
        "a: '" + "'" * 150_000,
        "? " * 100_000,
        "groups:\n" + "  - name: a\n    rules: [{alert: A, expr: up}]\n" * 3000,
    ],
)
def test_a_bomb_is_refused_at_once(bomb: str, folder: Path) -> None:
    start = time.process_time()
    with pytest.raises(Refused):
        load(write(folder, {ALERT_FILE: bomb}))
    assert time.process_time() - start < 3
