"""Read how a partner's month stands: its sides, and what is open since when."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.matching.facts import facts
from loyalty.matching.models import MatchTerms
from loyalty.matching.rules import SUBJECT, Terms


@dataclass(frozen=True, slots=True)
class Total:
    """Everything of one kind on one side; what was undone counts below zero."""

    lines: int = 0
    units: int = 0
    fen: int = 0

    def __add__(self, other: "Total") -> "Total":
        return Total(
            self.lines + other.lines, self.units + other.units, self.fen + other.fen
        )

    def as_json(self) -> dict[str, int]:
        """Return the total as it is kept."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sides:
    """A month as we have it, as the partner's file has it, and as it is billed."""

    our_kinds: Mapping[str, Total]
    their_kinds: Mapping[str, Total]
    billed: Mapping[str, Total] = field(default_factory=dict)
    billed_fen: int | None = None  # None: no invoice has come

    @property
    def ours(self) -> Total:
        """Everything that we have."""
        return sum(self.our_kinds.values(), Total())

    @property
    def theirs(self) -> Total:
        """Everything that the partner has."""
        return sum(self.their_kinds.values(), Total())


_OURS = """
SELECT kind, count(*) AS lines, sum(units) AS units, sum(fen) AS fen
  FROM ({facts}) f WHERE on_day BETWEEN :first AND :last AND NOT is_idle
 GROUP BY kind ORDER BY kind
"""

_THEIRS = text(
    """
    SELECT kind, count(*) AS lines, sum(units) AS units, sum(amount_fen) AS fen
      FROM partner_line
     WHERE partner = :partner AND occurred_on BETWEEN :first AND :last
       AND status = 'posted'
     GROUP BY kind ORDER BY kind
    """
)

_BILLED = text(
    """
    SELECT l.kind, count(*) AS lines, coalesce(sum(l.units), 0) AS units,
           sum(l.amount_fen) AS fen
      FROM partner_invoice i JOIN partner_invoice_line l USING (partner, invoice_no)
     WHERE i.partner = :partner AND i.period = :first
     GROUP BY l.kind ORDER BY l.kind
    """
)

_BILLED_FEN = text(
    "SELECT sum(total_fen) FROM partner_invoice"
    " WHERE partner = :partner AND period = :first"
)


def has_told(session: Session, *, partner: str, period: date) -> bool:
    """Tell whether a partner has told anything of a month."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM partner_line WHERE partner = :partner"
                " AND occurred_on BETWEEN :first AND :last)"
            ),
            {"partner": partner, "first": period, "last": last_day(period)},
        )
    )


def agreed_lines(session: Session, *, partner: str, period: date) -> int:
    """Return how many lines of a month agree with ours."""
    return int(
        session.scalar(
            text(
                "SELECT count(*) FROM line_pair WHERE partner = :partner"
                " AND period = :period AND code = 'MATCHED'"
            ),
            {"partner": partner, "period": period},
        )
        or 0
    )


def open_codes(session: Session, *, partner: str, period: date) -> dict[str, int]:
    """Return how many breaks of a partner's month are open, by code."""
    rows = session.execute(
        text(
            "SELECT code, count(*) AS breaks FROM statement_break"
            " WHERE subject = :subject AND partner = :partner AND about_on = :period"
            " AND closed_at IS NULL GROUP BY code ORDER BY code"
        ),
        {"subject": SUBJECT, "partner": partner, "period": period},
    )
    return {row.code: int(row.breaks) for row in rows}


def last_day(period: date) -> date:
    """Return the last day of the month that begins on a day."""
    following = date(period.year + period.month // 12, period.month % 12 + 1, 1)
    return following - timedelta(days=1)


def terms_of(session: Session, *, partner: str) -> Terms:
    """Return how a partner's lines are compared."""
    found = session.get(MatchTerms, partner)
    if found is None:
        return Terms()
    return Terms(
        date_basis=found.date_basis,
        cut_off_minutes=found.cut_off_minutes,
        time_zone=found.time_zone,
        tolerance_fen=found.tolerance_fen,
        days_apart=found.days_apart,
    )


def sides(session: Session, *, partner: str, period: date) -> Sides:
    """Return a partner's month from all three sources, by kind."""
    terms = terms_of(session, partner=partner)
    said = {
        "partner": partner,
        "first": period,
        "last": last_day(period),
        "zone": terms.time_zone,
        "cut_off": terms.cut_off_minutes,
    }

    def totals(query: str) -> dict[str, Total]:
        return {
            row.kind: Total(int(row.lines), int(row.units), int(row.fen))
            for row in session.execute(text(query), said)
        }

    billed_fen = session.scalar(_BILLED_FEN, said)
    return Sides(
        our_kinds=totals(_OURS.format(facts=facts(terms))),
        their_kinds=totals(_THEIRS.text),
        billed=totals(_BILLED.text),
        billed_fen=None if billed_fen is None else int(billed_fen),
    )


_TO_MATCH = text(
    """
    SELECT DISTINCT partner, CAST(date_trunc('month', occurred_on) AS date) AS period
      FROM partner_line l
     WHERE occurred_on < :until
       AND (occurred_on >= :since
            OR NOT EXISTS (SELECT FROM line_pair p WHERE p.line_id = l.line_id)
               AND NOT EXISTS (SELECT FROM statement_break b
                                WHERE b.line_id = l.line_id))
     UNION
    SELECT DISTINCT b.partner, b.about_on
      FROM statement_break b
     WHERE b.subject = :subject AND b.closed_at IS NULL
       AND (b.line_id IS NULL) <> (b.event_ref IS NULL)
       AND EXISTS (SELECT FROM partner_line l
                    WHERE l.partner = b.partner AND l.occurred_on >= b.about_on
                      AND l.occurred_on < b.about_on + interval '1 month')
     ORDER BY 1, 2
    """
)


def to_match(session: Session, *, on: date) -> list[tuple[str, date]]:
    """Return the months of partners that a day has to look at.

    This one and the two before it, for facts come late; older ones while something
    of theirs was never looked at, or is on one side only.
    """
    first = on.replace(day=1)
    since = (first - timedelta(days=45)).replace(day=1)
    said = {
        "until": last_day(first) + timedelta(days=1),
        "since": since,
        "subject": SUBJECT,
    }
    return [(row.partner, row.period) for row in session.execute(_TO_MATCH, said)]
