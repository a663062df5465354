"""PromQL, as every other package reads it: expressions, labels, durations, variables."""
