"""kubectl is asked with bounds, and its failure becomes one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl import Kubectl, KubectlError, NotFoundError

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a shell script called kubectl on the PATH; it writes its arguments to the file `args`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def write(body: str) -> Path:
        script = tmp_path / "kubectl"
        script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/args\n{body}\n')
        script.chmod(0o755)
        return tmp_path / "args"

    return write


def reason(path: str = "/api/v1/pods") -> KubectlError:
    with pytest.raises(KubectlError) as refused:
        Kubectl(("--context", "x")).get(path)
    return refused.value


def test_the_answer_at_a_path_is_read_within_a_time_limit(program: Program) -> None:
    arguments = program("""echo '{"kind": "PodList", "items": []}'""")
    assert Kubectl(("--context", "x")).get("/api/v1/pods") == {"kind": "PodList", "items": []}
    assert arguments.read_text() == "--context x --request-timeout=5s get --raw /api/v1/pods\n"


# What kubectl 1.32 and 1.37 write to stderr.
@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ('error: context "x" does not exist', 'context "x" does not exist'),
        (
            "error: You must be logged in to the server (Unauthorized)",
            "You must be logged in to the server (Unauthorized)",
        ),
        (
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host"
            " or port?",
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host"
            " or port?",
        ),
        (
            "no credentials found\nUnable to connect to the server: getting credentials: exec:"
            " executable aws failed\n\nIt looks like you are trying to use a plugin.",
            "Unable to connect to the server: getting credentials: exec: executable aws failed",
        ),
        (
            "Error from server (Forbidden): storageclasses.storage.k8s.io is forbidden.",
            "Error from server (Forbidden): storageclasses.storage.k8s.io is forbidden",
        ),
        ("EOF", "EOF"),
    ],
)
def test_a_failure_is_kubectls_own_reason(program: Program, stderr: str, expected: str) -> None:
    program(f"cat >&2 <<'END'\n{stderr}\nEND\nexit 1")
    found = reason()
    assert str(found) == expected
    assert not isinstance(found, NotFoundError)


def test_a_missing_object_is_told_apart(program: Program) -> None:
    program("""echo 'Error from server (NotFound): namespaces "a" not found' >&2; exit 1""")
    assert isinstance(reason(), NotFoundError)


@pytest.mark.parametrize("answer", ["<html>", json.dumps([1]), json.dumps({"a": 1}), ""])
def test_an_answer_that_is_no_object_of_the_api_is_refused(program: Program, answer: str) -> None:
    program(f"echo '{answer}'")
    assert str(reason()) == "the server does not speak the Kubernetes API"


def test_a_program_that_hangs_is_ended(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program("exec sleep 60")
    monkeypatch.setattr("kubectl.LIMIT_SECONDS", 0.2)
    assert str(reason()) == "kubectl has not ended within 0.2 s"


def test_a_machine_without_kubectl_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(reason()) == "kubectl is not on the PATH"


def test_the_command_to_type_is_quoted_for_the_shell() -> None:
    assert Kubectl(("--context", "my cluster")).command == "kubectl --context 'my cluster'"
