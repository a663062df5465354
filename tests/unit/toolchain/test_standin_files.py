"""The stand-ins read property bags and write manifest files without a loss."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toolchain.standin.kubernetes import file_for, to_yaml, write_manifest
from toolchain.standin.properties import differences, dump, format_path, load, plain, secret

JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


NAMED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rules"}}


@given(st.dictionaries(st.text(), JSON))
def test_a_bag_survives_a_round_trip(values: dict[str, Any]):
    assert load(dump(values)) == values


LINES = st.text(st.sampled_from("ab \t\n\r\x85\u2028:#-'\"|%{"))


@given(st.dictionaries(st.text(min_size=1) | LINES, JSON | LINES, min_size=1))
def test_a_manifest_s_text_loads_back_equal(values: dict[str, Any]):
    text = to_yaml(values)
    assert yaml.safe_load(text) == values


@pytest.mark.parametrize("text", ["9090", "12e4", "1_000", "0o17", "+1", ".5", "1:30", "0x1f"])
def test_text_that_another_reader_takes_for_a_number_is_quoted(text: str):
    assert to_yaml({"a": text}) == f"a: '{text}'\n"


def test_whole_numbers_stay_whole_and_others_do_not():
    loaded = load(dump({"port": 9090, "ratio": 0.5}))
    assert (repr(loaded["port"]), repr(loaded["ratio"])) == ("9090", "0.5")


def test_nulls_are_dropped():
    assert load(dump({"a": None, "b": {"c": None, "d": 1}})) == {"b": {"d": 1}}


def test_secret_marks_are_removed_at_every_depth():
    assert plain({"a": [secret({"b": secret("x")})]}) == {"a": [{"b": "x"}]}


def test_differences_name_the_smallest_part_that_differs():
    old = {"data": {"a.yml": "1", "b": "2"}, "ports": [{"port": 80}, {"port": 81}], "on": True}
    new = {"data": {"a.yml": "9", "c": "3"}, "ports": [{"port": 80}], "on": 1}
    assert {format_path(path): kind for path, kind in differences(old, new)} == {
        'data["a.yml"]': "UPDATE",
        "data.b": "DELETE",
        "data.c": "ADD",
        "ports[1]": "DELETE",
        "on": "UPDATE",
    }


@pytest.mark.parametrize(
    ("version", "kind", "metadata", "name"),
    [
        ("v1", "ConfigMap", {"name": "a", "namespace": "n"}, "1-manifest/v1-configmap-n-a.yaml"),
        ("v1", "Namespace", {"name": "a"}, "1-manifest/v1-namespace-default-a.yaml"),
        (
            "rbac.authorization.k8s.io/v1",
            "Role",
            {"name": "system:x", "namespace": "n"},
            "1-manifest/rbac.authorization.k8s.io_v1-role-n-system:x.yaml",
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"name": "a.b"},
            "0-crd/apiextensions.k8s.io_v1-customresourcedefinition-default-a.b.yaml",
        ),
    ],
)
def test_files_are_named_as_the_official_provider_names_them(
    version: str, kind: str, metadata: dict[str, str], name: str
):
    declared = {"apiVersion": version, "kind": kind, "metadata": metadata}
    assert file_for(Path("out"), declared) == Path("out", name)


def test_only_the_owner_can_read_what_is_rendered(tmp_path: Path):
    write_manifest(tmp_path / "out", NAMED)
    [file] = (tmp_path / "out" / "1-manifest").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
