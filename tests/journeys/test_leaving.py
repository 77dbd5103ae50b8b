"""What leaving voids and returning restores (design.md 5, Starting terms: Churn)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import sleep

import pytest
from sqlalchemy import text

from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines
from loyalty.feeds.loading import load
from loyalty.feeds.models import PartnerBatch
from loyalty.settings import TIME_ZONE
from tests.journeys.conftest import WANG, line_of

SECOND = "13300000002"
CARD = ("CEB", "6226-1", "card")

# Who leaves on 10 November is restored until 8 February, the 90th day.


@pytest.fixture
def act(programme):
    """Use Wang's card at a greengrocer's."""

    def act(ref, amount, day, original=""):
        row = (ref, *CARD, day, amount, "CNY", "5411", original)
        return programme.load("activities", row)

    return act


@pytest.fixture
def rich(bill, pay, act):
    """Give Wang 150 CUP, 90 CUP pending and 20 UNI."""
    bill("B-1", "100.00")
    pay("P-1", "B-1", "2007-10-20", "100.00")
    bill("B-2", "60.00")
    act("T-1", "200.00", "2007-10-10")


@pytest.fixture
def holds(programme):
    """Tell Wang's available and pending CUP, and available UNI."""

    def holds():
        wang = programme.member("WANG")
        assert wang.cup["owed"] == wang.uni["owed"] == 0
        return wang.cup["available"], wang.cup["pending"], wang.uni["available"]

    return holds


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("closed", "voluntary"),
        ("closed", "arrears"),
        ("closed", ""),
        ("ported_out", "voluntary"),
    ],
)
def test_leaving_voids_everything_unspent(programme, redeem, holds, event, reason):
    programme.event("E", WANG, event, "2007-11-10", reason)

    wang = programme.member("WANG")
    assert holds() == (0, 0, 0)
    assert (wang.left_on, wang.gate, wang.lots) == ("2007-11-10", "closed", [])
    redeem("R", "WANG", "TT1", "2007-11-11")
    assert programme.rejects == ["gate_closed"]
    units = programme.report("2007-11")["units"]
    assert (units["CUP"]["voided"], units["UNI"]["voided"]) == (150, 20)
    assert units["CUP"]["pending"] == 0


@pytest.mark.usefixtures("rich")
def test_only_the_last_line_takes_the_points_with_it(programme, holds):
    programme.load("subscribers", line_of("WANG", SECOND))

    programme.event("E-1", WANG, "ported_out", "2007-11-10", "voluntary")
    assert holds() == (150, 90, 20)

    programme.event("E-2", SECOND, "closed", "2007-11-12", "voluntary")
    assert holds() == (0, 0, 0)
    assert programme.member("WANG").left_on == "2007-11-12"


@pytest.mark.usefixtures("rich")
def test_a_member_leaves_with_the_line_that_ended_last(programme, holds):
    programme.load("subscribers", line_of("WANG", SECOND, since="2004-01-01"))

    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    programme.event("E-2", SECOND, "closed", "2005-01-31", "voluntary")

    assert holds() == (0, 0, 0)
    assert programme.member("WANG").left_on == "2007-11-10"
    programme.event("E-3", WANG, "reconnected", "2008-02-08")
    assert holds() == (150, 90, 20)


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("suspended", "arrears"),
        ("suspended", "lost"),
        ("pre_cancelled", "voluntary"),
        ("migrated", "internal"),
        ("transferred", "internal"),
        ("closed", "internal"),
        ("deceased", ""),
    ],
)
def test_whatever_is_no_leaving_voids_nothing(programme, holds, event, reason):
    programme.event("E", WANG, event, "2007-11-10", reason)

    assert holds() == (150, 90, 20)
    assert programme.member("WANG").left_on is None


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize(
    "event", ["suspended", "pre_cancelled", "migrated", "transferred"]
)
def test_a_line_that_is_alive_holds_the_points(programme, holds, event):
    programme.load("subscribers", line_of("WANG", SECOND))
    programme.event("E-1", SECOND, event, "2007-11-09", "arrears")

    programme.event("E-2", WANG, "closed", "2007-11-10", "voluntary")
    assert holds() == (150, 90, 20)

    programme.event("E-3", SECOND, "closed", "2007-11-11", "voluntary")
    assert holds() == (0, 0, 0)


