"""When points expire (design.md 5, Starting terms: Expiry)."""

import pytest


@pytest.fixture
def earned(programme, bill, pay):
    """Let Wang earn 600 points in October 2007."""
    bill("B", "400.00")
    pay("P", "B", "2007-10-20", "400.00")
    assert programme.member("WANG").lots == [("CUP", "operator", 600, "2010-10-31")]


@pytest.mark.usefixtures("earned")
def test_points_are_spendable_on_the_last_good_day(programme, redeem):
    assert redeem("R", "WANG", "TT1", "2010-10-31").booked == 1

    assert programme.member("WANG").points == (0, 0, 0)


@pytest.mark.usefixtures("earned")
def test_points_are_refused_the_day_after_though_no_job_has_run(programme, redeem):
    redeem("R", "WANG", "TT1", "2010-11-01")

    assert programme.rejects == ["insufficient_points"]
    assert programme.member("WANG").points == (600, 0, 0)


@pytest.mark.usefixtures("earned")
def test_the_job_expires_points_the_day_after_and_once(programme):
    programme.run("expire-points", "2010-10-31")
    assert programme.member("WANG").points == (600, 0, 0)

    programme.run("expire-points", "2010-11-01")
    programme.run("expire-points", "2010-11-01")

    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.days_of("expiry") == [("2010-11-01", "2010-11-01")]
    assert programme.report("2010-10")["units"]["CUP"]["closing"] == 600
    assert programme.report("2010-11")["units"]["CUP"]["expired"] == 600


@pytest.mark.usefixtures("earned")
def test_a_job_run_late_expires_as_of_the_day_after(programme):
    programme.run("expire-points", "2011-03-01")

    assert programme.days_of("expiry") == [("2010-11-01", "2010-11-01")]


@pytest.mark.usefixtures("earned")
def test_only_what_is_left_expires(programme, redeem):
    programme.load(
        "opening",
        ("WANG", "CUP", 300, "operator", "2007-10", "2010-11-30"),
        ("WANG", "UNI", 200, "CEB", "2007-10", "2010-10-31"),
        ("WANG", "UNI", 100, "CEB", "2007-10", ""),
    )
    redeem("R", "WANG", "TT1", "2010-10-01")  # the 600 CUP: CUP go first

    programme.run("expire-points", "2010-11-01")
    assert programme.member("WANG").lots == [
        ("CUP", "operator", 300, "2010-11-30"),
        ("UNI", "CEB", 100, None),
    ]

    programme.run("expire-points", "2099-12-31")
    assert programme.member("WANG").lots == [("UNI", "CEB", 100, None)]


@pytest.mark.usefixtures("earned")
def test_what_comes_back_after_the_job_expires_at_its_next_run(programme):
    programme.run("expire-points", "2010-11-01")
    programme.load("opening", ("WANG", "CUP", 50, "operator", "2007-10", "2010-10-31"))

    programme.run("expire-points", "2010-11-02")
    programme.run("expire-points", "2010-11-02")

    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.days_of("expiry") == [("2010-11-01", "2010-11-01")] * 2


@pytest.mark.usefixtures("earned")
def test_points_that_expire_in_a_closed_month_expire_on_the_first_open_day(programme):
    programme.run("expire-points", "2010-11-30")
    programme.close("2010-11")
    programme.load("opening", ("WANG", "CUP", 50, "operator", "2007-10", "2010-10-31"))

    programme.run("expire-points", "2010-12-01")

    assert programme.days_of("expiry") == [
        ("2010-11-01", "2010-11-01"),
        ("2010-12-01", "2010-11-01"),
    ]


@pytest.mark.usefixtures("earned")
def test_a_claw_back_after_expiry_is_owed(programme, credit):
    programme.run("expire-points", "2010-11-01")

    credit("A", "B", "2010-11-02", "-100.00")

    assert programme.member("WANG").points == (0, 0, 150)
