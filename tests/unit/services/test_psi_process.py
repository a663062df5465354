"""The private engine in a process of its own, whatever it does."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.psi_field import process
from services.psi_field.engine import AT_REST, EngineError, FallbackPsiEngine, Fold
from services.psi_field.process import PodEngine, StepRefusedError
from tests.unit.services.test_psi_history import entry

GOOD = """
import os, sys, time
from services.psi_field.engine import FallbackPsiEngine

class PsiEngine(FallbackPsiEngine):
    def step(self, x, apply_guardian):
        if x[0] == 101:
            raise SystemExit(3)
        if x[0] == 102:
            os._exit(0)
        if x[0] == 103:
            time.sleep(30)
        print("not a message")
        return super().step(x, apply_guardian)
"""


@pytest.fixture
def with_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[[PodEngine], Awaitable[None]]], None]:
    """Runs a scenario with a pod's engine while the private module has this source."""

    def run(source: str, scenario: Callable[[PodEngine], Awaitable[None]]) -> None:
        async def main() -> None:
            engine = PodEngine()
            try:
                await engine.start()
                await scenario(engine)
            finally:
                await engine.close()

        (tmp_path / "vaultmesh_psi.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        asyncio.run(main())

    return run


Runner = Callable[[str, Callable[[PodEngine], Awaitable[None]]], None]


def expected(*numbers: int) -> list[object]:
    steps = [(entry(1, number=number).x, False) for number in numbers]
    return list(Fold(FallbackPsiEngine).run(0, steps)[0])


def test_without_the_private_module_the_fallback_runs_and_nothing_is_logged_as_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = PodEngine()
    asyncio.run(engine.start())
    assert engine.name == "fallback"
    assert not caplog.records


def test_the_private_module_takes_steps_in_its_process_and_only_what_is_new(
    with_module: Runner,
) -> None:
    one, two, three, other = (entry(1, number=number) for number in range(4))

    async def scenario(engine: PodEngine) -> None:
        assert engine.name == "vaultmesh_psi"
        assert await engine.fold((one, two)) == (0, expected(0, 1))
        assert await engine.fold((one, two)) == (2, [])
        assert await engine.fold((one, two, three)) == (2, expected(0, 1, 2)[2:])
        assert await engine.fold((one, other)) == (1, expected(0, 3)[1:])
        assert await engine.fold((one,)) == (0, expected(0))
        assert await engine.fold(()) == (0, [])
        assert await engine.fold((other,)) == (0, expected(3))

    with_module(GOOD, scenario)


def test_a_step_at_which_the_engine_fails_is_told_by_its_index(with_module: Runner) -> None:
    bad = entry(2).model_copy(update={"x": (101.0,) * 16})

    async def scenario(engine: PodEngine) -> None:
        await engine.fold((entry(1),))
        with pytest.raises(StepRefusedError, match=r"^it raised SystemExit$") as refusal:
            await engine.fold((entry(1), bad, entry(3)))
        assert refusal.value.index == 1
        assert await engine.fold((entry(1),)) == (0, expected(0))

    with_module(GOOD, scenario)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(102.0, "its process ended"), (103.0, "it did not answer within 0.3 s")],
    ids=["it exits", "it hangs"],
)
def test_an_engine_that_ends_or_hangs_fails_once_and_starts_again(
    number: float, reason: str, with_module: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = entry(2).model_copy(update={"x": (number,) * 16})

    async def scenario(engine: PodEngine) -> None:
        await engine.fold((entry(1),))
        with monkeypatch.context() as impatient:
            impatient.setattr(process, "FOLD_SECONDS", 0.3)
            with pytest.raises(EngineError, match=f"^{reason}$"):
                await engine.fold((entry(1), bad))
        assert await engine.fold((entry(1), entry(3))) == (0, expected(0, 0))

    with_module(GOOD, scenario)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(0)", "its process ended"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("class PsiEngine: pass", "it raised AttributeError"),
    ],
)
def test_a_broken_private_module_is_replaced_and_logged_in_one_line(
    source: str, reason: str, with_module: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(engine: PodEngine) -> None:
        assert engine.name == "fallback"
        assert await engine.fold((entry(1),)) == (0, expected(0))

    with_module(source, scenario)
    # asyncio warns too if Popen, which looks before it kills, saw the end of the process first.
    (record,) = (record for record in caplog.records if record.name.startswith("services"))
    assert record.getMessage() == "vaultmesh_psi is broken; the fallback engine runs"
    assert vars(record)["reason"] == reason


def test_numbers_pass_the_pipe_unchanged(with_module: Runner) -> None:
    tiny = entry(1).model_copy(update={"x": (5e-324, math.pi, -0.0, 1e308) * 4})

    async def scenario(engine: PodEngine) -> None:
        _, (metrics,) = await engine.fold((tiny,))
        assert metrics == Fold(FallbackPsiEngine).run(0, [(tiny.x, False)])[0][0] != AT_REST

    with_module(GOOD, scenario)
