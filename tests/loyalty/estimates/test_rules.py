"""What the past suggests: triangles computed by hand."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.estimates.rules import (
    Bound,
    Row,
    chain_ladder,
    developed_shares,
    development_factors,
    sensitivity,
    shared_out,
)
from loyalty.finance.cohorts import CohortState, close

# Redeemed by age:  Jan 100 150 180 · Feb 200 300 · Mar 150
JANUARY = Row(earned_in=date(2026, 1, 1), issued=1_000, redeemed=(100, 50, 30))
FEBRUARY = Row(earned_in=date(2026, 2, 1), issued=1_000, redeemed=(200, 100))
MARCH = Row(earned_in=date(2026, 3, 1), issued=1_000, redeemed=(150,))
TRIANGLE = [JANUARY, FEBRUARY, MARCH]


def test_growth_from_age_to_age_is_weighted_by_volume():
    assert development_factors(TRIANGLE) == [
        Fraction(150 + 300, 100 + 200),
        Fraction(180, 150),
    ]


def test_shares_are_what_cohorts_of_that_age_have_redeemed():
    assert developed_shares(TRIANGLE) == [Fraction(5, 9), Fraction(5, 6), 1]
    assert developed_shares(TRIANGLE, tail=Fraction(2))[2] == Fraction(1, 2)
    assert developed_shares([]) == []


def test_the_ultimate_is_the_latest_by_the_share_that_is_developed():
    suggestions = chain_ladder(TRIANGLE)

    assert [each.expected for each in suggestions] == [180, 360, 270]
    assert [each.latest for each in suggestions] == [180, 300, 150]
    assert [each.bound for each in suggestions] == [None, None, None]


def test_what_comes_after_the_oldest_age_is_told_by_the_tail():
    suggestions = chain_ladder(TRIANGLE, tail=Fraction(11, 10))

    assert [each.expected for each in suggestions] == [198, 396, 297]


@pytest.mark.parametrize(
    ("row", "expected", "bound"),
    [
        pytest.param(replace(MARCH, held=120), 270, None, id="held within"),
        pytest.param(replace(MARCH, held=121), 271, Bound.FLOOR, id="held beyond"),
        pytest.param(replace(MARCH, expired=700, voided=50), 250, Bound.CAP, id="cap"),
        pytest.param(
            replace(MARCH, issued=100), 150, Bound.FLOOR, id="spent, clawed back"
        ),
    ],
)
def test_a_suggestion_stays_between_what_is_certain_and_what_is_left(
    row, expected, bound
):
    suggestion = chain_ladder([JANUARY, FEBRUARY, row])[2]

    assert (suggestion.expected, suggestion.bound) == (expected, bound)


def test_a_cohort_of_which_nothing_was_redeemed_yet_has_no_suggestion():
    young = replace(MARCH, redeemed=(0,))
    old = replace(JANUARY, redeemed=(0, 0, 0))

    assert chain_ladder([JANUARY, FEBRUARY, young])[2].expected is None
    assert chain_ladder([old, JANUARY])[0].expected == 0  # nothing is to come


def test_where_nobody_redeemed_at_an_age_the_way_from_there_is_unknown():
    late = Row(earned_in=date(2026, 1, 1), issued=1_000, redeemed=(0, 50, 30))
    young = replace(MARCH, redeemed=(20,))

    shares = developed_shares([late, young])
    suggestions = chain_ladder([late, young])

    assert shares == [None, Fraction(50, 80), 1]
    assert [each.expected for each in suggestions] == [80, None]


def test_where_everything_came_back_nothing_is_foretold_for_younger_cohorts():
    canceled = Row(earned_in=date(2026, 1, 1), issued=1_000, redeemed=(100, -100))
    young = replace(MARCH, redeemed=(20,))

    assert developed_shares([canceled, young]) == [None, 1]
    assert [each.expected for each in chain_ladder([canceled, young])] == [0, None]


def test_a_suggestion_is_rounded_half_up_to_a_point():
    assert chain_ladder([JANUARY], tail=Fraction(361, 360))[0].expected == 181
    assert chain_ladder([JANUARY], tail=Fraction(360, 359))[0].expected == 181
    assert chain_ladder([JANUARY], tail=Fraction(401, 400))[0].expected == 180


@given(
    st.lists(st.lists(st.integers(1, 500), min_size=1, max_size=5), min_size=1),
    st.fractions(1, 3, max_denominator=50),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_cohorts_that_go_like_each_other_are_foretold_exactly(sizes, tail):
    pattern = sizes[0]
    rows = [
        Row(
            earned_in=date(2026, 1, 1),
            issued=10**9,
            redeemed=tuple(scale * each for each in pattern[: max(1, len(size))]),
        )
        for scale, size in enumerate([pattern, *sizes], start=1)
    ]

    for scale, suggestion in enumerate(chain_ladder(rows, tail=tail), start=1):
        exact = scale * sum(pattern) * tail
        assert suggestion.expected is not None
        assert abs(suggestion.expected - exact) <= Fraction(1, 2)


def test_another_estimate_is_told_with_what_it_would_change():
    state = close(
        CohortState(
            issued=1_000_000,
            redeemed=200_000,
            allocated=Fraction(8_000_00),
            expected=Fraction(800_000),
        )
    )[0]

    told = sensitivity(state, steps=[Fraction(-3), Fraction(0), Fraction(5)])
    _, same, higher = told

    assert [each.expected for each in told] == [770_000, 800_000, 850_000]
    assert [round(each.true_up) for each in told] == [77_92, 0, -117_65]  # T6, T3
    assert same.rate == 1
    assert same.liability == state.liability == 6_000_00
    assert round(higher.liability) == 6_117_65
    assert higher.rate == Fraction(8_000_00, 850_000)


def test_a_point_of_the_rate_either_way_is_told_as_it_is_disclosed():
    state = CohortState(
        issued=1_000_000,
        redeemed=200_000,
        allocated=Fraction(8_000_00),
        expected=Fraction(800_000),
    )

    lower, higher = sensitivity(state, steps=[Fraction(-5), Fraction(5)])
    one_less, one_more = sensitivity(state, steps=[Fraction(-1), Fraction(1)])

    # 2.9: 750,000 and 850,000; the liability moves the other way.
    assert [round(each.true_up) for each in (lower, higher)] == [133_33, -117_65]
    for each in (one_less, one_more):
        change = (
            state.allocated * state.redeemed * (1 / each.expected - 1 / state.expected)
        )
        assert each.true_up == change
        assert 8_000_00 - 2_000_00 - each.liability == change


def test_no_step_leaves_what_can_come_true():
    state = CohortState(
        issued=1_000,
        redeemed=700,
        expired=100,
        allocated=Fraction(800),
        expected=Fraction(800),
    )

    low, high = sensitivity(state, steps=[Fraction(-50), Fraction(50)], held=20)

    assert low.expected == 720
    assert high.expected == 900


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)).map(
            lambda pair: (min(pair), max(pair))
        ),
        min_size=1,
        max_size=20,
    ),
    part=st.fractions(0, 1),
)
@settings(max_examples=50)
def test_what_is_shared_out_is_all_of_it_and_leaves_nobody_out_of_bounds(rows, part):
    least, most = sum(row[0] for row in rows), sum(row[1] for row in rows)
    total = least + int((most - least) * part)

    shares = shared_out(total, rows)

    assert sum(shares) == total
    for (floor, cap), share in zip(rows, shares, strict=True):
        assert floor <= share <= cap
