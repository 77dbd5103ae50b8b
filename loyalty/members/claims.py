"""Keys of the outside world, claimed once and for all.

A partner's reference, a bill, a payment: each is claimed by the key alone, so
that two members can never be paid for one of them (design.md 1, decision 3).
"""

from collections.abc import Iterator

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

# A line `l` that nothing has been decided about.
NEW = "NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)"

_COUNT_UNDECIDED = """
SELECT (SELECT count(*) FROM line l) - (SELECT count(*) FROM verdict v JOIN line l
                                            ON l.line_no = v.line_no)
"""

# A key that was claimed before decides its line. The load's own claim counts as
# booked: it was interrupted after that line and is now resumed.
_DECIDE = """
INSERT INTO verdict (line_no, outcome, reason)
SELECT l.line_no,
       CASE WHEN c.content <> l.content THEN 'rejected'
            WHEN c.feed_file = :feed_file AND c.line_no = l.line_no THEN 'booked'
            ELSE 'already_booked' END,
       CASE WHEN c.content <> l.content THEN 'reference_reused' END
  FROM line l
  JOIN claim c ON c.space = :space AND c.key = {key}
 WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
"""

_CLAIM = """
INSERT INTO claim (space, key, member_id, content, feed_file, line_no)
SELECT :space, {key}, l.member_id, l.content, :feed_file, l.line_no
  FROM line l
 WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
 ORDER BY {key}, l.line_no
    ON CONFLICT DO NOTHING
"""

# Lines of one chunk that name a key twice, and keys that another load took just now.
_DECIDE_LATECOMERS = (
    _DECIDE
    + """
   AND (c.feed_file, c.line_no) IS DISTINCT FROM (CAST(:feed_file AS int), l.line_no)
"""
)


def decide_known(session: Session, *, space: str, key: str, feed_file: int) -> None:
    """Give a verdict to the lines whose key is claimed already.

    `key` is a SQL expression over the line `l`.
    """
    session.execute(
        text(_DECIDE.format(key=key)), {"space": space, "feed_file": feed_file}
    )


def claim_new(session: Session, *, space: str, key: str, feed_file: int) -> None:
    """Claim the keys of all lines that have no verdict yet.

    Lines whose key is known must have been decided before. Of lines with one key
    the first wins; the others get their verdict. What has no verdict afterwards is
    new, must be booked, and counts as booked.
    """
    facts = {"space": space, "feed_file": feed_file}
    undecided = session.scalar(text(_COUNT_UNDECIDED))
    claimed = session.execute(text(_CLAIM.format(key=key)), facts)
    assert isinstance(claimed, CursorResult)
    if claimed.rowcount < undecided:
        session.execute(text(_DECIDE_LATECOMERS.format(key=key)), facts)


def reject(session: Session, reason: str) -> None:
    """Reject the lines without a verdict that a SQL expression gives a reason."""
    session.execute(
        text(
            f"""
            INSERT INTO verdict (line_no, outcome, reason)
            SELECT line_no, 'rejected', reason
              FROM (SELECT l.line_no, {reason} AS reason FROM line l
                     WHERE NOT EXISTS (SELECT FROM verdict v
                                        WHERE v.line_no = l.line_no)) judged
             WHERE reason IS NOT NULL
            """
        )
    )


def fill(
    session: Session, table: str, query: str, facts: dict[str, object] | None = None
) -> None:
    """Fill a temporary table with what a query yields, and with nothing else.

    It is made once in a transaction: every table made there is locked until the
    end, and a member with thousands of lines would use up the server's locks.
    """
    made = session.scalar(
        text("SELECT to_regclass(:name)"), {"name": f"pg_temp.{table}"}
    )
    if made is None:
        query = f"CREATE TEMP TABLE {table} ON COMMIT DROP AS {query}"
    else:
        session.execute(text(f"TRUNCATE {table}"))
        query = f"INSERT INTO {table} {query}"
    session.execute(text(query), facts or {})


def rounds(session: Session, *, key: str = "member_id") -> Iterator[int]:
    """Narrow `line` to lines that do not depend on each other, in the file's order.

    What a line does may depend on the member's lines before it that have its `key`,
    SQL over `line`; the next round of a member begins where a key comes again. Lines
    of different members are decided together.
    """
    session.execute(
        text(
            f"""
            CREATE TEMP TABLE turn ON COMMIT DROP AS
            SELECT line_no, 1 + count(*) FILTER (WHERE is_again) OVER (
                                    PARTITION BY member_id ORDER BY line_no) AS nth
              FROM (SELECT line_no, member_id,
                           row_number() OVER (PARTITION BY member_id, {key}
                                              ORDER BY line_no) > 1 AS is_again
                      FROM line WHERE member_id IS NOT NULL) keyed
            """
        )
    )
    turns: int = session.scalar(text("SELECT coalesce(max(nth), 0) FROM turn")) or 0
    if turns > 1:
        session.execute(text("ALTER TABLE line RENAME TO chunk"))
    for nth in range(1, turns + 1):
        if turns > 1:
            fill(
                session,
                "line",
                "SELECT c.* FROM chunk c"
                " JOIN turn t ON t.line_no = c.line_no AND t.nth = :nth",
                {"nth": nth},
            )
        yield nth
    if turns > 1:
        session.execute(text("DROP TABLE line"))
        session.execute(text("ALTER TABLE chunk RENAME TO line"))
