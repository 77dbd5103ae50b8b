"""Which reports there are."""

from collections.abc import Mapping
from typing import Final

from loyalty.reports.ageing import AGEING
from loyalty.reports.club_spend import CLUB_SPEND
from loyalty.reports.comparisons import COMPARISON
from loyalty.reports.cost_per_point import COST_PER_POINT
from loyalty.reports.effects import EFFECTS
from loyalty.reports.errors import UnknownReport
from loyalty.reports.journal import JOURNAL
from loyalty.reports.key_figures import KEY_FIGURES
from loyalty.reports.liability import LIABILITY
from loyalty.reports.manual import MANUAL
from loyalty.reports.redemption_curve import REDEMPTION_CURVE
from loyalty.reports.roll_forward import ROLL_FORWARD
from loyalty.reports.settlement import SETTLEMENT
from loyalty.reports.shape import Definition
from loyalty.reports.suspense import SUSPENSE
from loyalty.reports.utilisation import UTILISATION

REPORTS: Final[Mapping[str, Definition]] = {
    report.name: report
    for report in (
        ROLL_FORWARD,
        LIABILITY,
        AGEING,
        REDEMPTION_CURVE,
        UTILISATION,
        COST_PER_POINT,
        SETTLEMENT,
        JOURNAL,
        KEY_FIGURES,
        CLUB_SPEND,
        COMPARISON,
        EFFECTS,
        MANUAL,
        SUSPENSE,
    )
}


def report_named(name: str) -> Definition:
    """Return what a report is, by its name.

    Raises `UnknownReport`.
    """
    if name not in REPORTS:
        raise UnknownReport(report=name)
    return REPORTS[name]
