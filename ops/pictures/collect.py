"""Runs the rendered stack for a while and collects the results of its dashboards' queries."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from ops.charts import Marks
from ops.http_api import ApiError
from ops.live.launch import PROGRAMS, RunOptions
from ops.live.observation import Observation, Observer
from ops.live.platform import Platform
from ops.live.processes import LiveError, stop_children
from ops.live.scaling import cron_job_variables
from ops.pictures.boards import Annotation, Board, Boards, Panel
from ops.pictures.queries import Answer, QueryRunner, TimeRange
from ops.prometheus_api import Prometheus, Series

SPEED = 60
"""How many times faster time runs; the servers can't keep up with more."""
UP_SECONDS = 30
"""Time limit for targets to be up once their processes run."""
STORY = "Halfway, a pod of each service was replaced."
"""An event during the run, so that the pictures show a change."""
_APART = 1.5
"""Samples more than this many steps apart belong to different spans of an annotation."""


@dataclass(frozen=True)
class Results:
    """One dashboard's results with every variable on "All"; `answers` are by panel id.

    `time_range` ends at `end`; `story` is a sentence about what happened during it.
    """

    board: Board
    answers: Mapping[int, Sequence[Answer]]
    marks: Sequence[Marks]
    end: datetime
    time_range: TimeRange
    story: str

    def with_cluster_paths(self, paths: Mapping[str, str]) -> "Results":
        """Replace each local folder in a label by its mount path in the cluster."""

        def in_cluster(text: str) -> str:
            for local, mount in paths.items():
                text = text.replace(local, mount)
            return text

        def with_paths(answer: Answer) -> Answer:
            series = [
                Series(metric={k: in_cluster(v) for k, v in one.metric.items()}, values=one.values)
                for one in answer.series
            ]
            return replace(answer, series=series)

        answers = {id_: [with_paths(one) for one in found] for id_, found in self.answers.items()}
        return replace(self, answers=answers)

    def empty_panels(self) -> list[Panel]:
        """The panels whose queries all returned no data."""
        return [
            panel
            for panel in self.board.charts
            if not any(answer.has_data for answer in self.answers[panel.id])
        ]


def collect(
    manifests: Path,
    boards: Boards,
    *,
    state: Path,
    network: str,
    minutes: int,
    log: Callable[[str], None],
) -> list[Results]:
    """Run the stack for `minutes` of its own time, then run the queries of every dashboard.

    Raises LiveError if the stack does not start or a dashboard has no data at all.
    """
    platform = Platform(
        RunOptions(
            manifests=manifests,
            state=state,
            network=network,
            speed=SPEED,
            environment=cron_job_variables(SPEED),
            log=log,
        )
    )
    observer = Observer(platform)
    logs = platform.files.logs
    try:
        log(f"starting {len(platform.pods)} pods; logs in {logs}")
        platform.start()
        _wait(platform, observer, UP_SECONDS, lambda seen: seen.is_up)
        log(f"collecting {minutes} minutes of data; time runs {SPEED} times faster")
        half = minutes * 60 / SPEED / 2
        _wait(platform, observer, half)
        _replace_pods(platform)
        _wait(platform, observer, half)
        time_range = TimeRange(minutes * 60_000, boards.interval, SPEED)
        paths = _mount_paths(platform)
        found = [
            _results(observer.prometheus, board, time_range).with_cluster_paths(paths)
            for board in boards.all
        ]
    except ApiError as error:
        raise LiveError(f"{error}; logs in {logs}") from None
    finally:
        platform.stop()
        observer.close()
    require_data(found, log)
    return found


def require_data(found: Sequence[Results], log: Callable[[str], None]) -> None:
    """Report empty panels. Raises LiveError if all panels of a dashboard are empty."""
    for results in found:
        title, empty = results.board.title, results.empty_panels()
        if len(empty) == len(results.board.charts):
            raise LiveError(
                f"Prometheus has no data for any panel of the dashboard {title}. Read the logs of "
                "the pods in the folder named above."
            )
        for panel in empty:
            log(f"{title}, {panel.title}: {panel.no_value}")


def annotation_marks(annotation: Annotation, answer: Answer) -> Marks:
    """The marks of an annotation: a moment for each value, or a span of consecutive samples."""
    spans = _moments if annotation.is_value_the_time else _spans
    return Marks(annotation.name, annotation.colour, sorted(set(spans(answer.series))))


def _results(prometheus: Prometheus, board: Board, time_range: TimeRange) -> Results:
    runner = QueryRunner(prometheus, time_range)
    everything = {variable.name: variable.everything for variable in board.variables}
    return Results(
        board,
        {panel.id: runner.panel_answers(panel, everything) for panel in board.charts},
        [
            annotation_marks(one, runner.annotation_answer(one, everything))
            for one in board.annotations
        ],
        runner.end,
        time_range,
        STORY,
    )


def _moments(series: Iterable[Series]) -> Iterator[tuple[float, float]]:
    for one in series:
        for _, milliseconds in one.values:
            yield milliseconds / 1000, milliseconds / 1000


def _spans(series: Iterable[Series]) -> Iterator[tuple[float, float]]:
    for one in series:
        moments = [moment for moment, value in one.values if value > 0]
        step = min((later - earlier for earlier, later in pairwise(moments)), default=0.0)
        began = next(iter(moments), 0.0)
        for earlier, later in pairwise([*moments, math.inf]):
            if later - earlier > _APART * step:
                yield began, earlier
                began = later


def _mount_paths(platform: Platform) -> dict[str, str]:
    """The mount path in the cluster of each local folder."""
    return {
        str(folder): mount
        for pod in platform.pods
        for mount, folder in platform.files.mounted_folders(pod).items()
    }


def _replace_pods(platform: Platform) -> None:
    """Stop the first pod of each service; the platform then replaces it, as in a rollout."""
    services = [pod.workload.name for pod in platform.pods if pod.workload.name not in PROGRAMS]
    firsts = [platform.pods_of(name)[0] for name in dict.fromkeys(services)]
    stop_children([platform.children[pod.name] for pod in firsts])


def _wait(
    platform: Platform,
    observer: Observer,
    seconds: float,
    until: Callable[[Observation], bool] = lambda _: False,
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not until(observer.observe()):
        platform.tick()
        time.sleep(0.2)
