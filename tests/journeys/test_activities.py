"""What activities at partners earn (design.md 5, Starting terms: Activities)."""

from datetime import datetime

import pytest
from sqlalchemy import text

from loyalty.linking.operations import revoke
from loyalty.settings import TIME_ZONE
from tests.loyalty.linking.test_balances import consent

FLIGHT = ("MU", "MU-1", "flight")
CARD = ("CEB", "6226-1", "card")


@pytest.fixture
def act(programme):
    """Do something at a partner."""

    def act(ref, amount, *, at=CARD, on="2007-10-10", mcc="", original="", cny="CNY"):
        return programme.load("activities", (ref, *at, on, amount, cny, mcc, original))

    return act


@pytest.mark.parametrize(
    ("at", "points_of"),
    [
        (CARD, {"9.99": 0, "10.00": 1, "19.99": 1, "1234.56": 123}),
        (("SHOP", "WANG", "sale"), {"4.99": 0, "5.00": 1, "9.99": 1, "99.99": 19}),
        (("MU", "MU-1", "flight"), {"99.99": 0, "100.00": 1, "1999.00": 19}),
    ],
)
def test_an_activity_earns_per_full_step_at_once(programme, act, at, points_of):
    earned = 0
    for number, (amount, points) in enumerate(points_of.items()):
        act(f"T-{number}", amount, at=at)
        earned += points
        assert programme.member("WANG").universal == (earned, 0)

    wang = programme.member("WANG")
    assert wang.points == (0, 0, 0)
    assert wang.uni["pending"] == 0
    assert wang.lots == [("UNI", at[0], earned, "2010-10-31")]


def test_every_line_is_rounded_down_on_its_own(programme):
    programme.load(
        "activities",
        *((f"T-{n}", *CARD, "2007-10-10", "9.99", "CNY", "", "") for n in range(10)),
        ("T-10", *CARD, "2007-10-10", "15.00", "CNY", "", ""),
        ("T-11", *CARD, "2007-10-10", "15.00", "CNY", "", ""),
    )

    assert programme.member("WANG").universal == (2, 0)


def test_excluded_categories_earn_nothing_and_their_neighbours_do(programme):
    excluded = ["4829", "6010", "6011", "6012", "6051", "6540", "7995"]
    excluded += ["9211", "9212", "9300", "9311", "9398", "9399"]
    neighbours = ["4828", "4830", "6009", "6013", "6050", "6052", "6539", "6541"]
    neighbours += ["7994", "7996", "9210", "9400", "0000", "5411", "9999", ""]

    programme.load(
        "activities",
        *(
            (f"X-{mcc}", *CARD, "2007-10-10", "100.00", "CNY", mcc, "")
            for mcc in excluded
        ),
    )
    assert programme.rejects == []
    assert programme.member("WANG").universal == (0, 0)

    programme.load(
        "activities",
        *(
            (f"N-{mcc}", *CARD, "2007-10-10", "100.00", "CNY", mcc, "")
            for mcc in neighbours
        ),
    )
    assert programme.member("WANG").universal == (10 * len(neighbours), 0)


def test_the_exclusions_are_the_banks_alone(programme, act):
    act("T", "100.00", at=("SHOP", "WANG", "sale"), mcc="6011")

    assert programme.member("WANG").universal == (20, 0)


def test_a_refund_in_thirds_takes_what_the_rest_no_longer_earns(programme, act):
    act("T", "100.00")

    act("F-1", "-33.33", on="2007-11-01", original="T")  # 66.67 still earns 6
    assert programme.member("WANG").universal == (6, 0)
    act("F-2", "-33.33", on="2007-11-02", original="T")  # 33.34 earns 3
    assert programme.member("WANG").universal == (3, 0)
    act("F-3", "-33.34", on="2007-11-03", original="T")
    assert programme.member("WANG").universal == (0, 0)

    uni = programme.report("2007-11")["units"]["UNI"]
    assert (uni["opening"], uni["clawed_back"], uni["closing"]) == (10, 10, 0)


