"""What must hold of notices: hints that only the partner itself can give."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from partners.ports import Incoming, Notifier, Outcome
from partners.testing.orders import Bench, Plan, new_reference


@dataclass(frozen=True, slots=True)
class NoticeBench:
    """An order of an adapter whose partner tells late outcomes."""

    order: Bench
    notifier: Notifier
    heard: Callable[[int], list[Incoming]]  # waits until so many have come
    at_another_time: Callable[[], Notifier]  # the same, an hour from now


class NoticeContract:
    """A notice says what a look-up says, and is believed of the partner alone.

    Give a fixture `notices` with a partner that has told nothing yet.
    """

    @pytest.fixture
    def told(self, notices):
        """Return a reference whose late end was told, and the notice of it."""
        reference = new_reference()
        notices.order.plan(Plan.LEAVE_PENDING)
        notices.order.ask(reference)
        notices.order.decide(reference, Outcome.CONFIRMED)
        (incoming,) = notices.heard(1)
        return reference, incoming

    def test_a_late_end_is_told(self, notices, told):
        reference, incoming = told

        notice = notices.notifier.notice(incoming)

        assert notice is not None
        assert notice.reference == reference
        assert notice.receipt == notices.order.look_up(reference)

    def test_the_same_notice_may_come_twice(self, notices, told):
        _, incoming = told

        first, second = (notices.notifier.notice(incoming) for _ in range(2))

        assert first == second is not None

    def test_a_changed_notice_is_nobodys(self, notices, told):
        _, incoming = told
        changed = (
            replace(incoming, body=incoming.body + b" "),
            replace(incoming, body=incoming.body[:-1]),
            replace(incoming, target=f"{incoming.target}/elsewhere"),
            replace(incoming, method="PUT"),
            replace(incoming, headers={}),
        )

        assert [notices.notifier.notice(one) for one in changed] == [None] * 5

    def test_an_old_notice_is_nobodys(self, notices, told):
        _, incoming = told

        assert notices.at_another_time().notice(incoming) is None
