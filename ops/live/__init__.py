"""`make live`: the rendered stack as real processes on loopback."""
