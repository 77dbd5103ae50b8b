"""Book bills, what is paid of them and what of them is taken back.

Every operation books one chunk of a feed: it reads the temp table `line` and
leaves a verdict for each line that it does not book. Terms: design.md 5.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.accrual.coalitions import (
    COST_CLASS,
    ISSUED,
    ISSUER,
    UNITS,
    hold_coalitions,
    terms_of,
    write_down,
)
from loyalty.members.claims import NEW, claim_new, decide_known, fill, reject, rounds
from loyalty.points.operations import (
    departure_of,
    draft,
    first_open_day,
    let_nobody_leave,
    lot,
    post,
)

_POINTS = "({due} * {num} / ({den} * 100))"  # integers: rounds down

BILL_LOT = lot(
    issuer=ISSUER,
    cost_class=COST_CLASS,
    earned_in="CAST(date_trunc('month', billed_on) AS date)",
)

# Of a bill `b` under the terms `t`: who left with its points; when they are canceled
# unless they are released before; how many events are known, which tells one
# cancellation of a bill from the next.
_DEPARTURE = departure_of("b.member_id", "'bill:' || b.bill_ref")
_CANCEL_ON = "greatest(b.due_on + t.cancel_unpaid_after_days + 1, b.standing_on)"
_CANCEL = "concat_ws(':', 'cancel', bill_ref, events)"
_EVENTS_SO_FAR = """
(SELECT count(*) FROM bill_event x
  WHERE x.member_id = b.member_id AND x.bill_ref = b.bill_ref)
