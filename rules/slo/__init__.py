"""Service level objectives: reads them in Sloth's form, and makes the rules that watch them."""
