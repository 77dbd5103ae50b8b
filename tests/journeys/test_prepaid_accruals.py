"""Partners that pay for what members earn: by blocks, or on credit (domain.md 3.1)."""

import threading
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines
from loyalty.feeds.models import PartnerBatch
from loyalty.prepaid import billing, blocks, credit, queries
from loyalty.prepaid.errors import BadBilling, BillingKnown, BillingTooSoon
from loyalty.settings import TIME_ZONE

CEB, SHOP = "CEB", "SHOP"
OCTOBER, NOVEMBER = date(2007, 10, 1), date(2007, 11, 1)
NOON = datetime(2007, 10, 15, 12, tzinfo=TIME_ZONE)


def card(ref, amount="100.00", *, account="6226-1", on="2007-10-10", of=""):
    """A line of the bank; 100.00 are ten points."""
    return (ref, CEB, account, "card", on, amount, "CNY", "", of)


class Finance:
    """Lets partners pay, and looks at what they have paid for."""

    def __init__(self, programme):
        self.programme = programme
        with programme.database.unit_of_work() as session:
            self.maker, self.checker = (
                session.scalar(
                    text(
                        "INSERT INTO staff (login, name, roles, password_hash,"
                        " created_at) VALUES (:login, :login, '{finance_maker}', '',"
                        " now()) RETURNING staff_id"
                    ),
                    {"login": login},
                )
                for login in ("mei", "lan")
            )

    def ask(self, way, *, partner=CEB, since=OCTOBER, price=None, pct=100, at=None):
        at = at or datetime.combine(since, NOON.timetz()) - timedelta(days=1)
        with self.programme.database.unit_of_work() as session:
            asked = billing.ask_billing(
                session,
                partner=partner,
                billing=way,
                thousand_fen=price,
                billing_pct=pct,
                valid_from=since,
                reason="agreed",
                maker=self.maker,
                at=at,
            )
            return asked.approval_id

    def agree(self, way, **facts):
        """Have two people agree on how a partner pays."""
        approval_id = self.ask(way, **facts)
        since = facts.get("since", OCTOBER)
        at = datetime.combine(since, NOON.timetz()) - timedelta(days=1)
        with self.programme.database.unit_of_work() as session:
            agreed = approve(
                session,
                approval_id=approval_id,
                checker=self.checker,
                note=None,
                at=at,
            )
            assert billing.apply_billing(session, approval=agreed, at=at) == since

    def buy(self, units, *, since=OCTOBER, until=None, partner=CEB):
        with self.programme.database.unit_of_work() as session:
            blocks.buy(
                session,
                partner=partner,
                direction="earn",
                units=units,
                price_fen=units,
                starts_on=since,
                ends_on=until,
                reorder_units=0,
                at=NOON,
            )

    def limit(self, fen, *, alert=None, partner=CEB):
        with self.programme.database.unit_of_work() as session:
            credit.limit_credit(
                session, partner=partner, limit_fen=fen, alert_fen=alert, at=NOON
            )

    @property
    def left(self):
        return [
            left
            for (left,) in self.programme.rows(
                "SELECT units_left FROM point_block ORDER BY starts_on, block_id"
            )
        ]

    @property
    def owed(self):
        with self.programme.database.unit_of_work() as session:
            return {
                one.partner: (one.outstanding_fen, one.is_alarming)
                for one in queries.credits_of_partners(session)
            }

    def check(self):
        """Compute what was drawn and what is owed anew, from the activities."""
        net = """
        SELECT a.partner, b.billing, sum(CASE WHEN a.original_ref IS NULL
                                             THEN a.points ELSE -a.points END)::bigint
          FROM activity a JOIN accrual_billing b
            ON b.partner = a.partner AND b.valid_from = a.billed_from
         GROUP BY a.partner, b.billing
        """
        found = {(row[0], row[1]): row[2] for row in self.programme.rows(net)}
        drawn = dict(
            self.programme.rows(
                "SELECT partner, sum(units_bought - units_left)::bigint"
                " FROM point_block GROUP BY partner"
            )
        )
        moved = dict(
            self.programme.rows(
                "SELECT b.partner, sum(CASE m.what WHEN 'draw' THEN m.units"
                " ELSE -m.units END)::bigint FROM block_move m"
                " JOIN point_block b USING (block_id) GROUP BY b.partner"
            )
        )
        owed = dict(
            self.programme.rows(
                "SELECT partner, sum(units)::bigint FROM accrual_owed GROUP BY partner"
            )
        )
        for (partner, way), points in found.items():
            sums = {"prepaid": drawn, "postpaid": owed}.get(way)
            assert sums is None or sums.get(partner, 0) == points
        assert {one: units for one, units in drawn.items() if units} == {
            one: units for one, units in moved.items() if units
        }


