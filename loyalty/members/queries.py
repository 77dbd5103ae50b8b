"""Read members and their lines, and all that is kept about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.access.queries import numbers_of
from loyalty.members.models import (
    Claim,
    Consent,
    ContactChange,
    ErasureRequest,
    Member,
    Person,
    Subscription,
)
from loyalty.members.rules import NOTICES


@dataclass(frozen=True, slots=True)
class ConsentStanding:
    """Whether a member agrees to something, and since when."""

    purpose: str
    granted: bool  # False also where nobody ever agreed
    given_at: datetime | None  # None: never asked, or never answered
    notice_version: int  # of the notice that is shown now


@dataclass(frozen=True, slots=True)
class Profile:
    """A member as the member sees it."""

    member_ref: str
    name: str
    joined_on: date
    phone: str | None  # None: there is no number to write to
    email: str | None  # None: not told
    lines: Sequence[Subscription]
    links: Sequence["Link"]
    consents: Sequence[ConsentStanding]
    last_contact_change_at: datetime | None  # None: never
    erasure: ErasureRequest | None  # None: does not wish to be forgotten


@dataclass(frozen=True, slots=True)
class Link:
    """An account with a partner, that earns points here."""

    partner: str
    name: str
    account_ref: str
    linked_on: date


@dataclass(frozen=True, slots=True)
class DueErasure:
    """A wish to be forgotten, as staff see it: without the person."""

    member_id: int
    member_ref: str
    asked_at: datetime
    due_on: date
    points: int
    orders_under_way: int
    approval_id: int | None  # None: nobody has asked a second person yet


def member_id_of(session: Session, *, member_ref: str) -> int | None:
    """Return the member whom the operator calls so; None: nobody."""
    return session.scalar(
        select(Claim.member_id).where(Claim.space == "member", Claim.key == member_ref)
    )


def subscriptions(session: Session, *, member_id: int) -> Sequence[Subscription]:
    """Return the lines a member has or had, oldest first."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.member_id == member_id)
        .order_by(Subscription.activated_on, Subscription.msisdn)
    ).all()


def profile(session: Session, *, member_id: int, at: datetime) -> Profile:
    """Return what a member may see and change of what is known about them."""
    member = session.get_one(Member, member_id)
    person = session.get(Person, member_id)
    links = session.execute(
        text(
            """
            SELECT l.partner, coalesce(p.name, l.partner), l.account_ref, l.linked_on
              FROM link l LEFT JOIN partner p USING (partner)
             WHERE l.member_id = :member ORDER BY l.linked_on, l.partner, l.account_ref
            """
        ),
        {"member": member_id},
    )
    changed = select(ContactChange.changed_at).where(
        ContactChange.member_id == member_id
    )
    return Profile(
        member_ref=member.member_ref,
        name=person.name if person else "",
        joined_on=member.joined_on,
        phone=contact_phone(session, member_id=member_id, at=at),
        email=person.email if person else None,
        lines=subscriptions(session, member_id=member_id),
        links=[Link(*row) for row in links],
        consents=consents(session, member_id=member_id),
        last_contact_change_at=session.scalar(
            changed.order_by(ContactChange.changed_at.desc()).limit(1)
        ),
        erasure=erasure_request(session, member_id=member_id),
    )


def contact_phone(session: Session, *, member_id: int, at: datetime) -> str | None:
    """Return the telephone a member is written to: as told, else the newest line."""
    person = session.get(Person, member_id)
    if person is not None and person.phone_contact:
        return person.phone_contact
    return next(iter(numbers_of(session, member_id=member_id, at=at)), None)


def consents(session: Session, *, member_id: int) -> list[ConsentStanding]:
    """Return what a member agrees to; nobody agrees to what was never asked."""
    last = {
        row.purpose: row
        for row in session.scalars(
            select(Consent)
            .where(Consent.member_id == member_id)
            .order_by(Consent.given_at)
        )
    }
    return [
        ConsentStanding(
            purpose=purpose,
            granted=purpose in last and last[purpose].granted,
            given_at=last[purpose].given_at if purpose in last else None,
            notice_version=version,
        )
        for purpose, version in NOTICES.items()
    ]


