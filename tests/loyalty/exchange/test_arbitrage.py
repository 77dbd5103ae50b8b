"""No round of exchanges makes more of what it began with."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import permutations
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.exchange import cards
from loyalty.exchange.arbitrage import Rate, gaining_cycle, one_for_one
from loyalty.exchange.errors import (
    BadRateCard,
    CycleGains,
    RateCardMovedOn,
    RateTooSoon,
)
from loyalty.exchange.models import RateCard
from loyalty.exchange.rules import RateFacts
from tests.loyalty.exchange.alliance import (
    FROM_MILES,
    NOON,
    TO_MILES,
    TODAY,
    TOMORROW,
)

UNITS = ("CUP", "UNI", "MILE", "CEB", "STAR")
rates = st.builds(
    Rate,
    st.sampled_from(UNITS),
    st.sampled_from(UNITS),
    st.builds(Fraction, st.integers(1, 6), st.integers(1, 6)),
).filter(lambda rate: rate.from_unit != rate.to_unit)


def gains_by_trying_all(given_rates):
    """Whether any round gains, by walking every round there is."""
    best: dict[tuple[str, str], Fraction] = {}
    for rate in given_rates:
        ends = (rate.from_unit, rate.to_unit)
        best[ends] = max(best.get(ends, Fraction(0)), rate.per_unit)
    return any(
        all(leg in best for leg in legs) and prod(best[leg] for leg in legs) > 1
        for count in range(2, len(UNITS) + 1)
        for ring in permutations(UNITS, count)
        for legs in [list(zip(ring, ring[1:] + ring[:1], strict=True))]
    )


@given(st.lists(rates, max_size=9))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_a_gain_is_found_exactly_where_trying_all_rounds_finds_one(some):
    with_ours = [*some, *one_for_one(("CUP", "UNI"))]

    cycle = gaining_cycle(with_ours)

    assert (cycle is not None) == gains_by_trying_all(with_ours)
    if cycle is not None:
        assert cycle.units[0] == cycle.units[-1]
        assert cycle.gain > 1
        legs = zip(cycle.units, cycle.units[1:], strict=False)
        assert cycle.gain == prod(
            max(r.per_unit for r in with_ours if (r.from_unit, r.to_unit) == leg)
            for leg in legs
        )


# Cards that begin and end, of few partners, versions in the order in which they come.
FIRST = date(2008, 1, 1)
spans = st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9))


@st.composite
def decks(draw):
    """Rate cards of a few days, some of them withdrawn."""
    made = []
    for version in range(1, draw(st.integers(1, 7)) + 1):
        begins, lasts = draw(spans)
        unit = draw(st.sampled_from(["MILE", "STAR"]))
        direction = draw(st.sampled_from(["out", "in"]))
        ours = draw(st.sampled_from(["CUP", "UNI"]))
        begin = FIRST + timedelta(days=begins)
        made.append(
            RateCard(
                partner=draw(st.sampled_from(["MU", "CZ"])),
                direction=direction,
                version=version,
                from_unit=ours if direction == "out" else unit,
                to_unit=unit if direction == "out" else ours,
                points_num=draw(st.integers(1, 4)),
                points_den=draw(st.integers(1, 4)),
                fee_points=0,
                valid_from=begin,
                valid_to=None if lasts is None else begin + timedelta(days=lasts),
                state=draw(st.sampled_from(["approved", "approved", "withdrawn"])),
            )
        )
    return made


@given(decks())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_some_day_gains_exactly_where_looking_at_every_day_finds_one(deck):
    def holding(day):
        newest = {}
        for card in deck:
            if card.valid_from <= day and (card.valid_to or day) >= day:
                key = (card.partner, card.direction, card.from_unit, card.to_unit)
                newest[key] = card  # versions come in order
        return [
            Rate(c.from_unit, c.to_unit, Fraction(c.points_num, c.points_den))
            for c in newest.values()
            if c.state == "approved"
        ]

    ours = one_for_one(("CUP", "UNI"))
    days = [FIRST + timedelta(days=nth) for nth in range(25)]
    expected = [day for day in days if gains_by_trying_all([*holding(day), *ours])]

    found = cards.gains(_whole(deck), since=FIRST)

    assert (found[0] if found else None) == (expected[0] if expected else None)


def _whole(deck):
    """The same cards with all that a card says."""
    ordinary = RateFacts(
        from_unit="", to_unit="", points_num=1, points_den=1, valid_from=FIRST
    )
    for card in deck:
        for name in RateFacts.__dataclass_fields__:
            if getattr(card, name) is None and name != "valid_to":
                setattr(card, name, getattr(ordinary, name))
    return deck


def test_a_rate_that_gains_with_others_is_refused_and_says_how(alliance):
    # Ten points make a mile, and eleven points would come back for it.
    card = alliance.draft(
        "MU",
        "in",
        replace(FROM_MILES, points_num=11, valid_from=TOMORROW),
    )

    with pytest.raises(CycleGains) as told:
        alliance.ask(card, at=NOON)

    assert told.value.facts["gain"] == "11/10"
    assert "MILE" in str(told.value.facts["cycle"])
    assert told.value.facts["on"] == TOMORROW


def test_a_round_that_only_keeps_even_may_hold(alliance):
    card = alliance.rate(
        "MU", "in", replace(FROM_MILES, points_num=10, valid_from=TOMORROW)
    )
    assert card.state == "approved"


def test_a_rate_may_gain_that_meets_no_other_in_time(alliance):
    ends_on = TODAY + timedelta(days=30)
    alliance.rate("MU", "out", replace(TO_MILES, valid_from=TOMORROW, valid_to=ends_on))
    dear = replace(FROM_MILES, points_num=11, valid_from=TOMORROW)
    # The first card holds again once the second has ended.
    with pytest.raises(CycleGains):
        alliance.rate("MU", "in", replace(dear, valid_from=ends_on))


def test_two_that_gain_together_cannot_both_be_approved(alliance):
    alliance.staff("other")
    first = alliance.draft("MU", "out", replace(TO_MILES, valid_from=TOMORROW))
    first.points_num, first.points_den = 3, 20
    asked = alliance.ask(first, at=NOON)
    alliance.rate("MU", "in", replace(FROM_MILES, points_num=8, valid_from=TOMORROW))

    approval = alliance.approve(asked, at=NOON)
    with pytest.raises(CycleGains):
        cards.apply_approval(alliance.session, approval=approval, at=NOON)


def test_a_rate_holds_from_tomorrow_at_the_earliest(alliance):
    card = alliance.draft("MU", "out", TO_MILES)
    with pytest.raises(RateTooSoon):
        alliance.ask(card, at=NOON)


def test_a_card_whose_day_came_while_it_waited_is_refused(alliance):
    card = alliance.draft("MU", "out", replace(TO_MILES, valid_from=TOMORROW))
    asked = alliance.ask(card, at=NOON)
    approval = alliance.approve(asked, at=NOON + timedelta(days=1))

    with pytest.raises(RateTooSoon):
        cards.apply_approval(
            alliance.session, approval=approval, at=NOON + timedelta(days=1)
        )


def test_the_newest_card_of_a_day_holds_and_an_older_one_comes_back(alliance):
    double = replace(
        TO_MILES,
        points_num=1,
        points_den=5,
        fen_num=4,
        valid_from=TOMORROW,
        valid_to=TOMORROW,
    )
    alliance.rate("MU", "out", double)

    versions = [version_on(alliance, TODAY + timedelta(days=n)) for n in range(3)]
    assert versions == [1, 2, 1]


def version_on(alliance, day):
    """Which version of the way from points to miles holds on a day."""
    card = cards.card_in_force(
        alliance.session,
        partner="MU",
        direction="out",
        from_unit="UNI",
        to_unit="MILE",
        on=day,
    )
    return card.version if card else None


def test_what_was_withdrawn_lets_no_older_card_hold(alliance):
    alliance.rate("MU", "out", replace(TO_MILES, valid_from=TOMORROW))
    key = {"partner": "MU", "direction": "out"}
    cards.withdraw_card(alliance.session, version=2, at=NOON, **key)

    assert version_on(alliance, TODAY) == 1
    assert version_on(alliance, TOMORROW) is None
    with pytest.raises(RateCardMovedOn):
        cards.withdraw_card(alliance.session, version=2, at=NOON, **key)


@pytest.mark.parametrize(
    ("wrong", "faults"),
    [
        ({"points_den": 0}, ["points_den"]),
        ({"step_units": 5}, ["step_units"]),
        ({"min_units": 1_500}, ["min_units"]),
        ({"max_units": 999}, ["max_units"]),
        ({"max_units": 1_500}, ["max_units"]),
        ({"fee_points": -1}, ["fee_points"]),
        ({"from_unit": "MILE"}, ["from_unit"]),
        ({"to_unit": "UNI"}, ["to_unit"]),
        ({"billing": "gift"}, ["billing"]),
        ({"billing_pct": 101}, ["billing_pct"]),
        ({"valid_to": date(2007, 1, 1)}, ["valid_to"]),
        ({"member_day_max": 0}, ["member_day_max"]),
        ({"service_fen_num": 1}, ["service_fen_num"]),
    ],
)
def test_a_card_that_makes_no_sense_is_not_written_down(alliance, wrong, faults):
    with pytest.raises(BadRateCard) as told:
        alliance.draft("MU", "out", replace(TO_MILES, **wrong))
    assert told.value.facts["faults"] == faults


def test_a_card_of_nobody_is_not_written_down(alliance):
    with pytest.raises(BadRateCard) as told:
        alliance.draft("NOBODY", "out", TO_MILES)
    assert told.value.facts["faults"] == ["partner"]
