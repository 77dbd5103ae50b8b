"""What we have about a partner, event by event, in the shape of the partner's lines.

The amount of an accrual is what its partner pays for the points where it pays
afterwards, else what was bought; only the former is settled. What is undone stands
below zero.
"""

from typing import Final

from loyalty.matching.rules import Terms
from loyalty.prepaid.coalitions import HONORED

# A reference without what our books put before it, as partners may leave that out.
KEY: Final = (
    "regexp_replace({}, '^(activity:[^/]*/|merchant:[^/]*/|redemption:|order:"
    "|exchange:|exc_)', '')"
)

# The partner's day on which a moment falls: its day ends at the cut-off.
_DAY = (
    "CAST((CAST({} AS timestamptz) AT TIME ZONE :zone)"
    " + make_interval(mins => 1440 - CAST(:cut_off AS int)) AS date)"
)
_ENTRY = """
(SELECT min({column}) FROM ledger.transfer t
  WHERE t.member_id = {of} AND t.id = {entry})
"""
_ACTIVITY_ENTRY = """
(SELECT min({column}) FROM ledger.reference r
   JOIN ledger.transfer t ON t.member_id = r.member_id AND t.id = r.entry_id
  WHERE r.member_id = a.member_id
    AND r.reference = 'activity:' || a.partner || '/' || a.partner_ref)
"""

_FACTS = """
SELECT CASE WHEN a.original_ref IS NULL THEN 'accrual' ELSE 'reversal' END AS kind,
       a.member_id, a.partner_ref AS event_ref, a.partner_ref AS our_key,
       a.partner_ref, a.original_ref AS original_key, {activity_day} AS on_day,
       CASE WHEN a.original_ref IS NULL THEN a.points ELSE -a.points END AS units,
       CAST(NULL AS bigint) AS other_units,
       CASE WHEN b.thousand_fen IS NULL THEN a.amount_fen
            ELSE CAST(round(CAST(CASE WHEN a.original_ref IS NULL THEN a.points
                                      ELSE -a.points END AS numeric)
                            * b.thousand_fen * b.billing_pct / 100000) AS bigint)
       END AS fen,
       b.thousand_fen IS NOT NULL
           AND CAST(a.points AS numeric) * b.thousand_fen * b.billing_pct % 100000 <> 0
           AS is_part,
       a.points = 0 AS is_idle,
       coalesce(b.billing = 'postpaid', false) AS is_settled
  FROM activity a
  LEFT JOIN accrual_billing b ON b.partner = a.partner
                             AND b.valid_from = a.billed_from
 WHERE a.partner = :partner
 UNION ALL
SELECT 'redemption', r.member_id, r.redemption_ref, {redemption_key},
       coalesce(m.partner_ref, p.policy_no), NULL, {redemption_day}, r.points, NULL,
       r.settlement_fen, false, false, true
  FROM redemption r
  LEFT JOIN merchant_redemption m ON m.member_id = r.member_id
                                 AND m.captured_by = r.entry_id
  LEFT JOIN policy p ON p.member_id = r.member_id
                    AND r.redemption_ref = 'order:' || p.order_ref
 WHERE r.partner = :partner
 UNION ALL
SELECT 'return', b.member_id, b.redemption_ref || '/' || b.return_ref, {return_key},
       coalesce(m.partner_ref, p.policy_no), {redemption_key}, {return_day}, -b.points,
       NULL, -b.settlement_fen, false, false, true
  FROM redemption_return b
  JOIN redemption r USING (member_id, redemption_ref)
  LEFT JOIN merchant_redemption m ON m.member_id = r.member_id
                                 AND m.captured_by = r.entry_id
  LEFT JOIN policy p ON p.member_id = r.member_id
                    AND r.redemption_ref = 'order:' || p.order_ref
 WHERE r.partner = :partner
 UNION ALL
SELECT 'exchange_' || e.direction, e.member_id, e.exchange_ref, e.exchange_ref,
       {exchange_number}, NULL, {exchange_day},
       CASE e.direction WHEN 'out' THEN e.units_out ELSE e.units_in END,
       CASE e.direction WHEN 'out' THEN e.units_in ELSE e.units_out END,
       e.money_fen, false, false, e.billing = 'postpaid'
  FROM exchange e
 WHERE e.partner = :partner AND e.effective_on IS NOT NULL
 UNION ALL
SELECT 'exchange_' || e.direction || '_reversal', e.member_id, e.exchange_ref,
       e.exchange_ref, {exchange_number}, e.exchange_ref, {undone_day},
       -CASE e.direction WHEN 'out' THEN e.units_out ELSE e.units_in END,
       -CASE e.direction WHEN 'out' THEN e.units_in ELSE e.units_out END,
       -u.money_fen, false, false, e.billing = 'postpaid'
  FROM exchange_reversal u
  JOIN exchange e USING (member_id, exchange_ref)
 WHERE e.partner = :partner
 UNION ALL
-- of a coalition: what bills gave of its points, and what was spent of them
SELECT CASE WHEN p.units > 0 THEN 'accrual' ELSE 'reversal' END, p.member_id,
       p.reference, {given_key}, NULL, CASE WHEN p.units < 0 THEN p.bill_ref END,
       {given_day}, p.units, NULL,
       CAST(round(CAST(p.units AS numeric) * c.price_thousand_fen / 1000) AS bigint),
       p.units * CAST(c.price_thousand_fen AS numeric) % 1000 <> 0, false,
       NOT p.is_prepaid
  FROM coalition_points p
  JOIN coalition_terms c ON c.partner = p.partner AND c.valid_from = p.valid_from
 WHERE p.partner = :partner
 UNION ALL
SELECT CASE WHEN h.units > 0 THEN 'redemption' ELSE 'return' END, h.member_id,
       CAST(h.entry_id AS text), {spent_key}, NULL, {original_key}, {spent_day},
       h.units, NULL, CAST(round(h.units * h.thousand_fen / 1000) AS bigint),
       h.units * h.thousand_fen % 1000 <> 0, false, true
  FROM ({honored}) h
  JOIN ledger.reference r ON r.member_id = h.member_id AND r.entry_id = h.entry_id
  LEFT JOIN ledger.reference o ON o.member_id = h.member_id AND h.units < 0
                              AND o.entry_id = h.reverses
 WHERE h.partner = :partner
"""

