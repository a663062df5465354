"""`python -m services.scheduler`."""

from services.scheduler.app import SchedulerSettings, build
from services.shell import run

if __name__ == "__main__":
    run(SchedulerSettings, build)
