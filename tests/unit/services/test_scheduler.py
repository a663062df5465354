"""The scheduler runs its jobs: on time, one at a time, each within its timeout."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry

from services.scheduler.app import SchedulerSettings, build
from services.scheduler.jobs import Job
from services.scheduler.runner import HttpCalls, JobMetrics, Result, Runner
from services.shell import Service, SettingsError, exposition, load_settings
from tests.support.loopback import stub, unused_address
from tests.support.services.exposition import Exposed, parse
from tests.support.services.in_process import running_service

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def job(name: str = "sweep", **details: Any) -> Job:
    return Job(**{"name": name, "cron": "* * * * *", "url": "http://stub/", **details})


class Bench:
    """A runner with a clock that a test moves, and runs that a test ends."""

    def __init__(self, *jobs: Job) -> None:
        self.clock = Clock()
        self.started: list[str] = []
        self.endings: dict[str, asyncio.Future[Result]] = {}
        self._registry = CollectorRegistry()
        metrics = JobMetrics(self._registry, [one.name for one in jobs])
        self.runner = Runner(jobs, ZoneInfo("UTC"), self.clock, self._call, metrics)

    async def _call(self, one: Job) -> Result:
        self.started.append(one.name)
        self.endings[one.name] = asyncio.get_running_loop().create_future()
        return await self.endings[one.name]

    async def advance(self, by: timedelta) -> None:
        self.clock.now += by
        await self.runner.tick()
        await asyncio.sleep(0)

    async def end(self, name: str, outcome: Any = "success") -> None:
        self.endings[name].set_result(Result(outcome, "as the test says"))
        for _ in range(3):
            await asyncio.sleep(0)

    def metrics(self) -> Exposed:
        return parse(exposition(self._registry))


def test_a_job_runs_at_each_of_its_times() -> None:
    async def scenario() -> None:
        bench = Bench(job())
        for _ in range(3):
            await bench.advance(MINUTE)
            await bench.end("sweep")
        assert bench.started == ["sweep"] * 3
        runs = bench.metrics().value("scheduler_job_runs_total", task="sweep", outcome="success")
        assert runs == 3
        assert bench.metrics().value("scheduler_job_duration_seconds_count", task="sweep") == 3

    asyncio.run(scenario())


def test_an_overlapping_run_is_skipped_and_counted_and_does_not_delay_other_jobs() -> None:
    async def scenario() -> None:
        bench = Bench(job("slow"), job("quick"))
        await bench.advance(MINUTE)
        await bench.end("quick")
        await bench.advance(MINUTE)
        assert bench.started == ["slow", "quick", "quick"]
        skipped = bench.metrics()
        assert skipped.value("scheduler_job_skipped_total", task="slow", reason="overlap") == 1
        assert skipped.value("scheduler_job_skipped_total", task="quick", reason="overlap") == 0
        await bench.end("slow")
        await bench.end("quick")
        await bench.advance(MINUTE)
        assert bench.started[3:] == ["slow", "quick"]
        await bench.end("slow")
        await bench.end("quick")

    asyncio.run(scenario())


def test_after_a_pause_a_job_runs_once_and_missed_runs_and_lag_are_shown() -> None:
    async def scenario() -> None:
        bench = Bench(job())
        await bench.advance(10 * MINUTE + timedelta(seconds=12))
        assert bench.started == ["sweep"]
        shown = bench.metrics()
        assert shown.value("scheduler_job_skipped_total", task="sweep", reason="missed") == 9
        assert shown.value("scheduler_job_lag_seconds", task="sweep") == 42
        await bench.end("sweep")

    asyncio.run(scenario())


@pytest.mark.parametrize("outcome", ["failure", "timeout"])
def test_a_failed_run_is_counted_by_outcome_and_is_not_a_success(outcome: str) -> None:
    async def scenario() -> None:
        bench = Bench(job())
        await bench.advance(MINUTE)
        await bench.end("sweep", outcome)
        shown = bench.metrics()
        assert shown.value("scheduler_job_runs_total", task="sweep", outcome=outcome) == 1
        assert shown.value("scheduler_job_last_success_timestamp_seconds", task="sweep") is None
        await bench.advance(MINUTE)
        await bench.end("sweep")
        last = bench.metrics().value("scheduler_job_last_success_timestamp_seconds", task="sweep")
        assert last == (START + 2 * MINUTE).timestamp()

    asyncio.run(scenario())


def test_a_success_is_due_once_the_timeout_of_a_run_is_over_whether_it_ran_or_not() -> None:
    async def scenario() -> None:
        bench = Bench(job(timeout_seconds=90))

        def success_due() -> float | None:
            return bench.metrics().value(
                "scheduler_job_success_due_timestamp_seconds", task="sweep"
            )

        assert success_due() == 0
        bench.clock.now += MINUTE
        assert success_due() == 0
        bench.clock.now += 2 * MINUTE
        assert success_due() == START.replace(minute=1, second=0).timestamp()

    asyncio.run(scenario())


def test_a_run_that_raises_counts_as_a_failure_and_the_next_one_starts() -> None:
    async def scenario() -> None:
        bench = Bench(job())
        await bench.advance(MINUTE)
        bench.endings["sweep"].set_exception(RuntimeError("bug"))
        await asyncio.sleep(0)
        await bench.advance(MINUTE)
        assert bench.started == ["sweep", "sweep"]
        shown = bench.metrics()
        assert shown.value("scheduler_job_runs_total", task="sweep", outcome="failure") == 1
        await bench.end("sweep")

    asyncio.run(scenario())


def test_every_counter_of_a_job_exists_before_its_first_run() -> None:
    shown = Bench(job()).metrics()
    for outcome in ("success", "failure", "timeout"):
        assert shown.value("scheduler_job_runs_total", task="sweep", outcome=outcome) == 0
    for reason in ("overlap", "missed"):
        assert shown.value("scheduler_job_skipped_total", task="sweep", reason=reason) == 0


def test_at_the_stop_runs_may_finish_within_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.scheduler.runner.STOP_SECONDS", 0.05)

    async def scenario() -> None:
        bench = Bench(job("ends"), job("hangs"))
        await bench.advance(MINUTE)
        asyncio.get_running_loop().call_later(
            0.01, bench.endings["ends"].set_result, Result("success", "")
        )
        await asyncio.wait_for(bench.runner.close(), 1)
        assert bench.endings["hangs"].cancelled()
        shown = bench.metrics()
        assert shown.value("scheduler_job_runs_total", task="ends", outcome="success") == 1
        assert shown.value("scheduler_job_runs_total", task="hangs", outcome="failure") == 0

    asyncio.run(scenario())


# Calls


def call(one: Job) -> Result:
    async def scenario() -> Result:
        calls = HttpCalls()
        try:
            return await calls(one)
        finally:
            await calls.close()

    return asyncio.run(scenario())


def test_a_run_makes_the_call_of_the_settings() -> None:
    with stub() as target:
        result = call(job(url=f"{target.url}/sweep/?deep=1", method="PUT", body={"n": 1}))
    (seen,) = target.requests
    assert (seen.method, seen.path, seen.json) == ("PUT", "/sweep/?deep=1", {"n": 1})
    assert result == Result("success", "answered 200")


def test_a_refused_or_unreachable_call_is_a_failure_and_a_hanging_one_a_timeout() -> None:
    with stub(lambda _: (500, b"")) as target:
        assert call(job(url=target.url)) == Result("failure", "answered 500")
        target.answer = lambda _: (302, b"")
        assert call(job(url=target.url)) == Result("failure", "answered 302")
        target.answer = target.hang
        assert call(job(url=target.url, timeout_seconds=0.05)).outcome == "timeout"
    assert call(job(url=f"http://{unused_address()}")).outcome == "failure"


# The service


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for `service_calling`, which looks at it every millisecond."""
    monkeypatch.setattr("services.scheduler.app.TICK_SECONDS", 0.001)
    return Clock()


