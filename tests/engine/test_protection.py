"""Production's data is protected: the engine refuses at preview what would delete it."""

import pytest

from tests.support.project import Project

STACK, FILE = "production", "Pulumi.production.yaml"
HOLDS_DATA = {"aurora-production", "prometheus-server", "alertmanager", "managed-prometheus"}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A rehearsal of production, brought up once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolchain.stacks.has_backend", lambda env: False)
        project = Project.of_the_platform(tmp_path_factory.mktemp("protection") / "platform")
        result = project.up(stack=STACK)
    assert result.code == 0, result.text
    return project


def test_a_wrong_word_for_the_namespace_is_refused_with_the_reason(production: Project) -> None:
    known = production.resources(stack=STACK)
    with production.edited(FILE, "namespace: aurora-production", "namespace: aurora-produktion"):
        result = production.preview(stack=STACK)
    assert result.code != 0
    assert [line for line in result.errors if 'Namespace::aurora-production" cannot be' in line]
    for server in ("prometheus-server", "alertmanager"):
        refused = [line for line in result.errors if f'StatefulSet::{server}"' in line]
        assert ["unable to replace resource" in line for line in refused] == [True]
    assert "currently marked for protection" in result.text
    assert production.resources(stack=STACK) == known


def test_a_stateful_set_whose_protection_is_lifted_can_be_replaced(production: Project) -> None:
    with production.edited(FILE, "storage: 5Gi", "storage: 6Gi"):
        assert production.preview(stack=STACK).code != 0
        (urn,) = [
            urn
            for urn in production.resources(stack=STACK)
            if urn.endswith("StatefulSet::prometheus-server")
        ]
        production.unprotect(urn, stack=STACK)
        result = production.up(stack=STACK)
    assert result.code == 0, result.text
    assert result.changes["+-"] == 1
    protected = {
        urn.rpartition("::")[2]
        for urn, found in production.resources(stack=STACK).items()
        if found.get("protect")
    }
    assert protected == HOLDS_DATA


def test_destroy_removes_a_rehearsal_because_it_holds_no_data(production: Project) -> None:
    result = production.destroy(stack=STACK)
    assert result.code == 0, result.text
    assert production.resources(stack=STACK) == {}
