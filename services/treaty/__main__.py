"""`python -m services.treaty`."""

from services.shell import run
from services.treaty.app import TreatySettings, build

if __name__ == "__main__":
    run(TreatySettings, build)
