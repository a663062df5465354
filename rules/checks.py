"""Checks a rule's series, severity, annotations, templates and runbook."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import re2

from problems import Problems
from promql.checks import COMPARISONS
from promql.errors import PromqlError
from promql.expressions import parse
from promql.tree import Binary, Node
from rules.inventory import Metric
from rules.reader import Place, read_text
from rules.rule import (
    THROUGH_ALL,
    WATCHDOG,
    WATCHDOG_SEVERITY,
    Alert,
    AnyRule,
    Record,
    ThresholdError,
    find_thresholds,
)
from rules.series import Series
from rules.slo.objectives import SEVERITIES_SETTING
from templates.lexer import TemplateError
from templates.prometheus import check_template

RUNBOOKS = "docs/runbooks"
# RE2 looks for all words at once, ten times as fast as re.
_UNWRITTEN = re2.compile(r"\b(?:TODO|TBD|FIXME|(?i:placeholder|lorem ipsum|coming soon))\b")


def check_names(alerts: Iterable[Alert], problems: Problems) -> None:
    """Report each name, or runbook, that two alerts share."""
    names: dict[str, Alert] = {}
    pages: dict[str, Alert] = {}
    for alert in alerts:
        place = alert.place.at("alert")
        seen, same_page = names.setdefault(alert.name, alert), pages.setdefault(alert.page, alert)
        if seen is not alert:
            text = f"the alert {alert.name} is already at {seen.place.at('alert')}. Keep one."
            place.report(problems, text)
        elif same_page is not alert:
            text = f"the runbook {alert.page} is already that of {same_page.name}. Rename one."
            place.report(problems, text)


def check_records(
    records: Iterable[Record], metrics: Iterable[Metric], series: Series, problems: Problems
) -> None:
    """Report each record that is exported, and records of one name whose results are the same.

    Records may share a name if something distinguishes them: a label that the rules set, or one
    that the expressions return and select differently.
    """
    exporters = {name: metric.workload or "" for metric in metrics for name in metric.series()}
    first: dict[object, Record] = {}
    for record in records:
        place = record.place.at("record")
        if record.name in exporters:
            advice = "Name it level:metric:operation, such as psi:density:avg."
            place.report(problems, f"a metric {record.name} is exported. {advice}")
        seen = first.setdefault(_identity(record, exporters, series), record)
        if seen is not record:
            text = f"the record {record.name} is already at {seen.place.at('record')}."
            place.report(problems, f"{text} Keep one, or distinguish them by a label.")


def _identity(record: Record, exporters: Mapping[str, str], series: Series) -> object:
    """What distinguishes the results of a record from those of others with its name."""
    returned = series.result_labels(record.expression)
    if (
        returned is None
        or isinstance(record.expression, PromqlError)
        or any(map(_is_filter, record.expression.nodes))
    ):
        return record.name, record.fields.expr, tuple(sorted(record.labels.items()))
    own = returned - frozenset(record.labels)
    selected = {
        matcher
        for selector in record.expression.selectors
        for matcher in selector.matchers
        if matcher.name in own
    }
    names = {selector.metric or "" for selector in record.expression.selectors} if own else ()
    sources = {exporters.get(name, name) for name in names}
    return (
        record.name,
        tuple(sorted(record.labels.items())),
        own,
        frozenset(selected),
        frozenset(sources),
    )


def _is_filter(node: Node) -> bool:
    """Whether a node leaves out some of the series that it reads."""
    if not isinstance(node, Binary):
        return False
    is_comparison = node.operator in COMPARISONS and not node.returns_bool
    return is_comparison or node.operator in ("and", "unless")


def check_groups(rules: Iterable[AnyRule], problems: Problems) -> None:
    """Report each name that two groups share, whether they hold alerts or records."""
    first: dict[str, Place] = {}
    for rule in rules:
        group = Place(rule.place.document, (*rule.place.steps[:2], "name"))
        seen = first.setdefault(rule.group.name, group)
        if (seen.file, seen.steps) != (group.file, group.steps):
            text = f"the group {rule.group.name} is already at {seen}. Rename one."
            group.report(problems, text)


def check_expression(rule: AnyRule, series: Series, problems: Problems) -> None:
    """Report an `expr` that doesn't parse, and each unknown series or label that it selects."""
    place = rule.place.at("expr")
    if isinstance(rule.expression, PromqlError):
        place.report(problems, f"`expr` of {rule.name} {rule.expression}")
        return
    for text in series.check(rule.expression):
        place.report(problems, f"`expr` of {rule.name}: {text}")


