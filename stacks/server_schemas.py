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
from components.values import Duration, matching
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
    if "~" in found[1]:
        compile_regex(json.loads(found[2]), Use.ALERTMANAGER)
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


class _Selector(_Part):
    role: Literal["pod"]
    label: Annotated[str, matching(r"([\w./-]+(=[\w.-]+)?)?", "a selector", "app=psi-field")]


class _PodDiscovery(_Part):
    role: Literal["pod"]
    namespaces: dict[Literal["names"], list[str]]
    selectors: Annotated[list[_Selector], Field(max_length=1)]


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
    external_labels: dict[str, str]


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
    remote_write: Annotated[list[_RemoteWrite], Field(max_length=1)] = []

    @field_validator("scrape_configs")
    @classmethod
    def _jobs_fit_together(cls, jobs: list[_Job], before: ValidationInfo) -> list[_Job]:
        _refuse_twice(job.job_name for job in jobs)
        if defaults := before.data.get("defaults"):
            for job in (defaults, *jobs):
                timeout = job.scrape_timeout or defaults.scrape_timeout
                interval = job.scrape_interval or defaults.scrape_interval
                if parse_duration(timeout) > parse_duration(interval):
                    raise ValueError(f"a timeout of {timeout} exceeds {interval}. Shorten it.")
        return jobs


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

    def all(self) -> Iterator["_Route"]:
        """The route and those below it."""
        yield self
        for route in self.routes:
            yield from route.all()


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
    def _names_differ(cls, entries: list[_Named]) -> list[_Named]:
        _refuse_twice(entry.name for entry in entries)
        return entries

    @field_validator("route")
    @classmethod
    def _routes_name_what_exists(cls, first: _Route, before: ValidationInfo) -> _Route:
        if not first.receiver:
            raise ValueError("the first route has no `receiver`. Name one.")
        if not before.data.keys() >= {"receivers", "time_intervals"}:
            return first  # What is wrong with them is reported.
        receivers = {receiver.name for receiver in before.data["receivers"]}
        intervals = {interval.name for interval in before.data["time_intervals"]}
        for route in first.all():
            _refuse_twice(route.group_by)
            named = {*route.active_time_intervals, *route.mute_time_intervals}
            if missing := (named - intervals) | ({route.receiver} - {"", *receivers}):
                raise ValueError(f"a route names `{min(missing)}`, which is not there. Add it.")
        return first


def _refuse_twice(names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"`{name}` is the name of {count}. Rename all but one.")