"""


def book_bills(session: Session, *, feed_file: int) -> None:
    """Book bills; their points are pending until they are paid.

    Where a coalition's terms name its brand, they are the coalition's. A bill that
    comes after its member has left the network earns nothing.
    """
    let_nobody_leave(session)
    has_coalitions = hold_coalitions(session)
    decide_known(session, space="bill", key="l.bill_ref", feed_file=feed_file)
    reject(
        session,
        """
        CASE WHEN l.member_id IS NULL THEN 'unknown_msisdn'
             WHEN l.amount < 0 THEN 'negative_amount'
             WHEN l.due_on < l.billed_on THEN 'due_before_billed' END
        """,
    )
    claim_new(session, space="bill", key="l.bill_ref", feed_file=feed_file)
    points = _POINTS.format(due="l.amount", num="e.num", den="e.den")
    session.execute(
        text(
            f"""
            INSERT INTO bill (member_id, bill_ref, msisdn, period, billed_on, due_on,
                              effective_on, amount_fen, due_fen, paid_fen, points_num,
                              points_den, rule_version, points, standing, standing_on,
                              latest_on, coalition, coalition_from)
            SELECT l.member_id, l.bill_ref, l.msisdn, l.period, l.billed_on, l.due_on,
                   greatest(l.billed_on, CAST(:first_open AS date)), l.amount, l.amount,
                   0, e.num, e.den, e.version, {points},
                   CASE WHEN {points} > 0 THEN 'pending' ELSE 'none' END,
                   l.billed_on, l.billed_on, c.partner, c.valid_from
              FROM line l
              JOIN member m ON m.member_id = l.member_id
              CROSS JOIN LATERAL (
                  SELECT brand FROM subscription s
                   WHERE s.member_id = l.member_id AND s.msisdn = l.msisdn
                   ORDER BY s.activated_on > l.billed_on, s.activated_on DESC LIMIT 1) s
              JOIN (SELECT DISTINCT ON (brand) brand, points_num, points_den, version
                      FROM bill_terms ORDER BY brand, version DESC) t
                ON t.brand = s.brand
              {terms_of(has_coalitions=has_coalitions)}
              CROSS JOIN LATERAL (
                  SELECT CASE WHEN m.left_on IS NULL
                              THEN coalesce(c.points_num, t.points_num)
                              ELSE 0 END AS num,
                         coalesce(c.points_den, t.points_den) AS den, t.version) e
             WHERE {NEW}
            """
        ),
        {"first_open": first_open_day(session)},
    )
    row = draft(
        kind="'bill_accrual'",
        reference="'bill:' || l.bill_ref",
        debit=ISSUED.format("b."),
        credit="'pending'",
        units=UNITS.format("b."),
        amount="b.points",
        effective_on="l.billed_on",
        rule_version="b.rule_version",
        member_id="l.member_id",
    )
    post(
        session,
        f"""
        SELECT {row} AS draft, l.line_no AS nth
          FROM line l
          JOIN bill b ON b.member_id = l.member_id AND b.bill_ref = l.bill_ref
         WHERE b.standing = 'pending' AND {NEW}
        """,
        feed_file=feed_file,
    )
    if has_coalitions:
        write_down(
            session,
            f"""
            SELECT b.member_id, b.bill_ref, 'given' AS what,
                   'bill:' || b.bill_ref AS reference, b.coalition, b.coalition_from,
                   b.points AS units, b.amount_fen AS price_fen, b.billed_on AS on_day
              FROM line l
              JOIN bill b ON b.member_id = l.member_id AND b.bill_ref = l.bill_ref
             WHERE b.standing = 'pending' AND b.coalition IS NOT NULL AND {NEW}
            """,
        )


def book_payments(session: Session, *, feed_file: int) -> None:
    """Book payments: paid in full, a bill makes its points available.

    A bounced payment takes them back to pending.
    Points go through on the first day on which the payments cover what is due.
    """
    let_nobody_leave(session)
    has_coalitions = hold_coalitions(session)
    _reject_unknown_bills(session)
    for _ in rounds(session, key="bill_ref"):
        decide_known(session, space="payment", key="l.payment_ref", feed_file=feed_file)
        reject(session, "CASE WHEN l.amount = 0 THEN 'zero_amount' END")
        claim_new(session, space="payment", key="l.payment_ref", feed_file=feed_file)
        _book_bill_events(session, "payment", "l.payment_ref", "l.paid_on", feed_file)
        if has_coalitions:
            write_down(session, _coalition_moves("payment"))


def book_adjustments(session: Session, *, feed_file: int) -> None:
    """Book credit notes: the bill's points are computed anew, the difference taken."""
    let_nobody_leave(session)
    has_coalitions = hold_coalitions(session)
    _reject_unknown_bills(session)
    for _ in rounds(session, key="bill_ref"):
        decide_known(
            session, space="adjustment", key="l.adjustment_ref", feed_file=feed_file
        )
        reject(
            session,
            """
            CASE WHEN l.amount >= 0 THEN 'not_a_credit_note'
                 WHEN l.amount + (SELECT b.due_fen FROM bill b
                                   WHERE b.member_id = l.member_id
                                     AND b.bill_ref = l.bill_ref) < 0
                     THEN 'exceeds_bill' END
            """,
        )
        claim_new(
            session, space="adjustment", key="l.adjustment_ref", feed_file=feed_file
        )
        _book_bill_events(
            session, "adjustment", "l.adjustment_ref", "l.adjusted_on", feed_file
        )
        if has_coalitions:
            write_down(session, _coalition_moves("adjustment"))


