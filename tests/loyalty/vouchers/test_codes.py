"""A voucher code is long, sealed at rest, found by its hash, and used once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from loyalty.errors import LoyaltyError
from loyalty.keyring import Keyring, SealBroken
from loyalty.vouchers.errors import (
    CodeTooWeak,
    UnknownVoucher,
    VoucherExpired,
    VoucherNotIssued,
)
from loyalty.vouchers.models import Voucher
from loyalty.vouchers.operations import find, import_pool, reveal, use
from loyalty.vouchers.rules import ALPHABET, LENGTH, new_code, plain
from tests.loyalty.orders.shop import KEYRING, NOON, TICKET, TODAY, Shop


@pytest.fixture
def shop(session):
    shop = Shop(session)
    shop.open()
    shop.sell(TICKET)
    return shop


@pytest.fixture
def code(shop):
    """The code of a voucher that a member has."""
    order = shop.place(shop.member(100), "TICKET").order
    return reveal(KEYRING, order.vouchers[0])


def test_a_code_has_eighty_bits_of_chance():
    assert len(ALPHABET) ** LENGTH == 2**80
    assert len({new_code() for _ in range(1_000)}) == 1_000


def test_a_code_is_shown_in_groups_of_four(code):
    groups = code.split(" ")

    assert [len(group) for group in groups] == [4, 4, 4, 4]


def test_a_code_is_in_no_table(shop, code):
    (row,) = shop.rows("SELECT CAST(v AS text) FROM voucher v")

    assert plain(code) not in row[0]
    assert plain(code).encode().hex() not in row[0]


def test_another_key_opens_nothing(shop, code):
    del code
    voucher = shop.session.scalars(select(Voucher)).one()

    with pytest.raises(SealBroken):
        reveal(Keyring(b"the key of somebody else entirely"), voucher)


@pytest.mark.parametrize(
    "typed", [str.lower, lambda code: code.replace(" ", "-"), lambda c: f" {c} "]
)
def test_a_code_is_found_however_it_is_typed(shop, code, typed):
    assert find(shop.session, code=typed(code), keyring=KEYRING).state == "issued"


def test_a_code_that_is_none_is_unknown(shop):
    with pytest.raises(UnknownVoucher):
        find(shop.session, code=new_code(), keyring=KEYRING)


def test_a_code_is_used_once(shop, code):
    voucher = find(shop.session, code=code, keyring=KEYRING)
    wish: dict[str, Any] = {"voucher_id": voucher.voucher_id, "on": TODAY, "at": NOON}

    assert use(shop.session, **wish).state == "used"
    with pytest.raises(VoucherNotIssued):
        use(shop.session, **wish)


def test_a_code_is_good_to_its_last_day(shop, code):
    voucher = find(shop.session, code=code, keyring=KEYRING)
    last = TODAY + timedelta(days=365)
    wish: dict[str, Any] = {"voucher_id": voucher.voucher_id, "at": NOON}

    with pytest.raises(VoucherExpired):
        use(shop.session, on=last + timedelta(days=1), **wish)
    assert use(shop.session, on=last, **wish).state == "used"


def test_a_batch_that_could_be_guessed_is_refused_whole(shop):
    with pytest.raises(CodeTooWeak) as refused:
        import_pool(
            shop.session,
            item_code="TICKET",
            codes=[new_code(), "1234567890"],
            batch="b1",
            keyring=KEYRING,
            at=NOON,
        )

    assert refused.value.facts["line"] == 2
    assert shop.rows("SELECT count(*) FROM voucher") == [(0,)]


def test_a_batch_that_comes_again_adds_nothing(shop):
    codes = [new_code() for _ in range(3)]
    wish: dict[str, Any] = {
        "item_code": "TICKET",
        "batch": "b1",
        "keyring": KEYRING,
        "at": NOON,
    }

    first = import_pool(shop.session, codes=codes, **wish)
    again = import_pool(shop.session, codes=[*codes, new_code()], **wish)

    assert (first.added, first.known) == (3, 0)
    assert (again.added, again.known) == (1, 3)


def test_of_two_who_use_one_code_one_may(fresh_database):
    with fresh_database.unit_of_work() as session:
        shop = Shop(session)
        shop.open()
        shop.sell(TICKET)
        order = shop.place(shop.member(100), "TICKET").order
        code = reveal(KEYRING, order.vouchers[0])

    def try_it(_):
        try:
            with fresh_database.unit_of_work() as session:
                voucher = find(session, code=code, keyring=KEYRING)
                use(session, voucher_id=voucher.voucher_id, on=TODAY, at=NOON)
        except LoyaltyError as error:
            return error
        return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(try_it, range(8)))

    assert answers.count(None) == 1
    assert {type(answer) for answer in answers if answer} == {VoucherNotIssued}
