"""What preview says of a rule's evaluation is true of the server's, over made-up series."""

import pytest
from hypothesis import strategies as st

from tests.support.verdicts import Comparison, Kind, examples
from tests.verdicts.evaluations import (
    LABELS_OF_ALERTS,
    LABELS_OF_RECORDS,
    RECORDS,
    SERIES,
    alert,
    question,
    refusal,
    results,
)

GENERATED = 6000
NUMBERS = st.sampled_from(["-1", "0", "0.5", "1", "2", "5", "NaN", "Inf", "-Inf"])
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
ATOMS = st.sampled_from(
    [
        *SERIES,
        'up{job="psi-field"}',
        'up{job="psi-field", job!="psi-field"}',
        "psi_field_density > 0.5",
        "psi_field_density < 2",
        "treaty_requests_total offset 1m",
        "scheduler_job_duration_seconds_bucket",
        "vector(1)",
        "vector(time())",
        "nothing",
    ]
)
RANGES = st.sampled_from([*SERIES]).flatmap(
    lambda name: st.sampled_from([f"{name}[5m]", f"{name}[2m:1m]", f"({name} > 1)[3m:1m]"])
)
OVER_TIME = [
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "stddev_over_time",
    "absent_over_time",
]
FUNCTIONS = [
    "abs",
    "ceil",
    "floor",
    "round",
    "exp",
    "sqrt",
    "ln",
    "sgn",
    "sort",
    "timestamp",
    "absent",
    "hour",
    "day_of_week",
    "month",
    "minute",
    "days_in_month",
    "cos",
    "atan",
    "-",
]
AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "stddev"]
GROUPINGS = ["", " by (job)", " by (pod)", " by (job, pod)", " without (pod)"]


def build(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner),
        st.builds(
            "{}{} ({})".format, st.sampled_from(AGGREGATIONS), st.sampled_from(GROUPINGS), inner
        ),
        st.builds("({}) {} {}".format, inner, st.sampled_from(COMPARISONS), NUMBERS),
        st.builds("{} {} ({})".format, NUMBERS, st.sampled_from(COMPARISONS), inner),
        st.builds("({}) {} bool {}".format, inner, st.sampled_from(COMPARISONS), NUMBERS),
        st.builds("({}) {} {}".format, inner, st.sampled_from("+-*/%^"), NUMBERS),
        st.builds(
            "({}) {} ({})".format,
            inner,
            st.sampled_from([*COMPARISONS, *"+-*/", "and", "or", "unless", "and on ()"]),
            inner,
        ),
        st.builds(
            "{}{} ({}) {} ({})".format,
            st.sampled_from(AGGREGATIONS),
            st.sampled_from(GROUPINGS),
            inner,
            st.sampled_from(["*", ">", "and", "and on (pod)", "unless", "- ignoring (pod)"]),
            inner,
        ),
        st.builds("topk({}, {})".format, NUMBERS, inner),
        st.builds("quantile({}, {})".format, NUMBERS, inner),
        st.builds("clamp({}, {}, {})".format, inner, NUMBERS, NUMBERS),
        st.builds("clamp_max({}, {})".format, inner, NUMBERS),
        st.builds('label_replace({}, "pod", "x", "", "")'.format, inner),
        st.builds("vector(scalar({}))".format, inner),
    )


EXPRESSIONS = st.recursive(
    ATOMS | st.builds("{}({})".format, st.sampled_from(OVER_TIME), RANGES), build, max_leaves=5
)


def test_a_rule_that_is_refused_fails_or_returns_nothing(compare: Comparison) -> None:
    generated = examples(EXPRESSIONS, GENERATED)
    refused = [text for text in generated if RECORDS.refusal(text)]
    assert len(refused) > len(generated) / 10
    compare(RECORDS, refused)


