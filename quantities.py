"""Reads the quantities of Kubernetes."""

_UNITS = {
    "m": 1e-3,
    **{unit: 1000.0**power for power, unit in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{unit: 1024.0**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}


def amount(quantity: str) -> float:
    """The bytes or cores of a quantity of Kubernetes, such as 50Gi or 500m."""
    number = quantity.rstrip("mkKMGTPEi")
    return float(number) * _UNITS[quantity[len(number) :]]
