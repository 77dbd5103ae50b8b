"""Who can sign in to a demo, and what there is to see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from secrets import token_hex

import pyotp
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.keyring import Keyring
from loyalty.staff.operations import add

_PASSWORD_BYTES = 6  # 12 characters
_CODE_COMMAND = (
    """.venv/bin/python -c "import pyotp; print(pyotp.TOTP('{secret}').now())\""""
)
# Login, what colleagues call the person, roles, and what there is to try.
PEOPLE = (
    ("lin.dan", "林丹", ("clerk",), "serve a member at the counter, pack parcels"),
    ("chen.jing", "陈静", ("product",), "draft items, ask for prices to change"),
    ("huang.wei", "黄伟", ("finance_maker",), "ask for what finance decides"),
    ("wu.min", "吴敏", ("finance_checker",), "approve the price that waits"),
    ("luo.jia", "罗佳", ("cfo",), "agree that a closed month is opened again"),
    ("zhao.lei", "赵磊", ("supervisor",), "release large redemptions"),
    ("guan.tian", "关天", ("club_manager",), "note who comes, record results"),
    ("sun.yu", "孙瑜", ("auditor",), "see all, change nothing"),
    ("he.ping", "何平", ("admin",), "look after staff and partners' machines"),
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The password and second factor that all staff of a demo share."""

    password: str
    totp_secret: str


@dataclass(frozen=True, slots=True)
class Guest:
    """A member to sign in as."""

    member_id: int
    msisdn: str
    name: str
    points: int
    about: str

    @property
    def flyer(self) -> str:
        """The number under which the airline of the demo knows the guest."""
        return f"MU6{self.member_id:011d}"


def keys() -> Keys:
    """Make keys by chance."""
    return Keys(token_hex(_PASSWORD_BYTES), pyotp.random_base32())


def employ(
    session: Session, *, shared: Keys, keyring: Keyring, at: datetime
) -> dict[str, int]:
    """Let staff of every role work here; return their ids by login."""
    return {
        login: add(
            session,
            login=login,
            name=name,
            roles=roles,
            channel="hall",
            hall="天河营业厅",
            password=shared.password,
            totp_secret=shared.totp_secret,
            keyring=keyring,
            at=at,
        ).staff_id
        for login, name, roles, _ in PEOPLE
    }


# A member for each thing to see; the first that fits, in the order of their numbers.
_GUESTS = text(
    """
    WITH purse AS (
        SELECT m.member_id, m.member_ref, p.name, s.msisdn, k.gate, g.tier,
               coalesce(b.available, 0) AS points, coalesce(b.units, 0) AS units
          FROM member m
          JOIN person p USING (member_id)
          JOIN ledger.book k USING (member_id)
          CROSS JOIN LATERAL (
              SELECT msisdn FROM subscription s
               WHERE s.member_id = m.member_id AND s.ended_on IS NULL
               ORDER BY activated_on LIMIT 1) s
          LEFT JOIN LATERAL (
              SELECT sum(available)::bigint AS available,
                     count(*) FILTER (WHERE available > 0) AS units
                FROM ledger.balance b WHERE b.member_id = m.member_id) b ON true
          LEFT JOIN LATERAL (
              SELECT tier FROM tier_grant g WHERE g.member_id = m.member_id LIMIT 1) g
              ON true
         WHERE m.left_on IS NULL
    )
    SELECT DISTINCT ON (nth) nth, member_id, msisdn, name, points FROM purse
     CROSS JOIN LATERAL (VALUES
         (1, member_ref = 'GD00000001'),
         (2, tier = 'DIAMOND'),
         (3, tier = 'GOLD' AND units = 2),
         (4, points = 0 AND gate = 'open'),
         (5, gate = 'suspended' AND points > 0)) w(nth, fits)
     WHERE fits ORDER BY nth, member_id
    """
)
_LEAVERS = text(
    """
    SELECT d.member_id, s.msisdn, p.name, d.left_on, sum(t.amount)::bigint AS points
      FROM departure d JOIN person p USING (member_id)
      JOIN subscription s ON s.member_id = d.member_id AND s.state = 'ported_out'
      JOIN ledger.transfer t ON t.member_id = d.member_id AND t.id = d.entry_id
     WHERE d.reinstated_on IS NULL AND d.reinstate_until >= :today
     GROUP BY d.member_id, s.msisdn, p.name, d.left_on
     ORDER BY points DESC, d.member_id LIMIT 1
    """
)
_POINTS = text(
    "SELECT member_id, sum(available)::bigint AS points FROM ledger.balance"
    " WHERE member_id = ANY(:members) GROUP BY member_id"
)
_ABOUT = {
    1: "the decks' own, who took two policies in October",
    2: "a diamond member",
    3: "a gold member with points of several issuers",
    4: "has no points yet",
    5: "is suspended for arrears, and can spend nothing",
}


def guests(session: Session) -> list[Guest]:
    """Return members to sign in as."""
    return [
        Guest(
            row.member_id,
            row.msisdn,
            row.name,
            row.points,
            _ABOUT[row.nth],
        )
        for row in session.execute(_GUESTS)
    ]


def leavers(session: Session, *, today: date) -> list[Guest]:
    """Return somebody who left, lost points, and may still sign in and come back."""
    return [
        Guest(
            row.member_id,
            row.msisdn,
            row.name,
            0,
            f"left the network on {row.left_on}, and {row.points:,} points are void",
        )
        for row in session.execute(_LEAVERS, {"today": today})
    ]


def as_they_are_now(session: Session, members: Sequence[Guest]) -> list[Guest]:
    """Return the same members with the points that are left of what they had."""
    wanted = {"members": [guest.member_id for guest in members]}
    left = {row.member_id: row.points for row in session.execute(_POINTS, wanted)}
    return [replace(guest, points=left.get(guest.member_id, 0)) for guest in members]


def welcome(
    address: str, members: Iterable[Guest], shared: Keys, *, takes_cards: bool
) -> str:
    """Return what somebody reads who wants to try the demo."""
    lines = [
        f"members sign in at {address}/ with a number; the code is printed below",
        *(
            f"  {guest.msisdn}  {guest.name}: {guest.points:,} points;"
            f" {guest.about}; flies as {guest.flyer}"
            for guest in members
        ),
        f"staff sign in at {address}/console/ with the password {shared.password}",
        *(
            f"  {login:<12}{', '.join(roles)}: {about}"
            for login, _, roles, about in PEOPLE
        ),
        f"  second factor of all of them, for an authenticator: {shared.totp_secret}",
        f"  or its present code: {_CODE_COMMAND.format(secret=shared.totp_secret)}",
    ]
    if takes_cards:
        lines.append(
            "cards are played: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 does not"
        )
    return "\n".join(lines)
