"""Service level objectives: their specification in Sloth's form, and the rules that watch them."""
