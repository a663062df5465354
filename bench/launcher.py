"""Runs a program, and writes to a file descriptor what it used, as JSON.

`python -I -S launcher.py DESCRIPTOR COMMAND...`, with the program's exit code. A program's peak
memory counts from its fork, when it still is a copy of its parent: this parent is small.
"""

import json
import os
import resource
import subprocess
import sys
import time

if __name__ == "__main__":
    started = time.perf_counter()
    code = subprocess.call(sys.argv[2:], stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
    with os.fdopen(int(sys.argv[1]), "w") as out:
        json.dump(found, out)
    sys.exit(code if code >= 0 else 128 - code)
