"""Alerting and recording rules, objectives, the inventory of metrics, and how they are checked."""
