"""Ask for estimates of cohorts and for terms; they hold once a second person agrees."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.estimates.errors import (
    BadEstimateTerms,
    EstimateTermsMovedOn,
    EstimateTooLate,
    ImpossibleEstimate,
    NothingEstimated,
    UnknownCohort,
)
from loyalty.estimates.models import CohortEstimate
from loyalty.estimates.outlook import outlooks
from loyalty.estimates.queries import CHANGE_TERMS, EXPECT, versions
from loyalty.estimates.rules import Terms, shared_out
from loyalty.estimates.triangles import TOGETHER, Segment
from loyalty.finance.cohorts import Cohort
from loyalty.finance.rules import round_half_up
from loyalty.points.operations import first_open_day
from loyalty.rules.models import EstimateTerms
from loyalty.rules.queries import TermsMissing

_DENOMINATOR_MAX: Final = 1_000_000  # six decimals, which nobody needs


class Basis(StrEnum):
    """What an estimate rests on."""

    SUGGESTION = "suggestion"  # what the past suggests, taken over
    JUDGEMENT = "judgement"  # what is known beyond the past
    CORRECTION = "correction"  # of an estimate that was wrong


def name_of(cohort: Cohort) -> str:
    """Return what a cohort is called in a request."""
    return f"{cohort.unit} {cohort.earned_in:%Y-%m} {cohort.funding}"


def named(name: str) -> Cohort:
    """Return the cohort of a name.

    Raises `UnknownCohort` for what is no name of one.
    """
    try:
        unit, month, funding = name.split(" ", 2)
        return Cohort(unit, date.fromisoformat(f"{month}-01"), funding)
    except ValueError:
        raise UnknownCohort(cohort=name) from None


def ask_estimates(
    session: Session,
    *,
    wanted: Mapping[Cohort, int],
    effective_in: date,
    basis: Basis,
    memo: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask that so many points of each cohort be expected, from an open month on.

    A cohort may stand for those of all partners of a kind (`triangles.together`).
    One request may wait for a month at a time. Raises `NothingEstimated`,
    `EstimateTooLate`, `UnknownCohort`, `ImpossibleEstimate` and `AlreadyRequested`.
    """
    if not wanted:
        raise NothingEstimated
    _open(session, effective_in)
    stands = {
        one.cohort: one
        for by_kind in (False, True)
        for one in outlooks(session, period=effective_in, by_kind=by_kind)
    }
    before: dict[str, Any] = {}
    after: dict[str, Any] = {"effective_in": f"{effective_in}", "basis": basis.value}
    suggested: dict[str, int] = {}
    for cohort, expected in sorted(wanted.items()):
        name, stand = name_of(cohort), stands.get(cohort)
        if cohort.earned_in > effective_in:
            raise EstimateTooLate(effective_in=effective_in, earliest=cohort.earned_in)
        if stand is None:
            raise UnknownCohort(cohort=name)
        least, most = stand.row.floor, stand.most
        if not least <= expected <= most:
            raise ImpossibleEstimate(cohort=name, least=least, most=most)
        held = stand.expected
        before[name] = round_half_up(held.numerator, held.denominator)
        after[name] = expected
        if stand.suggestion.expected is not None:
            suggested[name] = stand.suggestion.expected
    return request(
        session,
        action=EXPECT,
        subject=f"{effective_in:%Y-%m}",
        before=before,
        after=after | {"suggested": suggested},
        reason=memo,
        maker=maker,
        at=at,
    )


