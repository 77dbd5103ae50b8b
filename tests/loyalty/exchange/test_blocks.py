"""Units paid for in advance: oldest first, whole or not at all, never below nothing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from loyalty.exchange import operations
from loyalty.prepaid import blocks, credit, queries
from loyalty.prepaid.blocks import Want
from loyalty.prepaid.errors import BlockEmpty, CreditUsedUp
from partners.ports import Outcome
from tests.loyalty.exchange.alliance import (
    A_DAY,
    FROM_BANK,
    NOON,
    SENT_AT,
    TO_MILES,
    TODAY,
    TOMORROW,
)


def buy(alliance, units, *, starts_on=TODAY, direction="out", partner="MU", **more):
    block = blocks.buy(
        alliance.session,
        partner=partner,
        direction=direction,
        units=units,
        price_fen=units * 8,
        starts_on=starts_on,
        ends_on=more.get("ends_on"),
        reorder_units=more.get("reorder_units", 0),
        at=NOON,
    )
    return block.block_id


def take(alliance, *wants, on=TODAY, what=blocks.reserve):
    return what(
        alliance.session,
        [Want(reference, units, on) for reference, units in wants],
        partner="MU",
        direction="out",
        at=NOON,
    )


def left(alliance):
    return alliance.rows(
        "SELECT units_left, units_reserved FROM point_block"
        " ORDER BY starts_on, block_id"
    )


def test_the_oldest_start_is_drawn_first_over_several_blocks(alliance):
    buy(alliance, 100, starts_on=TODAY)
    buy(alliance, 50, starts_on=date(2007, 1, 1))

    assert take(alliance, ("a", 70), what=blocks.draw) == [True]

    assert left(alliance) == [(0, 0), (80, 0)]


def test_who_does_not_fit_takes_nothing_and_the_next_may_fit(alliance):
    buy(alliance, 60)
    buy(alliance, 40)

    assert take(alliance, ("a", 70), ("b", 31), ("c", 30)) == [True, False, True]

    assert left(alliance) == [(60, 60), (40, 40)]
    assert take(alliance, ("d", 1)) == [False]


def test_a_reference_is_met_once(alliance):
    buy(alliance, 100)
    take(alliance, ("a", 40))

    assert take(alliance, ("a", 40), ("b", 60)) == [True, True]

    assert left(alliance) == [(100, 100)]


def test_blocks_that_have_not_begun_or_are_over_give_nothing(alliance):
    buy(alliance, 100, starts_on=TOMORROW)
    buy(alliance, 100, starts_on=date(2007, 1, 1), ends_on=date(2007, 10, 14))
    assert take(alliance, ("a", 1)) == [False]
    assert take(alliance, ("a", 1), on=TOMORROW) == [True]


def test_what_was_reserved_is_drawn_or_let_go_once(alliance):
    buy(alliance, 100)
    take(alliance, ("a", 30), ("b", 20))
    for _ in range(2):
        blocks.draw_reserved(alliance.session, ["a"], at=NOON)
        blocks.release(alliance.session, ["a", "b"], at=NOON)
    assert left(alliance) == [(70, 0)]
    for _ in range(2):
        blocks.put_back(alliance.session, ["a", "b"], at=NOON)
    assert left(alliance) == [(100, 0)]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    wants=st.lists(st.integers(1, 30), min_size=1, max_size=12),
)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_a_set_is_met_as_one_after_the_other_would_be(alliance, sizes, wants):
    savepoint = alliance.session.begin_nested()
    for nth, size in enumerate(sizes):
        buy(alliance, size, starts_on=TODAY - timedelta(days=nth))
    free, expected = sum(sizes), []
    for want in wants:
        expected.append(want <= free)
        free -= want if want <= free else 0

    met = take(alliance, *((f"r{n}", want) for n, want in enumerate(wants)))

    assert met == expected
    assert sum(units - kept for units, kept in left(alliance)) == free
    # Only one block is begun and not used up.
    assert sum(0 < kept < units for units, kept in left(alliance)) <= 1
    savepoint.rollback()


def test_prepaid_miles_are_reserved_drawn_and_owed_no_more(alliance, carrier):
    alliance.rate(
        "MU", "out", replace(TO_MILES, billing="prepaid", valid_from=TOMORROW)
    )
    buy(alliance, 1_500)
    member = alliance.member(30_000)
    alliance.bind(member)

    ref = alliance.out(member, 10_000, at=SENT_AT)
    assert left(alliance) == [(1_500, 1_000)]
    alliance.advance(carrier, member, ref, at=SENT_AT + A_DAY)

    assert left(alliance) == [(500, 0)]
    assert alliance.report()["payable"] == {}
    with pytest.raises(BlockEmpty):
        alliance.out(member, 10_000, at=SENT_AT + A_DAY)
    assert alliance.held(member) == 0


@pytest.mark.parametrize("when", ["at once", "later"])
def test_what_the_airline_refuses_goes_back_to_its_block(alliance, carrier, when):
    alliance.rate(
        "MU", "out", replace(TO_MILES, billing="prepaid", valid_from=TOMORROW)
    )
    buy(alliance, 1_500)
    member = alliance.member(30_000)
    alliance.bind(member)
    ref = alliance.out(member, 10_000, at=SENT_AT)
    if when == "at once":
        carrier.tell(Outcome.DECLINED, done=False)
    alliance.advance(carrier, member, ref, at=SENT_AT + A_DAY)
    if when == "later":
        carrier.tell(Outcome.DECLINED, done=False)
        alliance.advance(carrier, member, ref, at=SENT_AT + 2 * A_DAY)

    assert alliance.state(member, ref) == "declined"
    assert left(alliance) == [(1_500, 0)]
    alliance.report()


def test_a_block_that_runs_low_is_told(alliance):
    buy(alliance, 1_000, reorder_units=400)
    assert queries.to_reorder(alliance.session, on=TODAY) == []
    take(alliance, ("a", 601))
    assert queries.to_reorder(alliance.session, on=TODAY) == [("MU", "out", 399)]


def test_a_partner_owes_up_to_its_limit_and_not_more(alliance):
    credit.limit_credit(
        alliance.session, partner="CEB", limit_fen=60_00, alert_fen=40_00, at=NOON
    )
    member = alliance.member()
    token = alliance.link(member, "card-token")

    def bring(units, reference):
        quote = alliance.quote(
            units, account=token, partner="CEB", units_of="CEB_POINT", into="CUP"
        )
        operations.request(
            alliance.session,
            member_id=member,
            quote=quote,
            at=NOON,
            partner_ref=reference,
        )

    bring(50_000, "ceb-1")
    (owing,) = queries.credits_of_partners(alliance.session)
    assert (owing.outstanding_fen, owing.is_alarming) == (45_00, True)
    with pytest.raises(CreditUsedUp):
        bring(20_000, "ceb-2")

    alliance.session.execute(
        text("UPDATE partner_credit SET settled_through = :on"), {"on": TODAY}
    )
    bring(20_000, "ceb-2")
    assert alliance.available(member) == 7_000
    alliance.report()


def test_a_bank_that_paid_in_advance_draws_its_block(alliance):
    alliance.rate(
        "CEB", "in", replace(FROM_BANK, billing="prepaid", valid_from=TOMORROW)
    )
    buy(alliance, 6_000, direction="in", partner="CEB")
    member = alliance.member()
    token = alliance.link(member, "card-token")
    for reference, state in (("ceb-1", None), ("ceb-2", BlockEmpty)):
        quote = alliance.quote(
            50_000,
            account=token,
            partner="CEB",
            units_of="CEB_POINT",
            into="CUP",
            at=SENT_AT,
        )
        wanted = {"member_id": member, "quote": quote, "partner_ref": reference}
        if state is None:
            operations.request(alliance.session, at=SENT_AT, **wanted)
        else:
            with pytest.raises(state):
                operations.request(alliance.session, at=SENT_AT, **wanted)
    assert left(alliance) == [(1_000, 0)]
    assert alliance.available(member) == 5_000
    alliance.report()


def test_what_a_partner_owes_for_accruals_counts_towards_the_same_limit(alliance):
    credit.limit_credit(
        alliance.session, partner="CEB", limit_fen=50_00, alert_fen=None, at=NOON
    )
    alliance.session.execute(
        text(
            """
            INSERT INTO accrual_billing
            VALUES ('CEB', '2007-10-01', 'postpaid', 1000, 100, now());
            INSERT INTO accrual_owed VALUES ('CEB', '2007-10-01', '2007-10-10', 501);
            INSERT INTO webhook_endpoint (endpoint_id, partner, url, types, secret,
                                          created_at)
            VALUES ('whk_1', 'CEB', 'https://ceb.example/', '{credit.alert}', 'x',
                    now())
            """
        )
    )
    member = alliance.member()
    token = alliance.link(member, "card-token")

    def bring(units, reference):
        quote = alliance.quote(
            units, account=token, partner="CEB", units_of="CEB_POINT", into="CUP"
        )
        operations.request(
            alliance.session,
            member_id=member,
            quote=quote,
            at=NOON,
            partner_ref=reference,
        )

    with pytest.raises(CreditUsedUp):
        bring(50_000, "ceb-1")
    bring(40_000, "ceb-2")

    (owing,) = queries.credits_of_partners(alliance.session)
    assert (owing.outstanding_fen, owing.is_alarming) == (41_01, True)
    ((told,),) = alliance.rows("SELECT data FROM event WHERE type = 'credit.alert'")
    assert told["outstanding"] == {"amount": "41.01", "currency": "CNY"}
    alliance.report()
