"""Many at once: stock, pools and one order sent twice."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from ledger.book import Book
from loyalty.catalogue.errors import SoldOut
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.orders.errors import OrderRefReused, PointsMissing
from loyalty.orders.operations import place
from loyalty.vouchers.operations import import_pool
from loyalty.vouchers.rules import new_code
from tests.loyalty.orders.shop import KEYRING, NOON, TICKET, Shop, ref

BUYERS, STOCK, THREADS = 500, 50, 16


def order(database, member_id, item_code, order_ref, **other):
    """Order as the checkout does; return the answer, or why not."""
    wish = {"quantity": 1, "expected_points": 100} | other
    try:
        return retrying(
            database,
            partial(
                place,
                member_id=member_id,
                order_ref=order_ref,
                item_code=item_code,
                way="points",
                channel="web",
                recipient=None,
                staff_id=None,
                fresh_at=NOON,
                expected_cash_fen=0,
                keyring=KEYRING,
                at=NOON,
                **wish,
            ),
        )
    except LoyaltyError as error:
        return error


@pytest.fixture
def crowd(fresh_database):
    """Let so many come who can buy one thing each; gives their ids."""

    def come(count, **other):
        with fresh_database.unit_of_work() as session:
            shop = Shop(session)
            shop.open()
            shop.sell(TICKET, **other)
            return [shop.member(100) for _ in range(count)]

    return come


def together(calls):
    with ThreadPoolExecutor(THREADS) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


def assert_sound(database, members, *, bought):
    """Exactly so many have spent their points, and all others have them still."""
    with database.unit_of_work() as session:
        shop = Shop(session)
        left = [(shop.available(member), shop.held(member)) for member in members]
        assert Book(session).prove() == []
        orders = shop.rows("SELECT count(*) FROM member_order")
    assert left.count((0, 0)) == bought
    assert left.count((100, 0)) == len(members) - bought
    assert orders == [(bought,)]


def test_five_hundred_at_the_checkout_get_the_fifty_there_are(fresh_database, crowd):
    members = crowd(BUYERS, stock=STOCK)

    answers = together(
        partial(order, fresh_database, member, "TICKET", ref()) for member in members
    )

    refused = [answer for answer in answers if isinstance(answer, LoyaltyError)]
    assert {type(answer) for answer in refused} == {SoldOut}
    assert len(refused) == BUYERS - STOCK
    assert_sound(fresh_database, members, bought=STOCK)
    with fresh_database.unit_of_work() as session:
        assert Shop(session).rows("SELECT units_left FROM item_stock") == [(0,)]


def test_a_pool_gives_each_code_once(fresh_database, crowd):
    members = crowd(60, code_source="POOL")
    with fresh_database.unit_of_work() as session:
        import_pool(
            session,
            item_code="TICKET",
            codes=[new_code() for _ in range(20)],
            batch="test",
            keyring=KEYRING,
            at=NOON,
        )

    together(
        partial(order, fresh_database, member, "TICKET", ref()) for member in members
    )

    assert_sound(fresh_database, members, bought=20)
    with fresh_database.unit_of_work() as session:
        owners = Shop(session).rows("SELECT DISTINCT member_id FROM voucher")
    assert len(owners) == 20


def test_one_order_sent_by_many_is_one(fresh_database, crowd):
    (wang,), order_ref = crowd(1), ref()

    answers = together(
        [partial(order, fresh_database, wang, "TICKET", order_ref)] * THREADS
    )

    assert sum(not answer.replayed for answer in answers) == 1
    assert {answer.order.order_ref for answer in answers} == {order_ref}
    assert_sound(fresh_database, [wang], bought=1)


def test_of_two_orders_under_one_name_the_first_is_the_one(fresh_database, crowd):
    (wang,), order_ref = crowd(1), ref()
    more = partial(
        order,
        fresh_database,
        wang,
        "TICKET",
        order_ref,
        quantity=2,
        expected_points=200,
    )
    one = partial(order, fresh_database, wang, "TICKET", order_ref)

    answers = together([one, more] * 4)

    # Two of it are too dear; whoever comes after the first is told that it differs.
    refused = {type(a) for a in answers if isinstance(a, LoyaltyError)}
    assert refused <= {OrderRefReused, PointsMissing}
    assert len([a for a in answers if not isinstance(a, LoyaltyError)]) == 4
    assert_sound(fresh_database, [wang], bought=1)


def test_one_purse_in_two_tabs_is_not_spent_twice(fresh_database, crowd):
    (wang,) = crowd(1)

    answers = together(
        [partial(order, fresh_database, wang, "TICKET", ref()) for _ in range(8)]
    )

    assert sum(isinstance(answer, PointsMissing) for answer in answers) == 7
    assert_sound(fresh_database, [wang], bought=1)
