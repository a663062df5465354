"""The scheduler service: runs recurring jobs, each a call over HTTP at set times."""