def apply_estimates(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let approved estimates hold from their month on, and return its first day.

    Raises `EstimateTooLate` when the month was closed meanwhile.
    """
    assert approval.action == EXPECT
    assert approval.state == "approved"
    said = approval.after
    effective_in = date.fromisoformat(said["effective_in"])
    _open(session, effective_in)
    session.execute(
        insert(CohortEstimate),
        [
            {
                "unit": cohort.unit,
                "earned_in": cohort.earned_in,
                "funding": cohort.funding,
                "effective_in": effective_in,
                "expected": expected,
                "suggested": suggested,
                "basis": said["basis"],
                "memo": approval.reason,
                "maker": approval.maker,
                "checker": approval.checker,
                "approval_id": approval.approval_id,
                "approved_at": at,
            }
            for name in said
            if " " in name
            for cohort, expected, suggested in _parts(
                session,
                named(name),
                expected=said[name],
                suggested=said["suggested"].get(name),
                period=effective_in,
            )
        ],
    )
    return effective_in


def ask_terms(
    session: Session,
    *,
    redemption_rate: Fraction,
    point_value_fen: Fraction,
    effective_in: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for terms of which nothing better is known, from an open month on.

    What was allocated stays allocated; they count for points that are issued from
    then on, and for cohorts without an estimate. Raises `BadEstimateTerms` with the
    names of what makes no sense, `EstimateTooLate`, `TermsMissing` and
    `AlreadyRequested`.
    """
    faults = []
    if not 0 <= redemption_rate <= 1 or redemption_rate.denominator > _DENOMINATOR_MAX:
        faults.append("redemption_rate")
    # Whoever means more than a yuan has forgotten that these are fen.
    if (
        not 0 < point_value_fen <= 100  # noqa: PLR2004 - a yuan
        or point_value_fen.denominator > _DENOMINATOR_MAX
    ):
        faults.append("point_value_fen")
    if faults:
        raise BadEstimateTerms(faults=faults)
    newest = _newest(session)
    _open(session, effective_in)
    return request(
        session,
        action=CHANGE_TERMS,
        subject=str(newest.version + 1),
        before=_as_json(newest),
        after={
            "effective_in": f"{effective_in}",
            "redemption_rate": str(redemption_rate),
            "point_value_fen": str(point_value_fen),
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_terms(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let approved terms hold from their month on, and return its first day.

    Raises `EstimateTermsMovedOn` where another version came in between, and
    `EstimateTooLate` when the month was closed meanwhile.
    """
    assert approval.action == CHANGE_TERMS
    assert approval.state == "approved"
    newest, version = _newest(session), int(approval.subject)
    if version != newest.version + 1:
        raise EstimateTermsMovedOn(version=newest.version)
    said = approval.after
    effective_in = date.fromisoformat(said["effective_in"])
    _open(session, effective_in)
    rate, value = Fraction(said["redemption_rate"]), Fraction(said["point_value_fen"])
    session.execute(
        insert(EstimateTerms).values(
            version=version,
            valid_from=effective_in,
            redeemed_num=rate.numerator,
            redeemed_den=rate.denominator,
            value_num=value.numerator,
            value_den=value.denominator,
            approval_id=approval.approval_id,
            loaded_at=at,
        )
    )
    return effective_in


def _parts(
    session: Session,
    cohort: Cohort,
    *,
    expected: int,
    suggested: int | None,
    period: date,
) -> list[tuple[Cohort, int, int | None]]:
    """Return what is expected of each cohort that another stands for.

    Raises `ImpossibleEstimate` where more was redeemed meanwhile than was expected.
    """
    if not cohort.funding.startswith(TOGETHER):
        return [(cohort, expected, suggested)]
    segment = Segment(
        unit=cohort.unit,
        kind=cohort.funding.removeprefix(TOGETHER),
        earned_in=cohort.earned_in,
    )
    found = outlooks(session, period=period, segment=segment)
    rows = [(one.row.floor, one.row.cap) for one in found]
    least, most = sum(row[0] for row in rows), sum(row[1] for row in rows)
    if not least <= expected <= most:
        raise ImpossibleEstimate(cohort=name_of(cohort), least=least, most=most)
    shares = shared_out(expected, rows)
    return [(one.cohort, share, None) for one, share in zip(found, shares, strict=True)]


def _as_json(terms: Terms) -> dict[str, str]:
    return {
        "effective_in": f"{terms.valid_from}",
        "redemption_rate": str(terms.redemption_rate),
        "point_value_fen": str(terms.point_value_fen),
    }


def _newest(session: Session) -> Terms:
    found = versions(session)
    if not found:
        raise TermsMissing
    return found[0]


def _open(session: Session, month: date) -> None:
    """Refuse a closed month; one that is open stays so until we are done."""
    assert month.day == 1
    earliest = first_open_day(session)
    if earliest is not None and month < earliest:
        raise EstimateTooLate(effective_in=month, earliest=earliest)
