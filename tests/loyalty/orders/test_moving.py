"""Which order may do what in which state, and that what was taken comes back."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.orders import operations
from loyalty.orders.errors import (
    NoteMissing,
    NotReturnable,
    OrderMovedOn,
    OwnOrder,
    ReturnTooLarge,
    ReviewTooEarly,
    UnknownOrder,
)
from loyalty.orders.rules import share
from loyalty.vouchers.operations import find, import_pool, reveal, use
from loyalty.vouchers.rules import new_code
from tests.loyalty.orders.shop import (
    AT_HOME,
    KEYRING,
    MUG,
    NOON,
    TICKET,
    TO_PLAY,
    TODAY,
)

DAY_AFTER = NOON + timedelta(days=1)
BIG_MUG = MUG | {"item_code": "BIG", "points": 50_001, "mix_points": 50_000}

CANCEL = partial(operations.cancel, reason=None)
SHIP = partial(operations.ship, carrier="顺丰", tracking_no="SF1")
RETURN = partial(operations.return_part, quantity=1, reason=None)
RELEASE = partial(operations.release_review, note="called back")
DECLINE = partial(operations.decline_review, note="did not know of it")
MOVES: dict[str, Callable[..., Any]] = {
    "cancel": CANCEL,
    "return": RETURN,
    "ship": SHIP,
    "deliver": operations.deliver,
    "lose": operations.lose,
    "send_back": operations.send_back,
    "attend": operations.attend,
    "miss": operations.miss,
    "release": RELEASE,
    "decline": DECLINE,
}
# How to bring an order to a state, what may follow there, and to where it leads.
PATHS = {
    ("BIG", ()): {"cancel": "canceled", "release": "accepted", "decline": "canceled"},
    ("MUG", ()): {"cancel": "canceled", "ship": "in_progress"},
    ("MUG", ("ship",)): {
        "deliver": "fulfilled",
        "lose": "failed",
        "send_back": "returned",
    },
    ("MUG", ("ship", "deliver")): {"return": "returned"},
    ("MUG", ("ship", "lose")): {},
    ("MUG", ("ship", "send_back")): {},
    ("MUG", ("cancel",)): {"cancel": "canceled"},  # said again, it stays so
    ("TT1", ()): {"cancel": "canceled", "attend": "fulfilled", "miss": "fulfilled"},
    ("TT1", ("attend",)): {},
    ("TICKET", ()): {"cancel": "canceled", "return": "returned"},
    ("TICKET", ("return",)): {},
}


@pytest.fixture
def bring(shop):
    """Place an order and take it along a path; gives how to move it on."""
    shop.sell(MUG)
    shop.sell(BIG_MUG)
    shop.sell(TICKET)
    staff_id = shop.staff()
    recipients = {"MUG": AT_HOME, "BIG": AT_HOME, "TT1": TO_PLAY, "TICKET": None}

    def along(item_code, path):
        member = shop.member(60_000)
        order_ref = shop.place(
            member, item_code, recipient=recipients[item_code]
        ).order.order_ref

        def move(name):
            reviews = name in ("release", "decline")
            who = {"staff_id": staff_id} if reviews else {"actor": f"staff:{staff_id}"}
            at = DAY_AFTER if reviews else NOON
            return MOVES[name](
                shop.session, member_id=member, order_ref=order_ref, at=at, **who
            )

        for step in path:
            move(step)
        return member, move

    return along


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize(("item_code", "path"), PATHS)
def test_every_move_in_every_state(shop, bring, item_code, path, name):
    member, move = bring(item_code, path)
    before = shop.available(member), shop.held(member)

    if name in PATHS[item_code, path]:
        order = move(name)
        assert order.state == PATHS[item_code, path][name]
        if order.state in ("canceled", "failed", "returned"):
            assert (shop.available(member), shop.held(member)) == (60_000, 0)
            assert shop.payable() == {}
    else:
        with pytest.raises((OrderMovedOn, NotReturnable)):
            move(name)
        assert (shop.available(member), shop.held(member)) == before


def test_a_strangers_order_is_unknown(shop):
    shop.sell(TICKET)
    order_ref = shop.place(shop.member(100), "TICKET").order.order_ref

    with pytest.raises(UnknownOrder):
        shop.cancel(shop.member(100), order_ref)


def test_every_change_of_state_is_a_row(bring):
    _, move = bring("MUG", ("ship",))

    order = move("deliver")

    assert [event.state for event in order.events] == [
        "accepted",
        "in_progress",
        "fulfilled",
    ]


class TestGivingBack:
    def test_the_same_lots_come_back_with_their_days(self, shop):
        shop.sell(MUG)
        wang = shop.member()
        soon, late = TODAY + timedelta(days=10), TODAY + timedelta(days=400)
        shop.earn(wang, 400, until=late)
        shop.earn(wang, 300, unit="UNI", issuer="CEB", until=soon)
        shop.earn(wang, 500, until=None)
        before = shop.lots(wang)

        order = shop.place(wang, "MUG", recipient=AT_HOME).order
        assert shop.lots(wang) != before
        shop.cancel(wang, order.order_ref)

        assert shop.lots(wang) == before

    def test_a_lot_whose_day_has_passed_comes_back_with_thirty_days(self, shop):
        shop.sell(TICKET)
        wang = shop.member()
        shop.earn(wang, 100, until=TODAY)
        order = shop.place(wang, "TICKET").order

        later = NOON + timedelta(days=5)
        shop.cancel(wang, order.order_ref, at=later)

        grace = later.date() + timedelta(days=30)
        assert [lot[2:] for lot in shop.lots(wang) if lot[4]] == [(grace, TODAY, 100)]

    def test_the_last_drawn_comes_back_first(self, shop):
        shop.sell(TICKET)
        wang = shop.member()
        shop.earn(wang, 100, until=TODAY + timedelta(days=10))
        late = TODAY + timedelta(days=400)
        shop.earn(wang, 200, until=late)
        order = shop.place(wang, "TICKET", quantity=3).order

        self._return(shop, wang, order.order_ref, 1)

        assert [lot[2:] for lot in shop.lots(wang) if lot[4]] == [(late, late, 100)]

    def test_parts_add_up_and_are_no_more_than_the_whole(self, shop):
        shop.sell(TICKET, points=33)
        wang = shop.member(99)
        order = shop.place(wang, "TICKET", quantity=3).order

        self._return(shop, wang, order.order_ref, 2)
        with pytest.raises(ReturnTooLarge):
            self._return(shop, wang, order.order_ref, 2)
        done = self._return(shop, wang, order.order_ref, 1)

        assert (done.state, done.returned_quantity) == ("returned", 3)
        assert shop.available(wang) == 99

    @given(
        total=st.integers(0, 10**9),
        parts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    )
    def test_shares_add_up_whatever_the_parts(self, total, parts):
        whole, returned, shares = sum(parts), 0, []
        for part in parts:
            shares.append(share(total, quantity=part, returned=returned, of=whole))
            returned += part

        assert sum(shares) == total
        assert min(shares) >= 0

    @staticmethod
    def _return(shop, member, order_ref, quantity):
        return operations.return_part(
            shop.session,
            member_id=member,
            order_ref=order_ref,
            quantity=quantity,
            actor="member",
            reason=None,
            at=NOON,
        )


class TestVouchers:
    def test_a_code_that_was_used_is_not_given_back(self, shop):
        shop.sell(TICKET)
        wang = shop.member(200)
        order = shop.place(wang, "TICKET", quantity=2).order
        code = reveal(KEYRING, order.vouchers[0])
        voucher = find(shop.session, code=code, keyring=KEYRING)
        use(shop.session, voucher_id=voucher.voucher_id, on=TODAY, at=NOON)

        with pytest.raises(ReturnTooLarge):
            TestGivingBack._return(shop, wang, order.order_ref, 2)
        done = TestGivingBack._return(shop, wang, order.order_ref, 1)

        assert done.state == "fulfilled"
        assert shop.available(wang) == 100

    def test_a_code_of_a_pool_is_spoilt_once_it_was_shown(self, shop):
        shop.sell(TICKET, code_source="POOL")
        import_pool(
            shop.session,
            item_code="TICKET",
            codes=[new_code()],
            batch="test",
            keyring=KEYRING,
            at=NOON,
        )
        wang = shop.member(100)
        order = shop.place(wang, "TICKET").order

        with pytest.raises(NotReturnable):
            shop.cancel(wang, order.order_ref)
        shop.cancel(wang, order.order_ref, actor="staff:1")

        assert shop.available(wang) == 100
        assert shop.rows("SELECT state FROM voucher") == [("void",)]


class TestReviews:
    def test_a_day_must_pass_and_somebody_else_must_say_why(self, shop):
        shop.sell(BIG_MUG)
        wang, clerk, boss = shop.member(60_000), shop.staff(), shop.staff("boss")
        order_ref = shop.place(
            wang, "BIG", channel="hall", staff_id=clerk, recipient=AT_HOME
        ).order.order_ref
        wish = {"member_id": wang, "order_ref": order_ref}
        release = partial(operations.release_review, shop.session, **wish)

        with pytest.raises(OwnOrder):
            release(staff_id=clerk, note="fine", at=DAY_AFTER)
        with pytest.raises(NoteMissing):
            release(staff_id=boss, note=" ", at=DAY_AFTER)
        with pytest.raises(ReviewTooEarly):
            release(staff_id=boss, note="fine", at=DAY_AFTER - timedelta(minutes=1))

        assert release(staff_id=boss, note="fine", at=DAY_AFTER).state == "accepted"
        assert shop.held(wang) == 0