def test_a_refund_below_a_step_takes_nothing_until_the_step_is_crossed(programme, act):
    act("T", "19.99")

    act("F-1", "-9.99", original="T")
    assert programme.member("WANG").universal == (1, 0)
    act("F-2", "-0.01", original="T")
    assert programme.member("WANG").universal == (0, 0)


def test_refunds_in_one_file_add_up(programme):
    programme.load(
        "activities",
        ("T", *CARD, "2007-10-10", "100.00", "CNY", "", ""),
        ("F-1", *CARD, "2007-10-11", "-5.00", "CNY", "", "T"),
        ("F-2", *CARD, "2007-10-11", "-5.00", "CNY", "", "T"),
        ("F-3", *CARD, "2007-10-11", "-90.01", "CNY", "", "T"),
    )

    assert programme.rejects == ["refund_exceeds_original"]
    assert programme.member("WANG").universal == (9, 0)


def test_a_refund_takes_from_the_lot_of_its_original(programme, act):
    act("T-1", "100.00", on="2007-09-30")
    act("T-2", "100.00")
    act("T-3", "100.00", at=("SHOP", "WANG", "sale"))

    act("F", "-50.00", on="2007-11-01", original="T-2")

    assert programme.member("WANG").lots == [
        ("UNI", "CEB", 10, "2010-09-30"),
        ("UNI", "CEB", 5, "2010-10-31"),
        ("UNI", "SHOP", 20, "2010-10-31"),
    ]


def test_a_refund_of_an_excluded_line_takes_nothing(programme, act):
    act("T-1", "100.00")
    act("T-2", "100.00", mcc="6011")

    act("F", "-100.00", mcc="6011", original="T-2")

    assert programme.rejects == []
    assert programme.member("WANG").universal == (10, 0)


def test_a_refund_after_the_points_were_spent_is_owed(programme, act, redeem):
    act("T-1", "6000.00")
    redeem("R", "WANG", "TT1", "2007-10-11")

    act("F", "-1000.00", on="2007-10-12", original="T-1")
    assert programme.member("WANG").universal == (0, 100)

    act("T-2", "1500.00", on="2007-10-13")
    assert programme.member("WANG").universal == (50, 0)
    assert programme.member("WANG").lots == [("UNI", "CEB", 50, "2010-10-31")]


def test_refunds_name_their_original_and_do_not_exceed_it(programme, act):
    act("T", "100.00")
    act("OTHER", "100.00", at=("CEB", "6226-2", "card"))

    for facts, reason in (
        ({"amount": "-1.00"}, "refund_without_original"),
        ({"amount": "-1.00", "original": "NONE"}, "unknown_original"),
        ({"amount": "-1.00", "original": "OTHER"}, "unknown_original"),
        ({"amount": "-100.01", "original": "T"}, "refund_exceeds_original"),
        ({"amount": "1.00", "original": "T"}, "refund_not_negative"),
    ):
        act("F", **facts)
        assert programme.rejects == [reason]

    act("F", "-60.00", original="T")
    act("G", "-40.01", original="T")
    assert programme.rejects == ["refund_exceeds_original"]
    act("G", "-1.00", original="F")  # a refund is no original
    assert programme.rejects == ["unknown_original"]
    assert programme.member("WANG").universal == (4, 0)
    assert programme.member("LI").universal == (10, 0)


def test_what_is_not_in_the_terms_is_rejected(programme, act):
    for at, reason in (
        (("CEB", "6226-1", "sale"), "no_terms"),
        (("CEB", "6226-1", "flight"), "no_terms"),
        (("MU", "MU-1", "card"), "no_terms"),
        (("SHOP", "WANG", "card"), "no_terms"),
        (("TTCLUB", "WANG", "sale"), "no_terms"),
        (("CEB", "6226-9", "card"), "unknown_account"),
        (("CEB", "WANG", "card"), "unknown_account"),
        (("MU", "6226-1", "flight"), "unknown_account"),
        (("SHOP", "NOBODY", "sale"), "unknown_account"),
        (("NOSHOP", "WANG", "sale"), "unknown_account"),
        (("PINGAN", "WANG", "sale"), "unknown_account"),
    ):
        act("T", "100.00", at=at)
        assert programme.rejects == [reason], at

    assert programme.rows("SELECT count(*) FROM ledger.transfer") == [(0,)]


