"""What transfers do to the stock of points, by the names of the month report.

The stock of a unit is available + held - owed: credits to these three accounts less
debits. A transfer between two of them changes nothing; any other that touches one is
named after the account on its far side.
"""


def labelled(flow: str) -> str:
    """Return SQL that names each row of a relation of transfers, or of sums of them.

    The relation has `unit`, `debit`, `credit`, `amount`, `is_loose` (no lot is touched)
    and `is_opening` (it counts as what was there before). Added are `net`, what it adds
    to the stock, and `label`; null: it leaves the stock alone.
    """
    return f"""
        SELECT n.*, CASE
                   WHEN is_opening THEN 'opening'
                   WHEN is_late_claw_back THEN 'late_claw_back'
                   WHEN sign = 0 THEN NULL
                   WHEN far IN ('issued', 'issued.partner', 'pending')
                       THEN CASE sign WHEN 1 THEN 'issued' ELSE 'clawed_back' END
                   WHEN far = 'voided.churn'
                       THEN CASE sign WHEN 1 THEN 'reinstated' ELSE 'voided' END
                   WHEN far IN ('redeemed.telecom', 'redeemed.product',
                                'redeemed.service', 'redeemed.merchant',
                                'exchanged.in', 'exchanged.out', 'expired',
                                'forfeited.fraud') THEN far
                   -- by hand, or in transit between books
                   ELSE 'adjusted' END AS label
          FROM (SELECT s.*, sign * amount AS net,
                       split_part(CASE sign WHEN 1 THEN debit WHEN -1 THEN credit END,
                                  ':', 1) AS far,
                       -- what a refund takes from points that leaving had voided; of
                       -- voided pending points the stock never knew
                       sign = 0 AND debit = 'voided.churn' AND NOT is_loose
                           AND split_part(credit, ':', 1)
                               IN ('issued', 'issued.partner') AS is_late_claw_back
                  FROM (SELECT f.*,
                               CAST(credit IN ('available', 'held', 'owed') AS int)
                               - CAST(debit IN ('available', 'held', 'owed') AS int)
                                   AS sign
                          FROM {flow} f) s) n
    """
