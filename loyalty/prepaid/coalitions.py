"""Say on which terms bills give a coalition's points; two people, for days to come.

The points stay the coalition's: we owe it a price for each that is given, or have paid
for them in advance, and it owes us for each that is spent with us.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.prepaid.errors import (
    BadCoalition,
    BrandGivenAlready,
    CoalitionKnown,
    CoalitionTooSoon,
)
from loyalty.prepaid.models import CoalitionTerms
from loyalty.settings import TIME_ZONE

CHANGE: Final = "prepaid.coalition"
GIVE: Final = "give"  # what blocks of a coalition's points serve
BILLINGS: Final = ("postpaid", "prepaid")
THOUSAND_FEN_MAX: Final = 100_000  # a hundred times what a point is carried at
PER_YUAN_MAX: Final = 1_000
_PRICES: Final = ("price_thousand_fen", "worth_thousand_fen", "honors_thousand_fen")

# What a coalition pays for a thousand of its points that are spent on a day, in fen.
HONORS: Final = """
(SELECT c.honors_thousand_fen FROM coalition_terms c
  WHERE c.partner = {partner} AND c.valid_from <= {day}
  ORDER BY c.valid_from DESC LIMIT 1)
"""

# What of coalitions' points was spent with us, or (below zero) given back: a row for
# each coalition and entry. What is given back is paid as on the day it was spent.
HONORED: Final = f"""
SELECT s.*, {HONORS.format(partner="s.partner", day="s.spent_on")} AS thousand_fen
  FROM (SELECT t.member_id, t.id AS entry_id, t.kind, x.funding AS partner, t.unit,
               o.sign * sum(x.units) AS units, t.effective_on,
               CAST(t.occurred_at AS date) AS occurred_on, t.recorded_at,
               CAST(CASE o.sign WHEN 1 THEN t.occurred_at ELSE (
                   SELECT min(b.occurred_at) FROM ledger.transfer b
                    WHERE b.member_id = t.member_id AND b.id = t.reverses) END
                   AS date) AS spent_on, t.reverses
          FROM ledger.transfer t
         CROSS JOIN LATERAL unnest(t.draws) x
         CROSS JOIN LATERAL (
               SELECT 1 AS sign WHERE t.credit ~ '^(redeemed\\.|exchanged\\.out:)'
               UNION ALL
               SELECT -1 WHERE t.debit ~ '^(redeemed\\.|exchanged\\.out:)') o
         WHERE t.draws IS NOT NULL AND x.cost_class = 'coalition'
           AND EXISTS (SELECT FROM coalition_terms)
         GROUP BY t.member_id, t.id, t.kind, x.funding, t.unit, o.sign, t.effective_on,
                  t.occurred_at, t.recorded_at, t.reverses) s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The terms of a coalition, as they are asked for."""

    partner: str
    valid_from: date
    brands: Sequence[str]  # none: it gives no more
    points_num: int  # per yuan
    points_den: int
    price_thousand_fen: int
    worth_thousand_fen: int
    honors_thousand_fen: int
    billing: str


def ask_terms(
    session: Session, *, wanted: Wanted, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for bills to give a coalition's points, from tomorrow at the earliest.

    Raises `BadCoalition` with the names of what makes no sense, `CoalitionTooSoon`,
    `CoalitionKnown`, `BrandGivenAlready` and `AlreadyRequested`.
    """
    faults = _faults(session, wanted)
    if faults:
        raise BadCoalition(faults=faults)
    _check(session, wanted, at=at)
    before = terms_on(session, partner=wanted.partner, on=wanted.valid_from)
    return request(
        session,
        action=CHANGE,
        subject=wanted.partner,
        before=None if before is None else _told(before),
        after=_told(wanted),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_terms(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let bills give points as was approved, and return the first day of it.

    Raises `CoalitionTooSoon` when that day has come meanwhile, `CoalitionKnown` and
    `BrandGivenAlready`.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    said = approval.after
    wanted = Wanted(
        partner=approval.subject,
        **said | {"valid_from": date.fromisoformat(said["valid_from"])},
    )
    session.execute(_ALONE)
    _check(session, wanted, at=at)
    session.add(
        CoalitionTerms(
            partner=wanted.partner,
            **_told(wanted) | {"valid_from": wanted.valid_from},
            approved_at=at,
        )
    )
    session.flush()
    return wanted.valid_from


def terms_on(session: Session, *, partner: str, on: date) -> CoalitionTerms | None:
    """Return the terms of a coalition on a day; None: it never gave any."""
    return session.scalar(
        select(CoalitionTerms)
        .where(CoalitionTerms.partner == partner, CoalitionTerms.valid_from <= on)
        .order_by(CoalitionTerms.valid_from.desc())
        .limit(1)
    )


# Two coalitions that want the same brand are decided one after the other.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('coalition_terms', 0))")

# Another coalition has the brand on the first day, or will have it afterwards.
_GIVEN = text(
    """
    SELECT c.partner FROM coalition_terms c
     WHERE c.partner <> :partner AND c.brands && CAST(:brands AS text[])
       AND NOT EXISTS (SELECT FROM coalition_terms n
                        WHERE n.partner = c.partner AND n.valid_from > c.valid_from
                          AND n.valid_from <= :valid_from)
     ORDER BY c.partner LIMIT 1
    """
)


def _faults(session: Session, wanted: Wanted) -> list[str]:
    is_coalition = session.scalar(
        text(
            "SELECT count(*) FROM partner"
            " WHERE partner = :partner AND kind = 'coalition'"
        ),
        {"partner": wanted.partner},
    )
    known = set(session.scalars(text("SELECT DISTINCT brand FROM bill_terms")))
    wrong = {
        "partner": not is_coalition,
        "billing": wanted.billing not in BILLINGS,
        "brands": not set(wanted.brands) <= known,
        "points_num": not 0 < wanted.points_num <= PER_YUAN_MAX,
        "points_den": not 0 < wanted.points_den <= PER_YUAN_MAX,
        **{
            name: not 0 <= getattr(wanted, name) <= THOUSAND_FEN_MAX for name in _PRICES
        },
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def _check(session: Session, wanted: Wanted, *, at: datetime) -> None:
    tomorrow = at.astimezone(TIME_ZONE).date() + timedelta(days=1)
    if wanted.valid_from < tomorrow:
        raise CoalitionTooSoon(valid_from=wanted.valid_from, earliest=tomorrow)
    if session.get(CoalitionTerms, (wanted.partner, wanted.valid_from)) is not None:
        raise CoalitionKnown(partner=wanted.partner, valid_from=wanted.valid_from)
    other = session.scalar(
        _GIVEN,
        {
            "partner": wanted.partner,
            "brands": list(wanted.brands),
            "valid_from": wanted.valid_from,
        },
    )
    if other is not None:
        raise BrandGivenAlready(partner=other)


def _told(terms: Wanted | CoalitionTerms) -> dict[str, Any]:
    """Return terms as an approval keeps them."""
    return {
        "valid_from": terms.valid_from.isoformat(),
        "brands": sorted(set(terms.brands)),
        "points_num": terms.points_num,
        "points_den": terms.points_den,
        **{name: getattr(terms, name) for name in _PRICES},
        "billing": terms.billing,
    }
