"""How a local run ends when it can't go on."""


class LiveError(Exception):
    """One line for the user: what is wrong, where, and what to do."""
