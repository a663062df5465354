"""What the resources of a stack use that AWS bills, in the units of prices.yaml."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from quantities import amount

Json = Mapping[str, Any]
GIB = 1 << 30
DAYS_A_YEAR, MONTHS_A_YEAR = 365, 12
SECONDS_AN_HOUR = 3600
FREE = (
    "aws:amp/workspace:*",
    "aws:ecr/repository*",
    "aws:eks/access*",
    "aws:eks/podIdentityAssociation:*",
    "aws:iam/*",
    "aws:kms/alias:*",
    "aws:kms/keyPolicy:*",
    "aws:sns/topicPolicy:*",
    "aws:sns/topicSubscription:*",
)
"""Types of AWS resources that cost nothing themselves."""


@dataclass(frozen=True)
class Use:
    """A monthly quantity of one item of prices.yaml, or of a type without a price."""

    item: str
    quantity: float


def uses(resources: Sequence[tuple[str, Json]], prices: Json) -> Iterator[Use]:
    """The use of resources, as (type token, inputs)."""
    hours, assumed = prices["hours_a_month"], prices["assumed"]
    cpus = gib = 0.0
    for token, inputs in resources:
        kind = token.rpartition(":")[2]
        if token.startswith("kubernetes:") and kind in _PODS:
            pods, spec = _PODS[kind](inputs["spec"])
            cpus += pods * _requests(spec, "cpu")
            gib += pods * _requests(spec, "memory") / GIB
            for claim in inputs["spec"].get("volumeClaimTemplates", ()):
                size = claim["spec"]["resources"]["requests"]["storage"]
                yield Use("volume", pods * amount(size) / GIB)
        elif token == "kubernetes:core/v1:Service" and inputs["spec"].get("type") == "LoadBalancer":
            yield Use("load_balancer", hours)
        elif token in BILLED:
            yield from BILLED[token](inputs, hours, assumed)
        elif token.startswith("aws:") and not is_free(token):
            yield Use(token, 1)
    # A pod keeps others off its node by the resource of which it takes the larger share.
    node = prices["prices"]["node"]
    yield Use("node", hours * max(cpus / node["cpus"], gib / node["gib"]))


def is_free(token: str) -> bool:
    """Whether a resource of this type costs nothing itself."""
    return any(fnmatchcase(token, pattern) for pattern in FREE)


def _controller(spec: Json) -> tuple[float, Json]:
    return spec.get("replicas", 1), spec["template"]["spec"]


def _cron_job(spec: Json) -> tuple[float, Json]:
    """One pod that never rests: an upper bound, since each run ends before the next one begins."""
    return int(not spec.get("suspend")), spec["jobTemplate"]["spec"]["template"]["spec"]


_PODS: Mapping[str, Callable[[Json], tuple[float, Json]]] = {
    "Deployment": _controller,
    "StatefulSet": _controller,
    "CronJob": _cron_job,
}


def _requests(pod: Json, resource: str) -> float:
    return sum(amount(c["resources"]["requests"][resource]) for c in pod["containers"])


def samples_a_month(series: float, hours: float, assumed: Json) -> float:
    """The samples that so many active series write in so many hours of a month."""
    return series * hours * SECONDS_AN_HOUR / assumed["seconds_between_samples"]


def _workspace(inputs: Json, hours: float, assumed: Json) -> Iterator[Use]:
    """As many samples as the limit of active series lets in, for as long as they are kept."""
    series = sum(limit["limits"]["maxSeries"] for limit in inputs["limitsPerLabelSets"])
    samples = samples_a_month(series, hours, assumed)
    months = inputs["retentionPeriodInDays"] * MONTHS_A_YEAR / DAYS_A_YEAR
    yield Use("written_samples", samples)
    yield Use("stored_samples", samples * months * assumed["bytes_a_sample"] / GIB)
    yield Use("read_samples", assumed["samples_read_a_month"])


def _images(inputs: Json, hours: float, assumed: Json) -> Iterator[Use]:
    """As many images as the lifecycle policy of a repository keeps."""
    for rule in json.loads(inputs["policy"])["rules"]:
        if rule["selection"]["countType"] == "imageCountMoreThan":
            kept = rule["selection"]["countNumber"]
            yield Use("stored_images", kept * assumed["gib_an_image"])


def _health_check(inputs: Json, hours: float, assumed: Json) -> Iterator[Use]:
    yield Use("health_check", 1)
    https = str(inputs["type"]).startswith("HTTPS")
    fast = inputs.get("requestInterval") == 10
    options = (https, inputs.get("searchString"), inputs.get("measureLatency"), fast)
    yield Use("health_check_option", sum(map(bool, options)))


def _topic(inputs: Json, hours: float, assumed: Json) -> Iterator[Use]:
    yield Use("publication", assumed["publications_a_topic_a_month"])


BILLED: Mapping[str, Callable[[Json, float, Json], Iterator[Use]]] = {
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": _workspace,
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda *_: iter([Use("alarm", 1)]),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _images,
    "aws:kms/key:Key": lambda *_: iter([Use("key", 1)]),
    "aws:route53/healthCheck:HealthCheck": _health_check,
    "aws:sns/topic:Topic": _topic,
}
"""The use of one resource of a type that is billed, by its type token."""
