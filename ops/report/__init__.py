"""The weekly KPI status report, from live APIs, as Markdown and as one HTML page."""
