"""Exports the dashboards for import elsewhere, and photographs them with live data."""
