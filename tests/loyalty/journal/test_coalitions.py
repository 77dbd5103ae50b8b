"""What a coalition pays for its points that are spent with us (J2 to J18).

What bills give is told by files in `journeys/test_coalitions.py`.
"""

from datetime import date

import pytest
from sqlalchemy import text

from ledger.values import Transfer
from loyalty.exchange import moving
from loyalty.journal.errors import NoRuleFor
from loyalty.redemption import till
from tests.loyalty.exchange.alliance import NOON, SENT_AT
from tests.loyalty.journal.conftest import NOVEMBER

ALLY = "ALLY"


@pytest.fixture
def member(money):
    """Somebody with 20,000 points of a coalition that pays 0.9 fen for each."""
    money.session.execute(
        text(
            "INSERT INTO partner (partner, kind, name) VALUES ('ALLY', 'coalition', '')"
        )
    )
    terms(money, date(2007, 9, 1), honors=900)
    member = money.alliance.member(0)
    money.post(
        member,
        "opening",
        Transfer(
            f"issued.partner:{ALLY}",
            "available",
            ("UNI",),
            20_000,
            money.lot(cost_class="coalition", funding=ALLY),
        ),
    )
    return member


def terms(money, since, *, honors):
    money.session.execute(
        text(
            "INSERT INTO coalition_terms VALUES ('ALLY', :since, '{}', 1, 1, 1000,"
            " 1200, :honors, 'postpaid', now())"
        ),
        {"since": since, "honors": honors},
    )


@pytest.mark.parametrize(
    ("facts", "deferral", "accrual"),
    [
        (
            {},
            {"1122": "22.5", "2202": "-20", "6051.01": "-2.5"},
            {"1122": "22.5", "2202": "-20", "6051.01": "-2.5"},
        ),
        (
            {"account": "redeemed.telecom", "treatment": "NO_REVENUE_EFFECT"},
            {"1122": "22.5", "2205.P": "-22.5"},
            {"1122": "22.5", "6001.01": "-22.5"},
        ),
        (
            {"account": "redeemed.service", "treatment": "CLUB_COST"},
            {"1122": "22.5", "6051.01": "-22.5"},
            {"1122": "22.5", "6051.01": "-22.5"},
        ),
    ],
)
def test_it_pays_for_what_is_spent_and_is_paid_back_at_that_rate(
    money, member, facts, deferral, accrual
):
    fen = 20_00 if not facts else 0
    done = money.redeem(member, 2_500, fen, **facts)
    terms(money, NOVEMBER, honors=500)

    for view, expected in (("D", deferral), ("C", accrual)):
        assert money.of("redeemed", view=view) == expected
    money.keep()
    money.give_back(done, 2_500, fen)
    for view, expected in (("D", deferral), ("C", accrual)):
        mirror = {
            account: yuan.removeprefix("-") if yuan < "0" else f"-{yuan}"
            for account, yuan in expected.items()
        }
        assert money.of("returned", view=view, period=NOVEMBER) == mirror


def test_as_principal_revenue_is_what_it_pays(money, member):
    money.switch("{principals}", '["item:INS-A"]')
    money.redeem(member, 2_500, 20_00)

    assert money.of("redeemed") == {
        "1122": "22.5",
        "6001.02": "-22.5",
        "6401": "20",
        "2202": "-20",
    }


def test_points_that_become_miles_cost_us_the_rest(money, member):
    money.alliance.bind(member)
    ref = money.alliance.out(member, 10_000)
    money.alliance.advance(money.carrier, member, ref, at=SENT_AT)

    for view in ("C", "D"):
        assert money.of("exchanged_out", view=view) == {
            "1122": "90",
            "2202": "-80",
            "6051.01": "-10",
        }
    hand = moving.take(money.session, member, ref, actor="test", at=SENT_AT)
    hand.undo(cause="test")
    for view in ("C", "D"):
        assert money.of("exchange_undone", view=view) == {
            "1122": "-90",
            "2202": "80",
            "6051.01": "10",
        }


def test_at_a_till_the_merchant_has_what_it_pays_and_more(money, member):
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
    move = till.Move(partner="SHOP", partner_ref="t1", actor="test", at=NOON)
    till.capture_held(money.session, move)

    for view in ("C", "D"):
        assert money.of("redeemed", view=view) == {
            "1122": "9",
            "2202": "-10",
            "6601.01": "1",
        }


def test_rules_that_leave_it_out_are_refused_once_there_is_something_to_post(
    money, member
):
    with money.session.begin_nested() as for_now:
        money.session.execute(
            text(
                "INSERT INTO posting_rules SELECT version + 1, valid_from, statutory,"
                " jsonb_set(document, '{rule}', (SELECT jsonb_agg(r) FROM"
                " jsonb_array_elements(document -> 'rule') r"
                " WHERE r ->> 'funding' IS DISTINCT FROM 'coalition')), NULL, loaded_at"
                " FROM posting_rules"
            )
        )
        assert money.of("opening") == {}
        money.redeem(member, 2_500, 20_00)
        with pytest.raises(NoRuleFor):
            money.of("redeemed")
        for_now.rollback()


def test_what_is_voided_of_them_is_nobodys_money(money, member):
    money.void(member)

    for view in ("C", "D"):
        assert money.of("voided", view=view) == {}
    (run,) = money.session.execute(
        text("SELECT count(*) FROM ledger.transfer WHERE credit = 'voided.churn'")
    ).one()
    assert run == 1