@pytest.fixture
def finance(programme):
    desk = Finance(programme)
    yield desk
    desk.check()


def test_the_oldest_block_is_drawn_first_and_what_does_not_fit_is_refused(
    programme, finance
):
    finance.agree("prepaid")
    finance.buy(12, since=date(2007, 10, 5))
    finance.buy(13)

    programme.load(
        "activities",
        card("T-1"),
        card("T-2", account="6226-2"),
        card("T-3"),
        card("T-4", account="6226-2"),
        card("T-5", "50.00"),
    )

    assert programme.rejects == ["block_empty", "block_empty"]
    assert finance.left == [0, 0]
    assert programme.member("WANG").universal == (15, 0)
    assert programme.member("LI").universal == (10, 0)


def test_a_file_is_posted_line_by_line_until_its_block_is_used_up(programme, finance):
    finance.agree("prepaid")
    finance.buy(1_005)
    accounts = ["6226-1", "6226-2", "6226-2"]

    programme.load(
        "activities", *(card(f"T-{n}", account=accounts[n % 3]) for n in range(200))
    )

    posted = programme.rows("SELECT partner_ref FROM activity")
    assert {ref for (ref,) in posted} == {f"T-{n}" for n in range(100)}
    assert programme.rejects == ["block_empty"] * 100
    assert finance.left == [5]


def test_what_was_refused_binds_nothing_and_may_come_again(programme, finance):
    finance.agree("prepaid")
    path = programme.write("activities", card("T-1"))
    programme.load_file("activities", path)
    assert programme.rejects == ["block_empty"]
    assert programme.rows("SELECT * FROM claim WHERE space = 'activity'") == []

    finance.buy(10)
    assert programme.load_file("activities", path).booked == 0
    assert programme.load("activities", card("T-1")).booked == 1
    assert programme.load("activities", card("T-1")).already_booked == 1

    assert finance.left == [0]
    assert programme.member("WANG").universal == (10, 0)


def test_refunds_give_back_to_the_block_that_was_drawn_last(programme, finance):
    finance.agree("prepaid")
    finance.buy(4)
    finance.buy(20, since=date(2007, 10, 5))
    programme.load("activities", card("T-1"))
    assert finance.left == [0, 14]

    programme.load("activities", card("R-1", "-45.00", of="T-1"))
    assert finance.left == [0, 19]
    programme.load("activities", card("R-2", "-25.00", of="T-1"))
    assert finance.left == [1, 20]
    programme.load("activities", card("R-3", "-30.00", of="T-1"))

    assert finance.left == [4, 20]
    assert programme.member("WANG").universal == (0, 0)


def test_what_left_with_its_member_goes_back_to_the_block_too(programme, finance):
    finance.agree("prepaid")
    finance.buy(10)
    programme.load("activities", card("T-1"))
    programme.event("E-1", "13300000001", "closed", "2007-10-20", "voluntary")

    programme.load("activities", card("R-1", "-100.00", of="T-1", on="2007-10-25"))
    programme.load("activities", card("T-2", on="2007-10-26"))

    assert programme.rejects == []
    assert finance.left == [10]


def test_a_block_serves_the_days_it_is_good_for(programme, finance):
    finance.agree("prepaid")
    finance.buy(10, until=date(2007, 10, 31))
    finance.buy(20, since=NOVEMBER)

    programme.load(
        "activities",
        card("T-1", on="2007-11-02"),
        card("T-2", on="2007-10-31"),
        card("T-3", on="2007-10-30"),
        card("T-4", on="2007-11-01"),
    )

    assert programme.rejects == ["block_empty"]
    assert finance.left == [0, 0]


def test_a_name_that_comes_twice_draws_once(programme, finance):
    finance.agree("prepaid")
    finance.buy(30)

    answer = programme.load(
        "activities",
        card("T-1"),
        card("T-1"),
        card("T-1", account="6226-2"),
        card("T-1", "-100.00", of="T-1"),
        card("T-2", "0.00"),
        card("T-3", "5.00"),
    )

    assert (answer.booked, answer.already_booked) == (2, 1)
    assert programme.rejects == ["reference_reused", "reference_reused", "zero_amount"]
    assert finance.left == [20]


def test_what_came_before_the_agreement_is_paid_by_nobody(programme, finance):
    programme.load("activities", card("T-1", on="2007-09-30"))
    finance.agree("prepaid")
    finance.buy(10)

    programme.load("activities", card("T-2", on="2007-09-30"))
    programme.load("activities", card("R-1", "-100.00", of="T-1"))
    programme.load("activities", card("T-3"))
    finance.agree("none", since=NOVEMBER)
    programme.load("activities", card("T-4", on="2007-11-01"))

    assert finance.left == [0]
    assert programme.member("WANG").universal == (30, 0)


