from datetime import timedelta

from tests.loyalty.orders.shop import (
    TODAY,
)


def test_a_voucher_is_there_at_once(shop):
    wang = shop.member(5_000)

    placed = shop.place(wang, "EV50")

    assert placed.order.state == "fulfilled"
    assert [voucher.state for voucher in placed.order.vouchers] == ["issued"]
    assert placed.order.vouchers[0].valid_until == TODAY + timedelta(days=365)
    assert shop.available(wang) == 0
    assert placed.order.may_cancel
    assert placed.order.service_channel == "RETENTION_WINDOW"
    assert [event.state for event in placed.order.events] == ["fulfilled"]