_GIVEN_KEY = "regexp_replace(p.reference, '^(bill|payment|adjustment):', '')"
_GIVEN_ENTRY = """
(SELECT min(t.recorded_at) FROM ledger.reference r
   JOIN ledger.transfer t ON t.member_id = r.member_id AND t.id = r.entry_id
  WHERE r.member_id = p.member_id AND r.reference = p.reference)
"""

_EXCHANGE_NUMBER = """
coalesce(e.partner_ref,
         (SELECT t.partner_ref FROM exchange_attempt t
           WHERE t.member_id = e.member_id AND t.exchange_ref = e.exchange_ref
             AND t.partner_ref IS NOT NULL
           ORDER BY t.attempt_no DESC LIMIT 1))
"""


def facts(terms: Terms) -> str:
    """Return the query of a partner's events, each on its day by the partner's terms.

    It takes `partner`, `zone` and `cut_off`.
    """
    days = {
        "occurred": {
            "activity_day": "a.occurred_on",
            "redemption_day": _DAY.format("r.occurred_at"),
            "return_day": _DAY.format("b.occurred_at"),
            "exchange_day": _DAY.format("e.requested_at"),
            "undone_day": _DAY.format("u.occurred_at"),
            "given_day": "p.occurred_on",
            "spent_day": "h.occurred_on",
        },
        "posted": {
            "activity_day": _or_day(
                _DAY.format(_ACTIVITY_ENTRY.format(column="t.recorded_at"))
            ),
            "redemption_day": _posted("r", "r.occurred_at"),
            "return_day": _posted("b", "b.occurred_at"),
            "exchange_day": _posted("e", "e.state_at"),
            "undone_day": _posted("u", "u.occurred_at"),
            "given_day": _DAY.format(_GIVEN_ENTRY),
            "spent_day": _DAY.format("h.recorded_at"),
        },
        "effective": {
            "activity_day": _or_day(_ACTIVITY_ENTRY.format(column="t.effective_on")),
            "redemption_day": "r.effective_on",
            "return_day": "b.effective_on",
            "exchange_day": "e.effective_on",
            "undone_day": "u.effective_on",
            "given_day": "p.effective_on",
            "spent_day": "h.effective_on",
        },
    }
    return _FACTS.format(
        redemption_key=KEY.format("r.redemption_ref"),
        return_key=KEY.format("b.return_ref"),
        exchange_number=_EXCHANGE_NUMBER,
        given_key=_GIVEN_KEY,
        spent_key=KEY.format("r.reference"),
        original_key=KEY.format("o.reference"),
        honored=HONORED,
        **days[terms.date_basis],
    )


def _or_day(day: str) -> str:
    """Fall back on the activity's own day where no point moved."""
    return f"coalesce({day}, a.occurred_on)"


def _posted(of: str, otherwise: str) -> str:
    entry = _ENTRY.format(
        column="t.recorded_at", of=f"{of}.member_id", entry=f"{of}.entry_id"
    )
    return _DAY.format(f"coalesce({entry}, {otherwise})")
