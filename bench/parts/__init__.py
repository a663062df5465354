"""The parts of `make bench`: `measure` of each yields what it finds."""
