from uuid import uuid4

import pytest

from ledger.book import Book
from loyalty.payments.operations import record_event
from loyalty.purchases import operations
from partners.ports import PaymentEvent
from tests.loyalty.churn.world import World
from tests.loyalty.orders.shop import NOON


class Counter(World):
    """A world in which members buy points for cash."""

    def want(self, member_id, points=1_000, *, ref=None, at=NOON, fen=None):
        """Ask for points; what they cost is as the page says."""
        return operations.place(
            self.session,
            member_id=member_id,
            purchase_ref=ref or uuid4().hex,
            points=points,
            expected_fen=points * 12 // 10 if fen is None else fen,
            at=at,
        )

    def tell_of(self, wanted, state, *, at=NOON):
        """Let the provider tell how a payment ended, and what that means."""
        record_event(
            self.session,
            event=PaymentEvent(
                event_id=f"evt_{uuid4().hex}",
                type=state,
                happened_at=at,
                checkout_id=None,
                intent_id=f"pi_{wanted.purchase_ref}",
                state=state,
                facts={
                    "member_id": str(wanted.member_id),
                    "payment_ref": wanted.payment_ref,
                },
            ),
            at=at,
        )
        change = {"paid": operations.paid, "expired": operations.payment_expired}
        return change[state](
            self.session,
            member_id=wanted.member_id,
            purchase_ref=wanted.purchase_ref,
            at=at,
        )

    def buy(self, member_id, points=1_000, *, at=NOON):
        """Buy points, and pay for them."""
        return self.tell_of(self.want(member_id, points, at=at), "paid", at=at)

    def give_back(self, bought, *, at=NOON):
        """Ask for the money of what was not spent."""
        return operations.take_back(
            self.session,
            member_id=bought.member_id,
            purchase_ref=bought.purchase_ref,
            reason="changed_mind",
            actor="member",
            at=at,
        )

    def refunds(self, member_id):
        """Return what goes back to a member's card."""
        return [
            fen
            for (fen,) in self.rows(
                "SELECT amount_fen FROM refund WHERE member_id = :m"
                " ORDER BY asked_at, refund_ref",
                m=member_id,
            )
        ]

    def bought_left(self, member_id):
        """Return what is left of points that were bought."""
        return sum(
            lot.units_left
            for lot in Book(self.session).lots(member_id)
            if lot.cost_class == "purchased"
        )


@pytest.fixture
def counter(session):
    """A counter in a transaction that is rolled back, whose books prove at the end."""
    counter = Counter(session)
    counter.open()
    yield counter
    assert Book(session).prove() == []