def cancel_unpaid(session: Session, *, business_date: object) -> int:
    """Cancel points still pending on day 91 after the due day; return how many bills.

    What was voided when its member left is no longer pending; after a return it is.
    """
    let_nobody_leave(session)
    has_coalitions = hold_coalitions(session)
    row = draft(
        kind="'bill_cancel'",
        reference=_CANCEL,
        debit="'pending'",
        credit=ISSUED.format(""),
        units=UNITS.format(""),
        amount="points",
        effective_on="cancel_on",
        input_hash="CAST(md5(concat_ws(':', bill_ref, events)) AS uuid)",
        actor="'job:cancel-unpaid'",
        rule_version="rule_version",
    )
    session.execute(
        text(
            f"""
            CREATE TEMP TABLE unpaid ON COMMIT DROP AS
            SELECT b.*, {_CANCEL_ON} AS cancel_on, {_EVENTS_SO_FAR} AS events
              FROM bill b
              JOIN programme_terms t ON t.version = b.rule_version
             WHERE b.standing = 'pending' AND NOT EXISTS (SELECT FROM {_DEPARTURE} d)
               AND b.due_on + t.cancel_unpaid_after_days + 1 <= :business_date
               AND b.standing_on <= :business_date
             ORDER BY b.member_id LIMIT 20000
            """
        ),
        {"business_date": business_date},
    )
    canceled = post(
        session,
        f"SELECT {row} AS draft, row_number() OVER (ORDER BY bill_ref) AS nth"
        " FROM unpaid",
    )
    if has_coalitions:
        write_down(
            session,
            f"""
            SELECT member_id, bill_ref, 'canceled' AS what, {_CANCEL} AS reference,
                   coalition, coalition_from, -points AS units, -due_fen AS price_fen,
                   cancel_on AS on_day
              FROM unpaid WHERE coalition IS NOT NULL
            """,
        )
    session.execute(
        text(
            """
            UPDATE bill b SET standing = 'canceled' FROM unpaid u
             WHERE b.member_id = u.member_id AND b.bill_ref = u.bill_ref
            """
        )
    )
    session.execute(text("DROP TABLE unpaid"))
    return canceled


def settle_bounced(session: Session, *, members: str, on: str, actor: str) -> None:
    """Take points back to pending for bills whose payment bounced while away.

    `members` is the SQL of a relation with `member_id` and the day `on` of the
    return; what came back with the member was earned by payments that failed.
    """
    fill(
        session,
        "bounced",
        f"""
        SELECT b.*, t.expiry_months, r.{on} AS happened_on, {_EVENTS_SO_FAR} AS events
          FROM bill b JOIN {members} r ON r.member_id = b.member_id
          JOIN programme_terms t ON t.version = b.rule_version
         WHERE b.standing = 'available' AND b.paid_fen < b.due_fen
           AND NOT EXISTS (SELECT FROM {_DEPARTURE} d)
        """,
    )
    row = draft(
        kind="'bill_bounce'",
        reference="concat_ws(':', 'bounce', bill_ref, events)",
        debit="'available'",
        credit="'pending'",
        units=UNITS.format(""),
        amount="points",
        effective_on="happened_on",
        input_hash="CAST(md5(concat_ws(':', bill_ref, events)) AS uuid)",
        actor=actor,
        lot=BILL_LOT,
        rule_version="rule_version",
    )
    post(
        session,
        f"SELECT {row} AS draft, row_number() OVER (ORDER BY bill_ref) AS nth"
        " FROM bounced",
    )
    session.execute(
        text(
            """
            UPDATE bill b SET standing = 'pending', standing_on = x.happened_on
              FROM bounced x
             WHERE b.member_id = x.member_id AND b.bill_ref = x.bill_ref
            """
        )
    )


def _reject_unknown_bills(session: Session) -> None:
    reject(session, "CASE WHEN l.member_id IS NULL THEN 'unknown_bill' END")


