"""What bills earn, and what becomes of it (design.md 5, Starting terms: Bills)."""

import pytest

from tests.journeys.conftest import LI, WANG, line_of

# Bills are billed on 5 October and due on the 25th: day 90 is 23 January.


@pytest.mark.parametrize(
    ("brand", "points_of"),
    [
        # 149.985, 0.99, 1.005
        ("worldwind", {"99.99": 149, "0.66": 0, "0.67": 1, "100.00": 150}),
        # 119.988, 0.996, 1.008
        ("newspacetime", {"99.99": 119, "0.83": 0, "0.84": 1, "100.00": 120}),
        ("up", {"99.99": 99, "0.99": 0, "1.00": 1, "100.00": 100}),
        ("ruyitong", {"99.99": 99, "0.99": 0, "1.00": 1, "100.00": 100}),
    ],
)
def test_a_bill_earns_by_its_brand_rounded_down(programme, pay, brand, points_of):
    number = "13300000009"
    programme.load("subscribers", line_of("ZHAO", number, brand=brand))
    days = ("2007-10", "2007-10-05", "2007-10-25")

    programme.load("bills", *((amount, number, *days, amount) for amount in points_of))

    assert programme.member("ZHAO").points == (0, sum(points_of.values()), 0)
    earned = 0
    for amount, points in points_of.items():
        pay(f"P-{amount}", amount, "2007-10-20", amount)
        earned += points
        assert programme.member("ZHAO").points[0] == earned


def test_a_bill_is_pending_until_it_is_paid_in_full(programme, bill, pay):
    bill("B", "100.00")

    pay("P-1", "B", "2007-10-20", "99.99")
    assert programme.member("WANG").points == (0, 150, 0)
    assert programme.member("WANG").lots == []

    pay("P-2", "B", "2007-10-21", "0.01")
    assert programme.member("WANG").points == (150, 0, 0)
    assert programme.days_of("bill_accrual") == [("2007-10-05", "2007-10-05")]
    assert programme.days_of("bill_release") == [("2007-10-21", "2007-10-21")]


def test_a_bill_adjusted_first_is_paid_in_three_parts(programme, bill, pay, credit):
    bill("B", "100.00")

    credit("A", "B", "2007-10-10", "-10.01")  # 89.99 x 3/2 = 134.985
    adjusted = programme.member("WANG").points
    for number, amount in enumerate(("30.00", "30.00", "29.99")):
        earlier = programme.member("WANG").points
        pay(f"P-{number}", "B", f"2007-10-{20 + number}", amount)

    assert adjusted == (0, 134, 0)
    assert earlier == (0, 134, 0)
    assert programme.member("WANG").points == (134, 0, 0)
    assert programme.days_of("bill_release") == [("2007-10-22", "2007-10-22")]


def test_a_credit_note_may_complete_a_bill(programme, bill, pay, credit):
    bill("B", "100.00")
    pay("P", "B", "2007-10-20", "90.00")

    credit("A", "B", "2007-10-22", "-10.00")

    assert programme.member("WANG").points == (135, 0, 0)
    assert programme.days_of("bill_release") == [("2007-10-22", "2007-10-22")]


def test_a_bill_is_covered_on_the_first_day_whatever_order_is_loaded(
    programme, bill, pay, credit
):
    bill("B-1", "100.00")
    bill("B-2", "100.00")
    bill("B-3", "100.00")

    pay("P-1", "B-1", "2007-10-20", "60.00")
    pay("P-2", "B-1", "2007-10-10", "40.00")
    pay("P-3", "B-2", "2007-10-20", "60.00")
    credit("A-1", "B-2", "2007-10-08", "-40.00")
    # Covered since the 10th: what came on the 20th was too much already.
    pay("P-4", "B-3", "2007-10-20", "99.99")
    pay("P-5", "B-3", "2007-10-10", "100.00")

    assert programme.member("WANG").points == (150 + 90 + 150, 0, 0)
    assert programme.days_of("bill_release") == [
        ("2007-10-20", "2007-10-20"),
        ("2007-10-20", "2007-10-20"),
        ("2007-10-10", "2007-10-10"),
    ]


def test_what_was_paid_before_the_bill_releases_on_the_day_of_the_bill(
    programme, bill, pay
):
    bill("B", "100.00")

    pay("P", "B", "2007-10-01", "100.00")

    assert programme.days_of("bill_release") == [("2007-10-05", "2007-10-05")]


