"""`python -m services.feeder`: one feeding.

Exit codes: 0 all pods were fed, 1 a pod missed the step or too few were found, 2 wrong settings.
"""

from services.feeder.app import FeederSettings, feed_once
from services.shell import run_once

if __name__ == "__main__":
    run_once(FeederSettings, feed_once)
