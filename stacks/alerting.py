"""What Alertmanager is given in one environment: its routes, and how a notification reads."""

from collections.abc import Iterator
from pathlib import Path

from components.alertmanager_config import (
    CONFIG_FILE,
    TEMPLATES_FILE,
    AlertmanagerConfig,
    Heartbeat,
    Idle,
    Inhibition,
    Route,
    alertmanager_yml,
)
from components.alertmanager_times import Window
from components.channels import Addresses
from problems import Problems
from rules import heartbeat
from rules.notifications import called, load_notifications
from rules.rulebook import Rulebook
from stacks import windows
from stacks.settings.schema import Settings

IDLE_ALERT = "TreatyNoRequests"
"""What known idle times keep quiet; all other alerts mean the same at any time."""


def alertmanager_files(settings: Settings, rulebook: Rulebook, root: Path) -> dict[str, str]:
    """The files of Alertmanager's ConfigMap by name; `root` is the project's folder.

    Raises problems.Refused if the templates of notifications can't be used.
    """
    problems = Problems()
    config = alertmanager_yml(_config(settings, rulebook))
    templates = load_notifications(root, called(config), problems)
    problems.refuse_if_any()
    return {CONFIG_FILE: config, TEMPLATES_FILE: templates}


def missing_alerts(rulebook: Rulebook) -> Iterator[str]:
    """The alerts that routes are made for, as far as no rule file has them."""
    names = {alert.name for alert in rulebook.alerts}
    for alert, purpose in (
        (heartbeat.ALERT, "it is the heartbeat, and its silence an alarm"),
        (IDLE_ALERT, "idleWindows keep it quiet"),
    ):
        if alert not in names:
            yield f"rules: there is no alert {alert}; {purpose}: put it back"


def _config(settings: Settings, rulebook: Rulebook) -> AlertmanagerConfig:
    given = settings.alertmanager
    severities = {alert.name: alert.severity for alert in rulebook.alerts}
    return AlertmanagerConfig(
        addresses=Addresses(
            environment=settings.environment,
            slack_channel=given.slack_channel,
            webhook_url=_webhook_url(settings),
        ),
        routes={
            severity: Route(channel=route.channel, during=route.during)
            for severity, route in given.routes.by_severity().items()
        },
        hours=[_window(name, hours) for name, hours in given.hours.items()],
        idle=Idle(
            alert=IDLE_ALERT,
            severity=severities[IDLE_ALERT],
            windows=[_window(window.name, window) for window in given.idle_windows],
        ),
        heartbeat=Heartbeat(
            alert=heartbeat.ALERT,
            severity=heartbeat.SEVERITY,
            interval_seconds=given.heartbeat.interval_seconds,
            goes_outside=given.heartbeat.outside,
        ),
        inhibitions=[
            Inhibition(source=critical, target=warning, equal=labels)
            for critical, warning, labels in rulebook.siblings
        ],
    )


def _webhook_url(settings: Settings) -> str | None:
    webhook = settings.alertmanager.webhook
    if webhook is None:
        return None
    port = settings.workloads[webhook.workload].port
    return f"http://{webhook.workload}.{settings.namespace}.svc:{port}{webhook.path}"


def _window(name: str, window: windows.Window) -> Window:
    return Window(
        name=name,
        time_zone=window.time_zone,
        weekdays=window.weekdays,
        start=window.from_,
        end=window.to,
    )
