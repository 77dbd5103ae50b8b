"""Keep what a comparison found: both sides as they were, and each difference.

A difference that is found again is the same one; one that is not found any more is
closed, and stays to be read. One that two people have settled stays settled while its
figures do not change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.breaks.models import Comparison

_KEEP = text(
    """
    WITH found AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS f(
            reference text, code text, ours_count bigint, theirs_count bigint,
            ours_units bigint, theirs_units bigint, ours_fen bigint, theirs_fen bigint)
    ), gone AS (
        UPDATE statement_break b SET closed_at = :at
         WHERE b.subject = :subject AND b.partner = :partner
           AND b.about_on = :about_on AND b.closed_at IS NULL
           AND NOT EXISTS (SELECT FROM found f
                            WHERE f.reference = b.reference AND f.code = b.code)
    )
    INSERT INTO statement_break AS b (
        subject, partner, about_on, reference, code, ours_count, theirs_count,
        ours_units, theirs_units, ours_fen, theirs_fen, found_at, seen_at)
    SELECT :subject, :partner, :about_on, reference, code, ours_count, theirs_count,
           ours_units, theirs_units, ours_fen, theirs_fen, :at, :at
      FROM found f
     WHERE NOT EXISTS (
           SELECT FROM statement_break d
            WHERE d.subject = :subject AND d.partner = :partner
              AND d.about_on = :about_on AND d.reference = f.reference
              AND d.code = f.code AND d.resolution IS NOT NULL
              AND (d.ours_count, d.theirs_count, d.ours_units, d.theirs_units,
                   d.ours_fen, d.theirs_fen)
                  IS NOT DISTINCT FROM
                  (f.ours_count, f.theirs_count, f.ours_units, f.theirs_units,
                   f.ours_fen, f.theirs_fen))
     ORDER BY reference, code
        ON CONFLICT (subject, partner, about_on, reference, code)
           WHERE closed_at IS NULL
        DO UPDATE SET seen_at = excluded.seen_at, ours_count = excluded.ours_count,
           theirs_count = excluded.theirs_count, ours_units = excluded.ours_units,
           theirs_units = excluded.theirs_units, ours_fen = excluded.ours_fen,
           theirs_fen = excluded.theirs_fen
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two sides say of one thing; None: a side says nothing of it."""

    reference: str
    code: str
    ours_count: int | None = None
    theirs_count: int | None = None
    ours_units: int | None = None
    theirs_units: int | None = None
    ours_fen: int | None = None
    theirs_fen: int | None = None


def keep(
    session: Session,
    *,
    subject: str,
    partner: str,
    about_on: date,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    differences: Sequence[Difference],
    actor: str,
    at: datetime,
) -> Comparison:
    """Write a comparison down, and what of its differences is new or gone.

    Comparisons of one thing take turns.
    """
    facts = {"subject": subject, "partner": partner, "about_on": about_on}
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"comparison {subject} {partner} {about_on}"},
    )
    found = json.dumps([asdict(one) for one in differences])
    session.execute(_KEEP, facts | {"found": found, "at": at})
    comparison = Comparison(
        **facts,
        ours=dict(ours),
        theirs=dict(theirs),
        differences=len(differences),
        actor=actor,
        compared_at=at,
    )
    session.add(comparison)
    session.flush()
    return comparison
