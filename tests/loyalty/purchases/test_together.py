"""Whoever presses everywhere at once pays for no more than one may."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from ledger.book import Book
from loyalty.database import retrying
from loyalty.purchases import operations
from loyalty.purchases.errors import TooMuchAtOnce
from tests.loyalty.orders.shop import NOON, Shop

RIVALS = 5


def test_rivals_do_not_pass_the_limit_of_a_day(fresh_database):
    with fresh_database.unit_of_work() as session:
        shop = Shop(session)
        shop.open()
        one, other = shop.member(), shop.member()
        session.connection().exec_driver_sql("UPDATE person SET id_hash = 'same'")
    gate = Barrier(RIVALS)

    def want(number):
        gate.wait()
        try:
            retrying(
                fresh_database,
                lambda session: operations.place(
                    session,
                    member_id=other if number % 2 else one,
                    purchase_ref=f"r{number}",
                    points=30_000,
                    expected_fen=36_000,
                    at=NOON,
                ),
            )
        except TooMuchAtOnce:
            return "refused"
        return "placed"

    with ThreadPoolExecutor(RIVALS) as pool:
        answers = sorted(pool.map(want, range(RIVALS)))

    assert answers == ["placed"] * 2 + ["refused"] * 3
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []
