"""`python -m services.heartbeat`: one run of soak-test traffic.

Exit codes: 0 the treaty answered every request, 1 it did not, 2 wrong settings.
"""

from services.heartbeat.app import HeartbeatSettings, run_heartbeat
from services.shell import run_once

if __name__ == "__main__":
    run_once(HeartbeatSettings, run_heartbeat)
