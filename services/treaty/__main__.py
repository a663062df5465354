"""`python -m services.treaty`."""

from services.shell import run
from services.treaty.app import build
from services.treaty.settings import TreatySettings

if __name__ == "__main__":
    run(TreatySettings, build)
