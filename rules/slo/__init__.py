"""Service level objectives: their specification in Sloth's format, and their generated rules."""
