"""The boxes of the architecture picture, each built from exactly the arguments it needs."""
