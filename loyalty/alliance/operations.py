"""Bring partners, and members' accounts with them, into the alliance.

The bookings read the temporary table `line` of a feed and answer in `verdict`.
"""

from datetime import date
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

_INSERT_PARTNERS = text(
    """
    INSERT INTO partner (partner, kind, name, feed_file, line_no)
    SELECT DISTINCT ON (partner) partner, kind, name, :feed_file, line_no
      FROM line
     ORDER BY partner, line_no
    ON CONFLICT DO NOTHING
    """
)

_JUDGE_PARTNERS = text(
    """
    INSERT INTO verdict (line_no, outcome, reason)
    SELECT l.line_no,
           CASE WHEN (p.feed_file, p.line_no) = (:feed_file, l.line_no) THEN 'booked'
                WHEN (p.kind, p.name) = (l.kind, l.name) THEN 'already_booked'
                ELSE 'rejected' END,
           CASE WHEN (p.kind, p.name) <> (l.kind, l.name) THEN 'reference_reused' END
      FROM line l JOIN partner p USING (partner)
    """
)

_CLAIM_ACCOUNTS = text(
    """
    INSERT INTO claim (space, key, member_id, content, feed_file, line_no)
    SELECT DISTINCT ON (k.key) 'account', k.key, m.member_id, l.content, :feed_file,
           l.line_no
      FROM line l
     CROSS JOIN LATERAL (SELECT l.partner || '/' || l.account_ref AS key) k
      JOIN partner p USING (partner)
      JOIN claim m ON m.space = 'member' AND m.key = l.member_ref
     ORDER BY k.key, l.line_no
    ON CONFLICT DO NOTHING
    """
)

_INSERT_LINKS = text(
    """
    INSERT INTO link (member_id, partner, account_ref, linked_on)
    SELECT a.member_id, l.partner, l.account_ref, l.linked_on
      FROM line l
      JOIN claim a ON a.space = 'account' AND a.key = l.partner || '/' || l.account_ref
     WHERE (a.feed_file, a.line_no) = (:feed_file, l.line_no)
    ON CONFLICT DO NOTHING
    """
)

_JUDGE_LINKS = text(
    """
    INSERT INTO verdict (line_no, outcome, reason)
    SELECT line_no,
           CASE WHEN code IN ('booked', 'already_booked') THEN code
                ELSE 'rejected' END,
           nullif(nullif(code, 'booked'), 'already_booked')
      FROM (SELECT l.line_no,
                   CASE WHEN p.partner IS NULL THEN 'unknown_partner'
                        WHEN m.member_id IS NULL THEN 'unknown_member'
                        WHEN a.member_id <> m.member_id THEN 'account_in_use'
                        WHEN (a.feed_file, a.line_no) = (:feed_file, l.line_no)
                        THEN 'booked'
                        WHEN a.content = l.content THEN 'already_booked'
                        ELSE 'reference_reused' END AS code
              FROM line l
              LEFT JOIN partner p USING (partner)
              LEFT JOIN claim m ON m.space = 'member' AND m.key = l.member_ref
              LEFT JOIN claim a ON a.space = 'account'
                               AND a.key = l.partner || '/' || l.account_ref) judged
    """
)


# The claim decides: whoever links an account first has it, by whichever way.
_CLAIM_ACCOUNT = text(
    """
    INSERT INTO claim (space, key, member_id, content)
    VALUES ('account', :key, :member, CAST(:content AS uuid)) ON CONFLICT DO NOTHING
    """
)
_OWNER = text("SELECT member_id FROM claim WHERE space = 'account' AND key = :key")
_INSERT_LINK = text(
    """
    INSERT INTO link (member_id, partner, account_ref, linked_on)
    VALUES (:member, :partner, :account_ref, :on) ON CONFLICT DO NOTHING
    """
)


def link_account(
    session: Session, *, member_id: int, partner: str, account_ref: str, on: date
) -> int:
    """Link a member's account at a partner; return whose it is, which may be another's.

    Nothing is linked in that case, and a second time does nothing.
    """
    key = f"{partner}/{account_ref}"
    claimed = {"key": key, "member": member_id, "content": uuid4()}
    session.execute(_CLAIM_ACCOUNT, claimed)
    owner: int = session.execute(_OWNER, {"key": key}).scalar_one()
    if owner == member_id:
        session.execute(
            _INSERT_LINK,
            {
                "member": member_id,
                "partner": partner,
                "account_ref": account_ref,
                "on": on,
            },
        )
    return owner


def book_partners(session: Session, *, feed_file: int) -> None:
    """Book a chunk of partners; the first to use a code keeps it."""
    session.execute(_INSERT_PARTNERS, {"feed_file": feed_file})
    session.execute(_JUDGE_PARTNERS, {"feed_file": feed_file})


def book_links(session: Session, *, feed_file: int) -> None:
    """Book a chunk of links; an account belongs to the member who claimed it first."""
    for statement in (_CLAIM_ACCOUNTS, _INSERT_LINKS, _JUDGE_LINKS):
        session.execute(statement, {"feed_file": feed_file})