# What a bill looks like after the event, and what that does to its points. A bill
# whose points were voided when the member left is only written up.
#
# `covered_on` is the day since which payments have covered what is due without a
# break: the event's own day, unless the event is older than something known already.
# It decides whether the bill was paid in time, and no points are released before
# they became pending.
_EVENTS = """
SELECT e.*,
       CASE WHEN e.is_void OR e.points_after = 0 THEN NULL
            WHEN (e.standing = 'pending' OR e.standing = 'canceled' AND {is_payment})
             AND e.is_covered
             AND e.covered_on <= e.due_on + e.cancel_unpaid_after_days THEN 'release'
            WHEN e.standing = 'available' AND NOT e.is_covered THEN 'bounce'
       END AS turn,
       greatest(e.covered_on, e.standing_on) AS released_on,
       greatest(e.happened_on, e.standing_on) AS bounced_on
  FROM (
    SELECT l.line_no, l.content, l.member_id, l.bill_ref, l.ref, l.happened_on,
           b.billed_on, b.due_on, b.points, b.standing, b.standing_on, b.rule_version,
           b.coalition, b.coalition_from, l.adjusted,
           t.expiry_months, t.cancel_unpaid_after_days, {cancel_on} AS cancel_on,
           d.left_on IS NOT NULL AS is_void, d.entry_id AS voided_by,
           b.paid_fen + l.paid AS paid_after, b.due_fen + l.adjusted AS due_after,
           (b.due_fen + l.adjusted) * b.points_num / (b.points_den * 100)
               AS points_after,
           b.paid_fen + l.paid >= b.due_fen + l.adjusted AS is_covered,
           greatest(b.latest_on, l.happened_on) AS latest_on,
           CASE WHEN l.happened_on >= b.latest_on THEN l.happened_on ELSE (
               SELECT coalesce(min(day) FILTER (WHERE holds), l.happened_on) FROM (
                   SELECT d.day, bool_and(d.covered) OVER (ORDER BY d.day DESC) AS holds
                     FROM (
                       SELECT day, b.amount_fen <= sum(sum(paid - adjusted))
                                   OVER (ORDER BY day) AS covered
                         FROM (
                           SELECT x.happened_on AS day,
                                  CASE x.source WHEN 'payment' THEN x.amount_fen
                                                ELSE 0 END AS paid,
                                  CASE x.source WHEN 'payment' THEN 0
                                                ELSE x.amount_fen END AS adjusted
                             FROM bill_event x
                            WHERE x.member_id = b.member_id AND x.bill_ref = b.bill_ref
                           UNION ALL SELECT l.happened_on, l.paid, l.adjusted
                           UNION ALL SELECT b.billed_on, 0, 0
                         ) known GROUP BY day
                     ) d WHERE d.day >= b.billed_on
               ) since) END AS covered_on
      FROM (SELECT l.*, {ref} AS ref, {happened_on} AS happened_on,
                   CASE WHEN {is_payment} THEN l.amount ELSE 0 END AS paid,
                   CASE WHEN {is_payment} THEN 0 ELSE l.amount END AS adjusted
              FROM line l WHERE {new}) l
      JOIN bill b ON b.member_id = l.member_id AND b.bill_ref = l.bill_ref
      JOIN programme_terms t ON t.version = b.rule_version
      LEFT JOIN LATERAL {departure} d ON true) e
"""

_RECORD_EVENTS = """
INSERT INTO bill_event (member_id, bill_ref, source, ref, happened_on, effective_on,
                        amount_fen)
SELECT h.member_id, h.bill_ref, :source, h.ref, h.happened_on,
       greatest(h.happened_on, CAST(:first_open AS date)), l.amount
  FROM happening h JOIN line l ON l.line_no = h.line_no
"""

_UPDATE_BILLS = """
UPDATE bill b
   SET paid_fen = h.paid_after, due_fen = h.due_after, points = h.points_after,
       latest_on = h.latest_on,
       standing = CASE WHEN h.points_after = 0 THEN 'none'
                       WHEN h.turn = 'release' THEN 'available'
                       WHEN h.turn = 'bounce' THEN 'pending' ELSE h.standing END,
       standing_on = CASE h.turn WHEN 'release' THEN h.released_on
                                 WHEN 'bounce' THEN h.bounced_on
                                 ELSE h.standing_on END
  FROM happening h
 WHERE b.member_id = h.member_id AND b.bill_ref = h.bill_ref
"""


def _book_bill_events(
    session: Session, source: str, ref: str, happened_on: str, feed_file: int
) -> None:
    """Book the events of one round, at most one for each bill."""
    fill(
        session,
        "happening",
        _EVENTS.format(
            ref=ref,
            happened_on=happened_on,
            is_payment="true" if source == "payment" else "false",
            new=NEW,
            departure=_DEPARTURE,
            cancel_on=_CANCEL_ON,
        ),
    )
    session.execute(
        text(_RECORD_EVENTS),
        {"source": source, "first_open": first_open_day(session)},
    )
    reference = f"'{source}:' || ref"
    drafts = [*_adjusting(reference), *_turning(reference)]
    post(
        session,
        " UNION ALL ".join(
            f"SELECT {row} AS draft, line_no * 4 + {step} AS nth FROM happening"
            f" WHERE {condition}"
            for row, step, condition in drafts
        ),
        feed_file=feed_file,
    )
    session.execute(text(_UPDATE_BILLS))


