"""Checks templates of Prometheus and Alertmanager as Go's text/template parses and runs them."""
