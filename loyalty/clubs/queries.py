"""Read clubs, who belongs to them, and what is left of what belonging brings."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.clubs.errors import UnknownClub
from loyalty.clubs.rules import Club

_COLUMNS = ", ".join(f"c.{one.name}" for one in fields(Club))
_NEWEST = "(SELECT max(version) FROM club_terms)"
# Whether a term holds on a day, also before the job has run that turns it.
HOLDS = "m.state IN ('waiting', 'active') AND :on BETWEEN m.starts_on AND m.ends_on"


@dataclass(frozen=True, slots=True)
class Community:
    """A community that clubs belong to."""

    community: str
    title_zh: str
    title_en: str


@dataclass(frozen=True, slots=True)
class BenefitFacts:
    """A benefit of a membership, on the terms under which it was joined."""

    club: str
    entitlement: str
    title_zh: str
    title_en: str
    per_term: int | None  # None: as often as one likes
    used: int
    cost_fen: int

    @property
    def left(self) -> int | None:
        """How often it can still be had; None: as often as one likes."""
        return None if self.per_term is None else self.per_term - self.used


@dataclass(frozen=True, slots=True)
class Membership:
    """A term of a member in a club."""

    member_id: int
    membership_ref: str
    club: str
    terms_version: int
    way: str
    order_ref: str | None
    starts_on: date
    ends_on: date
    state: str
    ended_on: date | None
    refund_months: int
    refund_state: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """A membership that holds, as its owner carries it."""

    club: Club
    membership: Membership
    until: date  # the last day, renewals included
    benefits: list[BenefitFacts]


@dataclass(frozen=True, slots=True)
class Belonging:
    """A member in a list of a club."""

    member_id: int
    member_ref: str
    name: str
    membership_ref: str
    way: str
    starts_on: date
    ends_on: date
    state: str
    used: int  # benefits, in this term


@dataclass(frozen=True, slots=True)
class UseView:
    """A benefit that was had, or the undoing of one."""

    member_id: int
    member_ref: str
    use_ref: str
    entitlement: str
    title_zh: str
    title_en: str
    used_at: datetime
    actor: str
    channel: str
    reverses: str | None
    is_reversed: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Ending:
    """A membership that ends soon, of which its member is to be told."""

    member_id: int
    membership_ref: str
    club: str
    title_zh: str
    title_en: str
    ends_on: date


def communities(session: Session) -> list[Community]:
    """Return the communities of the newest terms, in their order."""
    rows = session.execute(
        text(
            "SELECT community, title_zh, title_en FROM community_terms WHERE version ="
            " (SELECT max(version) FROM community_terms) ORDER BY rank"
        )
    )
    return [Community(*row) for row in rows]


def clubs(session: Session) -> list[Club]:
    """Return the clubs of the newest terms, by community."""
    return _clubs(
        session,
        f"""
        JOIN community_terms o ON o.version = c.version AND o.community = c.community
        WHERE c.version = {_NEWEST} ORDER BY o.rank, c.club
        """,
        {},
    )


def club(session: Session, code: str, *, version: int | None = None) -> Club:
    """Return a club, on the newest terms unless told.

    Raises `UnknownClub`.
    """
    found = _clubs(
        session,
        f"WHERE c.club = :club AND c.version = coalesce(:version, {_NEWEST})",
        {"club": code, "version": version},
    )
    if not found:
        raise UnknownClub(club=code)
    return found[0]


def club_of_item(session: Session, item_code: str) -> Club:
    """Return the club whose place an item of the catalogue sells.

    Raises `UnknownClub`.
    """
    found = _clubs(
        session,
        f"WHERE c.item_code = :item AND c.version = {_NEWEST}",
        {"item": item_code},
    )
    if not found:
        raise UnknownClub(club=item_code)
    return found[0]


def clubs_of(session: Session, *, member_id: int, on: date) -> Collection[str]:
    """Return the clubs a member belongs to on a day."""
    return frozenset(
        session.scalars(
            text(
                f"SELECT m.club FROM club_membership m"
                f" WHERE m.member_id = :member AND {HOLDS}"
            ),
            {"member": member_id, "on": on},
        )
    )


def open_until(session: Session, *, member_id: int, club: str, on: date) -> date | None:
    """Return a member's last day in a club, renewals included; None: is not in it."""
    until: date | None = session.scalar(
        text(
            "SELECT max(ends_on) FROM club_membership WHERE member_id = :member"
            " AND club = :club AND state IN ('waiting', 'active') AND ends_on >= :on"
        ),
        {"member": member_id, "club": club, "on": on},
    )
    return until


