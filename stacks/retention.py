"""Whether samples are kept as long as the rules look back."""

from collections.abc import Iterator

from promql.durations import format_duration, parse_duration
from rules.rulebook import Rulebook
from stacks.settings.schema import Settings


def forgotten(settings: Settings, rulebook: Rulebook) -> Iterator[str]:
    """A rule that looks back further than samples are kept would judge less than it says.

    Samples of the whole retention are always there: Prometheus deletes a block of them only when
    its last sample is older than that.
    """
    rule, length = rulebook.longest_range
    kept = settings.prometheus.retention
    if parse_duration(kept) < length:
        back = format_duration(length)
        yield (
            f"vaultmesh:settings.prometheus.retention: {kept} is less than the {back} that"
            f" {rule} looks back; set it to {back} or more"
        )