def test_overpaying_earns_nothing_more(programme, bill, pay):
    bill("B", "100.00")

    pay("P-1", "B", "2007-10-20", "150.00")
    pay("P-2", "B", "2007-10-21", "50.00")
    # Still covered without it.
    pay("P-3", "B", "2007-10-22", "-50.00")

    assert programme.member("WANG").points == (150, 0, 0)


def test_a_bounced_payment_takes_the_points_back_to_pending(programme, bill, pay):
    bill("B", "100.00")
    pay("P-1", "B", "2007-10-20", "100.00")

    pay("P-2", "B", "2007-10-23", "-100.00")
    assert programme.member("WANG").points == (0, 150, 0)
    assert programme.member("WANG").lots == []
    assert programme.days_of("bill_bounce") == [("2007-10-23", "2007-10-23")]

    pay("P-3", "B", "2007-10-28", "100.00")
    assert programme.member("WANG").points == (150, 0, 0)
    assert programme.member("WANG").lots == [("CUP", "operator", 150, "2010-10-31")]


def test_a_bill_may_bounce_and_be_paid_again_and_again(programme, bill, pay):
    bill("B", "100.00")

    for number in range(3):
        pay(f"P-{number}", "B", "2007-10-20", "100.00")
        pay(f"N-{number}", "B", "2007-10-20", "-100.00")

    assert programme.member("WANG").points == (0, 150, 0)


def test_a_bounce_older_than_the_release_undoes_it_on_its_day(programme, bill, pay):
    bill("B", "100.00")
    pay("P-1", "B", "2007-10-20", "100.00")

    pay("P-2", "B", "2007-10-15", "-50.00")

    assert programme.member("WANG").points == (0, 150, 0)
    assert programme.days_of("bill_bounce")[0][0] == "2007-10-20"


def test_points_spent_before_the_bounce_are_owed_until_later_credits(
    programme, bill, pay, redeem
):
    programme.load(
        "activities",
        ("T-1", "CEB", "6226-1", "card", "2007-10-02", "1000.00", "CNY", "5411", ""),
    )
    bill("B-1", "400.00")
    pay("P-1", "B-1", "2007-10-20", "400.00")
    redeem("R-1", "WANG", "TT1", "2007-10-21")  # all 600 CUP; the UNI expire with them
    assert programme.member("WANG").points == (0, 0, 0)

    pay("P-2", "B-1", "2007-10-23", "-400.00")
    assert programme.member("WANG").points == (0, 600, 600)
    assert programme.member("WANG").universal == (100, 0)

    # Universal points of a partner pay no debt of the operator's.
    programme.load(
        "activities",
        ("T-2", "CEB", "6226-1", "card", "2007-10-24", "500.00", "CNY", "5411", ""),
    )
    assert programme.member("WANG").points == (0, 600, 600)
    assert programme.member("WANG").universal == (150, 0)

    bill("B-2", "500.00")
    pay("P-3", "B-2", "2007-10-25", "500.00")
    assert programme.member("WANG").points == (150, 600, 0)

    pay("P-4", "B-1", "2007-10-26", "400.00")
    assert programme.member("WANG").points == (750, 0, 0)
    assert programme.report("2007-10")["units"]["CUP"]["closing"] == 750


def test_paying_again_what_bounced_pays_the_debt_first(programme, bill, pay, redeem):
    bill("B", "400.00")
    pay("P-1", "B", "2007-10-20", "400.00")
    redeem("R", "WANG", "TT1", "2007-10-21")
    pay("P-2", "B", "2007-10-23", "-400.00")

    pay("P-3", "B", "2007-10-24", "400.00")

    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.member("WANG").lots == []


def test_on_day_91_what_is_still_pending_is_canceled(programme, bill, pay):
    bill("B", "100.00")
    pay("P", "B", "2007-10-20", "99.99")

    programme.run("cancel-unpaid", "2008-01-23")
    assert programme.member("WANG").points == (0, 150, 0)

    programme.run("cancel-unpaid", "2008-01-24")
    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.days_of("bill_cancel") == [("2008-01-24", "2008-01-24")]

    programme.run("cancel-unpaid", "2008-01-24")
    assert len(programme.days_of("bill_cancel")) == 1


def test_a_job_run_late_cancels_as_of_day_91(programme, bill):
    bill("B", "100.00")

    programme.run("cancel-unpaid", "2008-03-01")

    assert programme.days_of("bill_cancel") == [("2008-01-24", "2008-01-24")]


