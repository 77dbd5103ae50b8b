"""J1 to J21 of domain.md 2.5 in both views, to the fen, read from the journal.

J1, J2 and J4 are told by files in `journeys/test_money_journal.py`.
"""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from ledger.values import Scope, Transfer
from loyalty.catalogue.operations import load_items
from loyalty.exchange import moving
from loyalty.exchange import operations as exchange
from loyalty.prepaid import blocks
from loyalty.purchases.models import PointPurchase
from loyalty.redemption import till
from loyalty.rules.operations import starting_terms
from loyalty.settlement.models import (
    NetSettlement,
    PartnerFee,
    PartnerPurchase,
    SettlementPayment,
)
from tests.loyalty.exchange.alliance import (
    FROM_BANK,
    NOON,
    SENT_AT,
    TO_MILES,
    TOMORROW,
)
from tests.loyalty.journal.conftest import NOVEMBER, OCTOBER, SEPTEMBER


def test_j3a_as_agent_the_fee_is_what_is_left(money):
    member = money.alliance.member(5_000)
    money.redeem(member, 2_500, 20_00)

    assert money.of("redeemed") == {"2205": "25", "2202": "-20", "6051.01": "-5"}
    assert money.of("redeemed", view="C") == {"2801": "20", "2202": "-20"}


def test_j3b_as_principal_revenue_is_gross_and_what_it_costs_a_cost(money):
    money.switch("{principals}", '["item:INS-A"]')
    member = money.alliance.member(5_000)
    money.redeem(member, 2_500, 20_00)

    assert money.of("redeemed") == {
        "2205": "25",
        "6001.02": "-25",
        "6401": "20",
        "2202": "-20",
    }
    assert money.of("redeemed", view="C") == {"2801": "20", "2202": "-20"}


def test_j3c_what_is_released_too_little_is_an_expense(money):
    money.sells_for("7/10")
    member = money.alliance.member(5_000)
    money.redeem(member, 2_500, 20_00)

    assert money.of("redeemed") == {"2205": "17.5", "6601.01": "2.5", "2202": "-20"}
    assert money.of("redeemed", view="C") == {"2801": "20", "2202": "-20"}


def test_j5_points_that_become_miles(money):
    member = money.alliance.member(20_000)
    money.alliance.bind(member)
    ref = money.alliance.out(member, 10_000)
    money.alliance.advance(money.carrier, member, ref, at=SENT_AT)

    assert money.of("exchanged_out") == {
        "2205": "100",
        "2202": "-80",
        "6051.01": "-20",
    }
    assert money.of("exchanged_out", view="C") == {"2801": "80", "2202": "-80"}


def bank_points(money, member, units=50_000):
    token = money.alliance.link(member, "card-token")
    quote = money.alliance.quote(
        units, account=token, partner="CEB", units_of="CEB_POINT", into="CUP"
    )
    return exchange.request(
        money.session, member_id=member, quote=quote, at=NOON, partner_ref="ceb-1"
    ).exchange


def test_j6_bank_points_that_become_ours(money):
    bank_points(money, money.alliance.member())

    assert money.of("exchanged_in") == {
        "1122": "45",
        "2205.B": "-40",
        "6051.02": "-5",
    }
    assert money.of("exchanged_in", view="C") == {"1122": "45", "2801": "-45"}


def test_j7_points_sold_in_advance_are_drawn_from_their_block(money):
    card = replace(FROM_BANK, billing="prepaid", valid_from=TOMORROW)
    money.alliance.rate("CEB", "in", card)
    blocks.buy(
        money.session,
        partner="CEB",
        direction="in",
        units=1_000_000,
        price_fen=9_000_00,
        starts_on=OCTOBER,
        ends_on=None,
        reorder_units=0,
        at=NOON,
    )
    assert money.of("block_sold") == {"1002": "9000", "2205.BP": "-9000"}
    assert money.of("block_sold", view="C") == {"1002": "9000", "2801": "-9000"}

    member = money.alliance.member()
    token = money.alliance.link(member, "card-token")
    quote = money.alliance.quote(
        50_000,
        account=token,
        partner="CEB",
        units_of="CEB_POINT",
        into="CUP",
        at=SENT_AT,
    )
    exchange.request(
        money.session, member_id=member, quote=quote, at=SENT_AT, partner_ref="ceb-2"
    )
    assert money.of("exchanged_in") == {
        "2205.BP": "45",
        "2205.B": "-40",
        "6051.02": "-5",
    }
    assert money.of("exchanged_in", view="C") == {}


def test_a_partners_units_bought_in_advance_are_used_up(money):
    card = replace(TO_MILES, billing="prepaid", valid_from=TOMORROW)
    money.alliance.rate("MU", "out", card)
    blocks.buy(
        money.session,
        partner="MU",
        direction="out",
        units=10_000,
        price_fen=700_00,
        starts_on=OCTOBER,
        ends_on=None,
        reorder_units=0,
        at=NOON,
    )
    member = money.alliance.member(20_000)
    money.alliance.bind(member)
    ref = money.alliance.out(member, 10_000, at=SENT_AT)
    money.alliance.advance(money.carrier, member, ref, at=SENT_AT + (SENT_AT - NOON))

    for view in ("C", "D"):
        assert money.of("block_bought", view=view) == {"1123": "700", "1002": "-700"}
    assert money.of("exchanged_out") == {
        "2205": "100",
        "1123": "-70",
        "6051.01": "-30",
    }
    assert money.of("exchanged_out", view="C") == {"2801": "70", "1123": "-70"}


