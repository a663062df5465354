"""What has to be true of each rule, beyond its shape."""

from collections.abc import Sequence
from pathlib import Path

from problems import Problems
from promql.expressions import PromqlError, parse
from rules import heartbeat
from rules.runbooks import wrong_with_runbook
from rules.schema import AlertRule
from rules.series import Series
from rules.source import AnySourced, Sourced
from rules.template_lexer import TemplateError
from rules.templates import check_template
from rules.thresholds import ThresholdError, thresholds


def check_expr(sourced: AnySourced, series: Series, problems: Problems) -> None:
    """Note whether the expression doesn't parse or selects what doesn't exist."""
    try:
        tree = parse(sourced.rule.expr)
    except PromqlError as error:
        sourced.note(problems, f"`expr` of {sourced.name} {error}", "expr")
        return
    for text in series.check(tree):
        sourced.note(problems, f"`expr` of {sourced.name}: {text}", "expr")


def check_alert(
    alert: Sourced[AlertRule],
    series: Series,
    severities: Sequence[str],
    root: Path,
    problems: Problems,
) -> None:
    """Note what an alert lacks: severity, summary, description, runbook, sound templates."""
    _check_severity(alert, severities, problems)
    annotations = alert.rule.annotations
    for name in ("summary", "description"):
        if not annotations.get(name, "").strip():
            alert.note(problems, f"{alert.name} has no {name}. Write one.", "annotations", name)
    for name in ("runbook_url", "dashboard_url"):
        if name in annotations:
            text = f"`{name}` is made from the alert's name. Remove it."
            alert.note(problems, text, "annotations", name)
    if text := wrong_with_runbook(root, alert.name, problems):
        alert.note(problems, text, "alert")
    try:
        thresholds(alert.rule)
    except ThresholdError as error:
        if annotations.get("description", "").strip():
            alert.note(problems, f"{alert.name}: {error}", "annotations")
    except PromqlError:
        pass  # check_expr says so.
    for section, texts in (("annotations", annotations), ("labels", alert.labels)):
        for name, text in texts.items():
            _check_template(alert, section, name, text, series, problems)


def _check_severity(
    alert: Sourced[AlertRule], severities: Sequence[str], problems: Problems
) -> None:
    severity = alert.labels.get("severity")
    choice = " or ".join(severities)
    if alert.name == heartbeat.ALERT:
        if severity != heartbeat.SEVERITY:
            text = f"{alert.name} is the heartbeat, of which nobody is told."
            text += f" Label it severity: {heartbeat.SEVERITY}."
            alert.note(problems, text, "labels")
    elif severity == heartbeat.SEVERITY:
        text = f"nobody is told of the severity `{severity}`: it is for {heartbeat.ALERT} alone."
        alert.note(problems, f"{text} Label {alert.name} {choice}.", "labels", "severity")
    elif severity is None:
        alert.note(problems, f"{alert.name} has no severity. Label it {choice}.", "labels")
    elif severity not in severities:
        text = f"no route knows the severity `{severity}` of {alert.name}. Use {choice}."
        alert.note(problems, text, "labels", "severity")


def _check_template(
    alert: Sourced[AlertRule],
    section: str,
    name: str,
    text: str,
    series: Series,
    problems: Problems,
) -> None:
    what = f"{name} of {alert.name}"
    try:
        uses = check_template(text)
    except TemplateError as error:
        alert.note(problems, f"the template in {what} {error}. Correct it.", section, name)
        return
    try:
        labels = series.result_labels(parse(alert.rule.expr))
    except PromqlError:
        labels = None
    for label in sorted(uses.labels - (labels or set())) if labels is not None else []:
        has = ", ".join(sorted(labels or ())) or "none"
        note = f"{what} uses the label {label}, which `expr` does not have (it has: {has})."
        alert.note(problems, f"{note} Keep it in the expression or leave it out.", section, name)
    for query in uses.queries:
        try:
            wrong = series.check(parse(query))
        except PromqlError as error:
            wrong = [str(error)]
        for reason in wrong:
            alert.note(problems, f"the query in {what}: {reason}", section, name)
