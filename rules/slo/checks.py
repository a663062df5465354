"""What has to be true of an objective's queries, beyond its shape."""

from problems import Problems
from promql.durations import parse_duration
from promql.expressions import PromqlError, parse, ranges
from promql.labels import Labels
from rules.series import Series
from rules.slo.objective import Slo
from rules.slo.records import sli
from rules.slo.windows import NOW

_ALLOWED = frozenset({"namespace", "job"})
_PROBE = "1h1m1s"
"""A window that nobody writes, so that a range that is not the window shows."""


def are_queries_sound(slo: Slo, series: Series, problems: Problems) -> bool:
    """Whether the objective's queries can be used; notes each reason why not."""
    before = len(problems)
    queries = {"error_query": slo.errors(_PROBE), "total_query": slo.total(_PROBE)}
    labels = [_labels(slo, name, text, series, problems) for name, text in queries.items()]
    if len(problems) == before and None not in labels and labels[0] != labels[1]:
        kept = " and ".join(", ".join(sorted(names or ())) or "none" for names in labels)
        text = f"the two queries keep different labels ({kept}). Aggregate both alike."
        slo.note(problems, text, "sli", "events")
    if len(problems) == before:
        try:
            parse(sli(slo, NOW))
        except PromqlError as error:
            slo.note(problems, f"one query divided by the other {error}", "sli", "events")
    return len(problems) == before


def _labels(slo: Slo, name: str, text: str, series: Series, problems: Problems) -> Labels:
    """The labels of a query's result; notes what is wrong with it."""
    place = ("sli", "events", name)
    try:
        # A comment at its end would swallow what comes after it.
        tree = parse(f"({text})")
    except PromqlError as error:
        slo.note(problems, f"`{name}` of {slo.id} {error}", *place)
        return None
    for reason in series.check(tree):
        slo.note(problems, f"`{name}` of {slo.id}: {reason}", *place)
    if any(length != parse_duration(_PROBE) for length in ranges(tree)):
        reason = "looks back a fixed time. Write each range as [{{.window}}]."
        slo.note(problems, f"`{name}` of {slo.id} {reason}", *place)
    labels = series.result_labels(tree)
    if labels is not None and not labels <= _ALLOWED:
        kept = ", ".join(sorted(labels - _ALLOWED))
        reason = f"keeps {kept}: an objective is one number. Add `sum by (namespace, job)`."
        slo.note(problems, f"`{name}` of {slo.id} {reason}", *place)
    return labels
