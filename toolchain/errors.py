"""How set-up and commands end when something the user can mend is wrong."""


class UserError(Exception):
    """One line for the user: what is wrong, where, and what to do. Shown without a traceback."""
