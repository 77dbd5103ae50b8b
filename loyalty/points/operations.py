"""Post the programme's entries: drafts made by SQL over sets, one call per batch.

A late fact is redated here to the first open day; when it happened is kept.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.claims import claim_new, decide_known, reject


class EntryRefused(AssertionError):
    """The ledger refused an entry that the rules had let through: a bug."""


# Files are numbered from 1 up; batches of partners' machines from -1 down.
BOOKED_BY = (
    "CASE WHEN CAST(:feed_file AS int) > 0 THEN 'feed:' || CAST(:feed_file AS text)"
    " ELSE 'api:' || CAST(-CAST(:feed_file AS int) AS text) END"
)


def draft(
    *,
    kind: str,
    reference: str,
    debit: str,
    credit: str,
    units: str,
    amount: str,
    effective_on: str,
    line: str = "0",
    member_id: str = "member_id",
    occurred_at: str | None = None,
    input_hash: str = "content",
    actor: str = BOOKED_BY,
    lot: str = "NULL",
    scope: str = "NULL",
    reverses: str = "NULL",
    rule_version: str = "NULL",
) -> str:
    """Return the SQL of one `ledger.draft`; every argument is a SQL expression.

    The day is moved to the first open one.
    """
    occurred_at = occurred_at or f"CAST({effective_on} AS timestamptz)"
    return (
        f"ROW({line}, {member_id}, {reference}, {input_hash}, {kind}, {debit},"
        f" {credit}, {units}, {amount}, {scope}, {lot}, {reverses},"
        f" greatest({effective_on}, CAST(:first_open AS date)), {occurred_at}, {actor},"
        f" {rule_version})::ledger.draft"
    )


def lot(
    *, issuer: str, cost_class: str, earned_in: str, months: str = "expiry_months"
) -> str:
    """Return the SQL of the lot that points earned in a month live in.

    Its last good day is the last of the 36th month after (design.md 5, Expiry);
    `months` is where the terms' own figure is found. Whoever issues also funds.
    """
    expires_on = (
        f"CAST({earned_in} + make_interval(months => {months} + 1) AS date) - 1"
    )
    return (
        f"ROW({issuer}, {issuer}, {cost_class}, {earned_in}, {expires_on},"
        f" {expires_on}, NULL, NULL)::ledger.draw"
    )


def departure_of(member_id: str, reference: str) -> str:
    """Return the SQL of the departure that voided what an entry had earned.

    It is the first one booked after that entry, whatever their days: what a late
    event voids may be dated after it. None is found once the member was reinstated.
    """
    return (
        "(SELECT x.left_on, x.entry_id FROM departure x"
        f" WHERE x.member_id = {member_id} AND x.reinstated_on IS NULL"
        " AND x.booked_at > (SELECT t.recorded_at FROM ledger.reference r"
        " JOIN ledger.transfer t ON t.member_id = r.member_id AND t.id = r.entry_id"
        f" WHERE r.member_id = {member_id} AND r.reference = {reference} LIMIT 1)"
        " ORDER BY x.booked_at LIMIT 1)"
    )


# Who earns and who leaves keep each other waiting, and nobody of their own kind: no
# advisory lock can do that, but these two modes can. Taken first of all in a
# transaction, so that nobody waits for it who is waited for.
_EARNING = text("LOCK TABLE coming_and_going IN ROW EXCLUSIVE MODE")
_LEAVING = text("LOCK TABLE coming_and_going IN SHARE MODE")


def let_nobody_leave(session: Session) -> None:
    """Keep members in the network, or out of it, until the transaction ends.

    What they earn is decided by where they are, before their books are locked.
    """
    session.execute(_EARNING)


def let_nobody_earn(session: Session) -> None:
    """Wait for all that is being earned; members may then leave and return.

    Others may let members leave at the same time: each locks the members it is about.
    """
    session.execute(_LEAVING)


# Who dates entries to open days shares this lock; who closes a month has it alone.
_CLOSING = {"key": 0x434C4F53}


def let_nobody_post(session: Session) -> None:
    """Wait for all who have asked for the first open day; a month may be closed."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _CLOSING)


def first_open_day(session: Session) -> date | None:
    """Return the first day that entries may be dated to; None: any day may.

    It stays so until the transaction ends.
    """
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), _CLOSING)
    day: date | None = session.scalar(
        text("SELECT max(last_day) + 1 FROM ledger.period WHERE closed_at IS NOT NULL")
    )
    return day


