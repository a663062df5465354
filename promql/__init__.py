"""PromQL tools for all other packages: expressions, labels, durations, Grafana variables."""
