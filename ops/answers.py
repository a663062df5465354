"""What Prometheus and Alertmanager answer: the parts of it that are used here."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

Labels = dict[str, str]
Point = tuple[float, float]
"""Unix time and value; NaN and infinities come as text and are numbers here."""
Listed = BeforeValidator(lambda value: value if value is not None else [])


class Answer(BaseModel):
    """A part of an answer; keys that are not used here are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True
    )


class Target(Answer):
    """A pod that Prometheus scrapes; `health` is up, down or, before the first scrape, unknown."""

    labels: Labels
    health: str
    last_error: str = ""
    last_scrape: AwareDatetime


class ActiveAlert(Answer):
    """One series of an alert; `state` is pending or firing."""

    labels: Labels
    annotations: Labels
    state: str
    active_at: AwareDatetime | None = None
    value: float


HEARTBEAT = "Watchdog"
"""The alert that always fires, so that its silence is the alarm: firing, it is no news."""


class Rule(Answer):
    """A rule of either type; `health` is ok, err or, before the first evaluation, unknown."""

    name: str
    query: str
    type: str
    health: str
    last_error: str = ""
    labels: Labels = {}
    annotations: Labels = {}
    duration: float = 0
    alerts: Annotated[list[ActiveAlert], Listed] = []


class RuleGroup(Answer):
    """A group of rules, evaluated every `interval` seconds."""

    name: str
    file: str
    interval: float
    rules: Annotated[list[Rule], Listed]
    last_evaluation: datetime | None = None


class Sample(Answer):
    """A series' value now."""

    metric: Labels
    value: Point


class Series(Answer):
    """A series' values over a time."""

    metric: Labels
    values: Annotated[list[Point], Listed]


class Described(Answer):
    """What a target says about a metric that it exports."""

    type: str
    help: str
    unit: str = ""


class Matcher(Answer):
    """One condition of a silence on a label."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class State(Answer):
    """Of a silence: active, pending or expired. Of an alert: active, suppressed, unprocessed."""

    state: str
    silenced_by: Annotated[list[str], Listed] = []
    inhibited_by: Annotated[list[str], Listed] = []


class Silence(Answer):
    """A silence with its id."""

    id: str
    status: State
    matchers: list[Matcher]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    created_by: str
    comment: str


class Receiver(Answer):
    """Where a notification goes."""

    name: str


class NotifiedAlert(Answer):
    """An alert that Alertmanager has got, and who is told of it."""

    labels: Labels
    status: State
    receivers: list[Receiver]
