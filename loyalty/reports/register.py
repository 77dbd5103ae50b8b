"""Which reports there are."""

from collections.abc import Mapping
from typing import Final

from loyalty.reports.ageing import AGEING
from loyalty.reports.comparisons import COMPARISON
from loyalty.reports.cost_per_point import COST_PER_POINT
from loyalty.reports.errors import UnknownReport
from loyalty.reports.key_figures import KEY_FIGURES
from loyalty.reports.roll_forward import ROLL_FORWARD
from loyalty.reports.shape import Definition
from loyalty.reports.utilisation import UTILISATION

REPORTS: Final[Mapping[str, Definition]] = {
    report.name: report
    for report in (
        ROLL_FORWARD,
        AGEING,
        UTILISATION,
        COST_PER_POINT,
        KEY_FIGURES,
        COMPARISON,
    )
}


def report_named(name: str) -> Definition:
    """Return what a report is, by its name.

    Raises `UnknownReport`.
    """
    if name not in REPORTS:
        raise UnknownReport(report=name)
    return REPORTS[name]
