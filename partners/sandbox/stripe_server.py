"""A Stripe of our own on loopback: API, hosted page, webhooks, and faults on demand.

Beside Stripe's own addresses it listens to `/_sandbox/…`, by which tests and people
make it unruly.
"""

import json
import time
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs

from partners.sandbox import stripe_pages as pages
from partners.sandbox.serving import HOST, Handler, Server
from partners.sandbox.stripe_api import Api
from partners.sandbox.stripe_cards import Card, refusal
from partners.sandbox.stripe_idempotency import Answer
from partners.sandbox.stripe_localstripe import LocalStripe, LocalStripeFailed
from partners.sandbox.stripe_sessions import Checkouts
from partners.sandbox.stripe_shapes import Refusal
from partners.sandbox.stripe_webhooks import Webhooks

SWEEP_SECONDS = 1.0
_PAY = "/c/pay/"
_PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class StripeSandbox:
    """The running sandbox; its `address` is what JIFEN_STRIPE_ADDRESS wants."""

    def __init__(
        self,
        *,
        port: int = 0,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
    ) -> None:
        self._ahead_seconds = 0
        self._silent_seconds = 0.0
        self._faults = {"lose_answers": 0, "unavailable": 0}  # how many are to come
        self._lock = Lock()
        self._over = Event()
        self._server = _Server((HOST, port), _Handler)  # first: the port may be taken
        self._server.sandbox = self
        self.address = self._server.address
        try:
            self.localstripe = LocalStripe()
        except BaseException:
            self._server.server_close()
            raise
        self.checkouts = Checkouts(self.address)
        self.webhooks = Webhooks(
            url=webhook_url, secret=webhook_secret, clock=self.clock
        )
        self.api = Api(
            localstripe=self.localstripe,
            checkouts=self.checkouts,
            webhooks=self.webhooks,
            clock=self.clock,
        )
        self._threads = [
            Thread(target=self._server.serve_forever, args=[0.1], daemon=True),
            Thread(target=self._sweep, daemon=True),
        ]

    def clock(self) -> int:
        """Return the sandbox's time, which may run ahead."""
        return int(time.time()) + self._ahead_seconds

    def __enter__(self) -> Self:
        self.webhooks.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self.webhooks.stop()
        for thread in self._threads:
            thread.join()
        self.localstripe.stop()

    def pay(self, name: str, card: Card) -> tuple[dict[str, Any], str | None]:
        """Pay a session once, if the card does; return why not, if it does not.

        Raises `Refusal`.
        """
        now = datetime.fromtimestamp(self.clock(), UTC)
        with self.checkouts.lock:
            session = self.checkouts.session(name)
            if session["status"] != "open" or session["expires_at"] <= self.clock():
                return session, None
            refused = refusal(card, today=(now.year, now.month))
            if refused is not None:
                return session, refused
            intent_id = self.api.charge(session)
            session = self.checkouts.complete(name, intent_id=intent_id)
        self.webhooks.emit("checkout.session.completed", session)
        return session, None

    def fault(self, name: str) -> bool:
        """Whether a fault of that name is due now; it is used up by the question."""
        with self._lock:
            left = self._faults[name]
            self._faults[name] = max(0, left - 1)
            return left > 0

    def be_silent(self) -> None:
        """Wait as long as was asked for before anything is answered."""
        self._over.wait(self._silent_seconds)

    def control(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        """Do what is told under `/_sandbox/`.

        Raises `Refusal`.
        """
        match path.removeprefix("/_sandbox/").split("/"):
            case ["webhooks"]:
                self.webhooks.url, self.webhooks.secret = told["url"], told["secret"]
            case ["faults"]:
                self._set_faults(told)
            case ["release"]:
                self.webhooks.release(reverse=bool(told.get("reverse")))
            case ["resend"]:
                self.webhooks.resend(str(told["event_id"]))
            case ["clock"]:
                self._ahead_seconds = int(told["ahead_seconds"])
                self._expire_due()
            case ["forget"]:
                self.api.keys.forget()
            case ["refunds", name]:
                self.api.set_refund(name, str(told["status"]))
            case ["state"]:
                pass
            case what:
                return self._money(what, told)
        return self.webhooks.state()

    def _money(self, what: list[str], told: dict[str, Any]) -> dict[str, Any]:
        """Do what is told of the balance.

        Raises `Refusal`.
        """
        match what:
            case ["balance"]:
                self._set_balance(told)
                return {}
            case ["movements"]:
                return self.api.balance.stray(told)
            case ["payouts"]:
                return self.api.pay_out()
            case ["payouts", name]:
                return self.api.balance.set_payout(name, told)
        raise Refusal(
            f"Unrecognized request URL: /_sandbox/{'/'.join(what)}", status=404
        )

    def _set_faults(self, told: dict[str, Any]) -> None:
        faults = self.webhooks.faults
        faults.duplicate = bool(told.get("duplicate", faults.duplicate))
        faults.hold = bool(told.get("hold", faults.hold))
        faults.delay_seconds = float(told.get("delay_seconds", faults.delay_seconds))
        self.api.refund_state = told.get("refund_state", self.api.refund_state)
        for name in self._faults:
            self._faults[name] = int(told.get(name, self._faults[name]))
        self._silent_seconds = float(told.get("silent_seconds", self._silent_seconds))

    def _set_balance(self, told: dict[str, Any]) -> None:
        balance = self.api.balance
        if told.pop("forget", False):
            balance.forget()
        for name, value in told.items():
            if not hasattr(balance.faults, name):
                raise Refusal(f"No such fault: {name}")
            setattr(balance.faults, name, int(value))

    def _sweep(self) -> None:
        while not self._over.wait(SWEEP_SECONDS):
            self._expire_due()

    def _expire_due(self) -> None:
        for session in self.checkouts.sweep(now=self.clock()):
            self.webhooks.emit("checkout.session.expired", session)


class _Server(Server):
    sandbox: StripeSandbox


class _Handler(Handler):
    server: _Server

    def answer(self, body: bytes) -> None:
        """Answer as the API, the control door or the payment page."""
        try:
            if self.path.startswith("/v1/"):
                return self._api(body)
            if self.path.startswith("/_sandbox/"):
                return self._control(body)
            return self._page(body)
        except LocalStripeFailed:
            return self.send(500, b'{"error": {"type": "api_error"}}', {})

    def _api(self, body: bytes) -> None:
        sandbox = self.server.sandbox
        if sandbox.fault("unavailable"):
            return self.send(503, b'{"error": {"type": "api_error"}}', {})
        answer = sandbox.api.answer(
            self.command,
            self.path,
            body,
            {name.title(): value for name, value in self.headers.items()},
        )
        sandbox.be_silent()
        # What was only asked can be asked again; what was done is the hard case.
        if self.command == "POST" and sandbox.fault("lose_answers"):
            self.close_connection = True
            return None
        return self._send_json(answer)

    def _control(self, body: bytes) -> None:
        try:
            found = self.server.sandbox.control(self.path, json.loads(body or b"{}"))
        except Refusal as refused:
            return self._send_json(
                Answer(refused.status, json.dumps(refused.body).encode())
            )
        except (KeyError, TypeError, ValueError) as error:
            told = {"error": {"message": f"{type(error).__name__}: {error}"}}
            return self._send_json(Answer(400, json.dumps(told).encode()))
        return self._send_json(Answer(200, json.dumps(found).encode()))

    def _page(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        if path == "/c/pay.css":
            style = {"Content-Type": "text/css; charset=utf-8"}
            return self.send(200, pages.STYLE.encode(), style)
        if not path.startswith(_PAY):
            return self.send(404, pages.unknown().encode(), _PAGE_HEADERS)
        if self.command == "POST":
            form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
            typed = Card(
                *(form.get(name, [""])[0] for name in ("number", "expiry", "cvc"))
            )
            return self._paid(path.removeprefix(_PAY), typed)
        return self._show(path.removeprefix(_PAY))

    def _show(self, name: str) -> None:
        checkouts = self.server.sandbox.checkouts
        try:
            session = checkouts.session(name)
        except Refusal:
            return self.send(404, pages.unknown().encode(), _PAGE_HEADERS)
        if session["status"] != "open":
            return self.send(200, pages.end(session).encode(), _PAGE_HEADERS)
        page = pages.form(session, what=checkouts.title(name), refused=None)
        return self.send(200, page.encode(), _PAGE_HEADERS)

    def _paid(self, name: str, card: Card) -> None:
        checkouts = self.server.sandbox.checkouts
        try:
            session, refused = self.server.sandbox.pay(name, card)
        except Refusal:
            return self.send(404, pages.unknown().encode(), _PAGE_HEADERS)
        if refused is not None:
            page = pages.form(session, what=checkouts.title(name), refused=refused)
            return self.send(402, page.encode(), _PAGE_HEADERS)
        if session["status"] != "complete":
            return self.send(410, pages.end(session).encode(), _PAGE_HEADERS)
        landing = pages.landing(session["success_url"], session) or ""
        return self.send(303, b"", {"Location": landing, "Cache-Control": "no-store"})

    def _send_json(self, answer: Answer) -> None:
        headers = {"Content-Type": "application/json"}
        if answer.is_replayed:
            headers["Idempotent-Replayed"] = "true"
        self.send(answer.status, answer.body, headers)
