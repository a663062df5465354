"""All rules of the platform: read, checked, and merged into the files that Prometheus loads.

problems = Problems()
book = load_rulebook(
    root, severities=("warning", "critical"), overrides={}, runbook_base_url=url, problems=problems
)
problems.refuse_if_any()
book.files({"TreatyDown": "https://grafana.example.com/d/treaty"})["alerting_rules.yml"]
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from problems import Problems
from promql.durations import format_duration, parse_duration
from promql.errors import PromqlError
from promql.expressions import Expression, parse
from promql.labels import Labels
from promql.lookback import find_paces
from rules.checks import (
    check_alert,
    check_expression,
    check_groups,
    check_names,
    check_records,
    check_runbook,
)
from rules.evaluation import check_evaluation
from rules.inventory import METRICS_FILE, Metric, load_inventory
from rules.overrides import Overrides, apply_overrides
from rules.reader import Steps, read_yaml
from rules.rule import (
    Alert,
    AnyRule,
    Record,
    ThresholdError,
    find_thresholds,
    is_text_of_rule,
    read_rules,
    replace_spans,
)
from rules.series import Series
from rules.slo.generation import generate_rules
from rules.slo.indicator import check_indicator
from rules.slo.objectives import DEFAULT_OPTIONS, Slo, SloOptions, load_slos
from rules.slo.windows import PERIODS, Period
from yaml_text import dump_yaml

ALERTS = "rules/alerts"
PLATFORM = "rules/platform"
SLOS = "rules/slos"
RECORDS_FILE = "rules/recording-rules.yaml"
_YAML_LIKE = {".yaml", ".yml", ".json", ".rules"}
_MERGED = {
    "alerting_rules.yml": ALERTS,
    "recording_rules.yml": RECORDS_FILE,
    "platform_rules.yml": PLATFORM,
    "slo_rules.yml": SLOS,
}
"""File that Prometheus loads -> the file or folder that it is merged from."""
_NO_FOLDING = 2**31 - 1
"""Width of lines that no text reaches; the largest one that libyaml takes."""


class Siblings(NamedTuple):
    """Two alerts on the same condition: while `source` fires, `target` is redundant.

    `labels` are the labels that both results carry, on which an inhibition can match.
    """

    source: str
    target: str
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """The rules of one stack that could be read, with its overrides applied.

    `alerts` have the annotation `runbook_url`; `siblings` are the pairs for Alertmanager's
    inhibitions. `complete` says that every rule could be read, although some may have problems; if
    it is false, an unknown name may belong to a rule that could not be read.
    """

    alerts: tuple[Alert, ...]
    records: tuple[Record, ...]
    metrics: tuple[Metric, ...]
    slos: tuple[Slo, ...]
    slo_period: Period
    siblings: tuple[Siblings, ...]
    complete: bool
    _series: Series

    @property
    def longest_range(self) -> tuple[str, int]:
        """(name, milliseconds) of the rule that looks back furthest; ("", 0) if none does."""
        reaches = (
            (rule.name, reach.begin)
            for rule in (*self.alerts, *self.records)
            if isinstance(rule.expression, Expression)
            for reach in rule.expression.reaches
        )
        return max([("", 0), *reaches], key=lambda reach: reach[1])

    @property
    def long_term_series(self) -> tuple[str, ...]:
        """The names of the series to keep for years: recorded ones, and the SLOs' inputs.

        Without recorded ones of each pod: pods come and go, and with them the cost would grow.
        """
        inputs = {
            selector.metric
            for record in self.records
            if record.place.file.startswith(SLOS) and isinstance(record.expression, Expression)
            for selector in record.expression.selectors
            if selector.metric
        }
        recorded = {
            record.name
            for record in self.records
            if "pod" not in (self._series.result_labels(record.expression) or ())
        }
        return tuple(sorted(inputs | recorded))

    def files(self, dashboard_urls: Mapping[str, str]) -> dict[str, str]:
        """The texts of alerting_rules.yml, recording_rules.yml, platform_rules.yml, slo_rules.yml.

        Each is one YAML document; a file without rules is left out. Alerts in `dashboard_urls` get
        the annotation `dashboard_url`.
        """
        return {
            name: _dump(_with_dashboard(rule, dashboard_urls) for rule in rules)
            for name, rules in self._rules_by_file().items()
        }

    def check_rates(self, interval: int, probe_interval: int, problems: Problems) -> None:
        """Report each range that is too short for the two samples that its function needs.

        Targets are scraped and rules evaluated at `interval`, probes made at `probe_interval`;
        both are in milliseconds.
        """
        intervals = {
            name: probe_interval if "probe" in metric.labels else interval
            for metric in self.metrics
            for name in metric.series()
        }
        for record in self.records:
            own = parse_duration(record.group.interval or "0") or interval
            intervals[record.name] = max(own, intervals.get(record.name, 0))
        for rule in (*self.alerts, *self.records):
            if isinstance(rule.expression, PromqlError):
                continue
            for pace in find_paces(rule.expression.nodes):
                own = pace.step or intervals.get(pace.metric or "", interval)
                if pace.range < 2 * own:
                    given, least = format_duration(pace.range), format_duration(2 * own)
                    text = f"`expr` of {rule.name}: {pace.function} needs two samples, and {given}"
                    text += f" can hold one: they are {format_duration(own)} apart."
                    rule.place.at("expr").report(problems, f"{text} Write {least} or more.")

    def check_query(self, expr: str) -> str | None:
        """Why a dashboard's query, without variables, is wrong; None if it is valid."""
        try:
            reasons = self._series.check(parse(expr))
        except PromqlError as error:
            return str(error)
        return " ".join(reasons) or None

    def labels_of(self, series: str) -> Labels:
        """The labels of a series, exported or recorded; None if unknown."""
        return self._series.labels_of(series)

    def _rules_by_file(self) -> dict[str, list[AnyRule]]:
        rules: list[AnyRule] = [*self.records, *self.alerts]
        rules.sort(key=lambda rule: (rule.place.file, rule.place.steps))
        merged = {
            name: [rule for rule in rules if rule.place.file.startswith(source)]
            for name, source in _MERGED.items()
        }
        return {name: own for name, own in merged.items() if own}


