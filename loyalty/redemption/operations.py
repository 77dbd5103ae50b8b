"""Redeem catalogue items."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.claims import claim_new, decide_known, reject
from loyalty.points.operations import draft, first_open_day


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