def test_partners_that_pay_and_that_do_not_share_a_file(programme, finance):
    finance.agree("prepaid")
    sale = ("S-1", SHOP, "WANG", "sale", "2007-10-10", "50.00", "CNY", "", "")

    programme.load("activities", card("T-1"), sale)

    assert programme.rejects == ["block_empty"]
    assert programme.member("WANG").universal == (10, 0)


def test_a_partner_owes_up_to_its_limit(programme, finance):
    finance.agree("postpaid", price=1_050, pct=50)  # 0.525 fen a point
    finance.limit(12)

    programme.load(
        "activities", card("T-1"), card("T-2"), card("T-3"), card("T-4", "20.00")
    )

    assert programme.rejects == ["credit_used_up"]
    assert finance.owed == {CEB: (12, True)}  # 22 points: 11.55 fen
    programme.load("activities", card("R-1", "-100.00", of="T-1", on="2007-10-12"))
    assert finance.owed == {CEB: (6, False)}  # 6.30 fen
    programme.load("activities", card("T-5"))
    assert programme.rejects == []


def test_a_settled_bill_frees_the_limit_and_a_late_line_is_owed_after_it(
    programme, finance
):
    finance.agree("postpaid", price=1_000)
    finance.limit(10)
    programme.load("activities", card("T-1"))
    programme.close("2007-10")
    programme.rows(
        "UPDATE partner_credit SET settled_through = '2007-10-31' RETURNING partner"
    )
    assert finance.owed == {CEB: (0, False)}

    programme.load("activities", card("T-2"), card("T-3"))

    assert programme.rejects == ["credit_used_up"]
    assert finance.owed == {CEB: (10, True)}


def test_a_partner_without_a_limit_owes_what_it_earns(programme, finance):
    finance.agree("postpaid", price=1_000)

    programme.load("activities", *(card(f"T-{n}") for n in range(50)))

    assert programme.rejects == []
    assert finance.owed == {CEB: (500, False)}


@pytest.mark.parametrize(("alert", "lines"), [(None, 8), (50, 5)])
def test_a_partner_is_told_once_when_it_comes_near_to_its_limit(
    programme, finance, alert, lines
):
    programme.rows(
        "INSERT INTO webhook_endpoint (endpoint_id, partner, url, types, secret,"
        " created_at) VALUES ('whk_1', 'CEB', 'https://ceb.example/', :types, 'x',"
        " now()) RETURNING partner",
        types=["credit.alert"],
    )
    finance.agree("postpaid", price=1_000)
    finance.limit(100, alert=alert)
    told = "SELECT data FROM event WHERE type = 'credit.alert'"

    programme.load("activities", *(card(f"T-{n}") for n in range(lines - 1)))
    assert programme.rows(told) == []
    programme.load("activities", card("U-1"))
    programme.load("activities", card("U-2"))

    ((data,),) = programme.rows(told)
    assert data == {
        "outstanding": {"amount": f"0.{lines}0", "currency": "CNY"},
        "limit": {"amount": "1.00", "currency": "CNY"},
    }


def test_many_at_once_draw_no_more_than_there_is(programme, finance):
    finance.agree("prepaid")
    finance.buy(600)
    outcomes: list[str] = []

    def bring(nth):
        with programme.database.unit_of_work() as session:
            batch = PartnerBatch(
                client_id="test", partner=CEB, batch_ref=None, lines=25, called_at=NOON
            )
            account = "6226-1" if nth % 2 else "6226-2"
            rows = [card(f"T-{nth}-{line}", account=account) for line in range(25)]
            answers = book_lines(session, FEEDS["activities"], rows, batch=batch)
            outcomes.extend(answer.outcome for answer in answers)

    threads = [threading.Thread(target=bring, args=(nth,)) for nth in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert sorted(outcomes) == ["booked"] * 60 + ["rejected"] * 40
    assert finance.left == [0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"partner": "NOBODY"},
        {"way": "sometimes"},
        {"price": 10},
        {"pct": 101},
        {"way": "postpaid"},
        {"way": "postpaid", "price": 100_001},
    ],
)
def test_an_agreement_makes_sense_in_every_figure(finance, wrong):
    with pytest.raises(BadBilling):
        finance.ask(**({"way": "prepaid"} | wrong))


def test_an_agreement_holds_from_the_day_after_its_approval(finance):
    with pytest.raises(BillingTooSoon):
        finance.ask("prepaid", at=datetime.combine(OCTOBER, NOON.timetz()))
    finance.agree("prepaid")
    with pytest.raises(BillingKnown):
        finance.ask("none")
