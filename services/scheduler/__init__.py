"""The scheduler service runs recurring jobs: each is an HTTP call at set times."""
