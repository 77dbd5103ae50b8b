"""The orders a sandbox has been given: each reference once, for as long as it runs."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import RLock
from typing import Any


class Refused(Exception):
    """An answer that says no to a question, not to an order."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.told = {"code": code, "reason": reason}


class State(StrEnum):
    """What an order has come to, in the words of the wire."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


class Fate(StrEnum):
    """What is to become of an order, whatever it asks for."""

    SUCCESS = "success"  # if the business allows it
    FAILURE = "failure"
    PENDING = "pending"  # until somebody decides
    PENDING_SUCCESS = "pending_success"
    PENDING_FAILURE = "pending_failure"
    SUCCESS_FAILURE = "success_failure"  # refused after acceptance
    SYSTEM_ERROR = "system_error"  # nothing was done; ask again


# The amounts with which the Loyalty Commerce Platform's sandbox is tried (domain.md
# 3.7), and one of ours for what it leaves out.
MAGIC = {
    92: Fate.SYSTEM_ERROR,
    93: Fate.FAILURE,
    94: Fate.PENDING,
    95: Fate.PENDING_SUCCESS,
    96: Fate.PENDING_FAILURE,
    97: Fate.SUCCESS_FAILURE,
}
_LATER = {
    Fate.PENDING_SUCCESS: State.SUCCESS,
    Fate.PENDING_FAILURE: State.FAILURE,
    Fate.SUCCESS_FAILURE: State.FAILURE,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What an order does to the partner's own books.

    Both answer why not; None: done.
    """

    do: Callable[[], str | None]
    undo: Callable[[], str | None]


@dataclass(slots=True)
class Order:
    """Something we were asked to do, under the asker's reference."""

    kind: str
    reference: str
    facts: Mapping[str, Any]
    effect: Effect
    state: State = State.PENDING
    id: str | None = None  # None: it was never accepted
    reason: str | None = None
    becomes: State | None = None  # None: this is its end
    due: float | None = None  # of the monotonic clock
    times_asked: int = 1
    times_done: int = 0
    extra: dict[str, Any] = field(default_factory=dict)  # more to be told of it

    def told(self) -> dict[str, Any]:
        """Return what the partner says of it."""
        return {
            "id": self.id,
            "reference": self.reference,
            "kind": self.kind,
            "status": str(self.state),
            "reason": self.reason,
            **self.extra,
        }


class Orders:
    """Does every order once, and keeps what became of it."""

    def __init__(
        self,
        *,
        on_change: Callable[[Order], None],
        usual: Fate = Fate.SUCCESS,
        later_seconds: float = 2.0,
    ) -> None:
        self.lock = RLock()
        self.later_seconds = later_seconds
        self.fates: list[Fate] = []  # of the next orders
        self.usual = usual
        self._on_change = on_change  # told of what changes after the answer
        self._orders: dict[str, Order] = {}

    def place(
        self,
        kind: str,
        reference: str,
        facts: Mapping[str, Any],
        effect: Effect,
        *,
        amount: int | None = None,
    ) -> Order:
        """Do an order, or tell again what became of it.

        Raises `Refused` if the reference names another order, and for system errors.
        """
        with self.lock:
            known = self._orders.get(reference)
            if known is not None:
                if (known.kind, known.facts) != (kind, facts):
                    raise Refused(409, "reference_reused", "another order has this")
                known.times_asked += 1
                return known
            fate = self._fate(amount)
            if fate is Fate.SYSTEM_ERROR:
                raise Refused(503, "system_error", "try again with the same reference")
            order = Order(kind, reference, facts, effect)
            self._orders[reference] = order
            order.id = f"{kind[:2].upper()}{secrets.token_hex(8)}"
            if fate is Fate.FAILURE:
                order.state, order.reason = State.FAILURE, "declined"
            elif fate in {Fate.SUCCESS, Fate.SUCCESS_FAILURE}:
                self._succeed(order)
            if order.state is not State.FAILURE:
                order.becomes = _LATER.get(fate)
                order.due = time.monotonic() + self.later_seconds
            return order

    def get(self, reference: str) -> Order:
        """Return an order.

        Raises `Refused`.
        """
        with self.lock:
            order = self._orders.get(reference)
        if order is None:
            raise Refused(404, "unknown_reference", "no order has this reference")
        return order

    def settle_due(self) -> None:
        """Let what was to change by now change."""
        now = time.monotonic()
        self._settle(lambda order: order.due is not None and order.due <= now)

    def settle_all(self) -> None:
        """Let all change that is to change, without waiting."""
        self._settle(lambda _: True)

    def settle(self, reference: str, state: State, reason: str | None) -> None:
        """Decide an order, and tell.

        Raises `Refused`.
        """
        with self.lock:
            self._change(self.get(reference), state, reason)

    def forget(self) -> None:
        """Forget every order and fate."""
        with self.lock:
            self._orders.clear()
            self.fates.clear()

    def state(self) -> list[dict[str, Any]]:
        """Return all orders, with how often each was asked for and done."""
        with self.lock:
            return [
                order.told()
                | {"asked": order.times_asked, "done": order.times_done}
                | {"facts": dict(order.facts)}
                for order in self._orders.values()
            ]

    def of_kind(self, kind: str) -> list[Order]:
        """Return the orders of a kind, in the order they came."""
        with self.lock:
            return [order for order in self._orders.values() if order.kind == kind]

    def _fate(self, amount: int | None) -> Fate:
        if self.fates:
            return self.fates.pop(0)
        return MAGIC.get(amount, self.usual) if amount is not None else self.usual

    def _settle(self, is_due: Callable[[Order], bool]) -> None:
        with self.lock:
            for order in list(self._orders.values()):
                if order.becomes is not None and is_due(order):
                    self._change(order, order.becomes, "declined later")

    def _change(self, order: Order, state: State, reason: str | None) -> None:
        order.becomes = None
        if order.state is state:
            return
        if state is State.SUCCESS:
            self._succeed(order)
        else:
            if order.state is State.SUCCESS:
                refused = order.effect.undo()
                if refused is not None:
                    raise Refused(409, "not_undone", refused)
                order.times_done -= 1
            order.state, order.reason = state, reason
        self._on_change(order)

    def _succeed(self, order: Order) -> None:
        refused = order.effect.do()
        if refused is not None:
            order.state, order.reason = State.FAILURE, refused
            return
        order.state, order.reason = State.SUCCESS, None
        order.times_done += 1
