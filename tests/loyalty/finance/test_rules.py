from datetime import date

import pytest

from loyalty.finance.rules import cost, next_month, round_half_up


def test_the_utilisation_of_the_decks_is_reproduced():
    worth = cost(available=1_000_000, redeemed=286_000, fen_num=1, fen_den=1)

    assert worth.utilisation_percent == 28.6
    assert worth.idle == 714_000


def test_nothing_there_has_no_utilisation():
    worth = cost(available=0, redeemed=0, fen_num=1, fen_den=1)

    assert worth.utilisation_percent is None


@pytest.mark.parametrize(
    ("points", "fen"), [(0, 0), (1, 1), (3, 2), (5, 3), (-1, 0), (-3, -1)]
)
def test_half_a_fen_is_rounded_upwards(points, fen):
    assert cost(available=points, redeemed=0, fen_num=1, fen_den=2).available == fen


def test_percent_is_rounded_half_up():
    assert cost(
        available=2000, redeemed=1, fen_num=1, fen_den=1
    ).utilisation_percent == pytest.approx(0.1)
    assert round_half_up(1, 2) == 1


def test_a_year_ends_in_december():
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert next_month(date(2026, 1, 1)) == date(2026, 2, 1)
