"""Reads and checks alerting and recording rules, objectives, and the inventory of metrics."""
