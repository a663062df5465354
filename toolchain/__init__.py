"""Sets the project up from a fresh clone and runs its commands; standard library alone."""
