"""What random callers may wish for: few values, so that they meet each other."""

from datetime import date

from hypothesis import strategies as st

from loyalty.points.entries import KINDS
from tests.ledger.makers import (
    DAY,
    capture,
    exchange_out,
    give_back,
    lot,
    release,
    take_exchange_back,
)

DAYS = (DAY, date(2026, 7, 31), date(2026, 8, 1), date(2026, 9, 20), date(2027, 1, 1))
LAST_DAYS = (date(2026, 6, 30), date(2026, 7, 31), date(2026, 9, 30), None)
MONTHS = (date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1))

UNDOINGS = (
    (capture, "hold"),
    (release, "hold"),
    (give_back, "redemption"),
    (release, "redemption"),
    (exchange_out, "hold"),
    (take_exchange_back, "exchange_out"),
)
# Bills are credits and draws like others, by other names.
POSTED = {kind.name for kind in KINDS if not kind.name.startswith("bill_")}

members = st.sampled_from([1, 2])
days = st.sampled_from(DAYS)
amounts = st.integers(1, 60)
part = st.none() | st.integers(1, 40)
units = st.sampled_from(["CUP", "UNI"])
wallets = st.sampled_from([("CUP", "UNI"), ("CUP",), ("UNI",), ("UNI", "CUP")])
lots = st.builds(
    lot,
    st.sampled_from(LAST_DAYS),
    st.sampled_from(["operator", "CEB"]),
    st.sampled_from([date(2026, 1, 1), date(2026, 2, 1)]),
)
bought = st.builds(lot, st.sampled_from(LAST_DAYS), cost_class=st.just("purchased"))
givers = st.sampled_from(["issued", "issued.partner:CEB", "adjusted"])
takers = st.sampled_from(["adjusted", "forfeited.fraud"])
now = st.booleans()
chances = st.integers(0, 2)
