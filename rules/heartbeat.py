"""The heartbeat of alerting: an alert that always fires, so that its silence is the alarm."""

ALERT = "Watchdog"

SEVERITY = "none"
"""The severity of what nobody is told of, and so of the heartbeat alone."""
