"""The private engine in a process of its own, whatever it does."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.psi_field import process
from services.psi_field.engine import AT_REST, FallbackPsiEngine, Fold
from services.psi_field.field import Field
from services.psi_field.process import PodEngine, StepRefusedError
from tests.unit.services.test_psi_field import with_folding
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
def test_a_step_at_which_the_engine_ends_or_hangs_is_told_by_its_index(
    number: float, reason: str, with_module: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = entry(2).model_copy(update={"x": (number,) * 16})

    async def scenario(engine: PodEngine) -> None:
        await engine.fold((entry(1),))
        with monkeypatch.context() as impatient:
            impatient.setattr(process, "STEP_SECONDS", 0.3)
            with pytest.raises(StepRefusedError, match=f"^{reason}$") as refusal:
                await engine.fold((entry(1), bad, entry(3)))
            assert refusal.value.index == 1
        assert await engine.fold((entry(1), entry(3))) == (0, expected(0, 0))

    with_module(GOOD, scenario)


def test_an_engine_that_was_killed_takes_the_steps_again_and_none_is_refused(
    with_module: Runner,
) -> None:
    one, two = entry(1), entry(2, number=1)

    async def scenario(engine: PodEngine) -> None:
        await engine.fold((one,))
        assert engine._process
        engine._process.kill()
        assert await engine.fold((one, two)) == (0, expected(0, 1))

    with_module(GOOD, scenario)


def test_a_peer_s_step_that_ends_the_engine_is_left_out_and_the_next_is_answered(
    with_module: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    poison = entry(2, "z").model_copy(update={"x": (102.0,) * 16})

    async def scenario(engine: PodEngine) -> None:
        async def steps(field: Field) -> None:
            await field.step(entry(1).x, False, None)
            field.merge([poison])
            assert not await field.settle(5)
            assert field.failure is None
            taken = await field.step(entry(1, number=3).x, False, None)
            assert [taken.metrics] == expected(0, 3)[1:]
            assert poison in field.history

        await with_folding(Field("psi-0", engine), steps)

    with_module(GOOD, scenario)
    assert "the engine refused a shared step: it is left out" in caplog.text


SLOW = """
import time
from services.psi_field.engine import FallbackPsiEngine

class PsiEngine:
    def __init__(self):
        self.engine = FallbackPsiEngine()

    def step(self, x, apply_guardian):
        time.sleep(0.05)
        return self.engine.step(x, apply_guardian)
"""


def test_a_slow_engine_takes_any_number_of_steps_again(
    with_module: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [entry(number + 1, number=number) for number in range(20)]

    async def scenario(engine: PodEngine) -> None:
        monkeypatch.setattr(process, "STEP_SECONDS", 0.5)
        assert await engine.fold(steps) == (0, expected(*range(20)))
        # The engine has no copies.
        late = entry(99, number=99)
        assert await engine.fold([*steps[:19], late]) == (19, expected(*range(19), 99)[19:])

    with_module(SLOW, scenario)


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
