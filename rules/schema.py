"""The shape of a rule file, as Prometheus defines it, and plain words for what breaks it."""

from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from problems import Problems
from rules.fields import AlertName, Duration, Interval, LabelName, MetricName, RecordName, Text
from rules.reader import Document, Place

_ModelT = TypeVar("_ModelT", bound=BaseModel)


class Strict(BaseModel):
    """No field unknown, no value converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AlertRule(Strict):
    """One alerting rule, as written in its file."""

    alert: AlertName
    expr: Text
    for_: Duration = Field("0s", alias="for")
    keep_firing_for: Duration = "0s"
    labels: dict[LabelName, str] = {}
    annotations: dict[LabelName, str] = {}


class RecordRule(Strict):
    """One recording rule, as written in its file."""

    record: RecordName
    expr: Text
    labels: dict[LabelName, str] = {}


class Group(Strict):
    """A rule group; its rules are validated one by one, so that each problem is found."""

    name: Text
    interval: Interval | None = None
    query_offset: Duration | None = None
    limit: Annotated[int, Field(ge=0)] | None = None
    labels: dict[LabelName, str] = {}
    rules: Annotated[list[Any], Field(min_length=1)]


class RuleFile(Strict):
    """A rule file; its groups are validated one by one."""

    groups: Annotated[list[Any], Field(min_length=1)]


class Metric(Strict):
    """One metric of the inventory, as written in its file; `labels` besides those of scraping."""

    name: MetricName
    type: Literal["gauge", "counter", "histogram", "summary"]
    unit: Text
    labels: list[LabelName]
    help: Text
    unused: Text | None = None
    """Why no rule and no dashboard uses it, where that is on purpose."""


class WorkloadMetric(Metric):
    """A metric that a workload, or a server of the platform, exports."""

    workload: Text


class PrometheusMetric(Metric):
    """A series that Prometheus itself makes; `labels` are all it carries, but for an alert's."""

    labels_of_alert: bool = False


class MetricsFile(Strict):
    """The inventory file; its metrics are validated one by one."""

    scrape_labels: list[LabelName]
    metrics: Annotated[list[Any], Field(min_length=1)]
    details: list[Any] = []
    processes: list[Any] = []
    platform: list[Any] = []
    prometheus: Annotated[list[Any], Field(min_length=1)]


def validate(
    model: type[_ModelT], document: Document, place: Place, data: object, problems: Problems
) -> _ModelT | None:
    """Check one piece of a document against its model; notes every problem and returns None."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        meant = set()
        # Last come the missing fields: not worth a line where a misspelled one explains them.
        details = error.errors(include_url=False)
        for detail in sorted(details, key=lambda detail: detail["type"] == "missing"):
            where = tuple(part for part in detail["loc"] if part != "[key]")
            fields = _beside(model, where)
            if detail["type"] == "extra_forbidden":
                meant.update(_nearest(where, fields))
            if detail["type"] != "missing" or where[-1] not in meant:
                text = _in_words(fields, detail, where)
                problems.add(document.file, document.line((*place, *where)), text)
    return None


def _beside(model: type[BaseModel], where: Place) -> list[str]:
    """The fields that there are where the last step of `where` leads."""
    for step in where[:-1]:
        inner = model.model_fields[step].annotation if step in model.model_fields else None
        if not isinstance(inner, type) or not issubclass(inner, BaseModel):
            break
        model = inner
    return [info.alias or name for name, info in model.model_fields.items()]


def _nearest(where: Place, fields: list[str]) -> list[str]:
    return get_close_matches(str(where[-1]), fields, n=1)


def _in_words(fields: list[str], detail: Any, where: Place) -> str:
    kind, name = detail["type"], ".".join(str(part) for part in where) or "this"
    match kind:
        case "missing":
            return f"`{name}` is missing. Add it."
        case "extra_forbidden":
            near = _nearest(where, fields)
            advice = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(fields)}."
            return f"unknown field `{name}`. {advice}"
        case "value_error":
            return f"`{name}`: {detail['ctx']['error']}"
        case "string_type":
            return f"`{name}` must be text. Put it in quotes, if that is what it is."
        case "too_short" | "string_too_short":
            return f"`{name}` is empty. Fill it in or remove what it belongs to."
        case "literal_error":
            return f"`{name}` must be one of {detail['ctx']['expected']}. Choose one."
        case _:
            message = detail["msg"].removeprefix("Input ").removesuffix("instance").strip()
            return f"`{name}` {message}. Correct it."
