"""Our balance at the sandbox: what came, what went back, fees, and what was paid out.

As at Stripe each movement is a balance transaction of its own; automatic payouts know
which ones they pay out, those that somebody orders do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from partners.sandbox.stripe_shapes import Refusal, needed, new_id, page_of, whole

PAYOUT_SECONDS = 2 * 24 * 60 * 60
_A_DAY = 24 * 60 * 60
_FILTERS = ("payout", "type", "source", "currency")


@dataclass(slots=True)
class BalanceFaults:
    """What is to go wrong with the next movements; how many of each are to come."""

    missing_charges: int = 0  # the money came, and the balance never says so
    missing_refunds: int = 0
    wrong_amounts: int = 0
    wrong_fees: int = 0
    duplicates: int = 0
    late: int = 0  # told with a day of their own, much later
    late_days: int = 40

    def due(self, name: str) -> bool:
        """Whether a fault is due now; it is used up by the question."""
        left: int = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return left > 0


@dataclass(slots=True)
class Balance:
    """The movements there were, and the payouts."""

    clock: Callable[[], int]
    fee_num: int = 6
    fee_den: int = 1000
    faults: BalanceFaults = field(default_factory=BalanceFaults)
    _lock: RLock = field(default_factory=RLock)
    _moves: list[dict[str, Any]] = field(default_factory=list)
    _sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    _payouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _paid_out: dict[str, str] = field(default_factory=dict)  # by movement

    def forget(self) -> None:
        """Begin again with nothing, and behave."""
        with self._lock:
            for known in (self._moves, self._sources, self._payouts, self._paid_out):
                known.clear()
            self.faults = BalanceFaults()

    def charge(self, *, charge_id: str, intent: Mapping[str, Any]) -> None:
        """Note that a payment came, less the fee."""
        amount = int(intent["amount"])
        source = {
            "id": charge_id,
            "object": "charge",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": dict(intent.get("metadata") or {}),
        }
        with self._lock:
            if self.faults.due("missing_charges"):
                return
            amount += self.faults.due("wrong_amounts")
            fee = (2 * amount * self.fee_num + self.fee_den) // (2 * self.fee_den)
            fee += self.faults.due("wrong_fees")
            times = 1 + self.faults.due("duplicates")
            after = self.faults.late_days * _A_DAY * self.faults.due("late")
            for _ in range(times):
                self._move("charge", source, amount=amount, fee=fee, after=after)

    def refund(self, refund: Mapping[str, Any], *, intent_id: str) -> None:
        """Note that a payment was given back; the fee stays theirs."""
        source = {
            "id": refund["id"],
            "object": "refund",
            "amount": refund["amount"],
            "charge": refund.get("charge"),
            "currency": refund["currency"],
            "payment_intent": intent_id,
            "metadata": dict(refund.get("metadata") or {}),
        }
        with self._lock:
            if not self.faults.due("missing_refunds"):
                self._move("refund", source, amount=-int(refund["amount"]))

    def stray(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Note a movement that nobody here knows of: a charge, refund or dispute.

        Raises `Refusal`.
        """
        kind, amount = needed(params, "type"), whole(needed(params, "amount"), name="a")
        if kind not in {"charge", "refund", "adjustment"}:
            raise Refusal(f"No such type: {kind}")
        named = {"charge": "ch", "refund": "re", "adjustment": "dp"}[kind]
        source = {
            "id": new_id(named),
            "object": {"adjustment": "dispute"}.get(kind, kind),
            "amount": amount,
            "currency": "cny",
            "payment_intent": params.get("payment_intent") or new_id("pi"),
            "metadata": {},
        }
        with self._lock:
            sign = 1 if kind == "charge" else -1
            return self._move(kind, source, amount=sign * amount)

    def pay_out(self) -> dict[str, Any]:
        """Pay out all that was not yet, as Stripe does by itself.

        Raises `Refusal`.
        """
        with self._lock:
            waiting = [
                move
                for move in self._moves
                if move["id"] not in self._paid_out and move["type"] != "payout"
            ]
            total = sum(move["net"] for move in waiting)
            if total <= 0:
                raise Refusal("There is nothing to pay out.")
            payout = self._payout(total, automatic=True)
            for move in waiting:
                self._paid_out[move["id"]] = payout["id"]
            own = self._payouts[payout["id"]]["balance_transaction"]
            self._paid_out[own] = payout["id"]
            return payout

    def create_payout(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send an amount because somebody ordered it.

        Raises `Refusal`.
        """
        amount = whole(needed(params, "amount"), name="amount")
        if amount <= 0:
            raise Refusal("Invalid positive integer", param="amount")
        with self._lock:
            return self._payout(
                amount,
                automatic=False,
                currency=str(needed(params, "currency")).lower(),
                description=params.get("description"),
                metadata=dict(params.get("metadata") or {}),
            )

    def set_payout(self, name: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Let a payout stand otherwise than it began, or come to another amount.

        Raises `Refusal`.
        """
        with self._lock:
            payout = self._known(name)
            payout.update({k: told[k] for k in ("status", "amount") if k in told})
            return dict(payout)

    def payout(self, name: str) -> dict[str, Any]:
        """Return a payout.

        Raises `Refusal`.
        """
        with self._lock:
            return dict(self._known(name))

    def payouts(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of payouts, the newest first.

        Raises `Refusal`.
        """
        with self._lock:
            return page_of(list(self._payouts.values()), asked, url="/v1/payouts")

    def transactions(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of movements, the newest first.

        Raises `Refusal`.
        """
        wanted = {name: asked[name] for name in _FILTERS if name in asked}
        payout = wanted.pop("payout", None)
        with self._lock:
            found = [
                move
                for move in self._moves
                if (payout is None or self._paid_out.get(move["id"]) == payout)
                and all(move[name] == value for name, value in wanted.items())
            ]
            page = page_of(found, asked, url="/v1/balance_transactions")
            if "data.source" in (asked.get("expand") or []):
                page["data"] = [
                    move | {"source": self._sources.get(move["source"], move["source"])}
                    for move in page["data"]
                ]
        return page

    def _move(
        self,
        kind: str,
        source: Mapping[str, Any],
        *,
        amount: int,
        fee: int = 0,
        after: int = 0,
    ) -> dict[str, Any]:
        self._sources[source["id"]] = dict(source)
        created = self.clock() + after
        details = {
            "amount": fee,
            "application": None,
            "currency": source["currency"],
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
        move = {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": created + PAYOUT_SECONDS,
            "created": created,
            "currency": source["currency"],
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [details] if fee else [],
            "net": amount - fee,
            "reporting_category": {"adjustment": "dispute"}.get(kind, kind),
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
        self._moves.append(move)
        return dict(move)

    def _payout(
        self, amount: int, *, automatic: bool, currency: str = "cny", **more: Any
    ) -> dict[str, Any]:
        now, name = self.clock(), new_id("po")
        source = {"id": name, "object": "payout", "currency": currency}
        arrival = now + PAYOUT_SECONDS
        payout = {
            "id": name,
            "object": "payout",
            "amount": amount,
            "arrival_date": arrival - arrival % _A_DAY,  # midnight of the day, UTC
            "automatic": automatic,
            "balance_transaction": self._move("payout", source, amount=-amount)["id"],
            "created": now,
            "currency": currency,
            "description": "STRIPE PAYOUT" if automatic else None,
            "failure_code": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "reconciliation_status": "completed" if automatic else "not_applicable",
            "status": "paid",
            "type": "bank_account",
        } | more
        self._payouts[name] = payout
        return dict(payout)

    def _known(self, name: str) -> dict[str, Any]:
        if name not in self._payouts:
            raise Refusal(f"No such payout: '{name}'", status=404, param="payout")
        return self._payouts[name]
