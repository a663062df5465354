"""What is compared with other tools: copies of rules, programs of peers, and faults."""

import ast
import json
from pathlib import Path
from threading import Event

import pytest
import yaml

from bench import peer_programs, rule_copies
from bench.parts import faults
from bench.parts.faults import FAULTS, Edit, Fault
from bench.peer_programs import SOURCE, Texts
from bench.results import Matrix, Row
from bench.rule_copies import write_copies
from tests.support.clone import log_in, make_clone
from tests.support.recording import ROOT, run_stack
from toolchain.base import UserError

MANIFESTS = [
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "rules"},
        "data": {"alerts.yml": "{{ $value }}"},
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"name": "reader"},
    },
]


@pytest.fixture(scope="module")
def texts() -> Texts:
    """The texts of the stack `local`, as the program declares it."""
    declared = run_stack("local").resources
    found = [dict(one.inputs) for one in declared if one.type.startswith("kubernetes:")]
    return peer_programs.separate(one for one in found if "kind" in one)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_can_be_made_in_the_program_and_in_what_is_deployed(
    fault: Fault, texts: Texts
) -> None:
    assert fault.ours.edited((ROOT / fault.ours.place).read_text(encoding="utf-8"))
    edited = fault.theirs.edited(texts[fault.theirs.place])
    assert edited != texts[fault.theirs.place]
    if fault.theirs.place.startswith("objects/"):
        assert json.loads(edited), "the object must stay JSON: only its values are wrong"


def test_our_preview_is_rehearsed_even_for_a_user_with_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = make_clone(tmp_path, monkeypatch)
    log_in(clone)
    assert peer_programs.preview_ours(clone, "staging").rehearsed


def test_a_fault_that_no_longer_fits_is_reported() -> None:
    with pytest.raises(UserError, match="is not there"):
        Edit(place="rules", old="gone", new="x").edited("here")


def test_the_matrix_shows_what_each_tool_finds_and_the_rows_count_it() -> None:
    found = {faults.OURS: [True, True], "a": [True, None], "b": [False, False]}
    matrix, *rows = faults.findings(FAULTS[:2], found)
    assert isinstance(matrix, Matrix)
    assert matrix.header == ["", faults.OURS, "a", "b"]
    assert matrix.rows[1] == [FAULTS[1].what, "found", "not read", "missed"]
    assert [row.value for row in rows if isinstance(row, Row)] == [2, 1, 0]


def test_a_tool_that_refuses_the_sound_stack_is_not_compared() -> None:
    with pytest.raises(UserError, match="without any fault"):
        faults.verdicts(lambda _: True, FAULTS, Event())


def test_no_fault_is_tried_after_the_measurement_has_stopped() -> None:
    stopped = Event()

    def judge(fault: Fault | None) -> bool:
        if fault is FAULTS[1]:
            stopped.set()
        return fault is not None

    assert faults.verdicts(judge, FAULTS, stopped) == [True, True]


def test_a_configmap_keeps_its_texts_in_files(tmp_path: Path) -> None:
    texts = peer_programs.separate([json.loads(json.dumps(one)) for one in MANIFESTS])
    assert texts["files/rules/alerts.yml"] == "{{ $value }}"
    peer_programs.write_files(tmp_path, texts)
    assert (tmp_path / "files/rules/alerts.yml").read_text() == "{{ $value }}"
    peer_programs.chart(tmp_path, texts)
    template = (tmp_path / "templates/objects.yaml").read_text()
    assert '"alerts.yml": {{ .Files.Get "files/rules/alerts.yml" | toJson }}' in template
    peer_programs.jsonnet(tmp_path, texts)
    assert "importstr 'files/rules/alerts.yml'" in (tmp_path / "main.jsonnet").read_text()


def test_the_plain_program_declares_each_object_with_its_typed_class(tmp_path: Path) -> None:
    texts = peer_programs.separate([json.loads(json.dumps(one)) for one in MANIFESTS])
    peer_programs.plain_pulumi(tmp_path, {**texts, SOURCE: ""})
    source = (tmp_path / "__main__.py").read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    declared = {ast.unparse(call.func): {word.arg for word in call.keywords} for call in calls}
    assert declared["core.ConfigMap"] == {"metadata", "data", "opts"}
    assert declared["rbac.RoleBinding"] == {"metadata", "role_ref", "opts"}
    assert "from pulumi_kubernetes.rbac import v1 as rbac" in source


def test_copies_of_the_rules_are_sound_but_for_the_one_heartbeat(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    write_copies(tmp_path / "one", 1)
    files = write_copies(tmp_path / "three", 3)
    assert rule_copies.check(tmp_path / "three") == 3 * rule_copies.check(tmp_path / "one") - 2
    assert len(files) == len(set(files))


def test_wrong_rules_stop_the_comparison(tmp_path: Path) -> None:
    (file, *_) = write_copies(tmp_path, 1)
    file.write_text("groups: 5\n")
    with pytest.raises(UserError, match="groups"):
        rule_copies.check(tmp_path)


def test_no_copy_of_a_rule_has_the_text_of_another(tmp_path: Path) -> None:
    files = write_copies(tmp_path, 3)
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    copied = [
        rule["expr"]
        for group in groups
        for rule in group["rules"]
        if group["name"].endswith(("_2", "_3"))
    ]
    assert copied
    assert len(set(copied)) == len(copied)