# A draft, its step among those of one event, and when it is due.
_Step = tuple[str, int, str]

_ON_BILL = {"units": UNITS.format(""), "rule_version": "rule_version"}

# When an event takes back points that are still the member's, or that leaving voided,
# and when it lets those of a canceled bill live again.
_TAKES_PENDING = "NOT is_void AND standing = 'pending' AND points_after < points"
_TAKES_AVAILABLE = (
    "standing = 'available' AND points_after < points AND voided_by IS NULL"
)
_TAKES_VOIDED = (
    "voided_by IS NOT NULL AND points_after < points"
    " AND standing IN ('pending', 'available')"
)
_REVIVES = "turn = 'release' AND standing = 'canceled'"


def _coalition_moves(source: str) -> str:
    """Return the query of what the events in `happening` do to coalitions' points."""
    reference = f"'{source}:' || ref"
    return f"""
    SELECT member_id, bill_ref, v.what, v.reference, coalition, coalition_from, v.units,
           v.price_fen, v.on_day
      FROM happening
     CROSS JOIN LATERAL (
         SELECT 'adjusted' AS what, {reference} AS reference,
                points_after - points AS units, adjusted AS price_fen,
                happened_on AS on_day
          WHERE {_TAKES_PENDING} OR {_TAKES_AVAILABLE} OR {_TAKES_VOIDED}
         UNION ALL
         SELECT 'revived', {reference} || ' revival', points_after, due_after, cancel_on
          WHERE {_REVIVES}) v
     WHERE coalition IS NOT NULL
    """


def _adjusting(reference: str) -> list[_Step]:
    """Return what takes back the points of what is no longer due."""
    return [
        # What is still pending for what is no longer due.
        (
            draft(
                kind="'bill_adjustment'",
                reference=reference,
                debit="'pending'",
                credit=ISSUED.format(""),
                amount="points - points_after",
                effective_on="happened_on",
                **_ON_BILL,
            ),
            1,
            _TAKES_PENDING,
        ),
        (
            draft(
                kind="'bill_adjustment'",
                reference=reference,
                debit="'available'",
                credit=ISSUED.format(""),
                amount="points - points_after",
                effective_on="happened_on",
                lot=BILL_LOT,
                **_ON_BILL,
            ),
            1,
            _TAKES_AVAILABLE,
        ),
        # What was voided when the member left is voided the less.
        (
            draft(
                kind="'bill_adjustment'",
                reference=reference,
                debit="'voided.churn'",
                credit=ISSUED.format(""),
                amount="points - points_after",
                effective_on="happened_on",
                lot=BILL_LOT,
                scope="CASE standing WHEN 'pending' THEN 'loose' ELSE 'lots' END",
                reverses="voided_by",
                **_ON_BILL,
            ),
            1,
            _TAKES_VOIDED,
        ),
    ]


def _turning(reference: str) -> list[_Step]:
    """Return what lets points through, or takes them back to pending."""
    return [
        (
            draft(
                kind="'bill_revival'",
                reference=f"{reference} || ' revival'",
                debit=ISSUED.format(""),
                credit="'pending'",
                amount="points_after",
                effective_on="cancel_on",
                **_ON_BILL,
            ),
            2,
            _REVIVES,
        ),
        (
            draft(
                kind="'bill_release'",
                reference=f"{reference} || ' release'",
                debit="'pending'",
                credit="'available'",
                amount="points_after",
                effective_on="released_on",
                lot=BILL_LOT,
                **_ON_BILL,
            ),
            3,
            "turn = 'release'",
        ),
        (
            draft(
                kind="'bill_bounce'",
                reference=f"{reference} || ' bounce'",
                debit="'available'",
                credit="'pending'",
                amount="points_after",
                effective_on="bounced_on",
                lot=BILL_LOT,
                **_ON_BILL,
            ),
            3,
            "turn = 'bounce'",
        ),
    ]
