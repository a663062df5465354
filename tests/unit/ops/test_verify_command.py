"""`make verify`: what it waits for, prints and returns, and what it reads of a stack."""

import json
import subprocess
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pytest

from ops.http_api import ApiError
from ops.live.terminal import Screen
from ops.verify import command
from ops.verify.checks import ClusterChecks
from ops.verify.command import CANNOT_ASK, GREEN, SOME_RED, main, wait_for_green
from ops.verify.rows import Row, green, red, table, untried
from ops.verify.stack import StackError, read_password, read_stack
from tests.support.verify import FakePlatform, node_manifests, node_objects

RED = red("rules", "prometheus-0", "one is\nsick", "mend it")
FINE = green("rules", "prometheus-1", "all healthy")
SKIPPED = untried("rules", "prometheus-2", "it is not here")


def test_the_table_has_a_line_for_each_check_and_says_what_to_do_where_it_is_red() -> None:
    assert table(
        [green("rollout", "a", "1 of 1"), RED, FINE, SKIPPED, untried("DNS", "b", "no")]
    ) == [
        "ok         rollout        1 of 1",
        "RED        rules          1 of 2, 1 not tried",
        "           - prometheus-0: one is sick",
        "             do: mend it",
        "           - prometheus-2: it is not here",
        "not tried  DNS            1 not tried",
        "           - b: no",
    ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes only in sleeps."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.append(now.pop() + seconds))
    return now


def looking(*passes: Sequence[Row]) -> tuple[Callable[[bool], list[Row]], list[bool]]:
    """A look that returns one result after the other, the last for ever; and its arguments."""
    left, asked = list(passes), list[bool]()

    def look(early: bool) -> list[Row]:
        asked.append(early)
        return list(left.pop(0) if len(left) > 1 else left[0])

    return look, asked


def test_it_looks_until_all_is_green(clock: list[float]) -> None:
    stream = StringIO()
    look, asked = looking([RED], [RED], [FINE])
    assert wait_for_green(look, 100, Screen(stream)) == [FINE]
    assert asked == [True, True, True] and clock == [6.0]
    assert stream.getvalue() == "waiting for 1 red: rules\n"


def test_when_the_time_is_over_it_looks_at_everything_once_more(clock: list[float]) -> None:
    look, asked = looking([RED], [RED], [RED, FINE])
    assert wait_for_green(look, 4, Screen(StringIO())) == [RED, FINE]
    assert asked == [True, True, False] and clock == [4.0]


def test_a_cluster_that_is_away_for_a_moment_is_waited_for(clock: list[float]) -> None:
    stream, answers = StringIO(), [ApiError("it is away"), [FINE]]

    def look(early: bool) -> list[Row]:
        answer = answers.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    assert wait_for_green(look, 100, Screen(stream)) == [FINE]
    assert stream.getvalue() == "waiting for 1 red: cluster\n"
    answers.append(ApiError("it is away"))
    with pytest.raises(ApiError, match="it is away"):
        wait_for_green(look, 0, Screen(stream))


def test_without_time_it_looks_once_at_everything(clock: list[float]) -> None:
    look, asked = looking([RED])
    wait_for_green(look, 0, Screen(StringIO()))
    assert asked == [False]


def state(*resources: dict[str, Any]) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": list(resources)}})


def provider(**inputs: Any) -> dict[str, Any]:
    return {"type": "pulumi:providers:kubernetes", "urn": "provider", "inputs": inputs}


def resources() -> list[dict[str, Any]]:
    return [
        {"type": f"kubernetes:some/v1:{kind}", "urn": f"urn of {kind}", "inputs": one}
        for kind, one in node_objects()
    ]


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `pulumi` answers: exit code, stdout and stderr, and how it was called."""
    answer: dict[str, Any] = {"returncode": 0, "stdout": "", "stderr": ""}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        answer["called"] = command
        return subprocess.CompletedProcess(
            command, answer["returncode"], answer["stdout"], answer["stderr"]
        )

    monkeypatch.setattr("subprocess.run", run)
    return answer


def test_a_stack_is_what_its_state_says(pulumi: dict[str, Any]) -> None:
    content = '{"apiVersion": "v1"}'
    secret = {"type": "kubernetes:core/v1:Secret", "urn": "secret", "inputs": {"stringData": "x"}}
    pulumi["stdout"] = state(provider(kubeconfig=content, context="a"), secret, *resources())
    stack = read_stack("node")
    assert stack.manifests == node_manifests()
    assert stack.kubectl("FILE").options == ("--kubeconfig=FILE", "--context=a")
    assert "--show-secrets" not in pulumi["called"]


def test_a_path_of_another_machine_s_kubeconfig_is_not_used(pulumi: dict[str, Any]) -> None:
    pulumi["stdout"] = state(provider(kubeconfig="/root/.kube/config", context="a"), *resources())
    assert read_stack("node").kubectl("FILE").options == ("--context=a",)


def test_a_context_that_leads_to_another_cluster_is_refused(
    pulumi: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = "https://ours.example"
    pulumi["stdout"] = state(provider(clusterIdentifier=server, context="a"), *resources())
    stack = read_stack("node")
    monkeypatch.setattr("kubectl.Kubectl.server", lambda _: server)
    assert stack.kubectl("FILE").options == ("--context=a",)
    monkeypatch.setattr("kubectl.Kubectl.server", lambda _: "https://other.example")
    with pytest.raises(
        StackError, match=r"leads to https://other\.example, but the stack node was"
    ):
        stack.kubectl("FILE")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "the stack node has no resources. Run `make up STACK=node` first."),
        ([provider(renderYamlToDirectory="rendered/node")], "was rendered, not deployed"),
        ([provider()], "the state of the stack node: holds no stack."),
    ],
)
def test_a_stack_that_runs_nowhere_can_t_be_asked(
    pulumi: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    found: list[dict[str, Any]],
    said: str,
) -> None:
    pulumi["stdout"] = state(*found)
    assert main(["--stack=node"]) == CANNOT_ASK
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and said in line


def test_what_pulumi_says_is_passed_on_in_one_line(pulumi: dict[str, Any]) -> None:
    pulumi |= {"returncode": 255, "stderr": "warning: old\nerror: no stack named 'x' found\n"}
    with pytest.raises(StackError, match=r"^`pulumi stack export` failed: error: no stack named"):
        read_stack("x")


def test_the_password_is_no_argument_and_keeps_its_spaces(pulumi: dict[str, Any]) -> None:
    pulumi["stdout"] = " pass word \n"
    assert read_password("node", "FILE") == " pass word "
    assert pulumi["called"][3:] == [
        *("grafanaAdminPassword", "--stack", "node", "--config-file", "FILE", "--non-interactive")
    ]


def opened_platform(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> FakePlatform:
    """A platform whose checks have this result, in place of the cluster of the stack `node`."""
    platform = FakePlatform()

    class Checks(ClusterChecks):
        def look(self, early: bool) -> list[Row]:
            return list(rows)

        def page(self, sender: str) -> list[Row]:
            return [SKIPPED]

    class Opened:
        def __enter__(self) -> FakePlatform:
            return platform

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(command, "ClusterChecks", Checks)
    monkeypatch.setattr(command, "open_cluster", lambda *_: Opened())
    monkeypatch.setattr(
        "ops.verify.stack._pulumi", lambda *_: state(provider(context="a"), *resources())
    )
    return platform


@pytest.mark.parametrize(("rows", "code"), [([FINE, SKIPPED], GREEN), ([FINE, RED], SOME_RED)])
def test_the_exit_code_and_the_json_say_whether_all_is_green(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rows: list[Row],
    code: int,
) -> None:
    platform = opened_platform(monkeypatch, rows)
    assert main(["--stack=node", "--json", "--timeout=0"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "green": code == GREEN,
        "rows": [row.as_json() for row in rows],
    }
    assert err.splitlines()[-1] == ("all green" if code == GREEN else "1 red")
    assert main(["--stack=node", "--json", "--timeout=0", "--test-page"]) == code
    paged = json.loads(capsys.readouterr().out)["rows"]
    assert paged == [row.as_json() for row in (*rows, SKIPPED)]
    reds = int(code == SOME_RED)
    assert [(one.checks, one.red) for one in platform.recorded] == [(2, reds), (3, reds)]


def test_a_result_that_can_not_be_kept_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened_platform(monkeypatch, [FINE]).is_read_only = True
    assert main(["--stack=node", "--json", "--timeout=0"]) == GREEN
    assert capsys.readouterr().err.startswith("the result is not kept in the cluster: Kubernetes ")


@pytest.mark.parametrize("wrong", [[], ["--live", "--stack=x"], ["--live", "--timeout=-1"]])
def test_a_wrong_option_is_one_line(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
