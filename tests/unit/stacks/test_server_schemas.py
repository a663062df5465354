"""Preview refuses a configuration that Prometheus or Alertmanager would refuse.

The settings that lead to one are refused earlier: what is left are mistakes of the code that
writes it. tests/verdicts compares the schemas with the servers.
"""

from collections.abc import Callable
from typing import Any

import pytest

from stacks import content
from stacks.platform import build
from stacks.settings import load_configuration
from tests.support.recording import configure, configured, record


def _twice(entries: list[Any]) -> None:
    entries.append(entries[0])


MISTAKES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "components/prometheus.py: `global.scrape_interval`: `30x` is not a duration. Write 30m, 2h or"
    " 1d12h.": ("prometheus", lambda found: found["global"].update(scrape_interval="30x")),
    "components/prometheus.py: `global.evaluation_intervall` is an unknown field. Did you mean"
    " `evaluation_interval`?": (
        "prometheus",
        lambda found: found["global"].update(evaluation_intervall="30s"),
    ),
    "components/prometheus.py: `scrape_configs.0.relabel_configs.0.regex`: `^($` is not a regular"
    " expression: it has no closing parenthesis. Add ), or write \\( for the character.": (
        "prometheus",
        lambda found: found["scrape_configs"][0]["relabel_configs"][0].update(regex="^($"),
    ),
    "components/prometheus.py: `global`: `scrape_timeout`, 31s, exceeds the interval, 30s."
    " Shorten it.": (
        "prometheus",
        lambda found: found["global"].update(scrape_timeout="31s"),
    ),
    "components/prometheus.py: `scrape_configs`: `scrape_timeout` of `aurora-treaty`, 31s, exceeds"
    " the interval, 30s. Shorten it.": (
        "prometheus",
        lambda found: found["scrape_configs"][0].update(scrape_timeout="31s"),
    ),
    "components/prometheus.py: `global.external_labels.` is empty. Fill it in or remove it.": (
        "prometheus",
        lambda found: found["global"]["external_labels"].update({"": "a"}),
    ),
    "components/prometheus.py: `scrape_configs.0.kubernetes_sd_configs.0.selectors`: 2 selectors"
    " choose pods. Keep one.": (
        "prometheus",
        lambda found: _twice(found["scrape_configs"][0]["kubernetes_sd_configs"][0]["selectors"]),
    ),
    "components/alertmanager_config.py: `route`: a route names the receiver `nobody`, which"
    " `receivers` lacks. Add it there, or name another.": (
        "alertmanager",
        lambda found: found["route"]["routes"].append({"receiver": "nobody"}),
    ),
    "components/alertmanager_config.py: `route`: a route names the time interval `never`, which"
    " `time_intervals` lacks. Add it there, or name another.": (
        "alertmanager",
        lambda found: found["route"]["routes"].append({"mute_time_intervals": ["never"]}),
    ),
    "components/alertmanager_config.py: `route`: the first route takes every alert. Remove its"
    " `matchers`.": (
        "alertmanager",
        lambda found: found["route"].update(matchers=['severity="critical"']),
    ),
    "components/alertmanager_config.py: `route.group_by`: `a` is there 2 times. Write it once.": (
        "alertmanager",
        lambda found: found["route"].update(group_by=["a", "a"]),
    ),
    "components/alertmanager_config.py: `route.group_by`: `...` means all labels. Remove it, or"
    " the others.": (
        "alertmanager",
        lambda found: found["route"].update(group_by=["...", "a"]),
    ),
    'components/alertmanager_config.py: `route.routes.0.matchers.0`: `a="\\q"` has an escape that'
    " JSON lacks. Write \\\\ for a backslash.": (
        "alertmanager",
        lambda found: found["route"]["routes"][0].update(matchers=['a="\\q"']),
    ),
    "components/alertmanager_config.py: `receivers`: 2 receivers are named `critical`. Give each"
    " its own name.": (
        "alertmanager",
        lambda found: found["receivers"].append({"name": "critical"}),
    ),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_of_the_code_is_refused(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server, mistake = MISTAKES[message]
    write = getattr(content, f"{server}_document")

    def mistaken(config: Any) -> Any:
        document = write(config)
        mistake(document)
        return document

    shown: list[str] = []
    monkeypatch.setattr(content, f"{server}_document", mistaken)
    monkeypatch.setattr("pulumi.log.error", shown.append)
    configure(configured("local"))

    def program() -> None:
        with pytest.raises(SystemExit):
            build(load_configuration())

    assert record(program).resources == []
    assert shown == [message]
