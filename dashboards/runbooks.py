"""Which alerts a panel belongs to: those that its description names. It links their runbooks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TypeAlias

from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardLink,
    DashboardLinkType,
    Panel,
)

Runbooks: TypeAlias = Mapping[str, str]
"""Alert name -> where its runbook is. It has every alert that exists."""

_WORD = re.compile(r"\b[A-Z][A-Za-z0-9]+\b")
_CAMEL_CASE = re.compile(r"(?:[A-Z][a-z0-9]+){2,}")
_ALIKE = 0.85
"""How much of a word agrees with an alert's name if it is meant to be that name, 0 to 1."""


def belongs_to(description: str, alerts: Iterable[str]) -> list[str]:
    """The alerts that the text names, each once, in its order.

    Raises ValueError if a word such as PsiFeldDown can only be meant as an alert's name.
    """
    known = set(alerts)
    words = list(dict.fromkeys(_WORD.findall(description)))
    for word in filter(_CAMEL_CASE.fullmatch, words):
        near = get_close_matches(word, known, n=1, cutoff=_ALIKE)
        if near and word not in known:
            raise ValueError(f"names {word}, which is no alert: did you mean {near[0]}?")
    return [word for word in words if word in known]


def link_runbooks(board: Dashboard, runbooks: Runbooks) -> Iterator[str]:
    """Link the runbooks of each panel's alerts from the panel; yields these alerts.

    Raises ValueError, naming the panel, for a name that is almost an alert's.
    """
    for panel in board.panels or []:
        if not isinstance(panel, Panel):
            continue
        try:
            alerts = belongs_to(panel.description or "", runbooks)
        except ValueError as error:
            raise ValueError(f"dashboards: the panel {panel.title!r} {error}") from None
        if alerts:
            panel.links = [_link(alert, runbooks[alert]) for alert in alerts]
        yield from alerts


def _link(alert: str, url: str) -> DashboardLink:
    link = DashboardLink(
        title=f"Runbook: {alert}", type_val=DashboardLinkType.LINK, url=url, target_blank=True
    )
    # The SDK puts every link into a menu that a panel does not have.
    vars(link).update(placement=None)
    return link
