"""The operator's commands: local run, status report, silences, pictures of dashboards.

They read rendered manifests and HTTP APIs, and never import the program that renders them.
"""