# Expressions with and without a result over the made-up series.
JUDGED = """
up[5m]
"text"
1
up
up > 1
up < 0
up == 2
up >= 1
up != 1
-up > 0
(up == 0) > 0
up == 0
count(up) == 0
count(up == 0) < 1
count(up) < 5
absent(up) == 0
absent(nothing) == 1
absent(nothing) and nothing
absent(up) and up
absent(up{job="x"}) or up
absent(up{job="x"}) * on () group_right () up
absent(up) * on () group_right () up
absent_over_time(up[5m]) and up
rate(treaty_requests_total[5m]) < 0
rate(treaty_requests_total[5m]) >= 0
rate(psi_field_density[5m]) < 0.1
treaty_requests_total < 0
abs(psi_field_density) < 0
psi_field_density > 2 and psi_field_density < 1
psi_field_density > 2 or psi_field_density < 1
psi_field_density > 1 < 3
psi_field_density > 3 < 1
psi_field_density > 2 unless psi_field_density > 1
psi_field_density > 1 unless psi_field_density > 2
psi_field_density unless psi_field_density
psi_field_density unless on (pod) psi_field_density
psi_field_density unless psi_field_continuity > 1
psi_field_density > 0 and psi_field_continuity < 1
psi_field_density == NaN
psi_field_density != NaN
psi_field_density > Inf
psi_field_density >= Inf
vector(1) > 2
vector(1) > 0
topk(0, up)
topk(-1, up)
topk(1, up)
topk(NaN, up)
topk(1e19, up)
bottomk(0.5, up)
clamp(up, 5, 3)
clamp(up, 3, 5)
clamp_max(psi_field_density, 1) > 1
clamp_min(psi_field_density, 1) >= 1
up{job="psi-field",job="aurora-treaty"}
up{job="psi-field",job!="psi-field"}
up{job="psi-field",job=~"p.*"}
up{job="psi-field",job=~"a.*"}
up{job="psi-field",job!~"p.*"}
label_replace(up, "", "a", "b", "c")
label_replace(up, "a", "a", "b", "(")
label_replace(up, "a", "$1", "pod", "(.*)")
label_replace(up, "pod", "x", "", "")
label_replace(sum by (pod) (up), "pod", "x", "", "")
label_replace(sum by (pod) (up), "pod", "x", "pod", ".*")
label_join(up, "", ",", "pod")
label_join(up, "a", ",", "")
label_join(up, "a", ",", "pod", "job")
count_values("", up)
count_values("a.b", up)
{__name__=~"psi_field_(density|continuity)"}
{__name__=~"psi_field_(density|engine_info)"}
{__name__=~"psi_field_(density|continuity)"} > -9
{__name__=~"psi_field_(density|continuity)"} * 2
sum({__name__=~"psi_field_(density|continuity)"})
sum by (__name__) ({__name__=~"psi_field_(density|continuity)"})
sum(rate({__name__=~"treaty_requests_(total|routed)"}[5m]))
max_over_time({__name__=~"treaty_requests_(total|routed)"}[5m])
last_over_time({__name__=~"treaty_requests_(total|routed)"}[5m])
label_replace({__name__=~"psi_field_(density|continuity)"}, "n", "$1", "__name__", "(.+)")
psi_field_density or psi_field_continuity
day_of_week() > 7
hour() >= 24
hour() < 24
time() < bool 0
sum(up) < 0
changes(up[5m]) < 0
avg(up) * 100 > 100
avg(up) * 100 > 1
stddev(psi_field_density) < 0
max_over_time(up[5m]) > 1
max_over_time((up == 2)[5m:1m])
histogram_quantile(0.9, scheduler_job_duration_seconds_bucket) > 0
psi_field_density @ end()
sum by (job) (psi_field_density) / psi_field_continuity
sum by (job) (psi_field_density) / sum by (job) (psi_field_continuity)
sum by (job) (psi_field_density) / on (job) group_right () psi_field_continuity
sum by (job) (psi_field_density) * on (pod) group_right () psi_field_continuity
sum by (pod) (psi_field_density) and on (job, pod) psi_field_continuity
sum by (pod) (psi_field_density) and on (pod) psi_field_continuity
sum by (pod) (psi_field_density) and ignoring (job, namespace, instance) psi_field_continuity
sum by (pod) (psi_field_density) and ignoring (job) psi_field_continuity
sum by (pod) (psi_field_density) unless psi_field_continuity
sum by (pod) (psi_field_density) or psi_field_continuity
sum(psi_field_density) > psi_field_continuity
sum(psi_field_density) > on () group_right () psi_field_continuity
psi_field_density > scalar(sum(psi_field_continuity))
label_replace(sum(up), "pod", "psi-field-0", "", "") * on (pod) psi_field_density
vector(1) and psi_field_density
vector(1) and on () psi_field_density
absent(nothing{job="psi-field"}) and on (job) psi_field_density
absent(nothing) and on (job) psi_field_density
topk(1, psi_field_density) + psi_field_density
psi_field_density and on (le) scheduler_job_duration_seconds_bucket
""".strip().splitlines()


def test_rules_that_fail_or_return_nothing_are_refused(compare: Comparison) -> None:
    compare(RECORDS, JUDGED)


LABELLED = [
    ("up", ("pod",)),
    ("up", ("instance",)),
    ("up", ("pod", "instance")),
    ("up", ("pod", "instance", "job", "namespace")),
    ("up", ("severity",)),
    ("sum by (job) (up)", ("job",)),
    ("sum by (job) (up)", ("namespace",)),
    ("sum by (namespace) (up)", ("namespace",)),
    ("sum by (job, pod) (up)", ("pod",)),
    ("sum by (job, pod) (up)", ("job",)),
    ("sum by (pod) (up) or sum by (job) (up)", ("pod",)),
    ("sum(up)", ("job",)),
    ('sum by (job) (up{job="psi-field"})', ("job",)),
    ("psi_field_density", ("pod", "instance")),
    ("sum by (job) (psi_field_density)", ("job",)),
    ("count_values('v', up)", ("v",)),
    ("topk(1, up)", ("pod", "instance")),
    ("topk(2, sum by (pod) (up))", ("pod",)),
    ('vector(1) or label_replace(vector(1), "a", "b", "", "")', ("a",)),
    ('label_replace(up, "x", "y", "", "")', ("x",)),
    ('label_replace(sum by (pod) (up), "x", "$1", "pod", "(.*)")', ("pod",)),
    ("rate(treaty_requests_total[5m])", ("treaty",)),
    ("psi_field_density > on (pod) psi_field_continuity", ("pod",)),
]


@pytest.mark.parametrize("kind", [LABELS_OF_RECORDS, LABELS_OF_ALERTS], ids=lambda kind: kind.name)
def test_labels_that_make_results_the_same_are_refused(kind: Kind, compare: Comparison) -> None:
    compare(kind, LABELLED)


def test_an_alert_that_always_fires_always_does(compare: Comparison) -> None:
    always = [
        text
        for text in examples(EXPRESSIONS, GENERATED)
        if "always fires" in str(refusal(alert(text)))
    ]
    assert always
    for text, verdict in zip(
        always,
        compare.ask("prometheus", (question({"alert": "A", "expr": text}) for text in always)),
        strict=True,
    ):
        assert verdict.valid and all(results(verdict)), text
