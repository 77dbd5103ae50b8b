"""What points buy (design.md 5, Starting terms: Spending, Items)."""

import pytest

from tests.journeys.conftest import WANG


def opening(points, *, unit="CUP", issuer="operator", until="2010-10-31", who="WANG"):
    return (who, unit, points, issuer, "2007-09", until)


def test_both_units_are_spent_as_one_balance_soonest_expiring_first(programme, redeem):
    programme.load(
        "opening",
        opening(300, until="2010-12-31"),
        opening(200, unit="UNI", issuer="SHOP", until="2010-11-30"),
        opening(150, until="2010-11-30"),
        opening(250, unit="UNI", issuer="CEB", until="2010-11-30"),
        opening(100, unit="UNI", issuer="CEB", until="2010-10-31"),
        opening(500, until=""),
    )

    redeem("R-1", "WANG", "TT1", "2007-10-15")  # 100 UNI, 150 CUP, 250 + 100 UNI
    assert programme.member("WANG").lots == [
        ("UNI", "SHOP", 100, "2010-11-30"),
        ("CUP", "operator", 300, "2010-12-31"),
        ("CUP", "operator", 500, None),
    ]

    redeem("R-2", "WANG", "TT1", "2007-10-15")  # 100 UNI, 300 + 200 CUP
    assert programme.member("WANG").lots == [("CUP", "operator", 300, None)]
    drawn = programme.rows(
        "SELECT unit, amount, credit FROM ledger.transfer WHERE kind = 'redemption'"
        " ORDER BY id, line"
    )
    assert sorted(drawn) == [
        ("CUP", 150, "redeemed.service"),
        ("CUP", 500, "redeemed.service"),
        ("UNI", 100, "redeemed.service"),
        ("UNI", 450, "redeemed.service"),
    ]


@pytest.mark.parametrize("item", ["INS-A", "INS-B"])
def test_insurance_is_sold_by_ourselves_only(programme, redeem, item):
    programme.load("opening", opening(4 * 4_500))

    for channel in ("partner", "club", "pos"):
        redeem("R", "WANG", item, "2007-10-15", channel=channel)
        assert programme.rejects == ["channel_not_allowed"]
    for channel in ("hall", "hotline", "manager", "web"):
        redeem(f"R-{channel}", "WANG", item, "2007-10-15", channel=channel)
        assert programme.rejects == []


def test_items_cost_what_the_terms_say_and_partners_are_owed(programme, redeem):
    programme.load("opening", opening(50_000))

    redeem("R-1", "WANG", "INS-A", "2007-10-15")
    redeem("R-2", "WANG", "INS-B", "2007-10-15", channel="web")
    redeem("R-3", "WANG", "EV50", "2007-10-15", channel="pos")
    redeem("R-4", "WANG", "TT1", "2007-10-31", quantity=3, channel="club")
    redeem("R-5", "WANG", "INS-A", "2007-11-01", quantity=2)

    assert programme.rejects == []
    assert programme.rows(
        "SELECT redemption_ref, points, settlement_fen, partner, cost_treatment"
        " FROM redemption ORDER BY redemption_ref"
    ) == [
        ("R-1", 2_500, 2_000, "PINGAN", "POINTS_ACCRUAL"),
        ("R-2", 4_500, 4_000, "PINGAN", "POINTS_ACCRUAL"),
        ("R-3", 5_000, 0, None, "NO_REVENUE_EFFECT"),
        ("R-4", 1_800, 9_000, "TTCLUB", "CLUB_COST"),
        ("R-5", 5_000, 4_000, "PINGAN", "POINTS_ACCRUAL"),
    ]
    october, november = programme.report("2007-10"), programme.report("2007-11")
    assert october["units"]["CUP"]["redeemed"] == {
        "telecom": 5_000,
        "product": 7_000,
        "service": 1_800,
        "merchant": 0,
    }
    assert october["payable"] == {"PINGAN": 6_000, "TTCLUB": 9_000}
    assert november["payable"] == {"PINGAN": 4_000}
    assert november["units"]["CUP"]["closing"] == 50_000 - 13_800 - 5_000


def test_a_refused_redemption_leaves_nothing_and_may_be_tried_again(programme, redeem):
    programme.load("opening", opening(599))

    redeem("R", "WANG", "TT1", "2007-10-15")
    assert programme.rejects == ["insufficient_points"]
    assert programme.member("WANG").points == (599, 0, 0)

    programme.load("opening", opening(1, unit="UNI", issuer="CEB"))
    assert redeem("R", "WANG", "TT1", "2007-10-15").booked == 1
    assert programme.member("WANG").lots == []
    assert redeem("R", "WANG", "TT1", "2007-10-15").already_booked == 1


