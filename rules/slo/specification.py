"""The schema of service level objectives, Sloth's `prometheus/v1`.

https://sloth.dev/specs/default/ describes the format. Sloth's plugins and its forms for Kubernetes
and OpenSLO are refused with what to write instead.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from rules.schema import Strict, name_matching
from rules.slo.windows import LARGEST_BUDGET

WINDOW = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_RESERVED = "sloth_"
_NO_PLUGINS = "Sloth's plugins don't run here. Write queries into `sli.events` or `sli.raw`."


def _percentage(value: float) -> float:
    lowest = 100 * (1 - LARGEST_BUDGET)
    if not math.isfinite(value) or not lowest < Decimal(str(value)) < 100:
        raise ValueError(
            f"{value:g} % is out of range. Write a percentage above {lowest:.2f}, below which the"
            " page can't fire, and below 100, which leaves no budget; for example 99.9."
        )
    return value


def _query(text: str) -> str:
    if not WINDOW.search(text):
        raise ValueError("the query has no {{.window}}. Write it as the range: [{{.window}}].")
    return text


def _own_labels(labels: dict[str, str]) -> dict[str, str]:
    for name in labels:
        if name.startswith(_RESERVED):
            raise ValueError(f"the label {name} is set for every objective. Remove it.")
    return _label_names(labels)


def _label_names(labels: dict[str, str]) -> dict[str, str]:
    for name in labels:
        if not name or name.startswith("__"):
            raise ValueError(
                f"`{name}` is not a label name. Write one that does not begin with __."
            )
    return labels


def _alert_name(text: str) -> str:
    """The text as an alert's name: "Our bread" becomes OurBread."""
    words = re.findall(r"\w+", text, re.ASCII)
    name = "".join(word[0].upper() + word[1:] for word in words) if len(words) > 1 else text
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError(
            f"`{text}` is not a valid name. Begin with a letter; use letters, digits and spaces."
        )
    return name


SloName = Annotated[
    str,
    name_matching(
        r"[A-Za-z0-9]([-.\w]*[A-Za-z0-9])?",
        "Use letters, digits, - . and _, and a letter or digit at both ends.",
    ),
]
OwnLabels = Annotated[dict[str, str], AfterValidator(_own_labels)]
Annotations = Annotated[dict[str, str], AfterValidator(_label_names)]
Query = Annotated[str, AfterValidator(_query)]


class Events(Strict):
    """Queries for bad and for all events, with {{.window}} as the range."""

    error_query: Query
    total_query: Query


class Raw(Strict):
    """A query for the share of bad events, from 0 to 1, with {{.window}} as the range."""

    error_ratio_query: Query


class Sli(Strict):
    """The indicator: what the objective measures."""

    unsupported: ClassVar[Mapping[str, str]] = {"plugin": _NO_PLUGINS}
    events: Events | None = None
    raw: Raw | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> "Sli":
        if (self.events is None) == (self.raw is None):
            raise ValueError("write either `events` or `raw` into it.")
        return self


class AlertSpec(Strict):
    """Labels and annotations of one alert, in addition to those of `Alerting`."""

    disable: bool = False
    labels: OwnLabels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)


class Alerting(Strict):
    """The alerts of an objective; their names begin with `name`, which may have spaces."""

    name: Annotated[str, AfterValidator(_alert_name)] = ""
    labels: OwnLabels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)
    page_alert: AlertSpec = AlertSpec()
    ticket_alert: AlertSpec = AlertSpec()

    @property
    def is_silent(self) -> bool:
        """Whether both alerts are disabled; then the one on a missing indicator is, too."""
        return self.page_alert.disable and self.ticket_alert.disable

    @model_validator(mode="after")
    def _has_name(self) -> "Alerting":
        if not self.name and not self.is_silent:
            raise ValueError("`name` is missing. Add it: the names of the alerts begin with it.")
        return self


class SloSpec(Strict):
    """One objective; `objective` is in percent."""

    unsupported: ClassVar[Mapping[str, str]] = {"plugins": _NO_PLUGINS}
    name: SloName
    objective: Annotated[float, AfterValidator(_percentage)]
    description: str = ""
    labels: OwnLabels = Field(default_factory=dict)
    sli: Sli
    alerting: Alerting


class SloFile(Strict):
    """One file; its objectives are validated one by one."""

    unsupported: ClassVar[Mapping[str, str]] = {"slo_plugins": _NO_PLUGINS}
    version: Literal["prometheus/v1"]
    service: SloName
    labels: OwnLabels = Field(default_factory=dict)
    slos: Annotated[list[Any], Field(min_length=1)]
