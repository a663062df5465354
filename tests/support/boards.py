"""All dashboards, as they are built from the rules of this repository."""

from dashboards.bands import Thresholds
from dashboards.catalog import Dashboard, Slo, all_dashboards
from tests.support.series import book, runbooks, thresholds

SLOS = [
    Slo(slo.id, slo.service, slo.spec.name, slo.page, slo.ticket, slo.absent) for slo in book().slos
]
RUNBOOKS = runbooks()


def build(values: Thresholds) -> tuple[Dashboard, ...]:
    """All dashboards, with these thresholds."""
    return all_dashboards(values, runbooks=RUNBOOKS, objectives=SLOS)


BOARDS = {board.filename: board for board in build(thresholds())}
