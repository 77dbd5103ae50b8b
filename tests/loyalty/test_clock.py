from datetime import timedelta

import pytest

from loyalty import clock


def test_the_time_is_that_of_the_programme():
    assert clock.now().utcoffset() == timedelta(hours=8)
    assert clock.business_date() <= clock.now().date()


def test_the_programme_may_live_whole_days_in_the_past(monkeypatch):
    monkeypatch.setenv("JIFEN_CLOCK_DAYS_BACK", "6900")

    gap = clock.wall() - clock.now()

    assert timedelta(days=6900) - timedelta(minutes=1) < gap <= timedelta(days=6900)
    assert clock.business_date() < clock.wall().date()


@pytest.mark.parametrize("written", ["-1", "1.5", "soon", "36526", "٣", "9" * 5000])
def test_days_back_are_a_whole_number(monkeypatch, written):
    monkeypatch.setenv("JIFEN_CLOCK_DAYS_BACK", written)

    with pytest.raises(clock.BadDaysBack):
        clock.now()