@pytest.mark.parametrize("job_has_run", [False, True])
def test_only_a_payment_dated_before_day_91_counts(programme, bill, pay, job_has_run):
    bill("B-1", "100.00")
    bill("B-2", "200.00")
    if job_has_run:
        programme.run("cancel-unpaid", "2008-01-24")

    pay("P-1", "B-1", "2008-01-23", "100.00")
    pay("P-2", "B-2", "2008-01-24", "200.00")
    programme.run("cancel-unpaid", "2008-02-01")

    assert programme.member("WANG").points == (150, 0, 0)
    assert programme.days_of("bill_release") == [("2008-01-23", "2008-01-23")]


def test_a_payment_too_late_is_no_help_to_one_in_time(programme, bill, pay):
    bill("B", "100.00")
    programme.run("cancel-unpaid", "2008-01-24")

    pay("P-1", "B", "2008-01-24", "60.00")
    pay("P-2", "B", "2008-01-20", "40.00")
    assert programme.member("WANG").points == (0, 0, 0)

    pay("P-3", "B", "2008-01-22", "60.00")
    assert programme.member("WANG").points == (150, 0, 0)
    assert programme.days_of("bill_release") == [("2008-01-22", "2008-01-22")]


def test_no_credit_note_revives_a_canceled_bill(programme, bill, pay, credit):
    bill("B", "100.00")
    pay("P-1", "B", "2007-10-20", "60.00")
    programme.run("cancel-unpaid", "2008-01-24")

    credit("A", "B", "2007-12-01", "-40.00")
    assert programme.member("WANG").points == (0, 0, 0)

    pay("P-2", "B", "2007-12-02", "0.01")
    assert programme.member("WANG").points == (90, 0, 0)


def test_a_bill_may_be_canceled_again_after_it_was_revived(programme, bill, pay):
    bill("B", "100.00")
    programme.run("cancel-unpaid", "2008-01-24")

    for number in range(2):
        pay(f"P-{number}", "B", "2007-11-01", "100.00")
        assert programme.member("WANG").points == (150, 0, 0)
        pay(f"N-{number}", "B", "2008-02-01", "-100.00")
        assert programme.member("WANG").points == (0, 150, 0)
        programme.run("cancel-unpaid", "2008-02-01")
        assert programme.member("WANG").points == (0, 0, 0)

    assert [day for day, _ in programme.days_of("bill_cancel")] == [
        "2008-01-24",
        "2008-02-01",
        "2008-02-01",
    ]


def test_what_bounces_after_day_91_is_revived_from_the_bounce_on(programme, bill, pay):
    bill("B", "100.00")
    pay("P-1", "B", "2007-10-20", "100.00")
    pay("P-2", "B", "2008-02-01", "-100.00")
    programme.run("cancel-unpaid", "2008-02-02")
    assert programme.member("WANG").points == (0, 0, 0)

    pay("P-3", "B", "2007-12-01", "100.00")

    assert programme.member("WANG").points == (150, 0, 0)
    assert [day for day, _ in programme.days_of("bill_release")] == [
        "2007-10-20",
        "2008-02-01",
    ]
    for month in ("2007-11", "2008-01", "2008-02"):
        cup = programme.report(month)["units"]["CUP"]
        assert (cup["closing"], cup["pending"]) == (150, 0)


def test_a_bill_of_nothing_earns_nothing(programme, bill):
    assert bill("B", "0.00").booked == 1

    assert programme.member("WANG").points == (0, 0, 0)
    programme.run("cancel-unpaid", "2008-01-24")
    assert programme.days_of("bill_accrual") == []


def test_an_adjustment_after_payment_claws_back_the_difference(
    programme, bill, pay, credit
):
    bill("B", "100.00")
    pay("P", "B", "2007-10-20", "100.00")

    credit("A-1", "B", "2007-11-02", "-0.01")  # 99.99 earns 149
    assert programme.member("WANG").points == (149, 0, 0)

    credit("A-2", "B", "2007-11-03", "-49.99")  # 50.00 earns 75
    assert programme.member("WANG").points == (75, 0, 0)

    credit("A-3", "B", "2007-11-04", "-50.00")
    assert programme.member("WANG").points == (0, 0, 0)
    assert programme.report("2007-11")["units"]["CUP"]["clawed_back"] == 150


