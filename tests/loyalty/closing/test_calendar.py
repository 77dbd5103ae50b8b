from datetime import date

import pytest

from loyalty.closing.calendar import is_worked, working_day


@pytest.mark.parametrize(
    ("period", "nth", "day"),
    [
        pytest.param("2026-03", 1, "2026-04-01", id="an ordinary month"),
        pytest.param("2026-03", 4, "2026-04-07", id="a festival in between"),
        pytest.param("2026-09", 1, "2026-10-08", id="the golden week"),
        pytest.param("2026-09", 3, "2026-10-10", id="a worked Saturday"),
        pytest.param("2026-05", 0, "2026-05-29", id="a month that ends on Sunday"),
        pytest.param("2026-05", -2, "2026-05-27", id="before its end"),
        pytest.param("2031-05", 1, "2031-06-02", id="a year nobody has listed"),
    ],
)
def test_steps_are_due_on_working_days(period, nth, day):
    found = working_day(date.fromisoformat(f"{period}-01"), nth)

    assert found == date.fromisoformat(day)
    assert is_worked(found)
