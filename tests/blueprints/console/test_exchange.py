"""Rates by two people, disputes for finance, blocks, and names to compare."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.book import Book
from loyalty.clock import now
from loyalty.exchange import linking, operations
from partners.matching import PersonName
from partners.ports import Outcome, Receipt
from tests.loyalty.exchange.alliance import TO_MILES, Alliance, Carrier

CARD = {
    "partner": "MU",
    "direction": "out",
    "from_unit": "UNI",
    "to_unit": "MILE",
    "points_num": "1",
    "points_den": "8",
    "fee_points": "0",
    "min_units": "800",
    "step_units": "800",
    "max_units": "40000",
    "fen_num": "8",
    "fen_den": "1",
    "service_fen_num": "0",
    "service_fen_den": "1",
    "billing": "postpaid",
    "billing_pct": "100",
    "wait_hours": "72",
    "is_irrevocable": "on",
}


@pytest.fixture(autouse=True)
def _open(fresh_database):
    with fresh_database.unit_of_work() as session:
        Alliance(session).open()


@pytest.fixture
def desk(browser, employ):
    """A browser of somebody with a role."""

    def sit(role):
        return browser(staff_id=employ(f"of.{role}", role))

    return sit


@pytest.fixture
def disputed(fresh_database, join):
    """An exchange of 10,000 points that the airline did after we had given up."""
    member = join(name="王小明")
    at = now() - timedelta(days=2)
    with fresh_database.unit_of_work() as session:
        alliance, carrier = Alliance(session), Carrier()
        alliance.earn(member, 10_000, until=None)
        alliance.bind(member, at=at)
        ref = alliance.out(member, 10_000, at=at)
        carrier.tell(Outcome.DECLINED, done=False)
        alliance.advance(carrier, member, ref, at=at + timedelta(days=1))
        operations.settle(
            session,
            member_id=member,
            exchange_ref=ref,
            ask=None,
            receipt=Receipt(Outcome.CONFIRMED),
            at=at + timedelta(days=1, hours=1),
        )
    return f"/console/exchanges/{member}/{ref}"


@pytest.fixture
def carrier(app):
    """An airline that can be asked."""
    made = Carrier()
    app.extensions["jifen"].connections.airlines["MU"] = made
    return made


@pytest.fixture
def bring(fresh_database, join):
    """Bring an exchange of 10,000 points to its partner, some days ago."""

    def do(carrier, *, days, facts=TO_MILES):
        member = join(name="王小明")
        at = now() - timedelta(days=days)
        with fresh_database.unit_of_work() as session:
            alliance = Alliance(session)
            if facts is not TO_MILES:
                alliance.maker, alliance.checker = (
                    alliance.staff("a"),
                    alliance.staff("b"),
                )
                alliance.rate("MU", "out", facts)
            alliance.earn(member, 10_000, until=None)
            alliance.bind(member, at=at)
            ref = alliance.out(member, 10_000, at=at)
            alliance.advance(carrier, member, ref, at=at + timedelta(days=1))
        return f"/console/exchanges/{member}/{ref}"

    return do


def tomorrow():
    return (now() + timedelta(days=1)).date().isoformat()


def test_a_rate_is_drafted_by_one_and_approved_by_another(desk, send):
    maker, checker = desk("product"), desk("finance_checker")
    form = CARD | {"valid_from": tomorrow()}

    drafted = send(maker, "/console/rates/new", to="/console/rates", **form)
    assert drafted.status_code == 303
    assert drafted.location == "/console/rates/MU/out/2"
    asked = send(
        maker, drafted.location, to=f"{drafted.location}/ask", reason="春节活动"
    )
    assert asked.status_code == 303
    page = checker.get(asked.location).text
    assert "<del>10</del>" in page
    assert "<ins>8</ins>" in page
    own = send(maker, asked.location, act="approve")
    assert own.status_code == 403

    done = send(checker, asked.location, act="approve")

    assert done.status_code == 303
    assert "已批准" in checker.get(drafted.location).text


def test_a_rate_that_gains_says_so_and_is_not_asked_for(desk, send):
    maker = desk("product")
    form = CARD | {"valid_from": tomorrow(), "points_den": "4"}
    place = send(maker, "/console/rates/new", to="/console/rates", **form).location

    answer = send(maker, place, to=f"{place}/ask", reason="试试")

    assert answer.status_code == 409
    assert "这样换一圈会多出来" in answer.text
    assert "5/4" in answer.text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"points_den": "0"}, "points_den"),
        ({"points_den": "acht"}, "points_den"),
        ({"valid_from": "bald"}, "valid_from"),
        ({"partner": "NOBODY"}, "partner"),
        ({"step_units": "5"}, "step_units"),
        ({"max_units": "9" * 13}, "max_units"),
    ],
)
def test_a_draft_that_makes_no_sense_keeps_what_was_typed(desk, send, wrong, field):
    form = CARD | {"valid_from": tomorrow()} | wrong
    answer = send(desk("product"), "/console/rates/new", to="/console/rates", **form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert 'value="40000"' in answer.text or field == "max_units"


def test_a_rate_is_stopped_by_one(desk, send):
    maker = desk("product")
    place = "/console/rates/MU/out/1"
    assert send(maker, place, to=f"{place}/withdraw").status_code == 303
    page = maker.get(place).text
    assert "已停用" in page
    assert f"{place}/withdraw" not in page


def test_a_dispute_is_seen_and_asked_back(desk, send, disputed, fresh_database):
    finance = desk("finance_maker")
    listed = finance.get("/console/exchanges?state=disputed").text
    assert disputed in listed
    page = finance.get(disputed).text
    assert "退回后对方又入账" in page
    assert "¥80.00" in page

    done = send(finance, disputed, to=f"{disputed}/ask-back")

    assert done.status_code == 303
    assert "已请对方收回" in finance.get(disputed).text
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def test_a_dispute_is_written_off_by_two(desk, send, disputed, fresh_database):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    nothing_said = send(maker, disputed, to=f"{disputed}/write-off")
    assert nothing_said.status_code == 422
    asked = send(maker, disputed, to=f"{disputed}/write-off", reason="对方不收回")
    assert asked.status_code == 303

    assert send(checker, asked.location, act="approve").status_code == 303

    assert "已核销" in checker.get(disputed).text
    month = now().date().replace(day=1)
    with fresh_database.unit_of_work() as session:
        assert Alliance(session).report(month)["payable"] == {"MU": 80_00}


def test_one_that_is_stuck_is_asked_for_again_at_once(desk, send, carrier, bring):
    carrier.tell(Outcome.UNKNOWN, done=True)
    place = bring(carrier, days=5)
    finance = desk("finance_maker")
    page = finance.get(place).text
    assert "超时" in page
    carrier.tell(Outcome.UNKNOWN, done=False)
    for asked in (1, 2):
        done = send(finance, place, to=f"{place}/ask-again")
        assert done.status_code == 303
        assert carrier.asked.count("look_up") == asked

    assert "东方航空" in finance.get(place).text
    assert "已完成" in finance.get(place).text


def test_one_that_is_stuck_is_settled_by_two(
    desk, send, carrier, bring, fresh_database
):
    carrier.tell(Outcome.UNKNOWN, done=True)
    place = bring(carrier, days=5)
    maker, checker = desk("finance_maker"), desk("finance_checker")
    form = {
        "outcome": "confirmed",
        "partner_number": "TEL-20071020",
        "settle_reason": "东航张小姐电话告知",
    }
    for missing in form:
        partly = {name: said for name, said in form.items() if name != missing}
        answer = send(maker, place, to=f"{place}/settle", **partly)
        assert answer.status_code == 422
        assert all(said in answer.text for said in partly.values())

    asked = send(maker, place, to=f"{place}/settle", **form)
    page = checker.get(asked.location).text
    assert "兑换人工了结" in page
    assert "<ins>已完成</ins>" in page
    assert send(maker, asked.location, act="approve").status_code == 403
    assert send(checker, asked.location, act="approve").status_code == 303

    page = maker.get(place).text
    assert "另行得知" in page
    assert "TEL-20071020" in page
    assert "员工 of.finance_checker" in page
    with fresh_database.unit_of_work() as session:
        month = now().date().replace(day=1)
        assert Alliance(session).report(month)["payable"] == {"MU": 80_00}


def test_one_whose_partner_has_time_is_not_settled_by_hand(desk, send, carrier, bring):
    carrier.tell(Outcome.UNKNOWN, done=True)
    place = bring(carrier, days=2)
    maker = desk("finance_maker")
    form = {"outcome": "declined", "settle_reason": "等不及"}

    answer = send(maker, place, to=f"{place}/settle", **form)

    assert answer.status_code == 409
    assert "对方还有时间答复" in answer.text
    assert 'id="settle"' not in answer.text


@pytest.mark.parametrize("is_irrevocable", [True, False])
def test_only_what_is_not_final_is_taken_back(
    *, desk, send, carrier, bring, is_irrevocable
):
    facts = replace(TO_MILES, is_irrevocable=is_irrevocable, wait_hours=71)
    place = bring(carrier, days=5, facts=facts)
    maker, checker = desk("finance_maker"), desk("finance_checker")
    assert ('id="take-back"' in maker.get(place).text) is not is_irrevocable

    asked = send(maker, place, to=f"{place}/take-back", back_reason="会员换错了账号")

    if is_irrevocable:
        assert asked.status_code == 409
        assert "入账后不可撤回" in asked.text
        return
    assert send(checker, asked.location, act="approve").status_code == 303
    assert "已请对方收回" in maker.get(place).text
    send(maker, place, to=f"{place}/ask-again")
    assert "对方已收回" in maker.get(place).text
    assert carrier.balance == 0


def test_what_is_not_disputed_is_not_written_off(desk, send, disputed):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    asked = send(maker, disputed, to=f"{disputed}/write-off", reason="对方不收回")
    send(checker, asked.location, act="approve")

    answer = maker.get(disputed).text
    assert "write-off" not in answer
    assert maker.get("/console/exchanges/1/NOTHING").status_code == 404


def test_blocks_are_written_down_and_run_low(desk, send):
    finance = desk("finance_maker")
    form = {
        "partner": "MU",
        "direction": "out",
        "units": "5,000",
        "price_yuan": "400",
        "starts_on": "2007-10-01",
        "reorder_units": "6000",
    }
    assert send(finance, "/console/blocks", **form).status_code == 303
    page = finance.get("/console/blocks").text
    assert "只剩 5,000，该补了" in page
    for wrong in (
        {"units": "0"},
        {"starts_on": ""},
        {"ends_on": "2007-09-01"},
        {"partner": "NOBODY"},
    ):
        assert send(finance, "/console/blocks", **(form | wrong)).status_code == 422


def test_credit_is_limited(desk, send):
    finance = desk("finance_maker")
    form = {"partner": "CEB", "limit_yuan": "5000", "alert_yuan": "4000"}
    to = "/console/blocks/credit"
    assert send(finance, "/console/blocks", to=to, **form).status_code == 303
    assert "¥5,000.00" in finance.get("/console/blocks").text
    wrong = form | {"limit_yuan": "-1"}
    assert send(finance, "/console/blocks", to=to, **wrong).status_code == 422


def test_the_alert_is_at_four_fifths_of_the_limit_unless_said(desk, send):
    finance = desk("finance_maker")
    form = {"partner": "CEB", "limit_yuan": "5000", "alert_yuan": ""}
    to = "/console/blocks/credit"
    assert send(finance, "/console/blocks", to=to, **form).status_code == 303
    assert "¥4,000.00" in finance.get("/console/blocks").text


def test_two_people_say_how_a_partner_pays_for_accruals(desk, send):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    form = {
        "partner": "CEB",
        "billing": "postpaid",
        "thousand_fen": "850",
        "billing_pct": "100",
        "valid_from": (now().date() + timedelta(days=1)).isoformat(),
        "reason": "新协议",
    }
    to = "/console/blocks/billing"
    for wrong in (
        {"thousand_fen": ""},
        {"thousand_fen": "x"},
        {"billing_pct": "101"},
        {"valid_from": ""},
        {"reason": ""},
        {"partner": "NOBODY"},
    ):
        answer = send(maker, "/console/blocks", to=to, **(form | wrong))
        assert answer.status_code == 422
    today = form | {"valid_from": now().date().isoformat()}
    assert send(maker, "/console/blocks", to=to, **today).status_code == 409

    asked = send(maker, "/console/blocks", to=to, **form)
    assert "¥8.50" in checker.get(asked.location).text
    assert "都不结算" in maker.get("/console/blocks").text
    send(checker, asked.location, act="approve")

    page = maker.get("/console/blocks").text
    assert "都不结算" not in page
    assert "¥8.50" in page


def test_a_block_may_serve_accruals(desk, send):
    finance = desk("finance_maker")
    form = {
        "partner": "CEB",
        "direction": "earn",
        "units": "5000",
        "price_yuan": "50",
        "starts_on": "2007-10-01",
        "reorder_units": "0",
    }
    assert send(finance, "/console/blocks", **form).status_code == 303
    assert "活动积分" in finance.get("/console/blocks").text


@pytest.mark.parametrize(("act", "said"), [("accept", "bound"), ("refuse", "refused")])
def test_a_person_compares_names_in_other_letters(
    *, desk, send, join, fresh_database, keyring, act, said
):
    member = join(name="王小明")
    with fresh_database.unit_of_work() as session:
        linking.ask(
            session,
            member_id=member,
            partner="MU",
            account_ref="MU600001",
            name=PersonName(family="WANG", given="XIAOMING"),
            keyring=keyring,
            at=now(),
        )
        linking.settle(
            session,
            member_id=member,
            partner="MU",
            nth=1,
            receipt=Receipt(Outcome.CONFIRMED),
            at=now(),
        )
    supervisor = desk("supervisor")
    page = supervisor.get("/console/accounts").text
    assert "WANG XIAOMING" in page
    assert "王小明" in page

    send(
        supervisor, "/console/accounts", to=f"/console/accounts/{member}/MU/1", act=act
    )

    with fresh_database.unit_of_work() as session:
        rows = Alliance(session).rows("SELECT state FROM bound_account")
    assert rows == [(said,)]
