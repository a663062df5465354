"""What this program writes into prometheus.yml and alertmanager.yml, as the servers read it.

A field has a default if it is not always written. tests/verdicts compares these schemas with the
servers' own code.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from components.hours import End, Start, TimeZone, Weekday
from components.values import SUBDOMAIN, Duration, matching
from problems import Problems
from promql.durations import parse_duration
from promql.regex import Use, compile_regex
from rules.reader import Document, Place
from rules.schema import Duration as Wait
from rules.schema import Text, validate
from yaml_text import dump_yaml


def checked_yaml(
    schema: type[BaseModel], source: str, document: dict[str, Any], problems: Problems
) -> str:
    """The document as YAML. Reports, as problems of `source`, what the server would refuse."""
    validate(schema, document, Place(Document(source, document, {(): 0})), problems)
    return dump_yaml(document)


def _regex(pattern: str) -> str:
    compile_regex(pattern, Use.RELABELLING)
    return pattern


def _matcher(text: str) -> str:
    found = re.fullmatch(r'[a-zA-Z_]\w*(=~?|!=|!~)("(?:[^"\\]|\\.)*")', text, re.ASCII)
    if not found:
        raise ValueError(f'`{text}` is not a matcher. Write one such as severity="critical".')
    try:
        value = json.loads(found[2], strict=False)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"`{text}` has an escape that JSON lacks. Write \\\\ for a backslash."
        ) from error
    if "~" in found[1]:
        compile_regex(value, Use.ALERTMANAGER)
    return text


Matchers = list[Annotated[str, AfterValidator(_matcher)]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Relabeling(_Part):
    source_labels: list[Text] = []
    regex: Annotated[str, AfterValidator(_regex)] = ""
    action: Literal["replace", "keep", "drop", "labeldrop"] = "replace"
    target_label: str = ""
    replacement: str = ""

    @model_validator(mode="after")
    def _has_what_its_action_needs(self) -> "_Relabeling":
        if self.action == "replace" and not self.target_label:
            raise ValueError("`target_label` is missing. Name the label to set.")
        if self.action == "labeldrop" and self.model_fields_set - {"action", "regex"}:
            raise ValueError("labeldrop takes nothing but `regex`. Remove the other keys.")
        return self


_WORD = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"


class _Selector(_Part):
    role: Literal["pod"]
    label: Annotated[
        str, matching(f"(({SUBDOMAIN}/)?{_WORD}(={_WORD})?)?", "a selector", "app=psi-field")
    ]


class _PodDiscovery(_Part):
    role: Literal["pod"]
    namespaces: dict[Literal["names"], list[str]]
    selectors: list[_Selector]

    @field_validator("selectors")
    @classmethod
    def _has_one_for_pods(cls, selectors: list[_Selector]) -> list[_Selector]:
        if len(selectors) > 1:
            raise ValueError(f"{len(selectors)} selectors choose pods. Keep one.")
        return selectors


class _Discovery(_Part):
    kubernetes_sd_configs: list[_PodDiscovery]
    relabel_configs: list[_Relabeling]


class _Job(_Discovery):
    job_name: Text
    honor_labels: bool = False
    basic_auth: dict[Literal["username", "password_file"], str] = {}
    metrics_path: str = ""
    params: dict[str, list[str]] = {}
    scrape_interval: Duration = ""
    scrape_timeout: Duration = ""
    metric_relabel_configs: list[_Relabeling] = []


class _Defaults(_Part):
    scrape_interval: Duration
    scrape_timeout: Duration
    evaluation_interval: Duration
    external_labels: dict[Text, str]

    @model_validator(mode="after")
    def _timeout_fits(self) -> "_Defaults":
        _refuse_long_timeout("`scrape_timeout`", self.scrape_timeout, self.scrape_interval)
        return self


class _Retention(_Part):
    time: Duration
    size: Annotated[str, matching("[0-9]+[KMGTPE]?B", "a size", "512MB")]


class _Alerting(_Part):
    alert_relabel_configs: list[_Relabeling]
    alertmanagers: list[_Discovery]


class _Queue(_Part):
    max_shards: int
    max_samples_per_send: int
    capacity: int
    max_backoff: Duration
    retry_on_http_429: bool


class _RemoteWrite(_Part):
    name: str
    url: str
    sigv4: dict[Literal["region"], str]
    write_relabel_configs: list[_Relabeling]
    metadata_config: dict[Literal["send"], bool]
    queue_config: _Queue


class PrometheusYml(_Part):
    """The document of prometheus.yml."""

    defaults: _Defaults = Field(alias="global")
    storage: dict[Literal["tsdb"], dict[Literal["retention"], _Retention]]
    rule_files: list[str]
    alerting: _Alerting
    scrape_configs: list[_Job]
    remote_write: list[_RemoteWrite] = []

    @field_validator("scrape_configs")
    @classmethod
    def _jobs_fit_together(cls, jobs: list[_Job], before: ValidationInfo) -> list[_Job]:
        _refuse_equal_names("jobs", (job.job_name for job in jobs))
        if defaults := before.data.get("defaults"):
            for job in jobs:
                # Prometheus itself shortens a timeout that a job has from `global`.
                if job.scrape_timeout:
                    _refuse_long_timeout(
                        f"`scrape_timeout` of `{job.job_name}`",
                        job.scrape_timeout,
                        job.scrape_interval or defaults.scrape_interval,
                    )
        return jobs

    @field_validator("remote_write")
    @classmethod
    def _names_differ(cls, stores: list[_RemoteWrite]) -> list[_RemoteWrite]:
        _refuse_equal_names("stores", (store.name for store in stores))
        return stores


class _Route(_Part):
    receiver: str = ""
    matchers: Matchers = []
    group_by: list[Text] = []
    group_wait: Wait = ""
    group_interval: Duration = ""
    repeat_interval: Duration = ""
    goes_on: bool = Field(default=False, alias="continue")
    active_time_intervals: list[str] = []
    mute_time_intervals: list[str] = []
    routes: list["_Route"] = []

    def with_children(self) -> Iterator["_Route"]:
        """The route and those below it."""
        yield self
        for route in self.routes:
            yield from route.with_children()

    @field_validator("group_by")
    @classmethod
    def _groups_by_each_label_once(cls, labels: list[str]) -> list[str]:
        for label, count in Counter(labels).items():
            if count > 1:
                raise ValueError(f"`{label}` is there {count} times. Write it once.")
        if "..." in labels and len(labels) > 1:
            raise ValueError("`...` means all labels. Remove it, or the others.")
        return labels


class _Inhibition(_Part):
    source_matchers: Matchers
    target_matchers: Matchers
    equal: list[Text]


class _Notifier(_Part):
    send_resolved: bool


class _Webhook(_Notifier):
    url: Annotated[str, matching("https?://.+", "a URL", "http://harbinger:8000/alerts")] = ""
    url_file: str = ""

    @model_validator(mode="after")
    def _has_one_address(self) -> "_Webhook":
        if bool(self.url) == bool(self.url_file):
            raise ValueError("a webhook has one address. Write either `url` or `url_file`.")
        return self


class _Slack(_Notifier):
    api_url_file: Text
    channel: str
    color: str
    title: str
    title_link: str
    fallback: str
    text: str


class _PagerDuty(_Notifier):
    routing_key_file: Text
    severity: str
    description: str
    source: str
    client: str
    client_url: str
    kind: str = Field(alias="class")
    component: str
    group: str
    details: dict[str, Any]
    links: list[dict[Literal["href", "text"], str]]


class _Sns(_Notifier):
    topic_arn: Text
    sigv4: dict[Literal["region"], str]
    subject: str
    message: str


class _Named(_Part):
    name: Text


class _Receiver(_Named):
    webhook_configs: list[_Webhook] = []
    slack_configs: list[_Slack] = []
    pagerduty_configs: list[_PagerDuty] = []
    sns_configs: list[_Sns] = []


class _Times(_Part):
    start_time: Start
    end_time: End


class _Span(_Part):
    weekdays: list[Weekday]
    times: list[_Times]
    location: TimeZone


class _Interval(_Named):
    time_intervals: list[_Span]


class AlertmanagerYml(_Part):
    """The document of alertmanager.yml."""

    defaults: dict[Literal["pagerduty_url"], str] = Field(default={}, alias="global")
    templates: list[str]
    receivers: list[_Receiver]
    time_intervals: list[_Interval]
    inhibit_rules: list[_Inhibition]
    route: _Route

    @field_validator("receivers", "time_intervals")
    @classmethod
    def _names_differ(cls, entries: list[_Named], field: ValidationInfo) -> list[_Named]:
        kind = str(field.field_name).replace("_", " ")
        _refuse_equal_names(kind, (entry.name for entry in entries))
        return entries

    @field_validator("route")
    @classmethod
    def _first_route_takes_every_alert(cls, first: _Route) -> _Route:
        if not first.receiver:
            raise ValueError("the first route has no `receiver`. Name one.")
        narrowing = {
            "matchers": first.matchers,
            "active_time_intervals": first.active_time_intervals,
            "mute_time_intervals": first.mute_time_intervals,
            "continue": first.goes_on,
        }
        for key, value in narrowing.items():
            if value:
                raise ValueError(f"the first route takes every alert. Remove its `{key}`.")
        return first

    @field_validator("route")
    @classmethod
    def _routes_name_what_exists(cls, first: _Route, before: ValidationInfo) -> _Route:
        if not before.data.keys() >= {"receivers", "time_intervals"}:
            return first  # What is wrong with them is reported.
        receivers = {"", *(receiver.name for receiver in before.data["receivers"])}
        intervals = {interval.name for interval in before.data["time_intervals"]}
        for route in first.with_children():
            if route.receiver not in receivers:
                raise ValueError(
                    f"a route names the receiver `{route.receiver}`, which `receivers` lacks."
                    " Add it there, or name another."
                )
            named = {*route.active_time_intervals, *route.mute_time_intervals}
            if missing := named - intervals:
                raise ValueError(
                    f"a route names the time interval `{min(missing)}`, which `time_intervals`"
                    " lacks. Add it there, or name another."
                )
        return first


def _refuse_equal_names(kind: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{count} {kind} are named `{name}`. Give each its own name.")


def _refuse_long_timeout(what: str, timeout: str, interval: str) -> None:
    if parse_duration(timeout) > parse_duration(interval):
        raise ValueError(f"{what}, {timeout}, exceeds the interval, {interval}. Shorten it.")
