"""`python -m services.harbinger`."""

from services.harbinger.app import HarbingerSettings, build
from services.shell import run

if __name__ == "__main__":
    run(HarbingerSettings, build)