@pytest.mark.usefixtures("rich")
def test_a_line_handed_over_to_somebody_else_holds_no_points(programme, holds):
    programme.load("subscribers", line_of("WANG", SECOND))
    programme.event("E-1", SECOND, "transferred", "2007-11-01")
    programme.load("subscribers", line_of("ZHAO", SECOND, since="2007-11-02"))
    assert programme.rejects == []
    assert holds() == (150, 90, 20)

    programme.event("E-2", WANG, "closed", "2007-11-10", "voluntary")

    assert holds() == (0, 0, 0)


@pytest.mark.usefixtures("rich")
def test_nothing_is_voided_after_a_death(programme, holds):
    programme.load("subscribers", line_of("WANG", SECOND))
    programme.event("E-1", WANG, "deceased", "2007-11-09")

    programme.event("E-2", SECOND, "closed", "2007-11-10", "voluntary")

    assert holds() == (150, 90, 20)


@pytest.mark.usefixtures("rich")
def test_nothing_is_earned_while_gone(programme, bill, pay, act, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    bill("B-3", "100.00", billed_on="2007-11-11", due_on="2007-11-25")
    pay("P-3", "B-3", "2007-11-12", "100.00")
    pay("P-2", "B-2", "2007-11-12", "60.00")
    act("T-2", "200.00", "2007-11-12")
    assert programme.rejects == []
    assert holds() == (0, 0, 0)

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    assert holds() == (150, 90, 20)
    act("T-3", "-200.00", "2007-11-21", "T-2")
    assert holds() == (150, 90, 20)


@pytest.mark.usefixtures("rich")
def test_refunds_and_credit_notes_reduce_what_was_voided(programme, credit, act, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    act("T-2", "-50.00", "2007-11-12", "T-1")
    credit("A-1", "B-1", "2007-11-12", "-40.00")
    credit("A-2", "B-2", "2007-11-12", "-20.00")
    assert holds() == (0, 0, 0)

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    assert holds() == (90, 60, 15)
    assert programme.member("WANG").lots == [
        ("CUP", "operator", 90, "2010-10-31"),
        ("UNI", "CEB", 15, "2010-10-31"),
    ]
    units = programme.report("2007-11")["units"]
    for unit, figures in (("CUP", (150, 60, 90, 90, 90)), ("UNI", (20, 5, 15, 15, 15))):
        names = ("opening", "clawed_back", "voided", "reinstated", "closing")
        assert tuple(units[unit][name] for name in names) == figures


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize(
    ("back_on", "held"), [("2008-02-08", (150, 90, 20)), ("2008-02-09", (0, 0, 0))]
)
def test_points_come_back_until_the_90th_day(programme, redeem, holds, back_on, held):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    programme.event("E-2", WANG, "reconnected", back_on)

    wang = programme.member("WANG")
    assert holds() == held
    assert (wang.left_on, wang.gate) == (None, "open")
    programme.load("opening", ("WANG", "CUP", 600, "operator", "2008-02", ""))
    assert redeem("R", "WANG", "TT1", "2008-02-12").booked == 1


@pytest.mark.usefixtures("rich")
def test_what_was_not_restored_stays_void(programme, bill, pay, credit, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    programme.event("E-2", WANG, "reconnected", "2008-02-09")
    bill("B-3", "100.00", billed_on="2008-02-10", due_on="2008-02-25")

    pay("P-2", "B-2", "2008-01-01", "60.00")
    pay("P-1", "B-1", "2008-02-11", "-100.00")
    credit("A-1", "B-1", "2008-02-11", "-50.00")
    assert holds() == (0, 150, 0)

    # A second leaving and return bring back only what the first had not voided.
    programme.event("E-3", WANG, "closed", "2008-03-01", "voluntary")
    pay("P-4", "B-1", "2008-03-02", "-1.00")
    credit("A-2", "B-2", "2008-03-02", "-20.00")
    programme.event("E-4", WANG, "reconnected", "2008-03-05")
    assert holds() == (0, 150, 0)
    programme.run("cancel-unpaid", "2008-05-25")
    assert holds() == (0, 150, 0)
    programme.run("cancel-unpaid", "2008-05-26")
    assert holds() == (0, 0, 0)


@pytest.mark.usefixtures("rich")
def test_what_comes_back_is_what_it_was(programme, pay, credit, act, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    programme.event("E-2", WANG, "reconnected", "2007-11-20")

    pay("P-2", "B-2", "2007-11-21", "60.00")
    credit("A-1", "B-1", "2007-11-22", "-40.00")
    act("T-2", "-50.00", "2007-11-22", "T-1")

    assert holds() == (90 + 90, 0, 15)
    assert programme.days_of("bill_release")[1] == ("2007-11-21", "2007-11-21")


@pytest.mark.usefixtures("rich")
def test_pending_points_that_came_back_are_released_no_earlier(programme, pay, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    programme.event("E-2", WANG, "reconnected", "2007-11-20")

    pay("P-2", "B-2", "2007-11-15", "60.00")  # of a day when he was gone

    assert holds() == (240, 0, 20)
    assert programme.days_of("bill_release")[1][0] == "2007-11-20"


def test_pending_points_that_came_back_are_canceled_in_time(programme, bill, holds):
    bill("B", "100.00")
    programme.event("E-1", WANG, "closed", "2008-01-10", "voluntary")
    programme.run("cancel-unpaid", "2008-01-24")

    programme.event("E-2", WANG, "reconnected", "2008-02-01")
    assert holds() == (0, 150, 0)
    programme.run("cancel-unpaid", "2008-02-01")

    assert holds() == (0, 0, 0)
    assert programme.days_of("bill_cancel") == [("2008-02-01", "2008-02-01")]


def test_a_lot_whose_day_has_passed_comes_back_with_30_days_of_grace(
    programme, redeem, act, holds
):
    programme.load("opening", ("WANG", "CUP", 600, "operator", "2004-11", "2007-11-30"))
    act("T", "200.00", "2007-10-10")
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    programme.run("expire-points", "2007-12-01")

    programme.event("E-2", WANG, "reconnected", "2007-12-05")
    assert holds() == (600, 0, 20)
    assert programme.member("WANG").lots == [
        ("CUP", "operator", 600, "2008-01-04"),
        ("UNI", "CEB", 20, "2010-10-31"),
    ]
    programme.run("expire-points", "2008-01-04")
    assert holds() == (600, 0, 20)

    redeem("R-1", "WANG", "TT1", "2008-01-05")
    assert programme.rejects == ["insufficient_points"]
    assert redeem("R-2", "WANG", "TT1", "2008-01-04").booked == 1


@pytest.mark.usefixtures("rich")
def test_what_bounces_while_gone_comes_back_pending(programme, pay, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    pay("P-2", "B-1", "2007-11-12", "-100.00")
    assert holds() == (0, 0, 0)

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    assert holds() == (0, 240, 20)
    assert programme.days_of("bill_bounce") == [("2007-11-20", "2007-11-20")]

    pay("P-3", "B-1", "2007-11-21", "100.00")
    assert holds() == (150, 90, 20)


@pytest.mark.usefixtures("rich")
def test_what_bounces_and_is_paid_again_while_gone_comes_back(programme, pay, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    pay("P-2", "B-1", "2007-11-12", "-100.00")
    pay("P-3", "B-1", "2007-11-13", "100.00")

    programme.event("E-2", WANG, "reconnected", "2007-11-20")

    assert holds() == (150, 90, 20)


def test_a_debt_from_before_is_paid_first_by_what_comes_back(
    programme, bill, pay, credit, redeem
):
    bill("B-1", "400.00")
    bill("B-2", "100.00")
    pay("P-1", "B-1", "2007-10-20", "400.00")
    redeem("R", "WANG", "TT1", "2007-10-21")
    pay("P-2", "B-2", "2007-10-22", "100.00")
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    assert programme.member("WANG").points == (0, 0, 0)

    # 300 of what B-1 had earned: 150 reduce what was voided, 150 are owed.
    credit("A", "B-1", "2007-11-11", "-200.00")
    assert programme.member("WANG").points == (0, 0, 150)

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    assert programme.member("WANG").points == (0, 0, 150)


def test_what_is_owed_survives_leaving_and_is_paid_on_return(
    programme, bill, pay, act, redeem
):
    act("T-1", "6000.00", "2007-10-10")
    bill("B", "100.00")
    pay("P", "B", "2007-10-20", "100.00")
    redeem("R", "WANG", "TT1", "2007-10-21")  # 150 CUP, 450 UNI
    act("T-2", "-2000.00", "2007-10-22", "T-1")
    assert programme.member("WANG").universal == (0, 50)
    bill("B-2", "100.00")
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    assert programme.member("WANG").universal == (0, 50)

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    act("T-3", "600.00", "2007-11-21")

    assert programme.member("WANG").points == (0, 150, 0)
    assert programme.member("WANG").universal == (10, 0)


@pytest.mark.usefixtures("rich")
def test_reconnecting_twice_restores_once(programme, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    programme.event("E-3", WANG, "reconnected", "2007-11-21")

    assert holds() == (150, 90, 20)
    assert programme.report("2007-11")["units"]["CUP"]["reinstated"] == 150


@pytest.mark.usefixtures("rich")
def test_a_member_may_leave_and_return_again(programme, pay, holds):
    for number, month in enumerate(("2007-11", "2007-12", "2008-01")):
        programme.event(f"L-{number}", WANG, "closed", f"{month}-10", "voluntary")
        assert holds() == (0, 0, 0)
        programme.event(f"R-{number}", WANG, "reconnected", f"{month}-20")
        assert holds() == (150, 90, 20)

    pay("P-2", "B-2", "2008-01-21", "60.00")
    assert holds() == (240, 0, 20)


@pytest.mark.usefixtures("rich")
def test_a_new_line_makes_a_customer_again_with_nothing(
    programme, bill, pay, redeem, holds
):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    programme.load("subscribers", line_of("WANG", SECOND, since="2007-11-15"))
    assert holds() == (0, 0, 0)
    assert programme.member("WANG").gate == "open"

    bill("B-3", "600.00", msisdn=SECOND, billed_on="2007-11-16", due_on="2007-11-25")
    pay("P-3", "B-3", "2007-11-20", "600.00")
    assert redeem("R", "WANG", "TT1", "2007-11-21").booked == 1
    # The old line comes back in time, and with it what was voided.
    programme.event("E-2", WANG, "reconnected", "2007-11-25")
    assert holds() == (150, 90, 20)


@pytest.mark.usefixtures("rich")
def test_all_of_it_in_one_file(programme, holds):
    day = "2007-11-{}T12:00:00+08:00".format
    programme.load(
        "subscription-events",
        ("E-1", WANG, "suspended", "arrears", day(10)),
        ("E-2", WANG, "pre_cancelled", "arrears", day(11)),
        ("E-3", WANG, "closed", "arrears", day(12)),
        ("E-4", WANG, "resumed", "", day(13)),
        ("E-5", WANG, "reconnected", "", day(14)),
        ("E-6", WANG, "activated", "", day(15)),
        ("E-7", "13399999999", "closed", "", day(15)),
    )

    assert programme.rejects == ["unknown_msisdn"]
    assert holds() == (150, 90, 20)
    assert programme.member("WANG").gate == "open"
    assert programme.report("2007-11")["units"]["CUP"]["reinstated"] == 150


def test_a_leaving_with_nothing_is_a_leaving(programme, bill, pay, act, holds):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    bill("B", "100.00", billed_on="2007-11-05", due_on="2007-11-25")
    pay("P", "B", "2007-11-11", "100.00")
    programme.event("E-2", WANG, "reconnected", "2007-11-20")

    assert holds() == (0, 0, 0)
    act("T", "100.00", "2007-11-21")
    assert holds() == (0, 0, 10)


def test_what_was_spent_before_leaving_bounces_into_nothing_while_gone(
    programme, bill, pay, redeem
):
    bill("B", "400.00")
    pay("P-1", "B", "2007-10-20", "400.00")
    redeem("R", "WANG", "TT1", "2007-10-21")
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")

    pay("P-2", "B", "2007-11-11", "-400.00")
    assert programme.member("WANG").points == (0, 0, 0)

    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    assert programme.member("WANG").points == (0, 600, 600)


@pytest.mark.usefixtures("rich")
def test_a_refund_after_a_late_return_takes_nothing_from_what_is_new(
    programme, act, holds
):
    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    programme.event("E-2", WANG, "reconnected", "2008-02-09")
    act("T-2", "100.00", "2008-02-10")

    act("T-3", "-200.00", "2008-02-11", "T-1")

    assert holds() == (0, 0, 10)


def wait_until(programme, *, waiting):
    """Wait until so many are waiting for a lock."""
    for _ in range(2_000):
        if programme.rows(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
        ) == [(waiting,)]:
            return
        sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.usefixtures("rich")
def test_who_pays_while_leaving_has_left(programme, holds):
    paid = programme.write("payments", ("P-2", "B-2", "2007-11-10", "60.00"))
    left = programme.write(
        "subscription-events",
        ("E-1", WANG, "closed", "voluntary", "2007-11-10T12:00:00+08:00"),
    )

    with (
        ThreadPoolExecutor(2) as pool,
        programme.database.owner_engine.connect() as keeper,
    ):
        # Somebody keeps the book while he is about to leave, and then pays.
        keeper.execute(text("SELECT FROM ledger.book FOR UPDATE"))
        loads = []
        for feed, path in (("subscription-events", left), ("payments", paid)):
            loads.append(
                pool.submit(load, programme.database, FEEDS[feed], path, workers=1)
            )
            wait_until(programme, waiting=len(loads))
        keeper.rollback()
        assert [loaded.result().booked for loaded in loads] == [1, 1]

    assert holds() == (0, 0, 0)
    programme.event("E-2", WANG, "reconnected", "2007-11-20")
    assert holds() == (150, 90, 20)


def test_two_loaders_hear_of_two_lines_of_one_person(programme, holds):
    """Each would see the other line alive, if they did not wait for each other."""
    self_of_his = ("WANG2", "客户WANG", "hash-of-WANG", SECOND)
    programme.load("subscribers", (*self_of_his, *line_of("WANG", SECOND)[4:]))
    programme.load("opening", ("WANG", "CUP", 150, "operator", "2007-09", ""))

    def end(msisdn):
        row = [f"E-{msisdn}", msisdn, "ported_out", "", "2007-11-10T12:00:00+08:00"]
        batch = PartnerBatch(
            client_id="test",
            partner="operator",
            batch_ref=None,
            lines=1,
            called_at=datetime(2007, 11, 10, 12, tzinfo=TIME_ZONE),
        )
        with programme.database.unit_of_work() as session:
            (answer,) = book_lines(
                session, FEEDS["subscription-events"], [row], batch=batch
            )
        return answer.outcome

    with (
        ThreadPoolExecutor(2) as pool,
        programme.database.owner_engine.connect() as keeper,
    ):
        keeper.execute(text("SELECT FROM member FOR UPDATE"))
        told = []
        for msisdn in (WANG, SECOND):
            told.append(pool.submit(end, msisdn))
            wait_until(programme, waiting=len(told))
        keeper.rollback()
        assert [one.result() for one in told] == ["booked", "booked"]

    assert programme.rows(
        "SELECT member_ref FROM member WHERE left_on = '2007-11-10' ORDER BY 1"
    ) == [("WANG",), ("WANG2",)]
    assert holds() == (0, 0, 0)
