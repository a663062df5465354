"""Exports dashboards for import elsewhere, and takes pictures of them with live data."""
