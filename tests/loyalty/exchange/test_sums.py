"""T7 and T8 of domain.md 2.2, to the cent, and in the month's report."""

from datetime import date

import pytest

from loyalty.exchange import operations
from tests.loyalty.exchange.alliance import NOON, SENT_AT


def test_ten_thousand_points_become_a_thousand_miles_for_80_yuan(alliance, carrier):
    member = alliance.member(12_000)
    alliance.bind(member)

    ref = alliance.out(member, 10_000)
    assert alliance.held(member) == 10_000
    state = alliance.advance(carrier, member, ref, at=SENT_AT)

    assert state == "confirmed"
    assert (alliance.available(member), alliance.held(member)) == (2_000, 0)
    assert carrier.miles == {ref: 1_000}
    report = alliance.report()
    assert report["payable"] == {"MU": 80_00}
    assert report["units"]["CUP"]["exchanged_out"] == 10_000
    assert report["units"]["CUP"]["closing"] == 2_000
    assert report["proved"] is True


def test_fifty_thousand_bank_points_become_five_thousand_for_45_yuan(alliance):
    member = alliance.member()
    token = alliance.link(member, "card-token")
    quote = alliance.quote(
        50_000, account=token, partner="CEB", units_of="CEB_POINT", into="CUP"
    )

    exchange = operations.request(
        alliance.session, member_id=member, quote=quote, at=NOON, partner_ref="ceb-1"
    ).exchange

    assert exchange.state == "confirmed"
    assert exchange.money_fen == 45_00
    assert exchange.service_fen == 5_00
    assert exchange.money_fen - exchange.service_fen == 40_00  # the liability
    assert alliance.lots(member) == [
        ("CUP", "CEB", "exchange", date(2010, 10, 31), 5_000)
    ]
    report = alliance.report()
    assert report["units"]["CUP"]["exchanged_in"] == 5_000
    assert report["payable"] == {}


def test_points_of_several_issuers_go_soonest_expiring_first(alliance, carrier):
    member = alliance.member(3_000)
    alliance.earn(member, 2_000, unit="UNI", issuer="CEB", until=date(2008, 1, 31))
    alliance.bind(member)

    ref = alliance.out(member, 4_000)
    alliance.advance(carrier, member, ref, at=SENT_AT)

    assert alliance.lots(member) == [
        ("CUP", "operator", "opening", date(2010, 10, 31), 1_000)
    ]
    units = alliance.report()["units"]
    assert units["UNI"]["exchanged_out"] == 2_000
    assert units["CUP"]["exchanged_out"] == 2_000


@pytest.mark.parametrize("asked", [10_000, 10_001, 10_999])
def test_what_makes_no_whole_step_stays_with_the_member(alliance, carrier, asked):
    member = alliance.member(asked)
    alliance.bind(member)

    ref = alliance.out(member, asked)
    alliance.advance(carrier, member, ref, at=SENT_AT)

    assert alliance.available(member) == asked - 10_000
    assert carrier.balance == 1_000
    assert alliance.report()["payable"] == {"MU": 80_00}


def test_what_came_in_pays_what_was_owed_first(alliance):
    member = alliance.member(100)
    token = alliance.link(member, "card-token")
    alliance.owe(member, 150)
    quote = alliance.quote(
        50_000, account=token, partner="CEB", units_of="CEB_POINT", into="CUP"
    )

    operations.request(
        alliance.session, member_id=member, quote=quote, at=NOON, partner_ref="ceb-1"
    )

    assert alliance.balance(member, "CUP").owed == 0
    assert alliance.available(member) == 4_950
    alliance.report()
