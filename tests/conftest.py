"""Settings of all test levels."""

from hypothesis import settings

# Tests run side by side: on a busy machine a slow example is not a slow program.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
