"""The scheduler runs its jobs: on time, one at a time, each within its timeout."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry

from services.scheduler.app import build
from services.scheduler.calls import HttpCalls, Result
from services.scheduler.metrics import JobMetrics
from services.scheduler.runner import Runner
from services.scheduler.settings import Job, SchedulerSettings
from services.shell import SettingsError, load_settings
from services.shell.metrics import exposition
from tests.support.exposition import Exposed, parse
from tests.support.in_process import started
from tests.support.loopback import stub, unused_address

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def job(name: str = "sweep", **details: Any) -> Job:
    return Job(**{"name": name, "cron": "* * * * *", "url": "http://stub/", **details})


class Bench:
    """A runner whose clock stands still until moved, and whose runs end when told to."""

    def __init__(self, *jobs: Job) -> None:
        self.now = START
        self.started: list[str] = []
        self.endings: dict[str, asyncio.Future[Result]] = {}
        self._registry = CollectorRegistry()
        metrics = JobMetrics(self._registry, [one.name for one in jobs])
        self.runner = Runner(jobs, ZoneInfo("UTC"), lambda: self.now, self._call, metrics)

    async def _call(self, one: Job) -> Result:
        self.started.append(one.name)
        self.endings[one.name] = asyncio.get_running_loop().create_future()
        return await self.endings[one.name]

    async def advance(self, by: timedelta) -> None:
        self.now += by
        await self.runner.tick()
        await asyncio.sleep(0)

    async def end(self, name: str, outcome: Any = "success") -> None:
        self.endings[name].set_result(Result(outcome, "said so"))
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


def test_a_run_that_would_overlap_is_skipped_and_counted_and_does_not_hold_up_other_jobs() -> None:
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


def test_after_a_pause_a_job_runs_once_and_the_missed_runs_are_counted_with_the_lag() -> None:
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
def test_a_failed_run_is_counted_as_what_it_was_and_is_no_success(outcome: str) -> None:
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


def test_a_run_that_breaks_counts_as_a_failure_and_the_next_one_starts() -> None:
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


def test_every_count_of_a_job_exists_before_its_first_run() -> None:
    shown = Bench(job()).metrics()
    for outcome in ("success", "failure", "timeout"):
        assert shown.value("scheduler_job_runs_total", task="sweep", outcome=outcome) == 0
    for reason in ("overlap", "missed"):
        assert shown.value("scheduler_job_skipped_total", task="sweep", reason=reason) == 0


def test_at_the_stop_a_run_may_end_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
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


def called(one: Callable[[str], Job]) -> tuple[Result, list[Any]]:
    async def scenario(url: str) -> Result:
        calls = HttpCalls()
        try:
            return await calls(one(url))
        finally:
            await calls.close()

    with stub() as target:
        return asyncio.run(scenario(target.url)), target.requests


def test_a_run_makes_the_call_that_the_settings_say() -> None:
    result, (seen,) = called(
        lambda url: job(url=f"{url}/sweep/?deep=1", method="PUT", body={"n": 1})
    )
    assert (seen.method, seen.path, seen.json) == ("PUT", "/sweep/?deep=1", {"n": 1})
    assert result == Result("success", "answered 200")


def test_a_call_that_is_refused_or_finds_nobody_has_failed_and_one_that_hangs_timed_out() -> None:
    async def scenario(url: str, timeout_seconds: float = 5) -> Result:
        calls = HttpCalls()
        try:
            return await calls(job(url=url, timeout_seconds=timeout_seconds))
        finally:
            await calls.close()

    with stub(lambda _: (500, b"")) as target:
        assert asyncio.run(scenario(target.url)) == Result("failure", "answered 500")
        target.answer = lambda _: (302, b"")
        assert asyncio.run(scenario(target.url)) == Result("failure", "answered 302")
        target.answer = target.hang
        assert asyncio.run(scenario(target.url, 0.05)).outcome == "timeout"
    assert asyncio.run(scenario(f"http://{unused_address()}")).outcome == "failure"


def test_the_service_runs_its_jobs_and_lists_them() -> None:
    with stub() as target:
        one = {"name": "sweep", "cron": "* * * * * *", "url": target.url}
        settings = load_settings(SchedulerSettings, {"SCHEDULER_JOBS": json.dumps([one])})
        with started(build(settings)) as client:
            (before,) = client.get("/jobs").json()["jobs"]
            last = client.until(lambda: client.get("/jobs").json()["jobs"][0]["last_run"])
            (shown,) = client.get("/jobs").json()["jobs"]
    assert before["last_run"] is None and before["next_run"]
    assert shown["name"] == "sweep"
    assert last["outcome"] == "success"
    assert shown["next_run"] > last["due"]
    assert target.requests[0].path == "/"


def test_no_run_starts_once_the_service_is_stopping() -> None:
    with stub() as target:
        one = {"name": "sweep", "cron": "* * * * * *", "url": target.url}
        service = build(load_settings(SchedulerSettings, {"SCHEDULER_JOBS": json.dumps([one])}))
        with started(service) as client:
            client.until(lambda: target.requests)
            service.stop()
            client.sleep(0.1)
            before = len(target.requests)
            client.sleep(1.6)
            assert len(target.requests) == before


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
        ({"url": "ftp://stub/"}, "url", "is no URL"),
        ({"url": "http://me:hunter2@stub/"}, "url", "leave the user and the password out"),
        ({"timeout_seconds": 0}, "timeout_seconds", "greater than 0"),
        ({"body": {"n": float("nan")}}, "body", "NaN"),
        ({"retries": 3}, "retries", "not permitted"),
    ],
)
def test_a_job_that_is_wrong_is_named_in_one_line_with_the_reason(
    wrong: dict[str, Any], key: str, reason: str
) -> None:
    jobs = json.dumps([{"name": "a", "cron": "* * * * *", "url": "http://stub/", **wrong}])
    text = refusal(SCHEDULER_JOBS=jobs)
    assert text.startswith(f"SCHEDULER_JOBS.0.{key}: ") and reason in text
    assert "hunter2" not in text


def test_a_name_that_two_jobs_have_is_refused() -> None:
    one = {"name": "sweep", "cron": "* * * * *", "url": "http://stub/"}
    assert "two jobs called 'sweep'" in refusal(SCHEDULER_JOBS=json.dumps([one, one]))


def test_a_list_of_jobs_or_a_time_zone_that_is_none_is_refused() -> None:
    assert refusal(SCHEDULER_JOBS="sweep").startswith("SCHEDULER_JOBS: Invalid JSON")
    assert "Mars/Olympus" in refusal(SCHEDULER_TIME_ZONE="Mars/Olympus")
