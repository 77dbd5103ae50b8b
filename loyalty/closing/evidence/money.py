"""Evidence from the money journal: cohorts, the two views side by side, the export."""

from collections import defaultdict
from fractions import Fraction
from typing import Final

from loyalty.closing.evidence.asking import found
from loyalty.closing.rules import Evidence, Fact
from loyalty.closing.workings import Workings
from loyalty.estimates.outlook import back_tests
from loyalty.estimates.queries import in_force
from loyalty.estimates.rules import sensitivity
from loyalty.finance.rules import round_half_up
from loyalty.journal.measures import VIEWS
from loyalty.journal.queries import accounts
from loyalty.journal.values import Derived
from loyalty.reports.cost_per_point import COST_PER_POINT
from loyalty.reports.moves import months_until
from loyalty.reports.scope import Scope

_NOTHING: Final = Fraction(0)
_QUARTER: Final = 3  # months
_EARNS: Final = ("revenue", "expense")


def cohorts(workings: Workings) -> Evidence:
    """Return what the cohort engine posts, and estimates that wait for somebody."""
    holds = in_force(workings.session, period=workings.month.period, at=workings.at)
    blocking = found(
        ("estimates_waiting", holds.waiting),
        ("journal_underivable", int(workings.journal is None)),
        blocks=True,
    )
    if workings.journal is None:
        return Evidence(findings=blocking)
    months = workings.journal.cohorts
    return Evidence(
        facts={
            "cohorts": len(months),
            "cohorts_estimated": len(holds.expected),
            "allocated_fen": sum(one.allocated_fen for one in months),
            "released_fen": sum(one.released_fen for one in months),
            "true_up_fen": sum(one.true_up_fen for one in months),
            "breakage_fen": sum(one.breakage_fen for one in months),
            "liability_fen": sum(one.liability_fen for one in months),
        },
        findings=blocking,
    )


def gl_export(workings: Workings) -> Evidence:
    """Return the control totals of the journal; its two sides are the same."""
    if workings.journal is None:
        return Evidence()
    facts: dict[str, Fact] = {"source_hash": workings.journal.source_hash}
    uneven = 0
    for view in VIEWS:
        debit, credit = _sides(workings.journal, view)
        facts |= {f"debit_fen.{view}": debit, f"credit_fen.{view}": credit}
        uneven += debit != credit
    return Evidence(facts=facts, findings=found(("views_uneven", uneven), blocks=True))


def working_paper(workings: Workings) -> Evidence:
    """Test what was estimated against what came, and say what one point would move."""
    tests = [
        (test.foretold, test.came)
        for _, test in back_tests(workings.session, period=workings.month.period)
        if test.foretold is not None
    ]
    facts: dict[str, Fact] = {
        "back_tested": len(tests),
        "back_test_foretold": _whole(sum((told for told, _ in tests), _NOTHING)),
        "back_test_came": sum(came for _, came in tests),
        **_cost_per_point(workings),
    }
    if workings.journal is not None:
        lower, higher = (
            sum(
                (
                    sensitivity(one.state, steps=[step])[0].liability
                    - one.state.liability
                    for one in workings.journal.cohorts
                ),
                _NOTHING,
            )
            for step in (Fraction(-1), Fraction(1))
        )
        facts |= {
            "liability_lower_fen": _whole(lower),
            "liability_higher_fen": _whole(higher),
        }
    return Evidence(facts=facts)


def _cost_per_point(workings: Workings) -> dict[str, Fact]:
    """Return what the points that were redeemed in the quarter have cost (R5)."""
    items = [
        item
        for period in months_until(workings.month.period, _QUARTER)
        for item in COST_PER_POINT.rows(workings.session, Scope(period=period))["items"]
    ]
    points, fen = (
        sum(Fraction(str(item[name])) for item in items)
        for name in ("points", "settlement_fen")
    )
    facts: dict[str, Fact] = {
        "quarter_points": int(points),
        "quarter_settlement_fen": int(fen),
        "cost_per_point": None,
    }
    if points:
        parts = _whole(fen * 100 / points)  # of a hundredth of a fen
        facts["cost_per_point"] = f"{parts // 10_000}.{parts % 10_000:04}"
    return facts


def accrued_view(workings: Workings) -> Evidence:
    """Return what points were worth at the carrying rate, and both views' results."""
    cost = workings.report["cost"]
    percent = cost["utilisation_percent"]
    facts: dict[str, Fact] = {
        "available_fen": cost["available"],
        "redeemed_fen": cost["redeemed"],
        "idle_fen": cost["idle"],
        "utilisation": None if percent is None else f"{percent} %",
    }
    if workings.journal is not None:
        kinds = {one.account: one.kind for one in accounts(workings.session)}
        for view, moved in movements(workings.journal).items():
            facts[f"profit_fen.{view}"] = -sum(
                fen for account, fen in moved.items() if kinds[account] in _EARNS
            )
            facts[f"owed_fen.{view}"] = -sum(
                fen for account, fen in moved.items() if kinds[account] == "liability"
            )
    return Evidence(facts=facts)


def movements(journal: Derived) -> dict[str, dict[str, int]]:
    """Return what each account of each view moves in the month, debits positive."""
    moved: dict[str, dict[str, int]] = {view: defaultdict(int) for view in VIEWS}
    for entry in journal.entries:
        moved[entry.view][entry.account] += entry.debit_fen - entry.credit_fen
    return {view: dict(sorted(accounts.items())) for view, accounts in moved.items()}


def _sides(journal: Derived, view: str) -> tuple[int, int]:
    entries = [entry for entry in journal.entries if entry.view == view]
    return (
        sum(entry.debit_fen for entry in entries),
        sum(entry.credit_fen for entry in entries),
    )


def _whole(exact: Fraction) -> int:
    return round_half_up(exact.numerator, exact.denominator)
