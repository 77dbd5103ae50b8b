"""Bring members and their lines into the programme.

The booking reads the temporary table `line` of a feed and answers in `verdict`.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

# Whoever brings members in takes this lock first; the number is arbitrary.
_LOCK_KEY = 0x4D454D42

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")

_MAKE_ACCEPTED = text(
    """
    CREATE TEMPORARY TABLE accepted (
        line_no int, member_id bigint, is_new bool, from_member bigint) ON COMMIT DROP
    """
)

# What is certain whatever the lines before it in the file come to: those were
# either booked already, or will not be.
_JUDGE = text(
    """
    INSERT INTO verdict (line_no, outcome, reason)
    SELECT line_no,
           CASE WHEN code IN ('booked', 'already_booked') THEN code
                ELSE 'rejected' END,
           nullif(nullif(code, 'booked'), 'already_booked')
      FROM (SELECT l.line_no,
                   CASE WHEN (own.feed_file, own.line_no) = (:feed_file, l.line_no)
                        THEN 'booked'
                        WHEN own.content = l.content THEN 'already_booked'
                        WHEN p.id_hash <> l.id_hash THEN 'id_hash_differs'
                        WHEN own.member_id IS NOT NULL OR n.member_id = m.member_id
                        THEN 'reference_reused'
                        WHEN n.member_id IS NOT NULL AND holder.state IS DISTINCT
                             FROM 'transferred'
                        THEN 'msisdn_in_use' END AS code
              FROM line l
              LEFT JOIN claim m ON m.space = 'member' AND m.key = l.member_ref
              LEFT JOIN person p ON p.member_id = m.member_id
              LEFT JOIN subscription own
                     ON own.member_id = m.member_id AND own.msisdn = l.msisdn
                    AND own.activated_on = l.activated_on
              LEFT JOIN claim n ON n.space = 'msisdn' AND n.key = l.msisdn
              LEFT JOIN subscription holder
                     ON holder.member_id = n.member_id AND holder.msisdn = l.msisdn
                    AND holder.ended_on IS NULL
             WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
           ) judged
     WHERE code IS NOT NULL
    """
)

# Of the lines without a verdict, those before which nothing undecided stands that
# names the same number, or the same person as long as nobody knows that person.
_ACCEPT = text(
    """
    INSERT INTO accepted (line_no, member_id, is_new, from_member)
    SELECT line_no,
           coalesce(member_id, nextval(pg_get_serial_sequence('member', 'member_id'))),
           member_id IS NULL, from_member
      FROM (SELECT l.line_no, m.member_id, n.member_id AS from_member,
                   min(l.line_no) OVER (PARTITION BY l.msisdn) AS first_of_number,
                   min(l.line_no) OVER (PARTITION BY l.member_ref) AS first_of_member
              FROM line l
              LEFT JOIN claim m ON m.space = 'member' AND m.key = l.member_ref
              LEFT JOIN claim n ON n.space = 'msisdn' AND n.key = l.msisdn
             WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
           ) undecided
     WHERE line_no = first_of_number
       AND (member_id IS NOT NULL OR line_no = first_of_member)
    """
)

_WELCOME = (
    text(
        """
        INSERT INTO member (member_id, member_ref, joined_on)
        SELECT a.member_id, l.member_ref, l.activated_on
          FROM accepted a JOIN line l USING (line_no)
         WHERE a.is_new
        """
    ),
    text(
        """
        INSERT INTO claim (space, key, member_id, content, feed_file, line_no)
        SELECT 'member', l.member_ref, a.member_id, l.content, :feed_file, line_no
          FROM accepted a JOIN line l USING (line_no)
         WHERE a.is_new
        """
    ),
    text(
        """
        INSERT INTO person (member_id, name, id_hash, phone_contact, email)
        SELECT a.member_id, l.name, l.id_hash, l.phone_contact, l.email
          FROM accepted a JOIN line l USING (line_no)
         WHERE a.is_new
        """
    ),
    text(
        """
        SELECT ledger.open_books(array_agg(a.member_id), l.activated_on)
          FROM accepted a JOIN line l USING (line_no)
         WHERE a.is_new
         GROUP BY l.activated_on
        """
    ),
    # A customer again: the book opens, and nothing comes back into it.
    text(
        """
        WITH back AS (
            UPDATE member m SET left_on = NULL
              FROM accepted a
             WHERE m.member_id = a.member_id AND m.left_on IS NOT NULL
            RETURNING m.member_id)
        SELECT ledger.set_gate(array_agg(member_id), 'open') FROM back
        HAVING count(*) > 0
        """
    ),
)

_CONNECT = (
    text(
        """
        UPDATE subscription old
           SET ended_on = greatest(old.activated_on, l.activated_on)
          FROM accepted a JOIN line l USING (line_no)
         WHERE a.from_member IS NOT NULL AND old.member_id = a.from_member
           AND old.msisdn = l.msisdn AND old.ended_on IS NULL
        """
    ),
    # Only a number that was transferred is claimed by somebody at this point.
    text(
        """
        INSERT INTO claim (space, key, member_id, content, feed_file, line_no)
        SELECT 'msisdn', l.msisdn, a.member_id, l.content, :feed_file, line_no
          FROM accepted a JOIN line l USING (line_no)
        ON CONFLICT (space, key) DO UPDATE
           SET member_id = excluded.member_id, content = excluded.content,
               feed_file = excluded.feed_file, line_no = excluded.line_no
        """
    ),
    text(
        """
        INSERT INTO subscription (
            member_id, msisdn, activated_on, network, brand, pay_type, city, county,
            hall, group_ref, state_at, content, feed_file, line_no)
        SELECT a.member_id, l.msisdn, l.activated_on, l.network, l.brand, l.pay_type,
               l.city, l.county, l.hall, l.group_ref, l.activated_on, l.content,
               :feed_file, line_no
          FROM accepted a JOIN line l USING (line_no)
        """
    ),
)

_FORGET = text("TRUNCATE accepted")


def book_subscribers(session: Session, *, feed_file: int) -> None:
    """Book a chunk of lines, each decided as if it stood alone after the ones before.

    The first line that is booked of a member makes the person. Lines that do not
    touch the same number or the same new person are decided together; a round of
    that for each that do.
    """
    facts = {"feed_file": feed_file}
    session.execute(_LOCK, {"key": _LOCK_KEY})
    session.execute(_MAKE_ACCEPTED)
    session.execute(_JUDGE, facts)
    while _accept(session):
        for statement in (*_WELCOME, *_CONNECT, _JUDGE):
            session.execute(statement, facts)
        session.execute(_FORGET)


def _accept(session: Session) -> bool:
    session.execute(_ACCEPT)
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM accepted)")))
