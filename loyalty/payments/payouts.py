"""What payouts move from the provider's account to our bank account, and back."""

from typing import Final

# A payout moves its money on the day it was paid, and back again where what was paid
# comes to nothing afterwards: each on its own accounting day.
MOVES: Final = """
    SELECT s.effective_on AS on_day, s.payout_id,
           CASE s.state WHEN 'paid' THEN p.amount_fen ELSE -p.amount_fen END AS fen
      FROM payout_state s
      JOIN payout p USING (payout_id)
      LEFT JOIN payout_state b ON b.payout_id = s.payout_id AND b.nth = s.nth - 1
     WHERE (s.state = 'paid') <> coalesce(b.state = 'paid', false)
"""
