"""The monthly cost of a stack, from its preview and a dated list of prices."""