def service_calling(url: str, now: Callable[[], datetime]) -> Service:
    jobs = [{"name": "sweep", "cron": "* * * * *", "url": url}]
    return build(load_settings(SchedulerSettings, {"SCHEDULER_JOBS": json.dumps(jobs)}), now)


def test_the_service_runs_its_jobs_and_lists_them(clock: Clock) -> None:
    with stub() as target, running_service(service_calling(target.url, clock)) as client:
        (before,) = client.get("/jobs").json()["jobs"]
        clock.now += MINUTE
        last = client.wait_for(lambda: client.get("/jobs").json()["jobs"][0]["last_run"])
        (shown,) = client.get("/jobs").json()["jobs"]
    assert before["last_run"] is None and before["next_run"]
    assert shown["name"] == "sweep"
    assert last["outcome"] == "success"
    assert shown["next_run"] > last["due"]
    assert target.requests[0].path == "/"


def test_no_run_starts_while_the_service_stops(clock: Clock) -> None:
    with stub() as target:
        service = service_calling(target.url, clock)
        with running_service(service) as client:
            clock.now += MINUTE
            client.wait_for(lambda: client.get("/jobs").json()["jobs"][0]["last_run"])
            service.stop()
            clock.now += 10 * MINUTE
            client.sleep(0.1)
            assert len(target.requests) == 1


# Settings


def refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(SchedulerSettings, variables)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "key", "reason"),
    [
        ({"cron": "* * *"}, "cron", "number of fields"),
        ({"name": "A b"}, "name", "match pattern"),
        ({"url": "ftp://stub/"}, "url", "is not a URL"),
        ({"url": "http://me:hunter2@stub/"}, "url", "holds a user or a password"),
        ({"timeout_seconds": 0}, "timeout_seconds", "greater than 0"),
        ({"body": {"n": float("nan")}}, "body", "NaN"),
        ({"retries": 3}, "retries", "not permitted"),
    ],
)
def test_a_wrong_job_is_named_in_one_line_with_the_reason(
    wrong: dict[str, Any], key: str, reason: str
) -> None:
    jobs = json.dumps([{"name": "a", "cron": "* * * * *", "url": "http://stub/", **wrong}])
    text = refusal(SCHEDULER_JOBS=jobs)
    assert text.startswith(f"SCHEDULER_JOBS.0.{key}: ") and reason in text
    assert "hunter2" not in text


def test_two_jobs_with_the_same_name_are_refused() -> None:
    one = {"name": "sweep", "cron": "* * * * *", "url": "http://stub/"}
    assert "two jobs are named 'sweep'" in refusal(SCHEDULER_JOBS=json.dumps([one, one]))


def test_an_invalid_list_of_jobs_or_time_zone_is_refused() -> None:
    assert refusal(SCHEDULER_JOBS="sweep").startswith("SCHEDULER_JOBS: Invalid JSON")
    assert "Mars/Olympus" in refusal(SCHEDULER_TIME_ZONE="Mars/Olympus")
