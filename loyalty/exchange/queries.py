"""Read exchanges: how one stands, what was left lying, what finance must see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.exchange.errors import UnknownExchange, UnknownRateCard
from loyalty.exchange.models import (
    Exchange,
    ExchangeAttempt,
    ExchangeEvent,
    RateCard,
)
from loyalty.exchange.rules import (
    LOOK_AGAIN_AFTER,
    LOOK_AGAIN_WITHIN,
    OPEN_STATES,
    PATIENCE,
    STATES,
)

LISTED_MAX: Final = 500
_DUE_MAX = 500


@dataclass(frozen=True, slots=True)
class EventView:
    """A state that an exchange came to."""

    state: str
    at: datetime
    actor: str
    reason: str | None  # None: nothing to add


@dataclass(frozen=True, slots=True)
class AttemptView:
    """A question put to a partner, and its answer."""

    what: str
    asked_at: datetime
    answered_at: datetime | None  # None: no answer was written down
    outcome: str | None
    partner_ref: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """An exchange as faces show it."""

    member_id: int
    member_ref: str
    exchange_ref: str
    direction: str
    partner: str
    partner_name: str | None  # None: nobody has named it
    account_ref: str
    from_unit: str
    to_unit: str
    units_out: int
    fee_points: int
    units_in: int
    money_fen: int
    service_fen: int
    rate_version: int
    state: str
    state_at: datetime
    requested_at: datetime
    send_after: datetime
    deadline: datetime
    is_reversal_wanted: bool
    is_irrevocable: bool  # by its rate card
    events: Sequence[EventView] = ()
    attempts: Sequence[AttemptView] = ()

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen to it."""
        return self.state in OPEN_STATES

    @property
    def reason(self) -> str | None:
        """Why it came to where it is; None: nothing to add."""
        return self.events[-1].reason if self.events else None


@dataclass(frozen=True, slots=True)
class Due:
    """An exchange that somebody must take up."""

    member_id: int
    exchange_ref: str
    partner: str


_VIEW = """
SELECT e.member_id, m.member_ref, e.exchange_ref, e.direction, e.partner,
       p.name AS partner_name, e.account_ref, e.from_unit, e.to_unit, e.units_out,
       e.fee_points, e.units_in, e.money_fen, e.service_fen, e.rate_version,
       e.state, e.state_at, e.requested_at, e.send_after, e.deadline,
       e.is_reversal_wanted, c.is_irrevocable
  FROM exchange e JOIN member m ON m.member_id = e.member_id
  JOIN rate_card c ON (c.partner, c.direction, c.version)
                    = (e.partner, e.direction, e.rate_version)
  LEFT JOIN partner p ON p.partner = e.partner
"""


def exchange(session: Session, *, member_id: int, exchange_ref: str) -> ExchangeView:
    """Return one exchange with all that happened to it.

    Raises `UnknownExchange`.
    """
    row = session.execute(
        text(f"{_VIEW} WHERE e.member_id = :member AND e.exchange_ref = :ref"),
        {"member": member_id, "ref": exchange_ref},
    ).one_or_none()
    if row is None:
        raise UnknownExchange(exchange_ref=exchange_ref)
    events = session.scalars(
        select(ExchangeEvent)
        .where(
            ExchangeEvent.member_id == member_id,
            ExchangeEvent.exchange_ref == exchange_ref,
        )
        .order_by(ExchangeEvent.nth)
    )
    attempts = session.scalars(
        select(ExchangeAttempt)
        .where(
            ExchangeAttempt.member_id == member_id,
            ExchangeAttempt.exchange_ref == exchange_ref,
        )
        .order_by(ExchangeAttempt.attempt_no)
        .execution_options(populate_existing=True)
    )
    return ExchangeView(
        **row._mapping,  # noqa: SLF001 - SQLAlchemy's public name for it
        events=[EventView(e.state, e.at, e.actor, e.reason) for e in events],
        attempts=[
            AttemptView(
                a.what, a.asked_at, a.answered_at, a.outcome, a.partner_ref, a.detail
            )
            for a in attempts
        ],
    )