def test_an_adjustment_takes_from_its_own_lot_first(programme, bill, pay, credit):
    bill("B-1", "100.00", billed_on="2007-09-05", due_on="2007-09-25")
    bill("B-2", "100.00")
    pay("P-1", "B-1", "2007-10-20", "100.00")
    pay("P-2", "B-2", "2007-10-20", "100.00")

    credit("A", "B-2", "2007-11-02", "-60.00")

    assert programme.member("WANG").lots == [
        ("CUP", "operator", 150, "2010-09-30"),
        ("CUP", "operator", 60, "2010-10-31"),
    ]


def test_an_adjustment_after_redemption_is_owed_and_recovered(
    programme, bill, pay, credit, redeem
):
    bill("B-1", "400.00")
    pay("P-1", "B-1", "2007-10-20", "400.00")
    redeem("R", "WANG", "TT1", "2007-10-21")

    credit("A", "B-1", "2007-11-02", "-100.00")
    assert programme.member("WANG").points == (0, 0, 150)

    bill("B-2", "60.00", billed_on="2007-11-05", due_on="2007-11-25")
    pay("P-2", "B-2", "2007-11-06", "60.00")
    assert programme.member("WANG").points == (0, 0, 60)

    bill("B-3", "60.00", billed_on="2007-11-05", due_on="2007-11-25")
    pay("P-3", "B-3", "2007-11-06", "60.00")
    assert programme.member("WANG").points == (30, 0, 0)
    cup = programme.report("2007-11")["units"]["CUP"]
    assert (cup["opening"], cup["issued"], cup["clawed_back"]) == (0, 180, 150)
    assert cup["closing"] == 30


def test_a_credit_note_is_negative_and_no_larger_than_the_bill(programme, bill, credit):
    bill("B", "100.00")

    credit("A-1", "B", "2007-10-10", "10.00")
    assert programme.rejects == ["not_a_credit_note"]
    credit("A-2", "B", "2007-10-10", "-100.01")
    assert programme.rejects == ["exceeds_bill"]
    credit("A-3", "B", "2007-10-10", "-60.00")
    credit("A-4", "B", "2007-10-10", "-40.01")
    assert programme.rejects == ["exceeds_bill"]
    assert programme.member("WANG").points == (0, 60, 0)

    credit("A-5", "B", "2007-10-10", "-40.00")
    assert programme.rejects == []
    assert programme.member("WANG").points == (0, 0, 0)


def test_lines_about_nobody_are_rejected(programme, bill, pay, credit):
    bill("B-1", "100.00", msisdn="13399999999")
    assert programme.rejects == ["unknown_msisdn"]
    bill("B-2", "100.00", billed_on="2005-02-28")  # before the line was
    assert programme.rejects == ["unknown_msisdn"]
    bill("B-3", "-1.00")
    assert programme.rejects == ["negative_amount"]
    pay("P", "B-1", "2007-10-20", "100.00")
    assert programme.rejects == ["unknown_bill"]
    credit("A", "B-1", "2007-10-20", "-1.00")
    assert programme.rejects == ["unknown_bill"]

    assert programme.rows("SELECT count(*) FROM ledger.transfer") == [(0,)]


@pytest.mark.parametrize(
    ("billed_on", "last_good_day"),
    [
        ("2007-10-01", "2010-10-31"),
        ("2007-10-31", "2010-10-31"),
        ("2007-11-01", "2010-11-30"),
        ("2007-12-31", "2010-12-31"),
        ("2009-02-28", "2012-02-29"),
    ],
)
def test_points_are_good_to_the_end_of_the_36th_month_after_the_bill(
    programme, bill, pay, billed_on, last_good_day
):
    bill("B", "100.00", billed_on=billed_on, due_on="2009-03-31")

    # Earned in the month of the bill, not in that of the payment.
    pay("P", "B", "2009-03-31", "100.00")

    assert programme.member("WANG").lots == [("CUP", "operator", 150, last_good_day)]


def test_bills_of_several_members_in_one_file_are_each_decided(programme):
    days = ("2007-10", "2007-10-05", "2007-10-25")
    programme.load(
        "bills",
        ("B-1", WANG, *days, "99.99"),
        ("B-2", LI, *days, "99.99"),
        ("B-3", WANG, *days, "0.01"),
        ("B-4", LI, *days, "50.00"),
    )

    programme.load(
        "payments",
        ("P-1", "B-1", "2007-10-20", "99.99"),
        ("P-2", "B-4", "2007-10-20", "49.99"),
        ("P-3", "B-4", "2007-10-21", "0.01"),
        ("P-4", "B-1", "2007-10-22", "-0.01"),
    )

    assert programme.member("WANG").points == (0, 149, 0)
    assert programme.member("LI").points == (50, 99, 0)
