"""The queries of an objective over any window, and the checks of what its file writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from problems import Problems
from promql.durations import parse_duration
from promql.errors import PromqlError
from promql.expressions import Expression, parse
from promql.labels import Labels
from promql.tree import Binary, Matcher, Node, VectorSelector
from rules.reader import Place
from rules.series import Series
from rules.slo.specification import WINDOW, Sli
from rules.slo.windows import NOW, QUICK_INTERVAL

RESULT_LABELS = ("namespace", "job")
"""The labels that the result of a query may keep."""
_ALWAYS_THERE = frozenset({*RESULT_LABELS, "pod", "instance", "le", "quantile"})
"""Labels that every scrape adds, and those of a histogram's parts: their series exist before the
first event does."""
_PROBE = "1h1m1s"
"""A window that nobody writes: once it replaces {{.window}}, other ranges in a query are fixed."""
_KEEPS_ZERO = {"*", "/", "==", "!=", "<", "<=", ">", ">="}
"""Operators of an error query that has no value exactly when there are no errors."""
_SAMPLED = {"sum_over_time", "count_over_time"}
_PER_SECOND, _COUNTS = {"rate", "irate"}, {"increase", *_SAMPLED}


@dataclass(frozen=True)
class Indicator:
    """What an objective measures: bad events among all events, or a share that is given as such."""

    sli: Sli

    @cached_property
    def queries(self) -> dict[str, str]:
        """The queries as their file writes them, by their path below `sli`."""
        if self.sli.events:
            return {
                "events.error_query": self.sli.events.error_query,
                "events.total_query": self.sli.events.total_query,
            }
        return {"raw.error_ratio_query": self.sli.raw.error_ratio_query if self.sli.raw else ""}

    @property
    def is_raw(self) -> bool:
        """Whether the share of bad events is given, without the number of events."""
        return self.sli.events is None

    def errors(self, window: str) -> str:
        """The query for bad events over a window, or for their share if it is given.

        An idle service divides 0 by 0, which is no error: a share that is not a number is 0.
        """
        first, *_ = self.queries.values()
        errors = in_window(window, first)
        if self.is_raw:
            none = f"0 * count by ({', '.join(RESULT_LABELS)}) ({errors})"
            return f"clamp(({errors}), 0, 1) >= 0 or {none}"
        return f"({errors}) or 0 * ({self.total(window)})" if self.fills_in_zero else errors

    def total(self, window: str) -> str:
        """The query for all events over a window; 1 wherever there is a share that is given."""
        *_, last = self.queries.values()
        total = in_window(window, last)
        return f"count by ({', '.join(RESULT_LABELS)}) ({total})" if self.is_raw else total

    def ratio(self, window: str) -> str:
        """The query for the ratio of bad events over a window; 0 if there are no events.

        Both sides of the outer `or` use both queries, so the result is empty if either query is: a
        counter that vanished must not look like a night without traffic.
        """
        errors, total = self.errors(window), self.total(window)
        if self.is_raw:
            return errors
        return f"({errors}) / (({total}) > 0) or (({total}) == 0 and ({errors}))"

    @cached_property
    def fills_in_zero(self) -> bool:
        """Whether missing errors are 0 wherever there is a total.

        They are if the errors are some of the series that the total counts: then the total tells
        that the metric exists. A sum or difference of several selectors has other reasons to be
        missing.
        """
        if self.is_raw or not self._expressions:
            return False
        errors, total = self._expressions
        operators = {node.operator for node in errors.nodes if isinstance(node, Binary)}
        counted = {selector.metric for selector in total.selectors}
        own = [selector.metric in counted for selector in errors.selectors]
        return own == [True] and operators <= _KEEPS_ZERO

    @cached_property
    def events_each(self) -> float | None:
        """Events for each recorded unit of the errors over NOW; None if the queries don't tell.

        The errors are recorded every QUICK_INTERVAL, as events per second or as events within NOW.
        The product adds up to the number of events over any longer time.
        """
        if self.is_raw or not self._expressions:
            return None
        seconds = parse_duration(QUICK_INTERVAL) / 1000
        functions = self._expressions[0].range_functions
        if functions and functions <= _PER_SECOND:
            return seconds
        if functions and functions <= _COUNTS:
            return seconds / (parse_duration(NOW) / 1000)
        return None

    @property
    def adds_samples(self) -> bool:
        """Whether the errors add up samples; if not, they add up the steps between samples.

        A window with ten samples has nine steps.
        """
        return bool(self._expressions) and self._expressions[0].range_functions <= _SAMPLED

    @cached_property
    def _expressions(self) -> list[Expression]:
        """The parsed queries; none if one does not parse, which `check_indicator` reports."""
        try:
            return [parse(in_window(NOW, query)) for query in self.queries.values()]
        except PromqlError:
            return []


def in_window(window: str, query: str) -> str:
    """The query over a window."""
    return WINDOW.sub(lambda _: window, query).strip()


def check_indicator(
    indicator: Indicator, name: str, place: Place, series: Series, problems: Problems
) -> bool:
    """Whether the queries of an objective are valid; reports each problem of theirs.

    `name` is the objective's id and `place` that of its `sli`.
    """
    before = len(problems)
    labels = [
        _check_query(place.at(*path.split(".")), name, query, series, problems)
        for path, query in indicator.queries.items()
    ]
    if len(problems) > before:
        return False
    below = place.at("raw" if indicator.is_raw else "events")
    if None not in labels and len(set(labels)) > 1:
        kept = " and ".join(", ".join(sorted(names or ())) or "none" for names in labels)
        text = f"the two queries keep different labels ({kept}). Aggregate both by the same labels."
        below.report(problems, text)
        return False
    try:
        parse(indicator.ratio(NOW))
    except PromqlError as error:
        below.report(problems, f"the ratio of the two queries {error}")
        return False
    if indicator.is_raw or indicator.fills_in_zero:
        return True
    for missing in _missing_at_first(indicator, series):
        errors, total = (_one_line(query) for query in indicator.queries.values())
        below.at("error_query").report(
            problems,
            f"`error_query` of {name} may have no value before the first error, because {missing}"
            f" has no series until then. Write total minus good, or ({errors}) or 0 * ({total}).",
        )
        return False
    return True


def _check_query(place: Place, name: str, query: str, series: Series, problems: Problems) -> Labels:
    """The labels of a query's result; reports each problem of the query."""
    subject = f"`{place.steps[-1]}` of {name}"
    try:
        # The rules put the query into parentheses; a comment at its end would hide the closing one.
        expression = parse(f"({in_window(_PROBE, query)})")
    except PromqlError as error:
        place.report(problems, f"{subject} {error}")
        return None
    for reason in series.check(expression):
        place.report(problems, f"{subject}: {reason}")
    if any(length != parse_duration(_PROBE) for length in expression.ranges):
        reason = "looks back a fixed time. Write each range as [{{.window}}]."
        place.report(problems, f"{subject} {reason}")
    labels = series.result_labels(expression)
    if labels is not None and not labels <= frozenset(RESULT_LABELS):
        kept = ", ".join(sorted(labels - frozenset(RESULT_LABELS)))
        reason = f"keeps {kept}: an objective is one number. Add `sum by (namespace, job)`."
        place.report(problems, f"{subject} {reason}")
    return labels


def _missing_at_first(indicator: Indicator, series: Series) -> Iterator[str]:
    """The metrics of the error query that may have no series before the first error."""
    errors, total = (parse(in_window(NOW, query)) for query in indicator.queries.values())
    counted = {_identity(selector) for selector in total.selectors}
    for selector in _added(errors.tree):
        own = frozenset(series.labels_of(selector.metric or "") or ()) - _ALWAYS_THERE
        chosen = {matcher.name for matcher in selector.matchers} - _ALWAYS_THERE - {"__name__"}
        if (own or chosen) and _identity(selector) not in counted:
            yield selector.metric or "its selector"


def _added(tree: Node) -> Iterator[VectorSelector]:
    """The selectors whose absence would empty the result although others have a value.

    What is subtracted counts good events: without them nothing is known. `or` gives another value.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, VectorSelector):
            yield node
        operands = node.children
        if isinstance(node, Binary):
            operands = {"or": (), "-": (node.lhs,)}.get(node.operator, operands)
        waiting += reversed(operands)


def _identity(selector: VectorSelector) -> tuple[str | None, frozenset[Matcher]]:
    return selector.metric, frozenset(selector.matchers)


def _one_line(query: str) -> str:
    return " ".join(query.split())
