"""One pod's copy of the field: steps, the steps of peers, and engines that fail."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.psi_field.engine import AT_REST, Engine, EngineError, FallbackPsiEngine, Fold
from services.psi_field.field import MAX_SKIPPED, Field, KeyReusedError, Taken
from services.psi_field.history import HISTORY_LENGTH, Entries
from services.psi_field.process import PodEngine, Step
from tests.unit.services.test_psi_history import entry, vector

T = TypeVar("T")


def with_field(
    scenario: Callable[[Field], Awaitable[T]], engine: type[Engine] = FallbackPsiEngine
) -> T:
    """Run the scenario with a pod's field whose engine runs."""

    async def main() -> T:
        pod_engine = PodEngine(engine)
        await pod_engine.start()
        return await with_folding(Field("psi-0", pod_engine), scenario)

    return asyncio.run(main())


async def with_folding(field: Field, scenario: Callable[[Field], Awaitable[T]]) -> T:
    folding = asyncio.create_task(field.fold_for_ever())
    try:
        return await scenario(field)
    finally:
        folding.cancel()
        with suppress(asyncio.CancelledError):
            await folding


def replay(entries: Entries) -> Mapping[str, float]:
    steps = [(one.x, one.apply_guardian) for one in entries]
    return [AT_REST, *Fold(FallbackPsiEngine).run(0, steps)[0]][-1]


async def step(field: Field, number: int, key: str | None = None) -> Taken:
    return await field.step(vector(number), False, key)


# Steps


def test_a_field_starts_at_rest_and_a_step_is_always_the_latest() -> None:
    async def scenario(field: Field) -> None:
        assert field.metrics == AT_REST
        field.merge([entry(9, "z")])
        taken = await step(field, 1)
        assert taken.entry.counter == 10
        assert field.history.entries[-1] == taken.entry
        assert field.metrics == taken.metrics == replay(field.history.entries)

    with_field(scenario)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["step", "steps", "late", "new"]), st.integers(1, 40)), max_size=25
)