def exchanges_of(
    session: Session, *, member_id: int, limit: int = 50
) -> list[ExchangeView]:
    """Return a member's exchanges, the newest first."""
    rows = session.execute(
        text(
            f"{_VIEW} WHERE e.member_id = :member"
            " ORDER BY e.requested_at DESC, e.exchange_ref LIMIT :limit"
        ),
        {"member": member_id, "limit": limit},
    )
    return [ExchangeView(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def listed(
    session: Session,
    *,
    state: str | None = None,
    partner: str | None = None,
    late_at: datetime | None = None,
    limit: int = LISTED_MAX,
) -> list[ExchangeView]:
    """Return exchanges for staff, the newest first; `late_at`: overdue at that time."""
    rows = session.execute(
        text(
            f"""
            {_VIEW}
             WHERE (CAST(:state AS text) IS NULL OR e.state = :state)
               AND (CAST(:partner AS text) IS NULL OR e.partner = :partner)
               AND (CAST(:late AS timestamptz) IS NULL
                    OR e.state IN ('requested', 'sent') AND e.deadline < :late)
             ORDER BY e.requested_at DESC, e.exchange_ref LIMIT :limit
            """
        ),
        {"state": state, "partner": partner, "late": late_at, "limit": limit},
    )
    return [ExchangeView(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def counts(session: Session, *, at: datetime) -> dict[str, int]:
    """Return how many exchanges are in each state, and how many are late."""
    rows = session.execute(
        text(
            """
            SELECT state, count(*) AS all_of_them,
                   count(*) FILTER (WHERE state IN ('requested', 'sent')
                                      AND deadline < :at) AS late
              FROM exchange GROUP BY state
            """
        ),
        {"at": at},
    ).all()
    found = dict.fromkeys(STATES, 0)
    found |= {row.state: int(row.all_of_them) for row in rows}
    return found | {"late": sum(int(row.late) for row in rows)}


def rate_card(session: Session, partner: str, direction: str, version: int) -> RateCard:
    """Return one version of a partner's rates.

    Raises `UnknownRateCard`.
    """
    found = session.get(RateCard, (partner, direction, version))
    if found is None:
        raise UnknownRateCard(partner=partner, direction=direction, version=version)
    return found


def rate_cards(session: Session) -> Sequence[RateCard]:
    """Return all versions of all rates, the newest of each first."""
    return session.scalars(
        select(RateCard).order_by(
            RateCard.partner, RateCard.direction.desc(), RateCard.version.desc()
        )
    ).all()


def member_of(session: Session, *, exchange_ref: str) -> int | None:
    """Return whose exchange this is; None: there is no such exchange."""
    return session.scalar(
        select(Exchange.member_id).where(Exchange.exchange_ref == exchange_ref)
    )


def due(session: Session, *, at: datetime, limit: int = _DUE_MAX) -> list[Due]:
    """Return exchanges that may have something to ask, longest unasked first."""
    rows = session.execute(
        text(
            """
            SELECT e.member_id, e.exchange_ref, e.partner
              FROM exchange e
              LEFT JOIN LATERAL (
                  SELECT max(a.asked_at) AS asked_at,
                         bool_or(a.what = 'move_units') AND NOT bool_or(
                             a.outcome = 'declined' AND a.what <> 'learn'
                             OR a.asked_at > e.state_at
                             AND a.outcome IN ('confirmed', 'absent')) AS is_unsure
                    FROM exchange_attempt a
                   WHERE a.member_id = e.member_id
                     AND a.exchange_ref = e.exchange_ref) a ON true
             WHERE (e.state IN ('requested', 'sent') AND e.send_after <= :at
                    OR e.state IN ('confirmed', 'disputed') AND e.is_reversal_wanted
                    OR e.state IN ('confirmed', 'declined') AND a.is_unsure
                       AND e.state_at BETWEEN :look_since AND :look_until
                       AND a.asked_at <= :look_until)
               AND coalesce(a.asked_at <= :patient, true)
             ORDER BY a.asked_at NULLS FIRST, e.requested_at, e.exchange_ref
             LIMIT :limit
            """
        ),
        {
            "at": at,
            "patient": at - PATIENCE,
            "look_since": at - LOOK_AGAIN_WITHIN,
            "look_until": at - LOOK_AGAIN_AFTER,
            "limit": limit,
        },
    )
    return [Due(*row) for row in rows]
