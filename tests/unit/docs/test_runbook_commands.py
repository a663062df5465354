"""The commands of every runbook run as they are written, and name what every stack has."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.kubectl import CallError, parse, wrong_with
from tests.support.recording import Recording
from tests.support.runbook import RUNBOOKS, Runbook
from tests.support.runbook_run import NAMESPACE, Outcome, run
from tests.unit.docs.test_runbooks import SOUND, replaced

DRIFT = "PsiFieldPodDrift"


def endpoints(stack: Recording) -> Mapping[str, list[str]]:
    """A pod behind each Service."""
    return {
        service["metadata"]["name"]: [f"{next(iter(service['spec']['selector'].values()))}-0"]
        for service in stack.all("Service")
    }


def problems(page: Runbook, stacks: Mapping[str, Recording], folder: Path) -> list[str]:
    """All that is wrong with the commands: how they run, and what they name."""
    outcome = run(page, folder, endpoints(stacks["local"]))
    assert outcome.calls, f"{page.alert} never looks at the cluster"
    found = [f"{name}: {text}" for name in stacks for text in lacking(outcome, stacks[name])]
    return [*outcome.problems, *dict.fromkeys(found)]


def lacking(outcome: Outcome, stack: Recording) -> list[str]:
    found: list[str] = []
    for words in outcome.calls:
        try:
            found += wrong_with(parse(words), stack, NAMESPACE)
        except CallError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("page", RUNBOOKS)
def test_the_commands_of_a_runbook_run_and_name_what_exists(
    page: str, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    assert problems(RUNBOOKS[page], recordings, tmp_path) == [], f"docs/runbooks/{page}.md"


BROKEN = {
    "a Service that is not there": (
        SOUND,
        replaced("service/psi-field ", "service/psi-fields "),
        "there is no service psi-fields",
    ),
    "a port that the Service has not": (
        SOUND,
        replaced("18000:8000", "18000:8001"),
        "service psi-field has no port 8001",
    ),
    "a port that the pod has not": (
        DRIFT,
        replaced("18000:8000", "18000:8001"),
        "pod psi-field-0 has no port 8001",
    ),
    "a Deployment that is not there": (
        SOUND,
        replaced("get deployment psi-field", "get deployment psi"),
        "there is no deployment psi",
    ),
    "a workload of another kind": (
        SOUND,
        replaced("statefulset/prometheus-server", "deployment/prometheus-server"),
        "there is no deployment prometheus-server",
    ),
    "a container that is not there": (
        SOUND,
        replaced("-c prometheus-server", "-c prometheus"),
        "there is no container prometheus",
    ),
    "a kind that is not there": (SOUND, replaced("get pods", "get pots"), "no kind pots"),
    "a label that nothing has": (
        DRIFT,
        replaced("service-name=psi-field-headless -o wide", "service-name=psi -o wide"),
        "nothing with the label kubernetes.io/service-name=psi",
    ),
    "a missing namespace": (
        SOUND,
        replaced('kubectl -n "$NAMESPACE" get', "kubectl get"),
        'without -n "$NAMESPACE"',
    ),
    "a namespace that is spelled out": (
        SOUND,
        replaced('"$NAMESPACE"', "aurora-staging"),
        'without -n "$NAMESPACE"',
    ),
    "a flag that kubectl has not": (
        SOUND,
        replaced("--tail=50", "--tails=50"),
        "unknown flag: --tails of kubectl logs",
    ),
    "a flag of another verb": (
        SOUND,
        replaced("--timeout=5m", "--tail=5"),
        "unknown flag: --tail of kubectl rollout status",
    ),
    "a command inside a pod": (
        SOUND,
        replaced("describe deployment psi-field", "exec deployment/psi-field -- sh"),
        "`kubectl exec` is not for a page",
    ),
    "a port that nobody forwards": (
        SOUND,
        replaced("localhost:9090", "localhost:9091"),
        "nobody forwards localhost:9091",
    ),
    "another machine": (SOUND, replaced("localhost:9090", "prometheus"), "is not forwarded"),
    "a port-forward without an end": (
        SOUND,
        replaced('kill "$PROMETHEUS"\n', ""),
        "the port-forward at localhost:9090 is never ended",
    ),
    "a port that is in use already": (
        SOUND,
        replaced(" 9090:80", " 18000:80"),
        "localhost:9090",
    ),
    "a program that is not there": (SOUND, replaced("tail -n 20", "tial -n 20"), "tial: command"),
    "a variable that is not set": (SOUND, replaced('"$PSI_FIELD"', '"$PSI"'), "PSI: unbound"),
    "what is no shell": (SOUND, replaced("| tail -n 20", "| | tail"), "syntax error"),
    "what grep can't read": (SOUND, replaced("'forbidden|", "'(forbidden|"), "grep: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_commands_are_refused_for(
    case: str, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    page, change, words = BROKEN[case]
    text = RUNBOOKS[page].text
    assert change(text) != text
    found = problems(Runbook(page, change(text)), recordings, tmp_path)
    assert any(words in problem for problem in found), found
