"""PromQL for all other packages: expressions, labels, durations and Grafana's variables."""
