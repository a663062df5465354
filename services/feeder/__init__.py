"""The synthetic feeder sends every psi-field pod the same step, then exits."""
