"""Points and policies are never both given and never both lost, whoever answers what.

The partners here are scripts: they answer what a test tells them to, in order.
"""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from loyalty.connections import Connections
from loyalty.orders import operations
from loyalty.orders.delivery import advance, chase
from loyalty.orders.errors import FreeLookOver
from loyalty.orders.quotes import quote
from partners.ports import Outcome, Receipt
from tests.loyalty.orders.shop import INSURED, KEYRING, NOON, TODAY, Shop

CONFIRMED = Receipt(Outcome.CONFIRMED, partner_ref="P000000000000001")
DECLINED = Receipt(Outcome.DECLINED, reason="too old")
UNKNOWN, PENDING = Receipt(Outcome.UNKNOWN), Receipt(Outcome.PENDING)
ABSENT = Receipt(Outcome.ABSENT)
MINUTES = [timedelta(minutes=n) for n in (0, 3, 10, 30, 120, 600)]
AFTER_48_HOURS = timedelta(hours=48, minutes=1)


class Scripted:
    """An insurer, a billing system: answers in order, the last one for ever."""

    def __init__(self, **answers: Sequence[Receipt]) -> None:
        self.answers = {name: list(said) for name, said in answers.items()}
        self.asked: list[str] = []

    def _answer(self, name: str) -> Receipt:
        self.asked.append(name)
        left = self.answers.get(name, [CONFIRMED])
        return left.pop(0) if len(left) > 1 else left[0]

    def issue(self, _order: object) -> Receipt:
        return self._answer("issue")

    def look_up(self, _reference: str) -> Receipt:
        return self._answer("look_up")

    def cancel(self, _reference: str, *, policy_no: str) -> Receipt:
        assert policy_no == CONFIRMED.partner_ref
        return self._answer("cancel")

    def credit_prepaid(self, _order: object) -> Receipt:
        return self._answer("credit_prepaid")

    def take_back(self, _order: object) -> Receipt:
        return self._answer("take_back")

    def send(self, _message: object) -> Receipt:
        raise AssertionError("nobody is written to here")


class Counter:
    """A member with points, an order of insurance, and partners who follow a script."""

    def __init__(self, database, **answers):
        self.database = database
        self.partner = Scripted(**answers)
        self.connections = Connections(
            messenger=self.partner,
            insurer=self.partner,
            billing=self.partner,
            payments=None,
        )
        with database.unit_of_work() as session:
            shop = Shop(session)
            shop.open()
            self.member = shop.member(2_500)
            self.lots = shop.lots(self.member)
            placed = shop.place(self.member, "INS-A", recipient=INSURED)
            self.order_ref = placed.order.order_ref

    def go_on(self, after):
        """Do what is due some time after the order."""
        return advance(
            self.database,
            self.connections,
            KEYRING,
            member_id=self.member,
            order_ref=self.order_ref,
            at=NOON + after,
        )

    def chase(self, after):
        """Let the job take up what was left lying."""
        return chase(self.database, self.connections, KEYRING, at=NOON + after)

    def has(self):
        """Return points available and held, the lots, and what is owed."""
        with self.database.unit_of_work() as session:
            shop = Shop(session)
            owed = shop.payable().get("PINGAN", 0)
            return shop.available(self.member), shop.held(self.member), owed


@pytest.fixture
def counter(fresh_database):
    """Open a counter with partners who answer as told."""
    return lambda **answers: Counter(fresh_database, **answers)


GIVEN, BACK = (0, 0, 20_00), (2_500, 0, 0)


@pytest.mark.parametrize(
    ("issue", "look_up", "state", "has"),
    [
        ([CONFIRMED], [ABSENT], "fulfilled", GIVEN),
        ([DECLINED], [ABSENT], "failed", BACK),
        ([UNKNOWN], [CONFIRMED], "fulfilled", GIVEN),
        ([UNKNOWN], [DECLINED], "failed", BACK),
        ([UNKNOWN, CONFIRMED], [ABSENT], "fulfilled", GIVEN),
        ([UNKNOWN, DECLINED], [UNKNOWN, ABSENT], "failed", BACK),
        ([PENDING], [PENDING, PENDING, CONFIRMED], "fulfilled", GIVEN),
        ([PENDING], [UNKNOWN, PENDING, DECLINED], "failed", BACK),
        ([ABSENT], [CONFIRMED], "fulfilled", GIVEN),
    ],
)
def test_whatever_the_insurer_answers(counter, issue, look_up, state, has):
    ours = counter(issue=issue, look_up=look_up)

    for after in MINUTES:
        order = ours.go_on(after)

    assert order.state == state
    assert ours.has() == has
    assert (order.policy is not None) == (state == "fulfilled")
    assert [attempt.outcome for attempt in order.attempts] != []


