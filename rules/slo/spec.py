"""The shape of a file of objectives: Sloth's `prometheus/v1`, as far as it is about events.

https://sloth.dev/specs/default/ describes the form. What would not be used is refused: `sli.raw`
and `sli.plugin`, because a ratio that is given can't be weighed by events, and `disable`.
"""

import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from rules.fields import AlertName, LabelName, SloName, Text
from rules.schema import Strict
from rules.slo.windows import LARGEST_BUDGET

_WINDOW = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_OWN = "sloth_"


def _percentage(value: float) -> float:
    lowest = 100 * (1 - LARGEST_BUDGET)
    if not math.isfinite(value) or not lowest < Decimal(str(value)) < 100:
        raise ValueError(
            f"{value:g} % is out of range. Write a percentage above {lowest:.2f}, below which the"
            " page can't fire, and below 100, which leaves no budget; for example 99.9."
        )
    return value


def _query(text: str) -> str:
    if not _WINDOW.search(text):
        raise ValueError("has no {{.window}}. Write it as the range: [{{.window}}].")
    return text


def _own_labels(labels: dict[str, str]) -> dict[str, str]:
    for name in labels:
        if name.startswith(_OWN):
            raise ValueError(f"the label {name} is set for every objective. Remove it.")
    return labels


Labels = Annotated[dict[LabelName, str], AfterValidator(_own_labels)]
Query = Annotated[str, AfterValidator(_query)]


class Events(Strict):
    """The share of bad events: two queries per second, with {{.window}} for the range."""

    error_query: Query
    total_query: Query


class Sli(Strict):
    """What is measured."""

    events: Events


class AlertSpec(Strict):
    """What one alert carries on top of what all alerts of the objective do."""

    labels: Labels = Field(default_factory=dict)
    annotations: dict[LabelName, str] = Field(default_factory=dict)


class Alerting(Strict):
    """`name` is what the names of the objective's alerts begin with."""

    name: AlertName
    labels: Labels = Field(default_factory=dict)
    annotations: dict[LabelName, str] = Field(default_factory=dict)
    page_alert: AlertSpec
    ticket_alert: AlertSpec


class SloSpec(Strict):
    """One objective, in percent."""

    name: SloName
    objective: Annotated[float, AfterValidator(_percentage)]
    description: Text
    labels: Labels = Field(default_factory=dict)
    sli: Sli
    alerting: Alerting


class SpecFile(Strict):
    """One file; its objectives are validated one by one."""

    version: Literal["prometheus/v1"]
    service: SloName
    labels: Labels = Field(default_factory=dict)
    slos: Annotated[list[Any], Field(min_length=1)]


def in_window(window: str, query: str) -> str:
    """The query over a window."""
    return _WINDOW.sub(lambda _: window, query).strip()
