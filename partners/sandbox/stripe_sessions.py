"""Checkout Sessions, kept in memory: what localstripe lacks."""

from collections.abc import Mapping
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

from partners.sandbox.stripe_shapes import (
    Refusal,
    known_only,
    needed,
    new_id,
    page_of,
    whole,
)

EXPIRES_SECONDS_MIN, EXPIRES_SECONDS_MAX = 30 * 60, 24 * 60 * 60
_KNOWN = (
    "mode",
    "line_items",
    "success_url",
    "cancel_url",
    "expires_at",
    "locale",
    "client_reference_id",
    "metadata",
    "payment_intent_data",
    "payment_method_types",
    "customer_email",
    "expand",
)


class Checkouts:
    """The sessions there are; the lock is held while one of them changes."""

    def __init__(self, address: str) -> None:
        self.lock = RLock()
        self._address = address
        self._sessions: dict[str, dict[str, Any]] = {}
        self._lines: dict[str, list[dict[str, Any]]] = {}
        self._intent_facts: dict[str, dict[str, str]] = {}

    def create(self, params: Mapping[str, Any], *, now: int) -> dict[str, Any]:
        """Open a session in mode payment.

        Raises `Refusal`.
        """
        known_only(params, _KNOWN)
        if needed(params, "mode") != "payment":
            raise Refusal("The sandbox knows mode=payment only.", param="mode")
        name = new_id("cs_test")
        lines = [_line(given, name) for given in _items(params)]
        if len({line["currency"] for line in lines}) > 1:
            raise Refusal("All line items must be of one currency.", param="line_items")
        total = sum(line["amount_total"] for line in lines)
        session = {
            "id": name,
            "object": "checkout.session",
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "created": now,
            "currency": lines[0]["currency"],
            "customer": None,
            "expires_at": _expiry(params, now),
            "livemode": False,
            "locale": params.get("locale"),
            "metadata": dict(params.get("metadata") or {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "status": "open",
            "success_url": _url(needed(params, "success_url")),
            "url": f"{self._address}/c/pay/{name}",
        }
        intent = params.get("payment_intent_data") or {}
        with self.lock:
            self._sessions[name] = session
            self._lines[name] = lines
            self._intent_facts[name] = dict(intent.get("metadata") or {})
        return dict(session)

    def session(self, name: str) -> dict[str, Any]:
        """Return a session as it is now.

        Raises `Refusal`.
        """
        with self.lock:
            return dict(self._known(name))

    def lines(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of what a session is for.

        Raises `Refusal`.
        """
        self._known(name)
        url = f"/v1/checkout/sessions/{name}/line_items"
        return page_of(self._lines[name][::-1], asked, url=url)

    def title(self, name: str) -> str:
        """Return in words what a session is for."""
        return "、".join(str(line["description"]) for line in self._lines[name])

    def intent_facts(self, name: str) -> dict[str, str]:
        """Return what goes along with the payment of a session."""
        return self._intent_facts[name]

    def page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of sessions, the newest first.

        Raises `Refusal`.
        """
        with self.lock:
            found = [
                dict(session)
                for session in self._sessions.values()
                if asked.get("payment_intent") in {None, session["payment_intent"]}
            ]
        return page_of(found, asked, url="/v1/checkout/sessions")

    def complete(self, name: str, *, intent_id: str) -> dict[str, Any]:
        """Note that an open session was paid."""
        with self.lock:
            session = self._known(name)
            assert session["status"] == "open"
            session.update(
                status="complete",
                payment_status="paid",
                payment_intent=intent_id,
                url=None,
            )
            return dict(session)

    def expire(self, name: str) -> dict[str, Any]:
        """Close a session that is open.

        Raises `Refusal`.
        """
        with self.lock:
            session = self._known(name)
            if session["status"] != "open":
                raise Refusal(
                    "Only Checkout Sessions with a status in ['open'] can be expired."
                    f" This Checkout Session has a status of {session['status']}."
                )
            session.update(status="expired", url=None)
            return dict(session)

    def sweep(self, *, now: int) -> list[dict[str, Any]]:
        """Close what has stood open for too long; return it."""
        with self.lock:
            due = [
                name
                for name, session in self._sessions.items()
                if session["status"] == "open" and session["expires_at"] <= now
            ]
            return [self.expire(name) for name in due]

    def _known(self, name: str) -> dict[str, Any]:
        session = self._sessions.get(name)
        if session is None:
            raise Refusal(
                f"No such checkout.session: {name}",
                status=404,
                code="resource_missing",
                param="session",
            )
        return session


def _items(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    items = needed(params, "line_items")
    if not isinstance(items, list):
        raise Refusal("Invalid array", param="line_items")
    return items


def _line(given: Mapping[str, Any], session: str) -> dict[str, Any]:
    price = needed(given, "price_data")
    amount = whole(needed(price, "unit_amount"), name="unit_amount")
    quantity = whole(given.get("quantity", 1), name="quantity")
    if amount < 1 or quantity < 1:
        raise Refusal("Invalid positive integer", param="line_items")
    currency = str(needed(price, "currency")).lower()
    return {
        "id": new_id("li"),
        "object": "item",
        "amount_subtotal": amount * quantity,
        "amount_total": amount * quantity,
        "currency": currency,
        "description": needed(needed(price, "product_data"), "name"),
        "price": {
            "id": new_id("price"),
            "object": "price",
            "currency": currency,
            "unit_amount": amount,
        },
        "quantity": quantity,
        "session": session,
    }


def _expiry(params: Mapping[str, Any], now: int) -> int:
    if "expires_at" not in params:
        return now + EXPIRES_SECONDS_MAX
    expires_at = whole(params["expires_at"], name="expires_at")
    if expires_at < now + EXPIRES_SECONDS_MIN:
        raise Refusal(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout"
            " Session creation.",
            param="expires_at",
        )
    if expires_at > now + EXPIRES_SECONDS_MAX:
        raise Refusal(
            "The `expires_at` timestamp must be less than 24 hours from Checkout"
            " Session creation.",
            param="expires_at",
        )
    return expires_at


def _url(written: str) -> str:
    parts = urlsplit(written)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Refusal("Not a valid URL", code="url_invalid", param="success_url")
    return written