def test_an_answer_that_did_not_come_is_looked_up_not_asked_again(counter):
    ours = counter(issue=[UNKNOWN], look_up=[UNKNOWN, CONFIRMED])

    for after in MINUTES:
        ours.go_on(after)

    assert ours.partner.asked == ["issue", "look_up", "look_up"]


def test_points_stay_held_while_nothing_is_known(counter):
    ours = counter(issue=[UNKNOWN], look_up=[UNKNOWN])

    assert ours.go_on(timedelta()).state == "in_progress"
    assert ours.has() == (0, 2_500, 0)


def test_without_a_policy_in_48_hours_the_points_come_back(counter):
    ours = counter(issue=[PENDING], look_up=[PENDING])
    ours.go_on(timedelta())

    chased = ours.chase(AFTER_48_HOURS)

    assert (chased.found, chased.ended, chased.failed) == (1, 1, 0)
    assert ours.has() == BACK


def test_a_policy_that_comes_too_late_is_canceled_again(counter):
    ours = counter(issue=[UNKNOWN], look_up=[UNKNOWN, UNKNOWN, CONFIRMED])
    ours.go_on(timedelta())
    assert ours.go_on(AFTER_48_HOURS).state == "failed"

    for hours in (50, 52, 54):
        ours.chase(timedelta(hours=hours))

    assert ours.partner.asked[-1] == "cancel"
    assert ours.has() == BACK


class TestFreeLook:
    @pytest.mark.parametrize(
        ("answer", "state", "has"),
        [
            ([CONFIRMED], "canceled", BACK),
            ([DECLINED], "fulfilled", GIVEN),
            ([UNKNOWN], "in_progress", GIVEN),
            ([UNKNOWN, CONFIRMED], "canceled", BACK),
        ],
    )
    def test_the_insurer_decides_and_the_lots_are_the_same(
        self, counter, answer, state, has
    ):
        ours = counter(cancel=answer)
        ours.go_on(timedelta())
        self._cancel(ours)

        for after in MINUTES:
            order = ours.go_on(after)

        assert order.state == state
        assert ours.has() == has
        if state == "canceled":
            with ours.database.unit_of_work() as session:
                assert Shop(session).lots(ours.member) == ours.lots

    def test_it_ends_after_fifteen_days(self, counter):
        ours = counter()
        order = ours.go_on(timedelta())
        assert order.policy.free_look_until == TODAY + timedelta(days=15)

        with pytest.raises(FreeLookOver):
            self._cancel(ours, after=timedelta(days=16))

    @staticmethod
    def _cancel(ours, *, after=timedelta()):
        with ours.database.unit_of_work() as session:
            operations.cancel(
                session,
                member_id=ours.member,
                order_ref=ours.order_ref,
                actor="member",
                reason=None,
                at=NOON + after,
            )


@pytest.mark.parametrize(
    ("credit", "take_back", "state", "prepaid"),
    [
        ([CONFIRMED], [CONFIRMED], "fulfilled", "credited"),
        ([UNKNOWN, CONFIRMED], [CONFIRMED], "fulfilled", "credited"),
        ([DECLINED], [CONFIRMED], "failed", "refused"),
    ],
)
def test_prepaid_airtime_comes_before_the_policy(
    fresh_database, credit, take_back, state, prepaid
):  # A19: the wallet is unchanged, the insurer is owed 20 yuan
    ours = Counter(fresh_database, credit_prepaid=credit, take_back=take_back)
    with fresh_database.unit_of_work() as session:
        shop = Shop(session, next_member=1)
        li = shop.member(700)
        order_ref = shop.place(
            li, "INS-A", way="cash", recipient=INSURED
        ).order.order_ref
        shop.pay(li, order_ref)
        offer = quote(
            session,
            member_id=li,
            item_code="INS-A",
            quantity=1,
            way="cash",
            channel="web",
            on=TODAY,
        )
    ours.member, ours.order_ref = li, order_ref

    for after in MINUTES:
        order = ours.go_on(after)

    assert (offer.points, offer.cash_fen) == (0, 100_00)
    assert (order.state, order.prepaid.state) == (state, prepaid)
    assert ours.has()[:2] == (700, 0)
    refunds = [refund.amount_fen for refund in order.refunds]
    assert refunds == ([] if state == "fulfilled" else [100_00])
