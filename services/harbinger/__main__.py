"""`python -m services.harbinger`."""

from services.harbinger.app import build
from services.harbinger.settings import HarbingerSettings
from services.shell import run

if __name__ == "__main__":
    run(HarbingerSettings, build)
