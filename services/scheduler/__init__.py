"""The scheduler service runs recurring jobs; each makes an HTTP call on a cron schedule."""