@settings(max_examples=60)
@given(ACTIONS)
def test_the_metrics_are_those_of_all_steps_taken_anew(actions: list[tuple[str, int]]) -> None:
    async def scenario(field: Field) -> None:
        for at, (action, number) in enumerate(actions):
            if action == "step":
                taken = await step(field, number)
                assert taken.metrics == field.metrics == replay(field.history.entries)
            elif action == "steps":
                await asyncio.gather(*(step(field, one) for one in range(number)))
            else:
                counter = field.history.counter + (number if action == "new" else -number // 4)
                field.merge([entry(max(counter, 1), f"peer-{at}", number=number)])
        assert await field.settle(5)
        assert field.folded == field.history.entries
        assert field.metrics == replay(field.history.entries)

    with_field(scenario)


def test_a_step_that_is_sent_again_has_the_metrics_that_it_had() -> None:
    async def scenario(field: Field) -> None:
        field.merge([entry(1, "peer", "theirs", 5)])
        first = await step(field, 1, "minute-1")
        await asyncio.gather(*(step(field, number) for number in range(HISTORY_LENGTH - 2)))
        assert await step(field, 1, "minute-1") == first
        theirs = await step(field, 5, "theirs")
        assert theirs.metrics == replay((theirs.entry,)) != field.metrics
        assert len(field.history.entries) == HISTORY_LENGTH

    with_field(scenario)


@pytest.mark.parametrize(("counter", "is_known"), [(94, False), (95, True), (100, True)])
def test_a_restarted_pod_answers_a_step_sent_again_with_its_own_metrics_or_none(
    counter: int, is_known: bool
) -> None:
    async def scenario(field: Field) -> None:
        taken = [await step(field, number, f"k{number}") for number in range(1, 101)]
        engine = PodEngine()
        await engine.start()
        restarted = Field("psi-1", engine)
        restarted.merge(field.history.entries)

        async def again(restarted: Field) -> None:
            own = taken[counter - 1]
            found = await step(restarted, counter, f"k{counter}")
            assert found == (own.entry, own.metrics if is_known else None)

        await with_folding(restarted, again)

    with_field(scenario)


def test_callers_that_send_one_step_at_once_get_one_step() -> None:
    async def scenario(field: Field) -> None:
        one, other = await asyncio.gather(step(field, 1, "k"), step(field, 1, "k"))
        assert one == other
        assert field.history.entries == (one.entry,)

    with_field(scenario)


@pytest.mark.parametrize(("number", "guardian"), [(2, False), (1, True)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_key_that_belongs_to_another_step_is_refused(
    number: int, guardian: bool, at_once: bool
) -> None:
    async def scenario(field: Field) -> None:
        first = asyncio.create_task(step(field, 1, "minute-1"))
        await (asyncio.sleep(0) if at_once else first)
        with pytest.raises(KeyReusedError):
            await field.step(vector(number), guardian, "minute-1")
        kept = (await first).entry
        assert field.history.entries == (kept,)

    with_field(scenario)


def test_a_step_that_was_taken_under_a_peer_s_key_in_vain_leaves_no_trace() -> None:
    async def scenario(field: Field) -> None:
        own = asyncio.create_task(step(field, 1, "k"))
        await asyncio.sleep(0)
        field.merge([entry(1, "a", "k", 2)])
        with pytest.raises(KeyReusedError):
            await own
        assert await field.settle(5)
        assert field.metrics == replay(field.history.entries) == replay((entry(1, "a", "k", 2),))

    with_field(scenario)


def test_a_step_is_refused_if_a_peer_sends_another_under_its_key_before_it_is_taken() -> None:
    class Slow:
        def __init__(self) -> None:
            self.go_on = asyncio.Event()

        async def fold(self, steps: Sequence[Step]) -> tuple[int, list[Mapping[str, float]]]:
            await self.go_on.wait()
            return 0, [AT_REST] * len(steps)

    async def scenario(field: Field) -> None:
        own = asyncio.create_task(step(field, 1, "k"))
        await asyncio.sleep(0.01)
        field.merge([entry(1, "a", "k", 2)])
        engine.go_on.set()
        with pytest.raises(KeyReusedError):
            await own
        assert field.history.entries == (entry(1, "a", "k", 2),)

    async def main() -> None:
        nonlocal engine
        engine = Slow()
        await with_folding(Field("psi-0", engine), scenario)

    engine: Slow
    asyncio.run(main())


class Gated:
    """An engine that counts its folds and takes one when `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.folds = 0
        self._engine = PodEngine()

    async def fold(self, steps: Sequence[Step]) -> tuple[int, list[Mapping[str, float]]]:
        self.folds += 1
        await self.go_on.wait()
        if not self._engine.name:
            await self._engine.start()
        return await self._engine.fold(steps)


def with_gate(scenario: Callable[[Field, Gated], Awaitable[None]]) -> None:
    async def main() -> None:
        engine = Gated()
        await with_folding(Field("psi-0", engine), lambda field: scenario(field, engine))

    asyncio.run(main())


def test_a_step_after_a_void_one_has_its_own_metrics() -> None:
    async def scenario(field: Field, engine: Gated) -> None:
        await step(field, 1)
        engine.go_on.clear()
        void, beside = (
            asyncio.create_task(step(field, 2, "k")),
            asyncio.create_task(step(field, 3)),
        )
        await asyncio.sleep(0.01)
        field.merge([entry(1, "a", "k", 4)])
        engine.go_on.set()
        with pytest.raises(KeyReusedError):
            await void
        first = entry(1, "psi-0", number=1)
        assert (await beside).metrics == replay((first, entry(3, "psi-0", number=3)))
        for number in (5, 6):
            taken = await step(field, number)
            assert taken.metrics == field.metrics == replay(field.history.entries)

    with_gate(scenario)


def test_a_step_that_a_peer_sends_while_it_waits_counts_once_in_its_metrics() -> None:
    async def scenario(field: Field, engine: Gated) -> None:
        engine.go_on.clear()
        first = asyncio.create_task(step(field, 1))
        await asyncio.sleep(0.01)
        again = asyncio.create_task(step(field, 2, "k"))
        await asyncio.sleep(0.01)
        field.merge([entry(1, "a", "k", 2)])
        engine.go_on.set()
        await first
        assert (await again).metrics == replay(field.history.entries)

    with_gate(scenario)


# Engines that fail


def test_steps_beyond_the_range_of_counters_fail_and_the_field_goes_on() -> None:
    async def scenario(field: Field) -> None:
        field.merge([entry(2**53, "a", "k", 1)])
        for _ in range(2):
            with pytest.raises(ValueError, match="counter"):
                await asyncio.wait_for(step(field, 2), 5)
        assert (await step(field, 1, "k")).entry.counter == 2**53
        assert await field.settle(5)

    with_field(scenario)


class Fragile(FallbackPsiEngine):
    """Refuses the vectors 2 and 3 and, once it is broken, all."""

    broken = False

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        if self.broken or tuple(x) in (vector(2), vector(3)):
            raise SystemExit
        return super().step(x, apply_guardian)


def test_a_step_that_the_engine_refuses_changes_nothing_and_others_go_on() -> None:
    async def scenario(field: Field) -> None:
        await step(field, 1)
        before = field.history.entries, field.metrics, field.digest_number
        answers = await asyncio.gather(
            *(step(field, number) for number in (2, 4, 3)), return_exceptions=True
        )
        assert [isinstance(one, EngineError) for one in answers] == [True, False, True]
        assert (field.history.entries[:1], len(field.history.entries)) == (before[0], 2)
        assert field.metrics == replay(field.history.entries)
        with pytest.raises(EngineError):
            await step(field, 2)
        assert len(field.history.entries) == 2

    with_field(scenario, Fragile)


def test_a_peer_s_step_that_the_engine_refuses_is_left_out_and_shows_in_the_digest() -> None:
    async def scenario(field: Field) -> None:
        first = await step(field, 1)
        before = field.digest_number
        field.merge([entry(1, "z", number=2)])
        assert not await field.settle(5)
        assert (field.metrics, field.digest_number) == (first.metrics, before)
        after = await step(field, 4)
        assert field.history.entries == (first.entry, entry(1, "z", number=2), after.entry)
        assert field.metrics == replay((first.entry, after.entry))

    with_field(scenario, Fragile)


def test_a_field_stays_as_it_was_while_the_engine_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(field: Field) -> None:
        await asyncio.gather(*(step(field, 1) for _ in range(2 * MAX_SKIPPED)))
        before = field.metrics
        with monkeypatch.context() as broken:
            broken.setattr(Fragile, "broken", True)
            for _ in range(2):
                with pytest.raises(EngineError):
                    await step(field, 4)
            field.merge([entry(50, "z", number=5)])
            assert not await field.settle(5)
            assert field.metrics == before
            assert field.failure == "the engine failed: it raised SystemExit"
        assert await field.settle(5)
        assert field.failure is None
        await step(field, 4)
        assert field.metrics == replay(field.history.entries)
        assert len(field.history.entries) == 2 * MAX_SKIPPED + 2

    with_field(scenario, Fragile)
