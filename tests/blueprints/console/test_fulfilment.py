import re

import pytest

from tests.blueprints.console.conftest import HOME
from tests.loyalty.orders.shop import TICKET

CALLED = "本人接听，核对了证件号"


@pytest.fixture
def parcel(counter, customer):
    """Bring an order of a mug to the packers; gives its page, and who takes it on."""
    member_id, clerk = customer(1_000), counter()
    done = clerk.redeem("MUG", **HOME)
    assert done.status_code == 303
    return Work(clerk, member_id, done.location.rsplit("/", 1)[1])


class Work:
    """An order that waits for hands."""

    def __init__(self, clerk, member_id, order_ref, place="fulfilment"):
        self.clerk, self.member_id, self.order_ref = clerk, member_id, order_ref
        self.path = f"/console/{place}/{member_id}/{order_ref}"

    def step(self, name, **fields):
        """Press a button of the page; return the page after that."""
        page = self.clerk.client.get(self.path)
        answer = self.clerk.client.post(
            self.path, data=self.clerk.form(page.text, step=name, **fields)
        )
        assert answer.status_code == 303
        return self.clerk.client.get(answer.location).text

    def ship(self):
        """Hand it to a carrier."""
        return self.step("ship", carrier="顺丰", tracking_no="SF1001")


def test_a_parcel_waits_to_be_packed_with_its_address(parcel, rows):
    queue = parcel.clerk.client.get("/console/fulfilment").text
    assert parcel.order_ref[:8] in queue
    assert HOME["address"] not in queue

    assert HOME["address"] in parcel.clerk.client.get(parcel.path).text
    assert ("order.address_read",) in rows("SELECT action FROM audit")


def test_a_parcel_goes_out_and_arrives(parcel, rows, points_of):
    page = parcel.ship()
    assert "SF1001" in page
    # Once it is sent nobody needs the address, and nobody is noted to have read it.
    assert HOME["address"] not in page
    assert rows("SELECT count(*) FROM audit WHERE action = 'order.address_read'") == [
        (1,)
    ]
    sent = parcel.clerk.client.get("/console/fulfilment?queue=sent").text
    assert parcel.order_ref[:8] in sent

    parcel.step("deliver")

    assert rows("SELECT state FROM member_order") == [("fulfilled",)]
    assert rows("SELECT carrier, tracking_no, state FROM delivery") == [
        ("顺丰", "SF1001", "delivered")
    ]
    assert points_of(parcel.member_id) == 0


@pytest.mark.parametrize(
    ("step", "state"), [("lose", "failed"), ("send_back", "returned")]
)
def test_what_never_arrives_gives_the_points_back(parcel, rows, points_of, step, state):
    parcel.ship()
    parcel.step(step)

    assert rows("SELECT state FROM member_order") == [(state,)]
    assert points_of(parcel.member_id) == 1_000


def test_no_parcel_goes_without_a_tracking_number(parcel, rows):
    parcel.step("ship", carrier="顺丰", tracking_no=" ")

    assert rows("SELECT state FROM member_order") == [("accepted",)]


def test_a_parcel_arrives_once(parcel, rows):
    parcel.ship()
    page = parcel.clerk.client.get(parcel.path).text
    press = parcel.clerk.form(page, step="deliver")
    for _ in range(2):
        parcel.clerk.client.post(parcel.path, data=press)

    kept = rows("SELECT action FROM audit WHERE action = 'order.delivered'")
    assert len(kept) == 1


def test_an_order_is_found_by_its_parcel(parcel):
    parcel.ship()

    found = parcel.clerk.client.get("/console/fulfilment?q=SF1001").text

    assert parcel.order_ref[:8] in found


def test_who_came_is_checked_in(counter, customer, rows):
    customer(1_000)
    clerk = counter()
    path = clerk.serve()
    (on_day,) = set(re.findall(r'type="date"[^>]*min="([\d-]+)"', _page(clerk, path)))
    wish = clerk.wish(path, "TT1", on_day=on_day)
    clerk.ask(path, wish)
    done = clerk.place(path, wish)
    assert done.status_code == 303
    (member_id,) = rows("SELECT member_id FROM member_order")[0]
    booked = Work(clerk, member_id, wish["order_ref"])
    waiting = clerk.client.get("/console/fulfilment?queue=bookings").text
    assert booked.order_ref[:8] in waiting

    booked.step("attend")

    assert rows("SELECT state FROM member_order") == [("fulfilled",)]


@pytest.fixture
def large(counter, customer, in_shop):
    """Redeem more than 50,000 points at a counter; gives the clerk and the order."""
    in_shop(lambda shop: shop.sell(TICKET, item_code="HUGE", points=60_000))
    member_id, clerk = customer(60_000), counter()
    done = clerk.redeem("HUGE")
    assert done.status_code == 303
    return Work(clerk, member_id, done.location.rsplit("/", 1)[1])


@pytest.fixture
def review(large, counter):
    """Let a supervisor look at it."""
    supervisor = counter("chen", "supervisor")
    return Work(supervisor, large.member_id, large.order_ref, "reviews")


def test_a_large_order_waits_a_day_for_a_supervisor(review, rows, points_of):
    queue = review.clerk.client.get("/console/reviews").text
    assert review.order_ref[:8] in queue
    assert "13300000001" in review.clerk.client.get(review.path).text

    review.step("release", note=CALLED)
    assert rows("SELECT state FROM member_order") == [("awaiting_review",)]

    _a_day_passes(rows)
    review.step("release", note=CALLED)

    assert rows("SELECT state FROM member_order") == [("fulfilled",)]
    assert points_of(review.member_id) == 0
    assert rows("SELECT reason FROM audit WHERE action = 'order.released'") == [
        (CALLED,)
    ]


def test_a_large_order_that_is_refused_gives_the_points_back(review, rows, points_of):
    review.step("decline", note="本人说没有办理过")

    assert rows("SELECT state FROM member_order") == [("canceled",)]
    assert points_of(review.member_id) == 60_000


def test_nothing_is_let_go_without_a_note(review, rows):
    _a_day_passes(rows)
    review.step("release", note="")

    assert rows("SELECT state FROM member_order") == [("awaiting_review",)]


def test_nobody_lets_go_what_they_placed_themselves(counter, customer, in_shop, rows):
    in_shop(lambda shop: shop.sell(TICKET, item_code="HUGE", points=60_000))
    member_id, both = customer(60_000), counter("chen", "clerk", "supervisor")
    order_ref = both.redeem("HUGE").location.rsplit("/", 1)[1]
    _a_day_passes(rows)

    Work(both, member_id, order_ref, "reviews").step("release", note=CALLED)

    assert rows("SELECT state FROM member_order") == [("awaiting_review",)]


def test_a_clerk_reviews_nothing(large):
    refused = large.clerk.client.get("/console/reviews")

    assert refused.status_code == 403


def _page(clerk, path):
    return clerk.client.get(path).text


def _a_day_passes(rows):
    rows("UPDATE member_order SET placed_at = placed_at - interval '1 day' RETURNING 1")
