"""`make live`: runs the rendered stack as real processes on loopback."""
