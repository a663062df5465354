"""Settings of all test levels."""

from hypothesis import settings

# Tests run in parallel, so an example's duration says nothing about the program.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