def test_redemptions_are_decided_in_the_order_of_the_file(programme):
    programme.load("opening", opening(3_000))
    at = "2007-10-15T10:00:00+08:00"

    programme.load(
        "redemptions",
        ("R-1", "WANG", "EV50", 1, "hall", at),
        ("R-2", "WANG", "INS-A", 1, "hall", at),
        ("R-3", "WANG", "TT1", 1, "hall", at),
        ("R-4", "LI", "TT1", 1, "hall", at),
        ("R-5", "WANG", "TT1", 0, "hall", at),
        ("R-6", "WANG", "GOLD", 1, "hall", at),
        ("R-7", "ZHAO", "TT1", 1, "hall", at),
        ("R-2", "WANG", "INS-A", 1, "hall", at),
        ("R-2", "WANG", "INS-A", 2, "hall", at),
    )

    assert programme.rejects == [
        "insufficient_points",
        "insufficient_points",
        "insufficient_points",
        "quantity_out_of_range",
        "unknown_item",
        "unknown_member",
        "reference_reused",
    ]
    assert programme.member("WANG").points == (500, 0, 0)


def test_a_redemption_counts_on_the_day_it_is_in_china(programme):
    programme.load("opening", opening(600))

    programme.load(
        "redemptions", ("R", "WANG", "TT1", 1, "hall", "2007-10-31T17:00:00+00:00")
    )

    assert programme.days_of("redemption") == [("2007-11-01", "2007-11-01")]


def test_arrears_on_any_line_close_the_gate_until_it_is_resumed(programme, redeem):
    second = "13300000002"
    programme.load("subscribers", second_line(second))
    programme.load("opening", opening(1_800))

    programme.event("E-1", second, "suspended", "2007-10-10", "arrears")
    redeem("R-1", "WANG", "TT1", "2007-10-15")
    assert programme.rejects == ["gate_closed"]
    assert programme.member("WANG").points == (1_800, 0, 0)

    programme.event("E-2", WANG, "suspended", "2007-10-16", "arrears")
    programme.event("E-3", second, "resumed", "2007-10-17")
    redeem("R-1", "WANG", "TT1", "2007-10-18")
    assert programme.rejects == ["gate_closed"]

    programme.event("E-4", WANG, "resumed", "2007-10-19")
    redeem("R-1", "WANG", "TT1", "2007-10-20")
    assert programme.rejects == []
    assert programme.member("WANG").points == (1_200, 0, 0)


@pytest.mark.parametrize("reason", ["lost", "voluntary", "fraud", ""])
def test_no_other_suspension_closes_the_gate(programme, redeem, reason):
    programme.load("opening", opening(600))

    programme.event("E", WANG, "suspended", "2007-10-10", reason)

    assert redeem("R", "WANG", "TT1", "2007-10-15").booked == 1


def test_arrears_of_a_line_that_is_gone_close_nothing(programme, redeem):
    second = "13300000002"
    programme.load("subscribers", second_line(second))
    programme.load("opening", opening(600))
    programme.event("E-1", second, "suspended", "2007-10-10", "arrears")

    programme.event("E-2", second, "closed", "2007-10-12", "arrears")

    assert redeem("R", "WANG", "TT1", "2007-10-15").booked == 1


def test_arrears_last_through_notice_and_loss(programme, redeem):
    programme.load("opening", opening(600))
    programme.event("E-1", WANG, "suspended", "2007-10-10", "arrears")

    programme.event("E-2", WANG, "pre_cancelled", "2007-10-11", "arrears")
    programme.event("E-3", WANG, "suspended", "2007-10-12", "lost")

    redeem("R", "WANG", "TT1", "2007-10-15")
    assert programme.rejects == ["gate_closed"]


def test_earning_goes_on_while_the_gate_is_closed(programme, bill, pay):
    programme.event("E", WANG, "suspended", "2007-10-01", "arrears")

    bill("B", "100.00")
    pay("P", "B", "2007-10-20", "100.00")

    assert programme.member("WANG").points == (150, 0, 0)
    assert programme.member("WANG").gate == "suspended"


def second_line(msisdn):
    person = ("WANG", "客户WANG", "hash-of-WANG")
    line = (msisdn, "GSM", "up", "postpaid", "2006-01-01")
    return (*person, *line, "", "", "", "", "", "")