def check_alert(
    alert: Alert, series: Series, severities: Sequence[str], problems: Problems
) -> None:
    """Report a missing or wrong label, summary, description, threshold or template."""
    _check_severity(alert, severities, problems)
    _check_channels(alert, problems)
    for name in ("summary", "description"):
        if not alert.annotations.get(name, "").strip():
            place = alert.place.at("annotations", name)
            place.report(problems, f"{alert.name} has no {name}. Write one.")
    for name in ("runbook_url", "dashboard_url"):
        if name in alert.annotations:
            place = alert.place.at("annotations", name)
            place.report(problems, f"`{name}` is added by the program. Remove it.")
    try:
        find_thresholds(alert)
    except ThresholdError as error:
        # A missing description is already reported above.
        if alert.annotations.get("description", "").strip():
            alert.place.at("annotations").report(problems, f"{alert.name}: {error}")
    except PromqlError:
        pass  # check_expression reports it.
    for section, texts in (("annotations", alert.annotations), ("labels", alert.labels)):
        for name, text in texts.items():
            if "{" in text:  # Few are templates.
                _check_template(alert, alert.place.at(section, name), text, series, problems)


def _check_severity(alert: Alert, severities: Sequence[str], problems: Problems) -> None:
    severity = alert.labels.get("severity")
    if severity in severities and alert.name != WATCHDOG:
        return
    labels, choice = alert.place.at("labels"), " or ".join(severities)
    if alert.name == WATCHDOG:
        if severity != WATCHDOG_SEVERITY:
            text = f"{alert.name} always fires and must notify nobody."
            labels.report(problems, f"{text} Label it severity: {WATCHDOG_SEVERITY}.")
    elif severity == WATCHDOG_SEVERITY:
        text = f"only {WATCHDOG} may have the severity `{severity}`, which notifies nobody."
        labels.at("severity").report(problems, f"{text} Label {alert.name} {choice}.")
    elif severity is None:
        labels.report(problems, f"{alert.name} has no severity. Label it {choice}.")
    else:
        mapped = f", or map it in {SEVERITIES_SETTING}" if "sloth_id" in alert.labels else ""
        text = f"no route matches the severity `{severity}` of {alert.name}. Use {choice}{mapped}."
        labels.at("severity").report(problems, text)


def _check_channels(alert: Alert, problems: Problems) -> None:
    label, known = THROUGH_ALL
    value = alert.labels.get(label, known)
    if value != known:
        text = f"no route matches the label {label} `{value}` of {alert.name}."
        place = alert.place.at("labels", label)
        place.report(problems, f"{text} Write {label}: {known}, or remove it.")


def _check_template(
    alert: Alert, place: Place, text: str, series: Series, problems: Problems
) -> None:
    what = f"{place.steps[-1]} of {alert.name}"
    try:
        uses = check_template(text, alert.name)
    except TemplateError as error:
        place.report(problems, f"the template in {what} {error}")
        return
    labels = series.result_labels(alert.expression) if uses.labels else None
    if labels is not None:
        for label in sorted(uses.labels - labels):
            has = ", ".join(sorted(labels)) or "none"
            note = (
                f"{what} uses the label {label}, which `expr` does not return (it returns: {has})."
            )
            place.report(problems, f"{note} Keep it in the expression or remove it here.")
    for query in uses.queries:
        try:
            for reason in series.check(parse(query)):
                place.report(problems, f"the query in {what}: {reason}")
        except PromqlError as error:
            place.report(problems, f"the query in {what} {error}")


def check_runbook(alert: Alert, root: Path, problems: Problems) -> None:
    """Report a missing runbook, and one that does not say what to do."""
    page = f"{RUNBOOKS}/{alert.page}"
    if not (root / page).is_file():
        alert.place.at("alert").report(problems, f"{alert.name} has no runbook. Write {page}.")
        return
    text = read_text(root, page, problems)
    if text is None:
        return
    if not any(line.strip() and not line.startswith("#") for line in text.splitlines()):
        problems.add(page, 0, f"is empty. Write what to do when {alert.name} fires.")
    elif unwritten := _UNWRITTEN.search(text):
        line = text.count("\n", 0, unwritten.start()) + 1
        problems.add(page, line, f"still says {unwritten[0]}. Replace it with what to do.")
