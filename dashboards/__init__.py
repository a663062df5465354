"""The Grafana dashboards, one file each; `catalog` lists them with their JSON and queries."""
