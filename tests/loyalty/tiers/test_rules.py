from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from loyalty.tiers.rules import Granted, Rung, Spent, months_later, stand

LADDER = (
    Rung("SILVER", 1, 120_000, 12),
    Rung("GOLD", 2, 240_000, 12),
    Rung("DIAMOND", 3, 600_000, 12),
)
ON = date(2007, 12, 1)


def bills(*dues):
    return [Spent(date(2007, month, 5), due) for month, due in enumerate(dues, start=1)]


def test_a_member_without_bills_stands_nowhere():
    nowhere = stand(LADDER, bills=[], grants=[], on=ON)

    assert (nowhere.tier, nowhere.source, nowhere.until) == (None, None, None)
    assert not nowhere.has_priority
    assert (nowhere.next_tier, nowhere.missing_fen) == ("SILVER", 120_000)


def test_spending_reaches_a_rung_exactly():
    almost = stand(LADDER, bills=bills(239_999), grants=[], on=ON)
    gold = stand(LADDER, bills=bills(240_000), grants=[], on=ON)

    assert (almost.tier, almost.next_tier, almost.missing_fen) == ("SILVER", "GOLD", 1)
    assert (gold.tier, gold.source, gold.has_priority) == ("GOLD", "spend", True)
    assert (gold.next_tier, gold.missing_fen) == ("DIAMOND", 360_000)


def test_the_highest_rung_misses_nothing():
    top = stand(LADDER, bills=bills(700_000), grants=[], on=ON)

    assert (top.tier, top.next_tier, top.missing_fen) == ("DIAMOND", None, 0)
    assert top.spend_fen == 700_000


def test_a_bill_counts_for_twelve_months_and_says_how_long_the_tier_holds():
    spent = bills(100_000, 20_000)

    standing = stand(LADDER, bills=spent, grants=[], on=ON)

    assert standing.until == date(2008, 1, 4)
    assert stand(LADDER, bills=spent, grants=[], on=date(2008, 1, 4)).tier == "SILVER"
    assert stand(LADDER, bills=spent, grants=[], on=date(2008, 1, 5)).tier is None


def test_a_bill_does_not_count_before_its_day():
    assert (
        stand(LADDER, bills=bills(700_000), grants=[], on=date(2007, 1, 4)).tier is None
    )


def test_a_grant_lifts_above_spending_and_never_pulls_down():
    spent = bills(240_000)
    silver = Granted("SILVER", date(2008, 6, 30))
    diamond = Granted("DIAMOND", date(2007, 12, 31))

    unmoved = stand(LADDER, bills=spent, grants=[silver], on=ON)
    lifted = stand(LADDER, bills=spent, grants=[silver, diamond], on=ON)

    assert (unmoved.tier, unmoved.source) == ("GOLD", "spend")
    assert (lifted.tier, lifted.source) == ("DIAMOND", "grant")
    assert lifted.until == date(2007, 12, 31)


def test_a_grant_ends_with_its_last_day():
    grants = [Granted("GOLD", ON)]

    assert stand(LADDER, bills=[], grants=grants, on=ON).tier == "GOLD"
    assert stand(LADDER, bills=[], grants=grants, on=date(2007, 12, 2)).tier is None


def test_a_month_later_stays_within_its_month():
    assert months_later(date(2008, 2, 29), 12) == date(2009, 2, 28)
    assert months_later(date(2007, 12, 31), 2) == date(2008, 2, 29)


@given(
    st.lists(
        st.builds(
            Spent,
            st.dates(date(2006, 1, 1), date(2008, 12, 31)),
            st.integers(0, 300_000),
        ),
        max_size=20,
    ),
    st.dates(date(2006, 6, 1), date(2009, 6, 30)),
)
def test_a_tier_holds_exactly_until_the_day_it_says(spent, on):
    known = [bill for bill in spent if bill.billed_on <= on]

    standing = stand(LADDER, bills=known, grants=[], on=on)

    if standing.until is not None:
        rank = {rung.tier: rung.rank for rung in LADDER} | {None: 0}
        last = stand(LADDER, bills=known, grants=[], on=standing.until)
        after = date.fromordinal(standing.until.toordinal() + 1)
        next_day = stand(LADDER, bills=known, grants=[], on=after)
        assert rank[last.tier] >= rank[standing.tier]
        assert rank[next_day.tier] < rank[standing.tier]