def is_used(session: Session, member_id: int, membership_ref: str) -> bool:
    """Tell whether a member has had anything that a membership brings."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM club_benefit WHERE member_id = :member"
                " AND membership_ref = :ref AND used > 0)"
            ),
            {"member": member_id, "ref": membership_ref},
        )
    )


def benefit(
    session: Session, *, member_id: int, membership_ref: str, entitlement: str
) -> BenefitFacts | None:
    """Return a benefit of a membership; None: it brings none such."""
    found = _benefits(session, member_id, [membership_ref])
    return next(
        (
            one
            for one in found.get(membership_ref, ())
            if one.entitlement == entitlement
        ),
        None,
    )


def brings(session: Session, *, club: str) -> list[BenefitFacts]:
    """Return what a membership would bring whoever joins a club now."""
    rows = session.execute(
        text(
            """
            SELECT club, entitlement, title_zh, title_en, per_term, 0 AS used, cost_fen
              FROM entitlement_terms
             WHERE club = :club AND version = (SELECT max(version) FROM club_terms)
             ORDER BY rank
            """
        ),
        {"club": club},
    )
    return [BenefitFacts(*row) for row in rows]


def cards(session: Session, *, member_id: int, on: date) -> list[Card]:
    """Return the memberships that hold on a day, with what is left of each."""
    held = _memberships(
        session, f"m.member_id = :member AND {HOLDS}", {"member": member_id, "on": on}
    )
    benefits = _benefits(session, member_id, [one.membership_ref for one in held])
    return [
        Card(
            club=club(session, one.club, version=one.terms_version),
            membership=one,
            until=open_until(session, member_id=member_id, club=one.club, on=on)
            or one.ends_on,
            benefits=benefits.get(one.membership_ref, []),
        )
        for one in held
    ]


def history(
    session: Session, *, member_id: int, club: str | None = None
) -> list[Membership]:
    """Return all terms of a member, of one club if told, the newest first."""
    return _memberships(
        session,
        "m.member_id = :member AND (CAST(:club AS text) IS NULL OR m.club = :club)",
        {"member": member_id, "club": club},
        order_by="m.starts_on DESC, m.joined_at DESC",
    )


def refunds_due(session: Session, *, limit: int) -> list[Membership]:
    """Return memberships that ended with something to give back, the oldest first."""
    return _memberships(
        session,
        "m.refund_state = 'due'",
        {"limit": limit},
        order_by="m.state_at, m.member_id, m.membership_ref LIMIT :limit",
    )


def invited_to(session: Session, *, member_id: int, on: date) -> dict[str, date]:
    """Return the clubs a member is asked to join, and until when."""
    rows = session.execute(
        text(
            "SELECT club, until FROM club_invitation WHERE member_id = :member"
            " AND used_by IS NULL AND until >= :on"
        ),
        {"member": member_id, "on": on},
    )
    return {row.club: row.until for row in rows}


def members(
    session: Session,
    *,
    club: str,
    on: date,
    words: str = "",
    state: str | None = None,
    limit: int = 200,
) -> list[Belonging]:
    """Return terms of a club, those that end first at the top.

    `words` is a member's reference, or a number; `state` None: those that hold.
    """
    rows = session.execute(
        text(
            f"""
            SELECT m.member_id, b.member_ref, coalesce(p.name, '') AS name,
                   m.membership_ref, m.way, m.starts_on, m.ends_on, m.state,
                   (SELECT coalesce(sum(f.used), 0) FROM club_benefit f
                     WHERE f.member_id = m.member_id
                       AND f.membership_ref = m.membership_ref) AS used
              FROM club_membership m JOIN member b USING (member_id)
              LEFT JOIN person p USING (member_id)
             WHERE m.club = :club
               AND CASE WHEN CAST(:state AS text) IS NULL THEN {HOLDS}
                        ELSE m.state = :state END
               AND (:words = '' OR b.member_ref = :words OR EXISTS (
                    SELECT FROM subscription s
                     WHERE s.member_id = m.member_id AND s.msisdn = :words))
             ORDER BY m.ends_on, m.member_id, m.starts_on LIMIT :limit
            """
        ),
        {"club": club, "on": on, "words": words, "state": state, "limit": limit},
    )
    return [Belonging(**row) for row in rows.mappings()]


def uses(
    session: Session,
    *,
    club: str | None = None,
    member_id: int | None = None,
    limit: int = 100,
) -> list[UseView]:
    """Return benefits that were had, the newest first."""
    rows = session.execute(
        text(
            """
            SELECT u.member_id, b.member_ref, u.use_ref, u.entitlement, e.title_zh,
                   e.title_en, u.used_at, u.actor, u.channel, u.reverses, u.reason,
                   EXISTS (SELECT FROM benefit_use r
                            WHERE r.member_id = u.member_id AND r.reverses = u.use_ref)
                       AS is_reversed
              FROM benefit_use u JOIN member b USING (member_id)
              JOIN club_membership m USING (member_id, membership_ref)
              JOIN entitlement_terms e ON e.version = m.terms_version
               AND e.club = u.club AND e.entitlement = u.entitlement
             WHERE (CAST(:club AS text) IS NULL OR u.club = :club)
               AND (CAST(:member AS bigint) IS NULL OR u.member_id = :member)
             ORDER BY u.used_at DESC, u.use_ref LIMIT :limit
            """
        ),
        {"club": club, "member": member_id, "limit": limit},
    )
    return [UseView(**row) for row in rows.mappings()]


def ending(session: Session, *, on: date, limit: int) -> list[Ending]:
    """Return memberships that may be renewed now and are not, never told of before."""
    rows = session.execute(
        text(
            """
            SELECT m.member_id, m.membership_ref, m.club, c.title_zh, c.title_en,
                   m.ends_on
              FROM club_membership m
              JOIN club_terms c ON c.version = m.terms_version AND c.club = m.club
             WHERE m.state IN ('waiting', 'active') AND m.ends_on >= :on
               AND m.starts_on <= :on AND m.ends_on - c.renew_days <= :on
               AND NOT EXISTS (
                   SELECT FROM club_membership n
                    WHERE n.member_id = m.member_id AND n.club = m.club
                      AND n.state = 'waiting' AND n.starts_on > m.ends_on)
               AND NOT EXISTS (
                   SELECT FROM club_notice t
                    WHERE t.member_id = m.member_id
                      AND t.membership_ref = m.membership_ref AND t.kind = 'renewal')
             ORDER BY m.ends_on, m.member_id LIMIT :limit
            """
        ),
        {"on": on, "limit": limit},
    )
    return [Ending(**row) for row in rows.mappings()]


def _clubs(session: Session, where: str, facts: dict[str, object]) -> list[Club]:
    rows = session.execute(text(f"SELECT {_COLUMNS} FROM club_terms c {where}"), facts)
    return [
        Club(
            **{
                **row,
                "ways": tuple(row["ways"]),
                "tiers": None if row["tiers"] is None else tuple(row["tiers"]),
            }
        )
        for row in rows.mappings()
    ]


def _memberships(
    session: Session,
    where: str,
    facts: dict[str, object],
    *,
    order_by: str = "m.ends_on, m.club",
) -> list[Membership]:
    columns = ", ".join(f"m.{one.name}" for one in fields(Membership))
    rows = session.execute(
        text(
            f"SELECT {columns} FROM club_membership m WHERE {where} ORDER BY {order_by}"
        ),
        facts,
    )
    return [Membership(**row) for row in rows.mappings()]


def _benefits(
    session: Session, member_id: int, refs: list[str]
) -> dict[str, list[BenefitFacts]]:
    """Return what memberships bring, by membership, in the order of the terms."""
    rows = session.execute(
        text(
            """
            SELECT f.membership_ref, m.club, f.entitlement, e.title_zh, e.title_en,
                   f.per_term, f.used, e.cost_fen
              FROM club_benefit f JOIN club_membership m
                   USING (member_id, membership_ref)
              JOIN entitlement_terms e ON e.version = m.terms_version
               AND e.club = m.club AND e.entitlement = f.entitlement
             WHERE f.member_id = :member AND f.membership_ref = ANY (:refs)
             ORDER BY e.rank
            """
        ),
        {"member": member_id, "refs": refs},
    )
    found: dict[str, list[BenefitFacts]] = {}
    for ref, *facts in rows:
        found.setdefault(ref, []).append(BenefitFacts(*facts))
    return found
