"""The vectors of domain.md 2.2 and 2.5 that divide a price, to the fen."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.finance.allocation import (
    as_agent,
    by_relative_ssp,
    by_settlement_price,
    in_fen,
    ssp_of_points,
)
from loyalty.finance.rules import cost, round_half_up

YUAN = 100


def whole(exact, *, of=1):
    """The nearest whole number of so many fen."""
    return round_half_up((exact / of).numerator, (exact / of).denominator)


@pytest.mark.parametrize(
    ("price", "ssps", "fen"),
    [
        pytest.param(100_000_00, (100_000_00, 9_500_00), (9132420, 867580), id="T1"),
        pytest.param(100_00, (100_00, 80), (9921, 79), id="T4"),
        pytest.param(45_00, (40_00, 5_00), (4000, 500), id="T8"),
        pytest.param(100_00, (100_00, 120), (9881, 119), id="T10"),
        pytest.param(100_00, (100_00, 160_00), (3846, 6154), id="Q14"),
        pytest.param(1_00, (1, 1, 1), (33, 34, 33), id="thirds"),
    ],
)
def test_a_price_is_divided_by_what_each_part_would_cost_alone(price, ssps, fen):
    parts = by_relative_ssp(price, ssps=[Fraction(ssp) for ssp in ssps])

    assert in_fen(parts) == fen
    assert sum(parts) == price


def test_the_price_of_points_includes_how_likely_they_are_redeemed():
    points = ssp_of_points(
        10_000, fen_per_point=Fraction(1 * YUAN), likelihood=Fraction(9_500, 10_000)
    )

    parts = by_relative_ssp(100_000 * YUAN, ssps=[Fraction(100_000 * YUAN), points])

    assert [whole(part, of=YUAN) for part in parts] == [91_324, 8_676]  # T1
    assert whole(parts[1]) == 8_675_80


def test_a_bill_gives_its_points_their_part_to_a_hundredth_of_a_fen():
    points = ssp_of_points(100, fen_per_point=Fraction(80, 100))

    service, deferred = by_relative_ssp(100_00, ssps=[Fraction(100_00), points])

    assert whole(service * 100) == 99_2063  # T4, in ten-thousandths of a yuan
    assert whole(deferred * 100) == 7937


@pytest.mark.parametrize(
    ("released", "payable", "revenue", "expense"),
    [
        pytest.param(Fraction(2_500), 20_00, 5_00, 0, id="T5 A"),
        pytest.param(Fraction(4_500), 40_00, 5_00, 0, id="T5 B"),
        pytest.param(Fraction(10_000), 80_00, 20_00, 0, id="T7"),
        pytest.param(Fraction(12000, 10120) * 100, 100, 19, 0, id="T10"),
        pytest.param(2_500 * Fraction(7, 10), 20_00, 0, 2_50, id="J3c"),
    ],
)
def test_an_agent_keeps_what_is_left_or_bears_what_is_missing(
    released, payable, revenue, expense
):
    net = as_agent(released=released, payable=Fraction(payable))

    assert (whole(net.revenue), whole(net.cost)) == (revenue, expense)
    assert net.revenue - net.cost == released - payable
    assert net.payable == payable


def test_points_of_a_coalition_leave_the_bill_whole():
    telecom, points = in_fen(
        by_relative_ssp(100_00, ssps=[Fraction(100_00), Fraction(120)])
    )

    net = as_agent(released=Fraction(points), payable=Fraction(100))

    assert telecom == 98_81  # T10
    assert net.payable == 1_00
    assert net.revenue == 19
    assert telecom + net.payable + net.revenue == 100_00


def test_at_settlement_price_nothing_is_made_of_what_is_passed_on():
    ours, passed_on = by_settlement_price(100_00, payable=20_00)

    assert ours == 80_00  # J17
    assert passed_on == 20_00


def test_what_is_owed_beyond_the_price_is_no_part_of_it():
    with pytest.raises(AssertionError, match="a cost"):
        by_settlement_price(10_00, payable=20_00)


def test_the_costs_accrued_by_the_decks_method_are_reproduced():
    worth = cost(available=63_670_000_00, redeemed=18_240_000_00, fen_num=1, fen_den=1)

    assert worth.utilisation_percent == 28.6  # T9, A03
    assert worth.idle == 45_430_000_00


@given(
    st.integers(0, 10**9),
    st.lists(st.fractions(0, 10**6, max_denominator=1_000), min_size=1, max_size=6),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_parts_are_the_price_and_none_is_off_by_a_whole_fen(price, ssps):
    parts = by_relative_ssp(price, ssps=[*ssps, Fraction(1)])

    fen = in_fen(parts)

    assert sum(fen) == sum(parts) == price
    assert all(
        abs(rounded - part) < 1 for rounded, part in zip(fen, parts, strict=True)
    )