def load_rulebook(
    root: Path,
    *,
    severities: Sequence[str],
    overrides: Overrides,
    runbook_base_url: str,
    slo_options: SloOptions = DEFAULT_OPTIONS,
    problems: Problems,
) -> Rulebook:
    """Read and check every rule file below `root`, the project's folder.

    `severities` are those that have a route, least severe first. `overrides` change the `for` or
    thresholds of single alerts, as in the settings. Each alert gets the annotation `runbook_url`:
    `runbook_base_url`, "/" and its page. `slo_options` hold for all objectives. All problems
    of files and overrides are added to `problems`.
    """
    before = len(problems)
    alerts, records = _read_rules(root, problems)
    inventory = read_yaml(root, METRICS_FILE, problems)
    metrics = load_inventory(inventory, problems) if inventory else ()
    slos = _read_slos(root, PERIODS[slo_options.period], problems)
    generated = [generate_rules(slo, slo_options) for slo in slos]
    alerts += [alert for one in generated for alert in one.alerts]
    slo_records = [record for one in generated for record in one.records]
    # Names that an unreadable file or rule defines would look unknown.
    complete = len(problems) == before
    check_names(alerts, problems)
    check_groups([*alerts, *records, *slo_records], problems)

    alerts = apply_overrides(alerts, overrides, problems, complete=complete)
    names = [alert.name for alert in alerts]
    series = Series(metrics, [*records, *slo_records], names, complete=complete)
    check_records([*records, *slo_records], metrics, series, problems)
    for one in generated:
        # Report a wrong query once, not again for each record that contains it.
        slo = one.slo
        if check_indicator(slo.indicator, slo.id, slo.place.at("sli"), series, problems):
            records += one.records
    for rule in (*records, *alerts):
        check_expression(rule, series, problems)
    for rule in (*records, *alerts):
        check_evaluation(rule, series, problems)
    for alert in alerts:
        check_alert(alert, series, severities, problems)
    for alert in alerts:
        check_runbook(alert, root, problems)
    return Rulebook(
        alerts=tuple(_with_runbook(alert, runbook_base_url) for alert in alerts),
        records=tuple(records),
        metrics=metrics,
        slos=tuple(slos),
        slo_period=PERIODS[slo_options.period],
        siblings=tuple(_find_siblings(alerts, severities, series, slos)),
        complete=complete,
        _series=series,
    )


def _read_rules(root: Path, problems: Problems) -> tuple[list[Alert], list[Record]]:
    """The alerts and records of all rule files, without those of objectives."""
    rules: list[AnyRule] = []
    for file, kinds in _rule_files(root, problems).items():
        if document := read_yaml(root, file, problems, is_text_of_rule):
            rules += read_rules(document, kinds, problems)
    alerts = [rule for rule in rules if isinstance(rule, Alert)]
    return alerts, [rule for rule in rules if isinstance(rule, Record)]


