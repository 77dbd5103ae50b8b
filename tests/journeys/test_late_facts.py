"""What comes late: facts of the past, in open months and in closed ones."""

from concurrent.futures import ThreadPoolExecutor, wait

from loyalty.points.operations import first_open_day
from tests.journeys.conftest import WANG

CARD = ("CEB", "6226-1", "card")


def test_a_late_fact_is_booked_at_its_own_date_while_that_is_open(programme, bill, pay):
    bill("B-1", "100.00", billed_on="2007-11-05", due_on="2007-11-25")

    bill("B-2", "60.00", billed_on="2007-09-05", due_on="2007-09-25")
    pay("P", "B-2", "2007-10-20", "60.00")

    assert programme.days_of("bill_accrual")[1] == ("2007-09-05", "2007-09-05")
    assert programme.days_of("bill_release") == [("2007-10-20", "2007-10-20")]
    pending = {
        month: programme.report(month)["units"]["CUP"]["pending"]
        for month in ("2007-08", "2007-09", "2007-10", "2007-11")
    }
    assert list(pending.values()) == [0, 90, 0, 150]
    assert programme.report("2007-10")["units"]["CUP"]["issued"] == 90


def test_a_late_fact_of_a_closed_month_is_booked_on_the_first_open_day(
    programme, bill, pay, credit, redeem
):
    programme.load("opening", ("WANG", "CUP", 600, "operator", "2007-06", "2010-06-30"))
    bill("B-1", "100.00")
    programme.close("2007-10")
    before = programme.report("2007-10")

    pay("P", "B-1", "2007-10-20", "100.00")
    bill("B-2", "60.00", billed_on="2007-09-05", due_on="2007-09-25")
    credit("A", "B-1", "2007-10-21", "-40.00")
    programme.load(
        "activities", ("T", *CARD, "2007-10-22", "200.00", "CNY", "5411", "")
    )
    redeem("R", "WANG", "TT1", "2007-10-23")

    for kind, day in (
        ("bill_release", "2007-10-20"),
        ("bill_adjustment", "2007-10-21"),
        ("activity_accrual", "2007-10-22"),
        ("redemption", "2007-10-23"),
    ):
        assert programme.days_of(kind) == [("2007-11-01", day)]
    assert programme.days_of("bill_accrual")[1] == ("2007-11-01", "2007-09-05")
    assert programme.report("2007-10") == before
    november = programme.report("2007-11")["units"]
    assert november["CUP"]["issued"] == 150
    assert november["CUP"]["clawed_back"] == 60
    assert november["CUP"]["redeemed"]["service"] == 600
    assert november["CUP"]["closing"] == 90
    assert november["UNI"]["issued"] == 20
    # The lots are those of the months in which the points were earned.
    assert programme.member("WANG").lots == [
        ("CUP", "operator", 90, "2010-10-31"),
        ("UNI", "CEB", 20, "2010-10-31"),
    ]


def test_settlement_is_owed_in_the_month_in_which_it_is_booked(programme, redeem):
    programme.load("opening", ("WANG", "CUP", 600, "operator", "2007-06", "2010-06-30"))
    programme.close("2007-10")

    redeem("R", "WANG", "TT1", "2007-10-23")

    assert programme.report("2007-10")["payable"] == {}
    assert programme.report("2007-11")["payable"] == {"TTCLUB": 3_000}


def test_a_leaving_and_a_return_of_a_closed_month(programme, bill, pay):
    bill("B-1", "100.00")
    pay("P-1", "B-1", "2007-10-20", "100.00")
    programme.close("2007-11")

    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.member("WANG").left_on == "2007-11-10"

    programme.event("E-2", WANG, "reconnected", "2008-02-08")
    assert programme.member("WANG").points == (150, 0, 0)
    assert programme.days_of("churn_void") == [("2007-12-01", "2007-11-10")]
    assert programme.report("2007-12")["units"]["CUP"]["voided"] == 150


def test_a_leaving_told_late_voids_what_was_earned_since(programme, bill, pay, credit):
    programme.load(
        "activities", ("T-1", *CARD, "2007-10-12", "200.00", "CNY", "5411", "")
    )
    bill("B-1", "100.00", billed_on="2007-10-15")
    bill("B-2", "60.00", billed_on="2007-10-15")
    pay("P-1", "B-1", "2007-10-20", "100.00")

    programme.event("E-1", WANG, "closed", "2007-10-10", "voluntary")
    assert programme.member("WANG").points == (0, 0, 0)

    # What follows finds the points void, though the bills are of a later day.
    pay("P-2", "B-2", "2007-10-21", "60.00")
    pay("P-3", "B-1", "2007-10-21", "-50.00")
    pay("P-4", "B-1", "2007-10-22", "50.00")
    credit("A", "B-2", "2007-10-22", "-20.00")
    programme.load(
        "activities", ("T-2", *CARD, "2007-10-23", "-50.00", "CNY", "5411", "T-1")
    )
    programme.run("cancel-unpaid", "2008-01-24")
    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.member("WANG").universal == (0, 0)

    programme.event("E-2", WANG, "reconnected", "2007-11-05")
    assert programme.member("WANG").points == (150, 60, 0)
    assert programme.member("WANG").universal == (15, 0)


def test_an_end_that_is_heard_of_late_is_the_end(programme, bill):
    bill("B", "100.00")
    programme.event("E-1", WANG, "suspended", "2007-11-10", "arrears")

    assert programme.event("E-2", WANG, "closed", "2007-11-09", "voluntary").booked == 1

    wang = programme.member("WANG")
    assert (wang.points, wang.gate, wang.left_on) == ((0, 0, 0), "closed", "2007-11-09")


def test_an_event_older_than_what_is_known_of_the_line_is_history(programme, bill):
    bill("B", "100.00")
    programme.event("E-1", WANG, "suspended", "2007-11-10", "arrears")

    assert programme.event("E-2", WANG, "resumed", "2007-11-09").booked == 1

    assert programme.member("WANG").points == (0, 150, 0)
    assert programme.member("WANG").gate == "suspended"


def test_no_month_closes_under_who_has_asked_for_the_first_open_day(programme):
    with ThreadPoolExecutor(1) as pool:
        with programme.database.unit_of_work() as session:
            assert first_open_day(session) is None
            closing = pool.submit(programme.close, "2007-10")
            assert not wait([closing], timeout=1).done
            assert first_open_day(session) is None
        closing.result(timeout=60)

    with programme.database.unit_of_work() as session:
        assert str(first_open_day(session)) == "2007-11-01"