def erasure_request(session: Session, *, member_id: int) -> ErasureRequest | None:
    """Return a member's open wish to be forgotten; None: there is none."""
    return session.scalar(
        select(ErasureRequest).where(
            ErasureRequest.member_id == member_id,
            ErasureRequest.withdrawn_at.is_(None),
            ErasureRequest.erased_at.is_(None),
        )
    )


def erasures(session: Session) -> list[DueErasure]:
    """Return who wishes to be forgotten, the longest wait first."""
    rows = session.execute(
        text(
            f"""
            SELECT e.member_id, m.member_ref, e.asked_at, e.due_on,
                   coalesce((SELECT sum(available + pending + held - owed)
                      FROM ledger.balance b WHERE b.member_id = e.member_id), 0),
                   ({_ORDERS_UNDER_WAY.format(member="e.member_id")}),
                   (SELECT a.approval_id FROM approval a
                     WHERE a.action = 'member.erase' AND a.state = 'open'
                       AND a.subject = CAST(e.member_id AS text))
              FROM erasure_request e JOIN member m USING (member_id)
             WHERE e.withdrawn_at IS NULL AND e.erased_at IS NULL
             ORDER BY e.due_on, e.member_id
            """
        )
    )
    return [
        DueErasure(
            member_id=member_id,
            member_ref=member_ref,
            asked_at=asked_at,
            due_on=due_on,
            points=int(points),
            orders_under_way=orders,
            approval_id=approval_id,
        )
        for member_id, member_ref, asked_at, due_on, points, orders, approval_id in rows
    ]


_ORDERS_UNDER_WAY = """
SELECT (SELECT count(*) FROM member_order o WHERE o.member_id = {member}
           AND o.state IN ('awaiting_review', 'awaiting_payment', 'accepted',
                           'in_progress'))
     + (SELECT count(*) FROM exchange x WHERE x.member_id = {member}
           AND x.state IN ('requested', 'sent', 'disputed'))
"""


def orders_under_way(session: Session, *, member_id: int) -> int:
    """Return how many orders and exchanges still need to know who a member is."""
    return int(
        session.scalar(
            text(_ORDERS_UNDER_WAY.format(member=":member")), {"member": member_id}
        )
        or 0
    )


