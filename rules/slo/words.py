"""The words that the rules of an objective are made of: its numbers, its series, its labels."""

from decimal import Decimal

from rules.slo.objective import Slo


def number(value: Decimal) -> str:
    """A number as written, never as 1E-4 or with zeros that say nothing."""
    return f"{value.normalize():f}"


def error_ratio(slo: Slo, window: str) -> str:
    """The recorded share of errors over a window."""
    return series(slo, f"slo:sli_error:ratio_rate{window}")


def series(slo: Slo, name: str) -> str:
    """A recorded series of this objective."""
    return f'{name}{{sloth_id="{slo.id}"}}'


def identity(slo: Slo) -> dict[str, str]:
    """The labels that tell an objective from all others, as Sloth calls them."""
    return {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.spec.name}
