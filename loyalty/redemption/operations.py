"""Redeem catalogue items: what halls report by file, and what orders do in steps.

The steps of an order are ordinary entries over `held`: hold, then capture or release;
or a redemption at once. What is given back goes to the lots it came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.errors import LedgerError
from ledger.values import Entry, Transfer
from loyalty.members.claims import claim_new, decide_known, reject
from loyalty.points.entries import UNIVERSAL
from loyalty.points.operations import draft, first_open_day
from loyalty.points.queries import is_void, void_members
from loyalty.points.sparing import is_spared, void_rest
from loyalty.redemption.models import Redemption, RedemptionReturn


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """When a step of something that costs points is taken, by whom, under what name."""

    member_id: int
    ref: str  # of what is bought, such as order:<its reference>
    on: date  # the first open day, if its own is closed
    at: datetime
    actor: str


def redeem(session: Session, step: Step, *, points: int, account: str) -> UUID:
    """Spend points at once, soonest-expiring first; return the entry.

    Raises the ledger's `InsufficientPoints` and `GateClosed`; so does `hold`.
    """
    return _post(
        session,
        step,
        kind="redemption",
        transfer=Book(session).draw(to=account, units=UNIVERSAL, amount=points),
        asked={"points": points, "account": account},
    )


def hold(session: Session, step: Step, *, points: int) -> UUID:
    """Set points aside, soonest-expiring first; return the entry."""
    return _post(
        session,
        step,
        kind="hold",
        transfer=Book(session).draw(to="held", units=UNIVERSAL, amount=points),
        asked={"points": points},
    )


def capture(session: Session, step: Step, *, held_by: UUID, account: str) -> UUID:
    """Let go of the points a hold set aside; return the entry."""
    return _post(
        session,
        step,
        kind="capture",
        suffix=":capture",
        transfer=Transfer("held", account, None, None),
        reverses=held_by,
        asked={"of": held_by, "account": account},
    )


def release(session: Session, step: Step, *, held_by: UUID) -> UUID:
    """Give back what a hold set aside, to the same lots; return the entry.

    What belonged to somebody who has left the network since is void with the rest.
    """
    return release_many(session, [(step, held_by)])[0]


def release_many(session: Session, held: Sequence[tuple[Step, UUID]]) -> list[UUID]:
    """Give back what many holds set aside, in one call; return the entries."""
    left = void_members(session, [step.member_id for step, _ in held])
    spared = {
        held_by
        for step, held_by in held
        if step.member_id in left
        and is_spared(session, member_id=step.member_id, entry_id=held_by)
    }
    posted = []
    for answer in Book(session).post_many(
        [
            _release(
                step, held_by, is_void=step.member_id in left and held_by not in spared
            )
            for step, held_by in held
        ]
    ):
        if isinstance(answer, LedgerError):
            raise answer
        posted.append(answer.id)
    for step, held_by in held:
        if held_by in spared:
            void_rest(
                session,
                member_id=step.member_id,
                reference=f"{step.ref}:release:void",
                of=held_by,
                on=step.on,
                at=step.at,
                actor=step.actor,
            )
    return posted


def give_back(
    session: Session, step: Step, *, redeemed_by: UUID, points: int, nth: int
) -> UUID:
    """Give points of a redemption back, the last drawn first; return the entry.

    They go to the same lots with the same last good day, or to a sibling with grace
    where that day has passed. Who has left the network has them voided at once.
    """
    book = Book(session)
    posted = book.reverse(
        member_id=step.member_id,
        of=redeemed_by,
        kind="redemption_reversal",
        reference=f"{step.ref}:return:{nth}",
        amount=points,
        effective_on=step.on,
        occurred_at=step.at,
        actor=step.actor,
    )
    if is_void(session, member_id=step.member_id):
        void_rest(
            session,
            member_id=step.member_id,
            reference=f"{step.ref}:return:{nth}:void",
            of=posted.id,
            amount=points,
            on=step.on,
            at=step.at,
            actor=step.actor,
        )
    return posted.id


def record(
    session: Session,
    step: Step,
    *,
    item_code: str,
    quantity: int,
    channel: str,
    points: int,
    settlement_fen: int,
    partner: str | None,
    cost_treatment: str,
    entry_id: UUID | None,
) -> None:
    """Write down that something was redeemed, and what is owed for it from now on."""
    session.execute(
        insert(Redemption).values(
            member_id=step.member_id,
            redemption_ref=step.ref,
            item_code=item_code,
            quantity=quantity,
            channel=channel,
            occurred_at=step.at,
            points=points,
            settlement_fen=settlement_fen,
            partner=partner,
            cost_treatment=cost_treatment,
            entry_id=entry_id,
            effective_on=step.on,
        )
    )


def record_return(
    session: Session,
    step: Step,
    *,
    nth: int,
    quantity: int,
    points: int,
    settlement_fen: int,
    entry_id: UUID | None,
) -> None:
    """Write down that a part of a redemption is owed no longer."""
    session.execute(
        insert(RedemptionReturn).values(
            member_id=step.member_id,
            redemption_ref=step.ref,
            return_ref=str(nth),
            quantity=quantity,
            points=points,
            settlement_fen=settlement_fen,
            entry_id=entry_id,
            effective_on=step.on,
            occurred_at=step.at,
        )
    )


def _post(
    session: Session,
    step: Step,
    *,
    kind: str,
    transfer: Transfer,
    asked: dict[str, object],
    suffix: str = "",
    reverses: UUID | None = None,
) -> UUID:
    entry = _entry(
        step,
        kind=kind,
        transfer=transfer,
        asked=asked,
        suffix=suffix,
        reverses=reverses,
    )
    return Book(session).post(entry).id


def _release(step: Step, held_by: UUID, *, is_void: bool) -> Entry:
    to = "voided.churn" if is_void else None
    return _entry(
        step,
        kind="release",
        suffix=":release",
        transfer=Transfer(None, to, None, None),
        reverses=held_by,
        asked={"of": held_by},
    )


def _entry(
    step: Step,
    *,
    kind: str,
    transfer: Transfer,
    asked: dict[str, object],
    suffix: str,
    reverses: UUID | None,
) -> Entry:
    return Entry(
        member_id=step.member_id,
        reference=f"{step.ref}{suffix}",
        kind=kind,
        transfers=(transfer,),
        effective_on=step.on,
        occurred_at=step.at,
        actor=step.actor,
        reverses=reverses,
        asked={"kind": kind} | asked,
    )


def book_redemptions(session: Session, *, feed_file: int) -> None:
    """Book redemptions taken at halls and on the hotline, in the order of the file.

    Each is decided on the balance at this moment, over all universal units,
    soonest-expiring lots first; one that is refused leaves nothing behind.
    """
    decide_known(
        session, space="redemption", key="l.redemption_ref", feed_file=feed_file
    )
    reject(
        session,
        """
        CASE WHEN l.member_id IS NULL THEN 'unknown_member' ELSE (
            SELECT CASE WHEN max(i.item_code) IS NULL THEN 'unknown_item'
                        WHEN NOT bool_or(
                            i.state = 'published' AND CAST(l.occurred_at AS date)
                            BETWEEN coalesce(i.valid_from, '-infinity')
                                AND coalesce(i.valid_until, 'infinity'))
                            THEN 'not_on_sale'
                        WHEN NOT bool_or(i.channels IS NULL
                                         OR l.channel = ANY (i.channels))
                            THEN 'channel_not_allowed'
                        WHEN l.quantity NOT BETWEEN 1 AND 1000000000000 / max(i.points)
                            THEN 'quantity_out_of_range' END
              FROM catalogue_item i WHERE i.item_code = l.item_code) END
        """,
    )
    claim_new(session, space="redemption", key="l.redemption_ref", feed_file=feed_file)
    row = draft(
        kind="'redemption'",
        reference="'redemption:' || redemption_ref",
        debit="'available'",
        credit="i.account",
        units="ARRAY(SELECT code FROM ledger.unit ORDER BY draw_rank)",
        amount="l.quantity * i.points",
        effective_on="CAST(occurred_at AS date)",
        occurred_at="occurred_at",
    )
    session.execute(
        text(
            f"""
            WITH wanted AS MATERIALIZED (
                SELECT row_number() OVER (ORDER BY line_no)::int AS entry, l.*,
                       i.points, i.settlement_fen, i.partner, i.cost_treatment,
                       {row} AS draft
                  FROM line l JOIN catalogue_item i ON i.item_code = l.item_code
                 WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
            ),
            answer AS MATERIALIZED (
                SELECT * FROM ledger.post(
                    (SELECT array_agg(draft ORDER BY entry) FROM wanted))
            ),
            booked AS (
                INSERT INTO redemption (
                    member_id, redemption_ref, item_code, quantity, channel,
                    occurred_at, points, settlement_fen, partner, cost_treatment,
                    entry_id, effective_on)
                SELECT w.member_id, w.redemption_ref, w.item_code, w.quantity,
                       w.channel, w.occurred_at, w.quantity * w.points,
                       w.quantity * w.settlement_fen, w.partner, w.cost_treatment, a.id,
                       (w.draft).effective_on
                  FROM wanted w JOIN answer a ON a.entry = w.entry
                 WHERE a.outcome <> 'refused'
            )
            INSERT INTO verdict (line_no, outcome, reason)
            SELECT w.line_no, CASE a.outcome WHEN 'refused' THEN 'rejected'
                                             ELSE 'booked' END, a.code
              FROM wanted w JOIN answer a ON a.entry = w.entry
            """
        ),
        {"feed_file": feed_file, "first_open": first_open_day(session)},
    )
    # A refused call binds nothing, nor does its repetition in the same chunk.
    session.execute(
        text(
            """
            UPDATE verdict v SET outcome = 'rejected', reason = f.reason
              FROM line l, line o, verdict f
             WHERE l.line_no = v.line_no AND v.outcome = 'already_booked'
               AND o.redemption_ref = l.redemption_ref AND f.line_no = o.line_no
               AND o.line_no < l.line_no AND f.outcome = 'rejected'
               AND f.reason <> 'reference_reused'
            """
        )
    )
    session.execute(
        text(
            """
            DELETE FROM claim c USING line l JOIN verdict v ON v.line_no = l.line_no
             WHERE c.space = 'redemption' AND c.key = l.redemption_ref
               AND c.feed_file = :feed_file AND c.line_no = l.line_no
               AND v.outcome = 'rejected'
            """
        ),
        {"feed_file": feed_file},
    )