def test_only_yuan_earn(programme, act):
    act("T", "100.00", cny="USD")

    assert programme.rejects == ["currency_not_supported"]


def test_points_are_earned_in_the_month_of_the_activity(programme, act):
    act("T-1", "100.00", on="2007-10-31")
    act("T-2", "200.00", on="2007-11-01")

    assert programme.member("WANG").lots == [
        ("UNI", "CEB", 10, "2010-10-31"),
        ("UNI", "CEB", 20, "2010-11-30"),
    ]
    assert programme.report("2007-10")["units"]["UNI"]["issued"] == 10
    assert programme.report("2007-11")["units"]["UNI"]["issued"] == 20


def test_partners_may_use_the_same_references(programme, act):
    act("T", "100.00")
    act("T", "100.00", at=("SHOP", "WANG", "sale"))
    assert programme.rejects == []

    act("T", "100.00", at=("CEB", "6226-2", "card"))
    assert programme.rejects == ["reference_reused"]
    assert programme.member("WANG").universal == (30, 0)


def at_noon(day):
    return datetime(2007, 10, day, 12, tzinfo=TIME_ZONE)


@pytest.fixture
def agree(programme):
    """Let Wang say yes to the airline on a day, and no on another."""

    def say(*, on, until=None, name="lnk_first", kinds=("accrue",)):
        with programme.database.unit_of_work() as session:
            ((wang,),) = session.execute(
                text("SELECT member_id FROM member WHERE member_ref = 'WANG'")
            )
            consent(session, wang, name=name, kinds=kinds, at=at_noon(on))
            session.flush()
            if until is not None:
                revoke(session, consent_ref=name, reason="member", at=at_noon(until))

    return say


def test_what_happens_after_a_consent_has_ended_is_nobodys(programme, act, agree):
    agree(on=1, until=10)

    act("before", "100.00", at=FLIGHT, on="2007-10-09")
    act("same-day", "100.00", at=FLIGHT, on="2007-10-10")
    act("after", "100.00", at=FLIGHT, on="2007-10-11")

    assert programme.rejects == ["unknown_account"]
    assert programme.member("WANG").universal == (2, 0)


def test_what_was_earned_before_is_taken_back_after(programme, act, agree):
    act("flown", "300.00", at=FLIGHT, on="2007-10-05")
    agree(on=1, until=10)

    act("back", "-100.00", at=FLIGHT, on="2007-10-20", original="flown")
    act("flown", "300.00", at=FLIGHT, on="2007-10-05")

    assert programme.rejects == []
    assert programme.member("WANG").universal == (2, 0)


def test_a_new_consent_counts_from_its_day_on(programme, act, agree):
    agree(on=1, until=10)
    agree(on=20, name="lnk_second")

    act("between", "100.00", at=FLIGHT, on="2007-10-15")
    assert programme.rejects == ["unknown_account"]
    act("again", "100.00", at=FLIGHT, on="2007-10-20")

    assert programme.rejects == []
    assert programme.member("WANG").universal == (1, 0)


@pytest.mark.parametrize("kinds", [("balance.read",), ("exchange.out", "validate")])
def test_other_consents_and_other_partners_end_no_earning(programme, act, agree, kinds):
    agree(on=1, until=10, kinds=kinds)
    act("flown", "100.00", at=FLIGHT, on="2007-10-20")
    agree(on=1, until=10, name="lnk_other")
    act("card", "100.00", at=CARD, on="2007-10-20")

    assert programme.rejects == []
    assert programme.member("WANG").universal == (11, 0)
