"""The synthetic feeder: gives every psi-field pod the same step, then ends."""