# What is kept about a member, table by table; secrets and keys are not (a hash of a
# password tells the member nothing), sealed recipients are opened by the face.
KEPT = {
    "member": "SELECT * FROM member WHERE member_id = :member",
    "person": """SELECT name, phone_contact, email FROM person
                  WHERE member_id = :member""",
    "lines": """SELECT msisdn, network, brand, pay_type, activated_on, city, county,
                       hall, group_ref, state, state_at, in_arrears, ended_on
                  FROM subscription WHERE member_id = :member
                 ORDER BY activated_on, msisdn""",
    "line_events": """SELECT event_ref, msisdn, event, reason, occurred_at
                        FROM subscription_event WHERE member_id = :member
                       ORDER BY occurred_at, event_ref""",
    "partner_accounts": """SELECT partner, account_ref, linked_on FROM link
                            WHERE member_id = :member ORDER BY linked_on, partner""",
    "bound_accounts": """SELECT partner, account_ref, state, asked_at, effective_at
                           FROM bound_account WHERE member_id = :member
                          ORDER BY asked_at, partner""",
    "partner_balances": """SELECT partner, account_ref, unit, units, expiring, as_of
                             FROM partner_balance WHERE member_id = :member
                            ORDER BY partner, account_ref""",
    "exchanges": """SELECT exchange_ref, partner, account_ref, direction, from_unit,
                           to_unit, units_out, fee_points, units_in, state,
                           requested_at, state_at
                      FROM exchange WHERE member_id = :member
                     ORDER BY requested_at, exchange_ref""",
    "balances": """SELECT unit, available, pending, held, owed FROM ledger.balance
                    WHERE member_id = :member ORDER BY unit""",
    "lots": """SELECT unit, issuer, earned_in, CAST(expires_on AS text) AS expires_on,
                      units_issued, units_left
                 FROM ledger.lot WHERE member_id = :member
                ORDER BY expires_on, unit, issuer, earned_in""",
    "ledger": """SELECT t.id, t.line, r.reference, t.kind, t.debit, t.credit, t.unit,
                        t.amount, t.available_after, t.effective_on, t.occurred_at,
                        t.recorded_at, t.actor, t.rule_version, t.reverses
                   FROM ledger.transfer t
                   LEFT JOIN ledger.reference r
                     ON r.member_id = t.member_id AND r.entry_id = t.id
                  WHERE t.member_id = :member ORDER BY t.id, t.line""",
    "bills": """SELECT bill_ref, msisdn, period, billed_on, due_on, amount_fen, due_fen,
                       paid_fen, points, standing, standing_on, rule_version
                  FROM bill WHERE member_id = :member ORDER BY billed_on, bill_ref""",
    "bill_events": """SELECT bill_ref, source, ref, happened_on, amount_fen
                        FROM bill_event WHERE member_id = :member
                       ORDER BY happened_on, ref""",
    "activities": """SELECT partner, partner_ref, activity, occurred_on, amount_fen,
                            mcc, original_ref, unit, points, rule_version
                       FROM activity WHERE member_id = :member
                      ORDER BY occurred_on, partner, partner_ref""",
    "redemptions": """SELECT redemption_ref, item_code, quantity, channel, occurred_at,
                             points FROM redemption WHERE member_id = :member
                       ORDER BY occurred_at, redemption_ref""",
    "returns": """SELECT redemption_ref, return_ref, quantity, points, occurred_at
                    FROM redemption_return WHERE member_id = :member
                   ORDER BY occurred_at, return_ref""",
    "exchange_reversals": """SELECT exchange_ref, points, unrecovered_points, cause,
                                    occurred_at
                               FROM exchange_reversal WHERE member_id = :member
                              ORDER BY occurred_at, exchange_ref""",
    "prepaid_credits": """SELECT order_ref, msisdn, amount_fen, state, state_at
                            FROM prepaid_credit WHERE member_id = :member
                           ORDER BY order_ref""",
    "purchases": """SELECT purchase_ref, unit, points, price_fen, state, placed_at,
                           state_at, expires_on
                      FROM point_purchase WHERE member_id = :member
                     ORDER BY placed_at, purchase_ref""",
    "purchase_returns": """SELECT purchase_ref, nth, points, fen, reason, occurred_at
                             FROM point_purchase_return WHERE member_id = :member
                            ORDER BY occurred_at, purchase_ref""",
    "till_redemptions": """SELECT partner, partner_ref, points, refunded, state,
                                  self_paid_fen, authorized_at, state_at
                             FROM merchant_redemption WHERE member_id = :member
                            ORDER BY authorized_at, partner_ref""",
    "orders": """SELECT order_ref, item_code, quantity, way, points, cash_fen, channel,
                        recipient_hint, state, state_at, placed_at, returned_quantity
                   FROM member_order WHERE member_id = :member
                  ORDER BY placed_at, order_ref""",
    "policies": """SELECT order_ref, insurer, policy_no, issued_on, covered_until,
                          free_look_until, canceled_on
                     FROM policy WHERE member_id = :member ORDER BY issued_on""",
    "deliveries": """SELECT order_ref, state, carrier, tracking_no, state_at
                       FROM delivery WHERE member_id = :member ORDER BY order_ref""",
    "bookings": """SELECT order_ref, venue, on_day, places, state
                     FROM booking WHERE member_id = :member ORDER BY on_day""",
    "vouchers": """SELECT order_ref, item_code, code_tail, state, state_at, valid_until
                     FROM voucher WHERE member_id = :member
                    ORDER BY order_ref, voucher_id""",
    "payments": """SELECT payment_ref, purpose, purpose_ref, title, amount_fen,
                          refunding_fen, state, asked_at, state_at
                     FROM payment WHERE member_id = :member
                    ORDER BY asked_at, payment_ref""",
    "refunds": """SELECT refund_ref, payment_ref, amount_fen, reason, state, asked_at,
                         state_at
                    FROM refund WHERE member_id = :member
                   ORDER BY asked_at, refund_ref""",
    "club_memberships": """SELECT membership_ref, club, way, order_ref, starts_on,
                                  ends_on, state, joined_at, ended_on, refund_months
                             FROM club_membership WHERE member_id = :member
                            ORDER BY joined_at, membership_ref""",
    "club_invitations": """SELECT club, invited_at, until, used_by
                             FROM club_invitation WHERE member_id = :member
                            ORDER BY invited_at, invitation_ref""",
    "benefit_uses": """SELECT club, entitlement, used_at, channel, reverses, reason
                         FROM benefit_use WHERE member_id = :member
                        ORDER BY used_at, use_ref""",
    "session_places": """SELECT s.venue, s.club, s.starts_at, p.state, p.state_at
                           FROM session_place p JOIN venue_session s USING (session_id)
                          WHERE p.member_id = :member
                          ORDER BY s.starts_at, s.session_id""",
    "tournaments": """SELECT c.title_zh, c.title_en, e.city, e.state, e.state_at
                        FROM contest_entry e JOIN contest c USING (contest_id)
                       WHERE e.member_id = :member ORDER BY e.contest_id""",
    "tier_decisions": """SELECT kind, was, tier, starts_on, until, version, figure,
                               counted_from, counted_to, grant_tier, grant_until,
                               actor, reason, decided_at
                          FROM tier_decision WHERE member_id = :member
                         ORDER BY decision_id""",
    "tier_grants": """SELECT tier, granted_on, until, reason, actor FROM tier_grant
                       WHERE member_id = :member ORDER BY granted_on, tier""",
    "tier_appeals": """SELECT asked_at, origin, tier, words, answered_at, outcome, note
                         FROM tier_appeal WHERE member_id = :member
                        ORDER BY asked_at""",
    "adjustments": """SELECT a.adjustment_ref, a.reason, a.unit, a.points, a.partner,
                             a.reverses, a.asked_at, p.effective_on, e.sha256
                        FROM adjustment a
                        LEFT JOIN adjustment_posting p
                               ON p.member_id = a.member_id
                              AND p.adjustment_ref = a.adjustment_ref
                        LEFT JOIN adjustment_evidence e
                               ON e.member_id = a.member_id
                              AND e.adjustment_ref = a.adjustment_ref
                       WHERE a.member_id = :member
                       ORDER BY a.asked_at, a.adjustment_ref""",
    "consents": """SELECT purpose, given_at, notice_version, granted, channel
                     FROM consent WHERE member_id = :member
                    ORDER BY given_at, purpose""",
    "name_checks": """SELECT partner, status, asked_at FROM member_validation
                       WHERE member_id = :member ORDER BY asked_at, validation_id""",
    "insurer_questions": """SELECT item_code, asked_at, answered_at, outcome, detail
                             FROM insurer_question WHERE member_id = :member
                            ORDER BY asked_at, question_id""",
    "partner_consents": """SELECT partner, kinds, purpose_version, state, asked_at,
                                  granted_at, expires_at, channel, ended_at, reason
                             FROM link_consent WHERE member_id = :member
                            ORDER BY asked_at, consent_ref""",
    "contact_changes": """SELECT changed_at, kind, actor FROM contact_change
                           WHERE member_id = :member ORDER BY changed_at""",
    "sign_ins": """SELECT started_at, seen_at, ended_at, method FROM web_session
                    WHERE owner = 'member' AND owner_id = :member
                    ORDER BY started_at""",
    "leavings": """SELECT left_on, reason, policy_version, void_on, reinstate_until,
                          reinstated_on
                     FROM departure WHERE member_id = :member ORDER BY left_at""",
    "ended_by_leaving": """SELECT departure_ref, benefit, subject, state, ended_at
                             FROM churn_step WHERE member_id = :member
                            ORDER BY departure_ref, nth, subject""",
    "erasure_requests": """SELECT asked_at, due_on, withdrawn_at, erased_at
                             FROM erasure_request WHERE member_id = :member
                            ORDER BY asked_at""",
}


def everything(session: Session, *, member_id: int) -> dict[str, list[dict[str, Any]]]:
    """Return all that is kept about a member, by table (PIPL Art. 45, GDPR Art. 20)."""
    return {
        name: [
            dict(row)
            for row in session.execute(text(query), {"member": member_id}).mappings()
        ]
        for name, query in KEPT.items()
    }
