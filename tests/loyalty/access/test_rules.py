from datetime import UTC, datetime, timedelta

import pytest

from loyalty.access.rules import Level, is_fresh, level_for

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("points", "is_own", "level"),
    [
        (0, True, Level.FRESH),
        (2_000, True, Level.FRESH),
        (2_001, True, Level.BOUND),
        (600, False, Level.BOUND),
        (0, False, Level.BOUND),
        (50_000, True, Level.BOUND),
        (50_000, False, Level.BOUND),
        (50_001, True, Level.REVIEWED),
        (50_001, False, Level.REVIEWED),
    ],
)
def test_more_points_and_others_goods_need_more_certainty(points, is_own, level):
    assert level_for(points=points, is_own=is_own) is level


def test_levels_come_in_order():
    assert [level.name for level in sorted(Level)] == [
        "VIEW",
        "EARN",
        "FRESH",
        "BOUND",
        "REVIEWED",
    ]


@pytest.mark.parametrize(("minutes", "fresh"), [(0, True), (15, True), (16, False)])
def test_a_sign_in_is_fresh_for_a_quarter_of_an_hour(minutes, fresh):
    assert is_fresh(NOON - timedelta(minutes=minutes), at=NOON) is fresh