def post(session: Session, drafts: str, **parameters: object) -> int:
    """Post the drafts that a SQL query `(draft, nth)` yields, in order of `nth`.

    All of them must be postable. Returns how many entries were posted. They are
    handed over member by member, which touches the books' pages in order.
    """
    row = session.execute(
        text(
            f"""
            SELECT count(*) AS entries, count(*) FILTER (WHERE outcome = 'refused')
                   AS refused, min(code) AS code
              FROM ledger.post((
                  SELECT array_agg(draft ORDER BY (draft).member_id, nth)
                    FROM ({drafts}) d))
            """
        ),
        {"first_open": first_open_day(session)} | parameters,
    ).one()
    if row.refused:
        raise EntryRefused(f"{row.refused} of {row.entries}: {row.code}")
    return int(row.entries)


def book_opening(session: Session, *, feed_file: int) -> None:
    """Take over the points of an existing programme, each lot as it was.

    They are dated to the first day of their earning month, so that whatever month
    is reported first finds them in its opening.
    """
    key = "concat_ws('/', l.member_ref, l.unit, l.issuer, l.earned_in, l.expires_on)"
    decide_known(session, space="opening", key=key, feed_file=feed_file)
    reject(
        session,
        """
        CASE WHEN l.member_id IS NULL THEN 'unknown_member'
             WHEN NOT EXISTS (SELECT FROM ledger.unit u WHERE u.code = l.unit)
                 THEN 'unknown_unit'
             WHEN l.points NOT BETWEEN 1 AND 1000000000000000 THEN 'amount_out_of_range'
             WHEN l.expires_on < l.earned_in THEN 'expires_before_earned' END
        """,
    )
    claim_new(session, space="opening", key=key, feed_file=feed_file)
    row = draft(
        kind="'opening'",
        reference="concat_ws('/', 'opening:' || l.unit, l.issuer, l.earned_in,"
        " l.expires_on)",
        debit="CASE WHEN p.partner IS NULL THEN 'issued'"
        " ELSE 'issued.partner:' || p.partner END",
        credit="'available'",
        units="ARRAY[unit]",
        amount="points",
        lot="ROW(issuer, issuer, 'opening', earned_in, expires_on, expires_on, NULL,"
        " NULL)::ledger.draw",
        effective_on="earned_in",
    )
    post(
        session,
        f"""
        SELECT {row} AS draft, l.line_no AS nth
          FROM line l LEFT JOIN partner p ON p.partner = l.issuer
         WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
        """,
        feed_file=feed_file,
    )


@dataclass(frozen=True, slots=True)
class Expired:
    """What one chunk of expiry did."""

    entries: int
    points: int


def expire(session: Session, *, business_date: date, limit: int = 10_000) -> Expired:
    """Expire lots whose last good day lies before the business date, a chunk of them.

    The entry is effective the day after, or on the first open day.
    """
    row = draft(
        kind="'expiry'",
        reference="concat_ws(':', 'expiry', unit, expires_on, nth)",
        debit="'available'",
        credit="'expired'",
        units="ARRAY[unit]",
        amount="NULL",
        scope="'expired'",
        lot="ROW(NULL, NULL, NULL, NULL, expires_on, NULL, NULL, NULL)::ledger.draw",
        effective_on="expires_on + 1",
        input_hash="CAST(md5(concat_ws(':', unit, expires_on, nth)) AS uuid)",
        actor="'job:expire-points'",
    )
    # A lot may have been opened again after its day, by a late fact: `nth` counts
    # how often this day of this unit has expired before.
    found = session.execute(
        text(
            f"""
            WITH due AS MATERIALIZED (
                SELECT l.member_id, l.unit, l.expires_on, sum(l.units_left) AS points,
                       (SELECT count(*) FROM ledger.reference r
                         WHERE r.member_id = l.member_id AND r.reference LIKE
                               concat_ws(':', 'expiry', l.unit, l.expires_on, '%'))
                           AS nth
                  FROM ledger.lot l
                 WHERE l.units_left > 0 AND l.expires_on < :business_date
                 GROUP BY l.member_id, l.unit, l.expires_on
                 ORDER BY l.member_id LIMIT :limit
            )
            SELECT count(*) AS due, coalesce(sum(points), 0) AS points,
                   (SELECT count(*) FROM ledger.post((
                       SELECT array_agg({row} ORDER BY member_id, expires_on)
                         FROM due)) a
                     WHERE a.outcome = 'posted') AS entries
              FROM due
            """
        ),
        {
            "business_date": business_date,
            "limit": limit,
            "first_open": first_open_day(session),
        },
    ).one()
    return Expired(entries=int(found.entries), points=int(found.points))
