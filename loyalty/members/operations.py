"""Bring members and their lines into the programme, and do as they ask.

The booking reads the temporary table `line` of a feed and answers in `verdict`.
What members decide about themselves is confirmed with codes (`access`), which are
used up in the transaction of what they confirm.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Result, insert, select, text, update
from sqlalchemy.orm import Session

from loyalty.access.operations import cool_down, lock_spending, spend_code
from loyalty.approvals import operations as approvals
from loyalty.approvals.models import Approval
from loyalty.members.errors import (
    BadContact,
    ErasureAsked,
    ErasureNotDue,
    NoContact,
    NoErasureAsked,
    OrdersUnderWay,
    SameContact,
    UnknownPurpose,
)
from loyalty.members.models import Consent, ContactChange, ErasureRequest, Person
from loyalty.members.queries import contact_phone, erasure_request, orders_under_way
from loyalty.members.rules import (
    ERASURE,
    NOTICES,
    SPEND_UNLOCK,
    contact_binding,
    erasure_due,
    is_email,
    is_phone,
)
from loyalty.settings import TIME_ZONE

ERASE = "member.erase"  # the action that two persons of staff decide

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


def record_consent(
    session: Session,
    *,
    member_id: int,
    purpose: str,
    granted: bool,
    channel: str,
    at: datetime,
) -> None:
    """Write down that a member agrees to something, or no longer does.

    It is kept with the version of the notice that was shown (domain.md 4.1). Raises
    `UnknownPurpose`.
    """
    if purpose not in NOTICES:
        raise UnknownPurpose(purpose=purpose)
    session.execute(
        insert(Consent).values(
            member_id=member_id,
            purpose=purpose,
            given_at=at,
            notice_version=NOTICES[purpose],
            granted=granted,
            channel=channel,
        )
    )


def change_contact(
    session: Session,
    *,
    member_id: int,
    kind: str,
    value: str,
    actor: str,
    at: datetime,
) -> str:
    """Change where a member is written to; return the old telephone, to be told.

    A code sent to the old telephone, and for a telephone one sent to the new, must
    have been verified. Much of what spends points then waits 72 hours (domain.md
    4.3). Raises `BadContact`, `SameContact`, `NoContact`, `ConfirmationMissing`.
    """
    old = check_contact(session, member_id=member_id, kind=kind, value=value, at=at)
    sides = ("old", "new") if kind == "phone" else ("old",)
    for side in sides:
        spend_code(
            session,
            member_id=member_id,
            purpose="contact",
            bound=contact_binding(side=side, kind=kind, value=value),
            at=at,
        )
    column = {"phone": "phone_contact", "email": "email"}[kind]
    session.execute(
        update(Person).where(Person.member_id == member_id).values({column: value})
    )
    session.execute(
        insert(ContactChange).values(
            member_id=member_id, changed_at=at, kind=kind, actor=actor
        )
    )
    cool_down(session, member_id=member_id, at=at)
    return old


def check_contact(
    session: Session, *, member_id: int, kind: str, value: str, at: datetime
) -> str:
    """Make sure that a contact could be changed so; return the old telephone.

    Raises `BadContact`, `SameContact`, `NoContact`.
    """
    is_right = {"phone": is_phone, "email": is_email}
    if kind not in is_right or not is_right[kind](value):
        raise BadContact(kind=kind)
    person = session.get(Person, member_id)
    old = contact_phone(session, member_id=member_id, at=at)
    if person is None or old is None:
        raise NoContact
    if value == (old if kind == "phone" else person.email):
        raise SameContact(kind=kind)
    return old


def unlock_spending(session: Session, *, member_id: int, at: datetime) -> None:
    """Let points be spent again that the member had locked.

    Raises `ConfirmationMissing` unless a code was verified for it.
    """
    spend_code(
        session, member_id=member_id, purpose="confirm", bound=SPEND_UNLOCK, at=at
    )
    lock_spending(session, member_id=member_id, at=at, locked=False)


def ask_erasure(session: Session, *, member_id: int, at: datetime) -> ErasureRequest:
    """Take a member's wish to be forgotten; nothing is destroyed for 15 days.

    Raises `ErasureAsked`, `ConfirmationMissing`.
    """
    asked = erasure_request(session, member_id=member_id)
    if asked is not None:
        raise ErasureAsked(due_on=asked.due_on)
    spend_code(session, member_id=member_id, purpose="confirm", bound=ERASURE, at=at)
    made = ErasureRequest(
        member_id=member_id,
        asked_at=at,
        due_on=erasure_due(at.astimezone(TIME_ZONE).date()),
    )
    session.add(made)
    session.flush()
    return made


def withdraw_erasure(session: Session, *, member_id: int, at: datetime) -> None:
    """Forget that a member wished to be forgotten.

    Raises `NoErasureAsked`.
    """
    _open_request(session, member_id).withdrawn_at = at
    session.flush()


def propose_erasure(
    session: Session, *, member_id: int, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask a second person of staff to erase a member whose time to think is over.

    Raises `NoErasureAsked`, `ErasureNotDue`, `OrdersUnderWay`, `AlreadyRequested`.
    """
    asked = _due_request(session, member_id, at=at)
    return approvals.request(
        session,
        action=ERASE,
        subject=str(member_id),
        before={"asked_at": asked.asked_at.isoformat(), "person": "kept"},
        after={"person": "destroyed", "books": "unchanged"},
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_erasure(session: Session, *, approval: Approval, at: datetime) -> "Erased":
    """Erase the member that two persons of staff agreed to erase.

    Raises as `erase`.
    """
    assert (approval.action, approval.state) == (ERASE, "approved")
    return erase(session, member_id=int(approval.subject), at=at)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: rows destroyed or emptied, and the books it left alone."""

    destroyed: dict[str, int]
    points: dict[str, int]  # by unit, before as after


# Everything that says who a member is, or lets somebody in who is. The books, bills
# and orders stay, under a number that leads to nobody.
_NAMELESS = """
UPDATE {table} x SET msisdn = concat_ws('-', 'erased', x.member_id, n.nth){more}
  FROM (SELECT msisdn, row_number() OVER (ORDER BY min(activated_on), msisdn) AS nth
          FROM subscription WHERE member_id = :member GROUP BY msisdn) n
 WHERE x.member_id = :member AND x.msisdn = n.msisdn
"""
_DESTROY = {
    "person": "DELETE FROM person WHERE member_id = :member",
    "link": "DELETE FROM link WHERE member_id = :member",
    "oauth_grant": """UPDATE oauth_grant g
                         SET revoked_at = :at, revoke_reason = 'member_erased'
                        FROM link_consent l
                       WHERE l.consent_ref = g.consent_ref AND l.member_id = :member
                         AND g.revoked_at IS NULL""",
    "link_consent": """UPDATE link_consent
                          SET account_hash = NULL, account_sealed = NULL,
                              source = NULL, ended_at = coalesce(ended_at, :at),
                              reason = coalesce(reason, 'member_erased'),
                              state = CASE WHEN ended_at IS NULL THEN 'revoked'
                                           ELSE state END
                        WHERE member_id = :member""",
    "member_validation": """UPDATE member_validation SET member_id = NULL
                             WHERE member_id = :member""",
    "partner_balance": "DELETE FROM partner_balance WHERE member_id = :member",
    "claim": """DELETE FROM claim WHERE member_id = :member
                   AND space IN ('member', 'msisdn', 'account', 'opening')""",
    "member_access": "DELETE FROM member_access WHERE member_id = :member",
    "web_session": """DELETE FROM web_session
                       WHERE owner = 'member' AND owner_id = :member""",
    "one_time_code": "DELETE FROM one_time_code WHERE member_id = :member",
    "passkey": "DELETE FROM passkey WHERE owner = 'member' AND owner_id = :member",
    "member_order": """UPDATE member_order SET recipient = NULL, recipient_hint = NULL
                        WHERE member_id = :member AND (recipient IS NOT NULL
                           OR recipient_hint IS NOT NULL)""",
    "prepaid_credit": """UPDATE prepaid_credit SET msisdn = 'erased'
                          WHERE member_id = :member""",
    "bound_account": """UPDATE bound_account
                           SET account_ref = 'erased', family_name = NULL,
                               given_name = NULL
                         WHERE member_id = :member AND family_name IS NOT NULL""",
    "tier_appeal": """UPDATE tier_appeal SET words = NULL, note = NULL
                       WHERE member_id = :member""",
    "adjustment_evidence": """UPDATE adjustment_evidence
                                 SET name = NULL, sealed = NULL
                               WHERE member_id = :member AND sealed IS NOT NULL""",
    "exchange": """UPDATE exchange SET account_ref = 'erased'
                    WHERE member_id = :member AND account_ref <> 'erased'""",
    "bill": _NAMELESS.format(table="bill", more=""),
    "subscription_event": _NAMELESS.format(table="subscription_event", more=""),
    "subscription": _NAMELESS.format(
        table="subscription", more=", county = NULL, hall = NULL, group_ref = NULL"
    ),
    "member": """UPDATE member SET member_ref = concat_ws('-', 'erased', member_id),
                        left_on = coalesce(left_on, greatest(joined_on, :on))
                  WHERE member_id = :member""",
}


def erase(session: Session, *, member_id: int, at: datetime) -> Erased:
    """Destroy who a member is; every book stays as it is, and is spent no more.

    PIPL Art. 47 with Art. 19 (domain.md 4.1): the accounts must be kept, the person
    need not be. Nothing leads from the books to the person afterwards, and a file
    that names the person finds nobody. Raises `NoErasureAsked`, `ErasureNotDue`,
    `OrdersUnderWay`.
    """
    asked = _due_request(session, member_id, at=at)
    # The book's row is the member's lock: nothing is booked meanwhile.
    session.execute(
        text("SELECT ledger.set_gate(ARRAY[:member]::bigint[], 'closed')"),
        {"member": member_id},
    )
    before = _points(session, member_id)
    facts = {"member": member_id, "on": at.astimezone(TIME_ZONE).date(), "at": at}
    destroyed = {
        table: _count(session.execute(text(statement), facts))
        for table, statement in _DESTROY.items()
    }
    asked.erased_at = at
    session.flush()
    session.expire_all()
    assert _points(session, member_id) == before, "an erasure moved points"
    return Erased(destroyed=destroyed, points=before)


def _open_request(session: Session, member_id: int) -> ErasureRequest:
    """Return a member's wish to be forgotten, which nobody else can end meanwhile."""
    asked = session.scalar(
        select(ErasureRequest)
        .where(
            ErasureRequest.member_id == member_id,
            ErasureRequest.withdrawn_at.is_(None),
            ErasureRequest.erased_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if asked is None:
        raise NoErasureAsked(member_id=member_id)
    return asked


def _due_request(session: Session, member_id: int, *, at: datetime) -> ErasureRequest:
    asked = _open_request(session, member_id)
    if at.astimezone(TIME_ZONE).date() < asked.due_on:
        raise ErasureNotDue(due_on=asked.due_on)
    orders = orders_under_way(session, member_id=member_id)
    if orders:
        raise OrdersUnderWay(orders=orders)
    return asked


def _points(session: Session, member_id: int) -> dict[str, int]:
    rows = session.execute(
        text(
            "SELECT unit, available + pending + held - owed FROM ledger.balance"
            " WHERE member_id = :member ORDER BY unit"
        ),
        {"member": member_id},
    )
    return {unit: int(points) for unit, points in rows}


def _count(done: Result[Any]) -> int:
    assert isinstance(done, CursorResult)
    return int(done.rowcount)
