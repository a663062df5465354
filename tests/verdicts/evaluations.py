"""Rules that the judge evaluates over made-up series, and our verdicts on them."""

from functools import cache

import yaml

from problems import Problems
from promql.errors import PromqlError
from rules.evaluation import check_evaluation
from rules.reader import Document, Place
from rules.rule import Alert, Record
from rules.schema import AlertFields, Group, RecordFields
from rules.series import Series
from tests.support.series import rulebook
from tests.support.verdicts import Kind, Question, Verdict

EVALUATIONS = 8
PODS = {"psi-field": "01", "aurora-treaty": "23"}
SERIES = {
    "up": ("", ["1 1 0 1 _ 1 0 0", "0 1 1 1 1 1 1 1"]),
    "psi_field_density": ("", ["0 0.5 1 2 -1 NaN 6 1", "1 1 -3 Inf 0.1 2 5 -Inf"]),
    "psi_field_continuity": ("", ["1 0 0.5 3 2 2 NaN 6", "0 0 0 1 1 7 5 3"]),
    "psi_field_engine_info": (', engine="a"', ["1x7", "1x7"]),
    "treaty_requests_total": (', treaty="A"', ["0 3 1 7 7 0 2 9", "5 6 7 8 9 10 11 12"]),
    "treaty_requests_routed": (', treaty="A"', ["0 2 1 5 5 0 1 8", "4 4 4 5 5 6 7 8"]),
}


def made_up() -> list[dict[str, str]]:
    """Series of two pods of each metric, as they would be scraped."""
    found = []
    for name, (labels, values) in SERIES.items():
        jobs = ["aurora-treaty"] if "treaty" in name else ["psi-field"]
        for job in list(PODS) if name == "up" else jobs:
            for pod, text in zip(PODS[job], values, strict=True):
                own = f'job="{job}", namespace="n", pod="{job}-{pod}", instance="{pod}"{labels}'
                found.append({"series": f"{name}{{{own}}}", "values": text})
    for pod in "01":
        for le, value in (("0.1", "1+1x7"), ("1", "2+2x7"), ("+Inf", "3+2x7")):
            own = f'job="scheduler", namespace="n", pod="{pod}", instance="{pod}", le="{le}"'
            name = "scheduler_job_duration_seconds_bucket"
            found.append({"series": f'{name}{{{own}, job_name="j"}}', "values": value})
    return found


@cache
def known() -> Series:
    return Series(rulebook().metrics, rulebook().records, (), complete=True)


def question(rule: dict[str, object]) -> Question:
    """The judge's question about a rule, evaluated once a minute."""
    text = yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]})
    return {
        "kind": "evaluate",
        "text": text,
        "series": made_up(),
        "evaluations": EVALUATIONS,
    }


def results(verdict: Verdict) -> list[int]:
    """How many results each evaluation of the only rule had."""
    [rule] = verdict.more["rules"]
    return [one["results"] for one in rule["evaluations"]]


def refusal(rule: Alert | Record) -> tuple[str, ...]:
    if isinstance(rule.expression, PromqlError):
        return (str(rule.expression),)
    problems = Problems()
    check_evaluation(rule, known(), problems)
    return problems.lines()


PLACE = Place(Document("rules.yml", {}, {}))
GROUP = Group.model_construct(name="g")


def record(expr: str, **labels: str) -> Record:
    fields = RecordFields.model_construct(record="a:b:c", expr=expr, labels=labels)
    return Record(fields, GROUP, PLACE)


def alert(expr: str, **labels: str) -> Alert:
    fields = AlertFields.model_construct(alert="A", expr=expr, labels=labels, annotations={})
    return Alert(fields, GROUP, PLACE)


RECORDS = Kind(
    name="evaluation of records",
    server="prometheus",
    question=lambda expr: question({"record": "a:b:c", "expr": expr}),
    refusal=lambda expr: refusal(record(expr)),
    accepts=lambda verdict: verdict.valid and any(results(verdict)),
)
LABELS_OF_RECORDS = Kind(
    name="labels of records",
    server="prometheus",
    question=lambda given: question(
        {"record": "a:b:c", "expr": given[0], "labels": dict.fromkeys(given[1], "x")}
    ),
    refusal=lambda given: refusal(record(given[0], **dict.fromkeys(given[1], "x"))),
)
LABELS_OF_ALERTS = Kind(
    name="labels of alerts",
    server="prometheus",
    question=lambda given: question(
        {"alert": "A", "expr": given[0], "labels": dict.fromkeys(given[1], "x")}
    ),
    refusal=lambda given: refusal(alert(given[0], **dict.fromkeys(given[1], "x"))),
)
