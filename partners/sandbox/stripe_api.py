"""Stripe's API as far as the sandbox plays it; what localstripe knows goes there."""

import json
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from partners.sandbox.stripe_balance import Balance
from partners.sandbox.stripe_idempotency import Answer, Keys
from partners.sandbox.stripe_localstripe import LocalStripe
from partners.sandbox.stripe_sessions import Checkouts
from partners.sandbox.stripe_shapes import Refusal, needed, params_of, whole
from partners.sandbox.stripe_webhooks import Webhooks

TEST_KEY = "sk_test_sandbox"  # localstripe takes any; this one is our own
REFUND_STATES = ("pending", "succeeded", "failed")
_PAYING_METHOD = "pm_card_visa"  # localstripe's own card that pays
_REFUNDS_MAX = 100
_OK = range(200, 300)

_Route = Callable[..., dict[str, Any]]


class Api:
    """Answers what is asked under /v1, with keys that are honoured."""

    def __init__(
        self,
        *,
        localstripe: LocalStripe,
        checkouts: Checkouts,
        webhooks: Webhooks,
        clock: Callable[[], int],
    ) -> None:
        self.checkouts = checkouts
        self.refund_state = "succeeded"  # in which new refunds begin
        self._localstripe = localstripe
        self._webhooks = webhooks
        self._clock = clock
        self.balance = Balance(clock)
        self.keys = Keys()
        self._refunding = Lock()
        self._refund_states: dict[str, str] = {}
        self._routes: list[tuple[str, re.Pattern[str], _Route]] = [
            (method, re.compile(pattern), route)
            for method, pattern, route in (
                ("POST", r"/v1/checkout/sessions", self._create_session),
                ("GET", r"/v1/checkout/sessions", self._sessions),
                ("GET", r"/v1/checkout/sessions/(\w+)", self._session),
                ("POST", r"/v1/checkout/sessions/(\w+)/expire", self._expire),
                ("GET", r"/v1/checkout/sessions/(\w+)/line_items", self._lines),
                ("POST", r"/v1/payouts", self._create_payout),
                ("GET", r"/v1/payouts", self._list_payouts),
                ("GET", r"/v1/payouts/(\w+)", self._payout),
                ("GET", r"/v1/balance_transactions", self._transactions),
                ("POST", r"/v1/refunds", self._create_refund),
                ("GET", r"/v1/refunds", self._refunds),
                ("GET", r"/v1/refunds/(\w+)", self._refund),
            )
        ]

    def answer(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Answer a request; one with a known key has the answer it had."""
        try:
            _check_key(headers)
            key = headers.get("Idempotency-Key")
            if method != "POST" or not key:
                return self._worked(method, target, body, headers)
            question = b"%s %s\n%s" % (method.encode(), target.encode(), body)
            return self.keys.answer(
                key, question, lambda: self._worked(method, target, body, headers)
            )
        except Refusal as refusal:
            return _refused(refusal)

    def charge(self, session: Mapping[str, Any]) -> str:
        """Take the money of a session in localstripe; return the intent's name."""
        params = {
            "amount": session["amount_total"],
            "currency": session["currency"],
            "payment_method": _PAYING_METHOD,
            "confirm": "true",
        }
        facts = self.checkouts.intent_facts(session["id"])
        params |= {f"metadata[{name}]": fact for name, fact in facts.items()}
        intent = self._ask("POST", "/v1/payment_intents", params)
        self._webhooks.emit("payment_intent.succeeded", intent)
        charge = intent["latest_charge"]
        charge_id = charge if isinstance(charge, str) else charge["id"]
        self.balance.charge(charge_id=charge_id, intent=intent)
        return str(intent["id"])

    def set_refund(self, name: str, state: str) -> None:
        """Let a refund end otherwise than it began, and tell.

        Raises `Refusal`.
        """
        if state not in REFUND_STATES:
            raise Refusal(f"No such state: {state}")
        self._refund_states[name] = state
        kind = "refund.failed" if state == "failed" else "refund.updated"
        self._webhooks.emit(kind, self._refund({}, name))

    def _worked(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        path, _, query = target.partition("?")
        for known, pattern, route in self._routes:
            match = pattern.fullmatch(path)
            if known == method and match:
                encoded = query if method == "GET" else body.decode()
                try:
                    found = route(params_of(encoded), *match.groups())
                except Refusal as refusal:
                    return _refused(refusal)
                return Answer(200, json.dumps(found).encode())
        if method == "GET" and path.startswith("/v1/events/"):
            event = self._webhooks.event(path.rpartition("/")[2])
            if event is not None:
                return Answer(200, json.dumps(event).encode())
        return Answer(*self._localstripe.ask(method, target, body or None, headers))

    def _create_session(self, params: dict[str, Any]) -> dict[str, Any]:
        return self.checkouts.create(params, now=self._clock())

    def _sessions(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self.checkouts.page(asked)

    def _session(self, _: dict[str, Any], name: str) -> dict[str, Any]:
        return self.checkouts.session(name)

    def _expire(self, _: dict[str, Any], name: str) -> dict[str, Any]:
        session = self.checkouts.expire(name)
        self._webhooks.emit("checkout.session.expired", session)
        return session

    def _lines(self, asked: dict[str, Any], name: str) -> dict[str, Any]:
        return self.checkouts.lines(name, asked)

    def _create_payout(self, params: dict[str, Any]) -> dict[str, Any]:
        return self._told_of(self.balance.create_payout(params))

    def pay_out(self) -> dict[str, Any]:
        """Pay out what has come, as Stripe does by itself, and tell.

        Raises `Refusal`.
        """
        return self._told_of(self.balance.pay_out())

    def _told_of(self, payout: dict[str, Any]) -> dict[str, Any]:
        self._webhooks.emit("payout.created", payout)
        self._webhooks.emit("payout.paid", payout)
        return payout

    def _list_payouts(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self.balance.payouts(asked)

    def _payout(self, _: dict[str, Any], name: str) -> dict[str, Any]:
        return self.balance.payout(name)

    def _transactions(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self.balance.transactions(asked)

    def _create_refund(self, params: dict[str, Any]) -> dict[str, Any]:
        """Give back what was paid, and not a fen more: localstripe would."""
        intent_id = needed(params, "payment_intent")
        reason = params.pop("reason", None)  # unknown to localstripe
        with self._refunding:
            intent = self._ask("GET", f"/v1/payment_intents/{intent_id}")
            left = intent["amount"] - self._refunded(intent_id)
            amount = whole(params.get("amount", left), name="amount")
            if intent["status"] != "succeeded":
                raise Refusal(
                    "This PaymentIntent does not have a successful charge to refund.",
                    param="payment_intent",
                )
            if left == 0:
                raise Refusal(
                    "Charge has already been refunded.", code="charge_already_refunded"
                )
            if not 0 < amount <= left:
                raise Refusal(
                    f"Refund amount ({amount}) is greater than unrefunded amount on"
                    f" charge ({left})",
                    param="amount",
                )
            made = self._ask("POST", "/v1/refunds", _flat({**params, "amount": amount}))
            self._refund_states[made["id"]] = self.refund_state
        refund = self._with_state(made) | {"reason": reason}
        self._webhooks.emit("refund.created", refund)
        if refund["status"] != "failed":
            self.balance.refund(refund, intent_id=intent_id)
            charge = self._ask("GET", f"/v1/charges/{made['charge']}")
            self._webhooks.emit("charge.refunded", charge)
        return refund

    def _refunds(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._ask("GET", f"/v1/refunds?{urlencode(_flat(asked))}")
        found["data"] = [self._with_state(refund) for refund in found["data"]]
        return found

    def _refund(self, _: dict[str, Any], name: str) -> dict[str, Any]:
        return self._with_state(self._ask("GET", f"/v1/refunds/{name}"))

    def _refunded(self, intent_id: str) -> int:
        found = self._refunds({"payment_intent": intent_id, "limit": _REFUNDS_MAX})
        return sum(
            refund["amount"] for refund in found["data"] if refund["status"] != "failed"
        )

    def _with_state(self, refund: dict[str, Any]) -> dict[str, Any]:
        state = self._refund_states.get(refund["id"], refund["status"])
        return refund | {"status": state}

    def _ask(
        self, method: str, target: str, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask localstripe; what it refuses is refused.

        Raises `Refusal`.
        """
        status, body = self._localstripe.ask(
            method,
            target,
            urlencode(params).encode() if params else None,
            {
                "Authorization": f"Bearer {TEST_KEY}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        answer: dict[str, Any] = json.loads(body)
        if status not in _OK:
            raise Refusal(str(answer["error"].get("message")), status=status)
        return answer


def _check_key(headers: Mapping[str, str]) -> None:
    scheme, _, key = (headers.get("Authorization") or "").partition(" ")
    is_secret_key = scheme == "Bearer" and key.startswith(("sk_", "rk_"))
    if not is_secret_key and scheme != "Basic":
        raise Refusal("You did not provide an API key.", status=401)


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, json.dumps(refusal.body).encode())


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Write nested parameters of one level as forms do."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}[{below}]": fact for below, fact in value.items()}
        else:
            flat[name] = value
    return flat