def test_j10_points_bought_for_cash_are_a_cohort_of_their_own(money):
    member = money.alliance.member()
    lot = money.lot(cost_class="purchased")
    entry = money.post(
        member, "purchase", Transfer("issued", "available", ("CUP",), 1_000, lot)
    )
    money.session.add(
        PointPurchase(
            member_id=member,
            purchase_ref="P1",
            terms_version=1,
            unit="CUP",
            points=1_000,
            price_fen=12_00,
            payment_ref="pay-1",
            state="bought",
            placed_at=NOON,
            state_at=NOON,
            entry_id=entry,
            effective_on=OCTOBER,
            earned_in=OCTOBER,
            expires_on=lot.expires_on,
        )
    )
    money.session.flush()
    assert money.of("purchased") == {"2241": "12", "2205": "-12"}
    assert money.of("purchased", view="C") == {"2241": "12", "2801": "-12"}

    # c = 0.0120 ÷ the expected rate of four in five
    money.redeem(member, 100, 0)
    assert money.of("redeemed") == {"2205": "1.5", "6051.01": "-1.5"}


def expire(money, member):
    last_good_day = date(2010, 10, 31)
    lot = replace(money.lot(earned_in=SEPTEMBER), expires_on=last_good_day)
    money.post(
        member,
        "expiry",
        Transfer("available", "expired", ("CUP",), None, lot, Scope.EXPIRED),
        on=date(2010, 11, 1),
    )
    return date(2010, 11, 1)


def test_j11_expiry_is_in_the_estimate_or_breakage_at_once(money):
    member = money.alliance.member(1_000)
    money.redeem(member, 400, 0)
    period = expire(money, member)

    # in pattern: nothing by itself; the close finds that no point is left
    assert money.of("expired", period=period) == {}
    assert money.of("breakage", period=period) == {"2205": "4", "6051.03": "-4"}
    assert money.of("expired", view="C", period=period) == {
        "2801": "6",
        "6601.01": "-6",
    }

    money.switch("{switches,remote_breakage}", "true")
    assert money.of("expired", period=period) == {"2205": "4.8", "6051.03": "-4.8"}
    assert money.of("breakage", period=period) == {}
    money.check(period)


def test_j12_and_j13_leaving_and_a_return_mirror_each_other(money):
    member = money.alliance.member(1_000)
    money.alliance.member(9_000)  # the cohort goes on
    void = money.void(member)
    assert money.of("voided") == {}
    assert money.of("voided", view="C") == {"2801": "10", "6601.01": "-10"}

    money.keep()
    back = Transfer(None, None, None, None)
    money.post(member, "reinstatement", back, on=NOVEMBER, reverses=void)
    assert money.of("voided", period=NOVEMBER) == {}
    assert money.of("voided", view="C", period=NOVEMBER) == {
        "2801": "-10",
        "6601.01": "10",
    }


def test_j12_where_the_contract_says_so_voids_go_back_to_who_funded_them(money):
    money.switch("{switches,refund_on_void}", "true")
    member = money.alliance.member()
    bank_points(money, member)
    money.alliance.earn(money.alliance.member(), 1, unit="CUP")
    money.void(member)

    assert money.of("voided") == {"2205.B": "40", "2202": "-40"}
    assert money.of("voided", view="C") == {"2801": "50", "6601.01": "-50"}


@pytest.mark.parametrize("is_kept", [True, False])
def test_j14_what_is_given_back_mirrors_its_original_in_the_month_it_comes(
    money, is_kept
):
    member = money.alliance.member(50_000)
    done = money.redeem(member, 2_500, 20_00)
    if is_kept:
        money.keep()
    # what a point releases has changed since
    money.redeem(member, 45_000, 0, on=NOVEMBER)
    money.give_back(done, 2_500, 20_00)

    assert money.of("returned", period=NOVEMBER) == {
        "2205": "-25",
        "2202": "20",
        "6051.01": "5",
    }
    assert money.of("returned", view="C", period=NOVEMBER) == {
        "2801": "-20",
        "2202": "20",
    }


def test_an_exchange_undone_mirrors_its_original(money):
    member = money.alliance.member(20_000)
    money.alliance.bind(member)
    ref = money.alliance.out(member, 10_000)
    money.alliance.advance(money.carrier, member, ref, at=SENT_AT)
    hand = moving.take(money.session, member, ref, actor="test", at=SENT_AT)
    hand.undo(cause="test")

    assert money.of("exchange_undone") == {
        "2205": "-100",
        "2202": "80",
        "6051.01": "20",
    }
    assert money.of("exchange_undone", view="C") == {"2801": "-80", "2202": "80"}