def _read_slos(root: Path, period: Period, problems: Problems) -> list[Slo]:
    files = [_relative(path, root) for path in sorted((root / SLOS).glob("*.yaml"))]
    documents = [read_yaml(root, file, problems, _is_label_or_annotation) for file in files]
    return load_slos(filter(None, documents), period, problems)


def _is_label_or_annotation(steps: Steps) -> bool:
    return len(steps) > 1 and steps[-2] in ("labels", "annotations")


def _rule_files(root: Path, problems: Problems) -> dict[str, tuple[type[AnyRule], ...]]:
    """Rule file -> the kinds of rule it may hold; reports files in places that are not read."""
    found: dict[str, tuple[type[AnyRule], ...]] = {}
    for path in sorted((root / "rules").rglob("*")):
        file = _relative(path, root)
        if path.suffix.lower() not in _YAML_LIKE or path.is_dir():
            continue
        if file in (METRICS_FILE, RECORDS_FILE):
            continue
        folder = _relative(path.parent, root)
        if path.suffix == ".yaml" and folder in (ALERTS, PLATFORM):
            found[file] = (Alert,) if folder == ALERTS else (Alert, Record)
        elif folder != SLOS:
            problems.add(file, 0, f"is never loaded. Move it to {ALERTS}/<name>.yaml.")
        elif path.suffix != ".yaml":
            problems.add(file, 0, "is never loaded. Rename it to end in .yaml.")
    if not any(file.startswith(ALERTS) for file in found):
        problems.add(ALERTS, 0, "holds no alert file. Put one there, named <name>.yaml.")
    return {**found, RECORDS_FILE: (Record,)}


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _with_runbook(alert: Alert, base_url: str) -> Alert:
    url = f"{base_url}/{quote(alert.page)}"
    return alert.with_fields(annotations={**alert.annotations, "runbook_url": url})


def _with_dashboard(rule: AnyRule, urls: Mapping[str, str]) -> AnyRule:
    if isinstance(rule, Record) or rule.name not in urls:
        return rule
    annotations = {**rule.annotations, "dashboard_url": urls[rule.name]}
    return rule.with_fields(annotations=annotations)


def _find_siblings(
    alerts: Sequence[Alert], severities: Sequence[str], series: Series, slos: Sequence[Slo]
) -> Iterable[Siblings]:
    """The pairs of alerts that differ only in threshold and severity.

    The page and the ticket of an objective are a pair too, although their windows differ.
    """
    rank = {severity: number for number, severity in enumerate(severities)}
    ranked = {alert.name: alert for alert in alerts if alert.severity in rank}
    alike: dict[str | None, list[Alert]] = defaultdict(list)
    conditions = {name: _condition(alert) for name, alert in ranked.items()}
    for name, condition in conditions.items():
        if condition is not None:
            alike[condition].append(ranked[name])
    burns = {slo.page: [ranked[slo.ticket]] for slo in slos if slo.ticket in ranked}
    for name, source in ranked.items():
        for target in (*alike[conditions[name]], *burns.get(name, ())):
            if rank[source.severity] <= rank[target.severity]:
                continue
            # An inhibition without labels to match on would mute the alerts of every treaty.
            if labels := series.result_labels(source.expression):
                yield Siblings(name, target.name, tuple(sorted(labels)))


def _condition(alert: Alert) -> str | None:
    """The expression with its thresholds masked; None without valid thresholds."""
    try:
        spans = [threshold.in_expr for threshold in find_thresholds(alert).values()]
    except (ThresholdError, PromqlError):
        return None
    text = replace_spans(alert.fields.expr, [(span, "?") for span in spans])
    return "".join(text.split()) if spans else None


def _dump(rules: Iterable[AnyRule]) -> str:
    """One YAML document with the groups of the rules, in the rules' order."""
    groups: dict[str, dict[str, object]] = {}
    listed: dict[str, list[object]] = {}
    for rule in rules:
        name = rule.group.name
        if name not in groups:
            groups[name] = rule.group.model_dump(exclude_unset=True)
            groups[name]["rules"] = listed[name] = []
        listed[name].append(rule.fields.model_dump(by_alias=True, exclude_unset=True))
    document = {"groups": list(groups.values())}
    return dump_yaml(document, allow_unicode=True, width=_NO_FOLDING)
