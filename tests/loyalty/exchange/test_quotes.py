"""What an amount comes to, and how long one is held to it."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ledger.book import Book
from loyalty.access.errors import ConfirmationMissing
from loyalty.exchange import operations, quotes
from loyalty.exchange.errors import (
    AccountNotBound,
    AccountNotLinked,
    AmountTooLarge,
    AmountTooSmall,
    BadQuote,
    CapReached,
    ExchangesReached,
    GateClosed,
    HasLeft,
    NoRate,
    PartnerRefReused,
    PointsMissing,
    QuoteExpired,
    RateChanged,
    SpendLocked,
)
from loyalty.exchange.rules import QUOTE_HOLDS, RateFacts, faults_of, offer
from loyalty.keyring import Keyring
from tests.loyalty.exchange.alliance import (
    A_DAY,
    FROM_MILES,
    KEYRING,
    NOON,
    SENT_AT,
    TO_MILES,
    TODAY,
    TOMORROW,
)


@st.composite
def facts_and_units(draw):
    """A card that makes sense, and an amount."""
    num, den = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    step = den * draw(st.integers(1, 5))
    least = step * draw(st.integers(1, 4))
    facts = RateFacts(
        from_unit="UNI",
        to_unit="MILE",
        points_num=num,
        points_den=den,
        fee_points=draw(st.integers(0, 20)),
        min_units=least,
        step_units=step,
        max_units=least + step * draw(st.integers(0, 50)),
        fen_num=draw(st.integers(0, 20)),
        fen_den=draw(st.integers(1, 20)),
        billing_pct=draw(st.integers(0, 100)),
        valid_from=TODAY,
    )
    return facts, draw(st.integers(-5, 6_000))


@given(facts_and_units(), st.sampled_from(["out", "in"]))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_nothing_is_lost_between_what_leaves_what_comes_and_what_stays(drawn, way):
    facts, units = drawn
    if way == "in":
        facts = replace(facts, from_unit="MILE", to_unit="UNI")
    assume(not faults_of(facts, direction=way, universal=("CUP", "UNI")))
    fee_out = facts.fee_points if way == "out" else 0
    exchanged = (units - fee_out) // facts.step_units * facts.step_units
    if exchanged < facts.min_units:
        with pytest.raises(AmountTooSmall) as small:
            offer(facts, direction=way, units=units)
        least = small.value.facts["least"]
        assert offer(facts, direction=way, units=int(str(least))).remainder == 0
        return
    if exchanged > facts.max_units:
        with pytest.raises(AmountTooLarge) as large:
            offer(facts, direction=way, units=units)
        most = large.value.facts["most"]
        assert offer(facts, direction=way, units=int(str(most))).remainder == 0
        return

    made = offer(facts, direction=way, units=units)

    assert made.units_out + made.remainder == units
    assert made.units_out == exchanged + fee_out
    assert 0 <= made.remainder < facts.step_units
    gross = made.units_in + (facts.fee_points if way == "in" else 0)
    assert gross * facts.points_den == exchanged * facts.points_num
    assert made.units_in > 0
    theirs = gross if way == "out" else exchanged
    exact = theirs * Fraction(facts.fen_num, facts.fen_den) * facts.billing_pct / 100
    assert abs(made.money_fen - exact) <= Fraction(1, 2)


def test_a_quote_survives_its_journey_and_no_change_to_it(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)
    quote = alliance.quote(10_000)

    signed = quotes.sign(quote, KEYRING)

    assert quotes.read(signed, KEYRING) == quote
    body, mark = signed.split(".")
    other = quotes.sign(replace(quote, units_in=9_999), KEYRING).split(".")[0]
    for forged in (
        f"{other}.{mark}",
        f"{body}.{mark[:-4]}AAAA",
        body,
        f"{body}.{mark}.{mark}",
        "",
        "ü.ü",
        quotes.sign(quote, Keyring(b"somebody else's secret, not ours")),
    ):
        with pytest.raises(BadQuote):
            quotes.read(forged, KEYRING)


def test_a_quote_says_the_rate_and_what_stays(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)

    quote = alliance.quote(10_600)

    assert (quote.rate_num, quote.rate_den) == (1, 10)
    assert (quote.units_out, quote.units_in, quote.remainder) == (10_000, 1_000, 600)
    assert quote.expires_at == NOON + QUOTE_HOLDS


@pytest.mark.parametrize(
    ("units", "error"),
    [(999, AmountTooSmall), (51_000, AmountTooLarge), (-5, AmountTooSmall)],
)
def test_amounts_out_of_bounds_are_not_quoted(alliance, units, error):
    member = alliance.member(10_000)
    alliance.bind(member)
    with pytest.raises(error):
        alliance.quote(units)


def test_what_has_no_rate_or_no_owner_is_not_quoted(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)
    with pytest.raises(NoRate):
        alliance.quote(10_000, into="STAR")
    with pytest.raises(NoRate):
        alliance.quote(10_000, at=NOON - 3 * A_DAY)
    with pytest.raises(AccountNotLinked):
        alliance.quote(10_000, account="MU600002")


def test_an_expired_quote_is_refused(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)
    with pytest.raises(QuoteExpired):
        alliance.request(member, alliance.quote(10_000), at=NOON + QUOTE_HOLDS)


def test_a_quote_is_worth_nothing_once_its_card_holds_no_longer(alliance):
    midnight = NOON.replace(hour=23, minute=55)
    member = alliance.member(10_000)
    alliance.bind(member)
    alliance.rate("MU", "out", replace(TO_MILES, fen_num=7, valid_from=TOMORROW))
    quote = alliance.quote(10_000, at=midnight)

    with pytest.raises(RateChanged):
        alliance.request(member, quote, at=midnight + timedelta(minutes=6))


def test_a_quote_is_used_once(alliance):
    member = alliance.member(30_000)
    alliance.bind(member)
    quote = alliance.quote(10_000)
    first = alliance.request(member, quote)

    again = operations.request(
        alliance.session, member_id=member, quote=quote, at=NOON + A_DAY
    )

    assert again.replayed is True
    assert again.exchange.exchange_ref == first.exchange_ref
    assert alliance.held(member) == 10_000


def test_a_quote_serves_nobody_else(alliance):
    owner, other = alliance.member(10_000), alliance.member(10_000)
    alliance.bind(owner)
    with pytest.raises(AccountNotLinked):
        alliance.request(other, alliance.quote(10_000))
    assert alliance.held(other) == 0


def test_without_a_confirmation_of_exactly_this_nothing_is_held(alliance):
    member = alliance.member(30_000)
    alliance.bind(member)
    quote, other = alliance.quote(10_000), alliance.quote(20_000)
    alliance.confirm(member, operations.bound(other))

    with pytest.raises(ConfirmationMissing):
        operations.request(alliance.session, member_id=member, quote=quote, at=NOON)

    assert alliance.held(member) == 0


def test_points_that_are_missing_are_counted(alliance):
    member = alliance.member(9_000)
    alliance.bind(member)
    with pytest.raises(PointsMissing) as told:
        alliance.request(member, alliance.quote(10_000))
    assert told.value.facts["missing"] == 1_000
    assert alliance.rows("SELECT count(*) FROM exchange") == [(0,)]


def test_points_go_to_partners_once_a_day(alliance):
    member = alliance.member(30_000)
    alliance.bind(member)
    alliance.out(member, 10_000)
    with pytest.raises(ExchangesReached):
        alliance.out(member, 10_000)
    assert alliance.out(member, 10_000, at=NOON + A_DAY)


def test_fifty_thousand_points_a_month_and_no_more(alliance):
    member = alliance.member(90_000)
    alliance.bind(member)
    alliance.out(member, 40_000)
    with pytest.raises(CapReached) as told:
        alliance.out(member, 11_000, at=NOON + A_DAY)
    assert told.value.facts == {"per": "month", "most": 50_000, "left": 10_000}
    alliance.out(member, 10_000, at=NOON + A_DAY)


@pytest.mark.parametrize("per", ["day", "month", "year"])
def test_caps_of_a_card_hold_for_each_member(alliance, per):
    capped: dict[str, Any] = {f"member_{per}_max": 1_500, "valid_from": TOMORROW}
    alliance.rate("MU", "in", replace(FROM_MILES, **capped))
    member, other = alliance.member(), alliance.member()
    alliance.bind(member)
    alliance.bind(other, "MU600002")
    alliance.into(member, 1_000, at=SENT_AT)
    quote = alliance.quote(1_000, units_of="MILE", into="UNI", at=SENT_AT)

    with pytest.raises(CapReached) as told:
        alliance.request(member, quote, at=SENT_AT)

    assert told.value.facts == {"per": per, "most": 1_500, "left": 500}
    alliance.into(member, 500, at=SENT_AT)


def test_what_was_declined_does_not_count(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    operations.cancel(
        alliance.session,
        member_id=member,
        exchange_ref=ref,
        actor="member",
        at=NOON,
    )
    assert alliance.out(member)


def test_a_programme_has_caps_of_its_own(alliance):
    alliance.rate(
        "MU",
        "in",
        replace(FROM_MILES, valid_from=TOMORROW, programme_day_max=1_500),
    )
    for nth in range(2):
        member = alliance.member()
        alliance.bind(member, f"MU60000{nth}")
        quote = alliance.quote(
            1_000, account=f"MU60000{nth}", units_of="MILE", into="UNI", at=SENT_AT
        )
        if nth == 0:
            alliance.request(member, quote, at=SENT_AT)
    with pytest.raises(CapReached) as told:
        alliance.request(member, quote, at=SENT_AT)
    assert told.value.facts == {"per": "programme_day", "most": 1_500, "left": 500}


def test_who_may_not_spend_may_not_exchange(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)
    quote = alliance.quote(10_000)
    Book(alliance.session).set_gate([member], "suspended")
    with pytest.raises(GateClosed):
        alliance.request(member, quote)
    Book(alliance.session).set_gate([member], "open")
    alliance.session.execute(
        text(
            "INSERT INTO member_access (member_id, spend_locked_at) VALUES (:m, now())"
        ),
        {"m": member},
    )
    with pytest.raises(SpendLocked):
        alliance.request(member, quote)


def test_who_has_left_exchanges_nothing(alliance):
    member = alliance.member(10_000)
    alliance.bind(member)
    quote = alliance.quote(10_000)
    alliance.leave(member)
    with pytest.raises(HasLeft):
        alliance.request(member, quote)


def test_an_account_whose_name_nobody_knows_gets_nothing(alliance):
    member = alliance.member(10_000)
    alliance.link(member, "MU600009", partner="MU")
    with pytest.raises(AccountNotBound):
        alliance.request(member, alliance.quote(10_000, account="MU600009"))


def test_the_first_exchange_to_an_account_waits_a_day_and_the_next_does_not(
    alliance, carrier
):
    member = alliance.member(30_000)
    alliance.bind(member)
    ref = alliance.out(member)
    just_before = SENT_AT - timedelta(seconds=1)
    assert alliance.advance(carrier, member, ref, at=just_before) == "requested"
    assert carrier.asked == []
    assert alliance.advance(carrier, member, ref, at=SENT_AT) == "confirmed"

    later = SENT_AT + A_DAY
    ref = alliance.out(member, at=later)
    assert alliance.advance(carrier, member, ref, at=later) == "confirmed"


def test_a_partners_reference_pays_one_exchange_only(alliance):
    member = alliance.member()
    token = alliance.link(member, "card-token")
    wanted = {"account": token, "partner": "CEB", "units_of": "CEB_POINT"}
    first, second = (alliance.quote(2_000, into="CUP", **wanted) for _ in range(2))
    key = {"member_id": member, "at": NOON, "partner_ref": "ceb-1"}
    operations.request(alliance.session, quote=first, **key)

    assert operations.request(alliance.session, quote=first, **key).replayed is True
    with pytest.raises(PartnerRefReused):
        operations.request(alliance.session, quote=second, **key)

    assert alliance.available(member) == 200
    alliance.report()
