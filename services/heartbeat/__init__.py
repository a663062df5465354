"""The soak-test heartbeat sends traffic to the treaty for a limited time, then exits."""
