"""Evidence of what was agreed: reference data as it stands, and what was changed."""

from typing import Final

from sqlalchemy import text

from loyalty.closing.evidence.asking import figures_of
from loyalty.closing.rules import Evidence, hash_of
from loyalty.closing.workings import Workings

# Each a query of one column `row`: what the figures of a month hang on.
_REFERENCE: Final = {
    "items": """
        SELECT concat_ws('|', item_code, state, family, kind, cost_treatment, account,
                         points, cash_fen, mix_points, mix_cash_fen, settlement_fen,
                         partner) AS row
          FROM catalogue_item WHERE state <> 'draft'
    """,
    "rates": """
        SELECT concat_ws('|', partner, direction, version, points_num, points_den,
                         fee_points, fen_num, fen_den, service_fen_num,
                         service_fen_den, billing, billing_pct, valid_from, valid_to)
               AS row
          FROM rate_card
         WHERE state = 'approved' AND valid_from < :next_month
           AND coalesce(valid_to, 'infinity') >= :first_day
    """,
    "terms": """
        SELECT concat_ws('|', version, expiry_months, cancel_unpaid_after_days,
                         carrying_fen_num, carrying_fen_den) AS row
          FROM programme_terms
        UNION ALL
        SELECT concat_ws('|', version, brand, points_num, points_den) FROM bill_terms
        UNION ALL
        SELECT concat_ws('|', version, partner_kind, partner, activity, unit, points,
                         per_fen) FROM activity_terms
        UNION ALL
        SELECT concat_ws('|', version, partner_kind, partner, pays_num, pays_den,
                         settles_num, settles_den) FROM till_terms
    """,
    "estimates": """
        SELECT concat_ws('|', 'terms', version, redeemed_num, redeemed_den, value_num,
                         value_den) AS row
          FROM estimate_terms WHERE valid_from < :next_month
        UNION ALL
        SELECT concat_ws('|', estimate_id, unit, earned_in, funding, effective_in,
                         expected)
          FROM cohort_estimate WHERE effective_in < :next_month
    """,
}

_CHANGED: Final = """
SELECT (SELECT count(*) FROM catalogue_change
         WHERE applied_at >= CAST(:first_day AS date)
           AND applied_at < CAST(:next_month AS date)) AS items_changed,
       (SELECT count(*) FROM approval
         WHERE action = 'catalogue.publish' AND state = 'approved'
           AND decided_at >= CAST(:first_day AS date)
           AND decided_at < CAST(:next_month AS date)) AS items_published,
       (SELECT count(*) FROM approval
         WHERE action = 'exchange.rate' AND state = 'approved'
           AND decided_at >= CAST(:first_day AS date)
           AND decided_at < CAST(:next_month AS date)) AS rates_approved
"""


def reference_frozen(workings: Workings) -> Evidence:
    """Take a hash of prices, treatments, rates, terms and estimates.

    Ticked off, the step is done for as long as none of them changes.
    """
    hashes: dict[str, str] = {}
    counts: dict[str, int] = {}
    for part, statement in _REFERENCE.items():
        rows = workings.session.scalars(
            text(f"SELECT row FROM ({statement}) r ORDER BY row"), workings.month.days
        ).all()
        hashes[part], counts[part] = hash_of(list(rows)), len(rows)
    return Evidence(facts={**counts, "reference_hash": hash_of(hashes)})


def flags(workings: Workings) -> Evidence:
    """Count what was changed in the catalogue and in rates, to be looked at."""
    return Evidence(facts=figures_of(workings, _CHANGED))