def test_j16_goodwill_is_a_provision_and_no_contract_liability(money):
    member = money.alliance.member(1_000)
    lot = money.lot(cost_class="goodwill")
    money.post(
        member, "adjustment", Transfer("issued", "available", ("CUP",), 500, lot)
    )

    assert money.of("granted") == {"6601.03": "4", "2801": "-4"}
    assert money.of("granted", view="C") == {"6601.03": "5", "2801": "-5"}


def test_j18_points_at_a_till_are_owed_to_the_merchant(money):
    member = money.alliance.member(5_000)
    money.session.execute(
        text(
            "INSERT INTO partner (partner, kind, name) VALUES ('SHOP', 'merchant', '')"
        )
    )
    wish = till.Wish(
        partner="SHOP",
        partner_ref="t1",
        member_id=member,
        points=1_000,
        amount_fen=None,
        partial_allowed=False,
        actor="test",
        at=NOON,
    )
    till.authorize(money.session, wish)
    assert money.of("redeemed") == {}

    move = till.Move(partner="SHOP", partner_ref="t1", actor="test", at=NOON)
    till.capture_held(money.session, move)
    assert money.of("redeemed") == {"2205": "10", "2202": "-10"}
    assert money.of("redeemed", view="C") == {"2801": "10", "2202": "-10"}


def test_j19_netting_leaves_the_balance_to_the_bank(money):
    netted = NetSettlement(
        partner="MU",
        currency="CNY",
        call_on=NOVEMBER,
        netted_on=OCTOBER,
        receivable_fen=45_00,
        payable_fen=80_00,
        net_fen=-35_00,
        made_by="test",
        made_at=NOON,
    )
    money.session.add(netted)
    money.session.flush()
    money.session.add(
        SettlementPayment(
            settlement_id=netted.settlement_id,
            nth=1,
            kind="paid",
            fen=-35_00,
            paid_on=OCTOBER,
            original_on=OCTOBER,
            bank_ref="B1",
            actor="test",
            at=NOON,
            approval_id=None,
        )
    )
    money.session.flush()

    for view in ("C", "D"):
        assert money.of("netted", view=view) == {"2202": "45", "1122": "-45"}
        assert money.of("paid_out", view=view) == {"2202": "35", "1002": "-35"}


def test_a12_what_partners_buy_is_revenue_and_never_a_cost_of_points(money):
    load_items(money.session, items=starting_terms()["item"])
    card = replace(TO_MILES, valid_from=TOMORROW)
    asked = money.alliance.ask(
        money.alliance.draft("MU", "out", card), at=NOON
    ).approval_id
    for row in (
        PartnerPurchase(
            approval_id=asked,
            partner="MU",
            order_ref="O1",
            item_code="EV50",
            quantity=1_000,
            price_fen=10_00,
            fen=10_000_00,
            ordered_on=OCTOBER,
            original_on=OCTOBER,
            recorded_at=NOON,
        ),
        PartnerFee(
            approval_id=asked,
            partner="MU",
            cause="late",
            about="L1",
            points=None,
            fen=12_00,
            charged_on=OCTOBER,
            original_on=OCTOBER,
            reason="late",
            recorded_at=NOON,
        ),
    ):
        money.session.add(row)
    money.session.flush()

    for view in ("C", "D"):
        assert money.of("partner_purchase", view=view) == {
            "1122": "10000",
            "6001.03": "-10000",
        }
        assert money.of("partner_fee", view=view) == {"1122": "12", "6051.02": "-12"}


def test_j20_who_was_robbed_is_made_whole_at_a_loss(money):
    member = money.alliance.member(1_000)
    lot = money.lot(cost_class="fraud")
    money.post(
        member, "adjustment", Transfer("issued", "available", ("CUP",), 1_000, lot)
    )

    assert money.of("recredited") == {"6711": "10", "2205": "-10"}
    assert money.of("recredited", view="C") == {"6711": "10", "2801": "-10"}


def test_j21_a_new_rate_posts_nothing_for_what_was(money):
    member = money.alliance.member(20_000)
    money.alliance.bind(member)
    ref = money.alliance.out(member, 10_000)
    money.alliance.advance(money.carrier, member, ref, at=SENT_AT)
    before = {view: money.of("exchanged_out", view=view) for view in ("C", "D")}

    dearer = replace(TO_MILES, fen_num=9, valid_from=TOMORROW)
    money.alliance.rate("MU", "out", dearer)

    assert {view: money.of("exchanged_out", view=view) for view in ("C", "D")} == before


def test_points_spent_and_clawed_back_are_owed_and_what_is_earned_next_pays(money):
    lot = money.lot(cost_class="activity", funding="CEB")
    member = money.alliance.member()
    earn = Transfer("issued.partner:CEB", "available", ("UNI",), 1_000, lot)
    money.post(member, "activity_accrual", earn)
    money.redeem(member, 800, 8_00)
    take = Transfer("available", "issued.partner:CEB", ("UNI",), 1_000, lot)
    money.post(member, "activity_refund", take)
    money.check(OCTOBER)

    again = Transfer("issued.partner:CEB", "available", ("UNI",), 500, lot)
    money.post(member, "activity_accrual", again, on=NOVEMBER)
    money.check(NOVEMBER)
