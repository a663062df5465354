"""Settings of all test levels."""

import signal

from hypothesis import settings

# Tests run in parallel, so an example's duration says nothing about the program.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

# A shell starts background commands with Ctrl-C ignored, and their children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
