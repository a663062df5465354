"""`python -m services.scheduler`."""

from services.scheduler.app import build
from services.scheduler.settings import SchedulerSettings
from services.shell import run

if __name__ == "__main__":
    run(SchedulerSettings, build)
