"""What is wrong with an expression."""


class PromqlError(ValueError):
    """The expression is invalid. The message is one line: the reason, and what to do."""
