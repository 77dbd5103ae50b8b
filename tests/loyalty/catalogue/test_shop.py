import threading
from datetime import date

import pytest

from loyalty.catalogue.errors import SoldOut, StockMissing, UnknownItem
from loyalty.catalogue.operations import (
    add_stock,
    draft_item,
    load_items,
    put_back_stock,
    set_stock,
    take_stock,
)
from loyalty.catalogue.queries import all_items, item, on_sale
from loyalty.rules.operations import starting_terms
from tests.loyalty.catalogue.makers import INSURANCE, but

ON = date(2007, 12, 10)


def bare(code, **told):
    """An item with what the catalogue must have, and no more."""
    return {
        "item_code": code,
        "title_zh": f"礼品{code}",
        "title_en": f"Gift {code}",
        "family": "NON_TELECOM",
        "kind": "PRODUCT",
        "points": 100,
        "market_fen": 100,
        "settlement_fen": 0,
        "cost_treatment": "POINTS_ACCRUAL",
        "account": "redeemed.product",
    } | told


def codes(found):
    return [one.item_code for one in found]


def test_items_are_loaded_once(session):
    items = starting_terms()["item"]
    load_items(session, items=items)
    load_items(session, items=[told | {"points": 9_000} for told in items])

    assert item(session, "INS-A").points == 2500
    assert item(session, "TT1").tier_prices == {
        "DIAMOND": 0,
        "GOLD": 300,
        "SILVER": 480,
    }


def test_own_products_come_first_then_priority_then_price(session):
    load_items(
        session,
        items=[
            bare("DEAR", points=900),
            bare("CHEAP"),
            bare("FIRST", points=500, priority=1),
            bare("THEIRS", points=1, priority=9, partner="PINGAN"),
        ],
    )

    assert codes(on_sale(session, on=ON)) == ["FIRST", "CHEAP", "DEAR", "THEIRS"]


def test_the_shop_shows_what_is_valid_that_day_in_the_family_and_words_asked(session):
    load_items(
        session,
        items=[
            bare("A", valid_until=ON),
            bare("B", valid_from=date(2007, 12, 11)),
            bare("C", state="withdrawn"),
            bare("D_1", title_zh="茶杯"),
            bare("DX1", title_en="Tea 100%"),
        ],
    )

    assert codes(on_sale(session, on=ON)) == ["A", "DX1", "D_1"]
    assert codes(on_sale(session, on=ON, family="TELECOM")) == []
    assert codes(on_sale(session, on=ON, search="杯")) == ["D_1"]
    assert codes(on_sale(session, on=ON, search=" tea ")) == ["DX1"]
    assert codes(on_sale(session, on=ON, search="0%")) == ["DX1"]
    assert codes(on_sale(session, on=ON, search="d_1")) == ["D_1"]
    assert codes(all_items(session, state="withdrawn")) == ["C"]


def test_stock_is_taken_and_put_back(session):
    load_items(session, items=[bare("CUP", stock=3), bare("CODE")])

    take_stock(session, item_code="CUP", quantity=2)
    with pytest.raises(SoldOut):
        take_stock(session, item_code="CUP", quantity=2)
    put_back_stock(session, item_code="CUP", quantity=1)

    assert item(session, "CUP").stock_left == 2


def test_what_never_runs_out_is_never_sold_out(session):
    load_items(session, items=[bare("CODE")])

    take_stock(session, item_code="CODE", quantity=1_000_000)
    put_back_stock(session, item_code="CODE", quantity=1)

    assert item(session, "CODE").stock_left is None
    with pytest.raises(UnknownItem):
        take_stock(session, item_code="NOTHING", quantity=1)


def test_stock_can_be_limited_added_to_and_set_free_again(session, at):
    draft_item(session, item_code="X", facts=but(INSURANCE, family=""), at=at)
    with pytest.raises(StockMissing):
        add_stock(session, item_code="X", units=1)

    set_stock(session, item_code="X", units_left=0)
    with pytest.raises(SoldOut):
        take_stock(session, item_code="X", quantity=1)
    add_stock(session, item_code="X", units=5)
    add_stock(session, item_code="X", units=-2)
    with pytest.raises(StockMissing):
        add_stock(session, item_code="X", units=-4)
    assert item(session, "X").stock_left == 3

    set_stock(session, item_code="X", units_left=None)
    assert item(session, "X").stock_left is None


def test_two_hundred_at_once_take_fifty_exactly(fresh_database):
    with fresh_database.unit_of_work() as session:
        load_items(session, items=[bare("CUP", stock=50)])
    taken, refused = [], []
    begin = threading.Barrier(20)

    def shop() -> None:
        begin.wait()
        for _ in range(10):
            try:
                with fresh_database.unit_of_work() as session:
                    take_stock(session, item_code="CUP", quantity=1)
            except SoldOut:
                refused.append(1)
            else:
                taken.append(1)

    threads = [threading.Thread(target=shop) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert (len(taken), len(refused)) == (50, 150)
    with fresh_database.unit_of_work() as session:
        assert item(session, "CUP").stock_left == 0
