"""What must hold of events of lines: told one or many, by the operator alone."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import pytest

from partners.ports import Incoming, LineEvent, Network

_EVENTS = (
    LineEvent("CRM-2", "13300000001", "closed", "voluntary", "2007-11-10T12:00:00Z"),
    LineEvent("CRM-1", "13300000001", "pre_cancelled", "", "2007-11-01T12:00:00Z"),
)


@dataclass(frozen=True, slots=True)
class EventBench:
    """An operator that tells what happens to its lines."""

    network: Network
    # Has the operator tell this as JSON; returns how it came.
    push: Callable[[object], Incoming]
    at_another_time: Callable[[], Network]  # the same, an hour from now


def _told(events: Sequence[LineEvent]) -> list[dict[str, str]]:
    return [asdict(event) for event in events]


class EventContract:
    """Events are told as they are, and believed of the operator alone.

    Give a fixture `telling` with an operator under control.
    """

    def test_events_come_in_the_order_told(self, telling):
        incoming = telling.push(_told(_EVENTS))

        assert tuple(telling.network.line_events(incoming)) == _EVENTS

    def test_one_event_needs_no_list(self, telling):
        incoming = telling.push(_told(_EVENTS)[0])

        assert list(telling.network.line_events(incoming)) == [_EVENTS[0]]

    def test_what_is_left_out_is_empty(self, telling):
        incoming = telling.push([{"event_ref": "CRM-3", "msisdn": 1, "more": "x"}])

        assert list(telling.network.line_events(incoming)) == [LineEvent("CRM-3")]

    @pytest.mark.parametrize("told", [["CRM-1"], [[]], "CRM-1", None])
    def test_what_is_no_event_is_nothing(self, telling, told):
        assert telling.network.line_events(telling.push(told)) is None

    def test_changed_events_are_nobodys(self, telling):
        incoming = telling.push(_told(_EVENTS))
        changed = (
            replace(incoming, body=incoming.body + b" "),
            replace(incoming, target=f"{incoming.target}/elsewhere"),
            replace(incoming, method="PUT"),
            replace(incoming, headers={}),
        )

        assert [telling.network.line_events(one) for one in changed] == [None] * 4

    def test_old_events_are_nobodys(self, telling):
        incoming = telling.push(_told(_EVENTS))

        assert telling.at_another_time().line_events(incoming) is None
