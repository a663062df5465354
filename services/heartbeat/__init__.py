"""The soak-test heartbeat: sends traffic to the treaty for a bounded time, then ends."""
