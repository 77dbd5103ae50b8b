from datetime import timedelta

from loyalty import clock


def test_the_time_is_that_of_the_programme():
    assert clock.now().utcoffset() == timedelta(hours=8)
    assert clock.business_date() <= clock.now().date()
