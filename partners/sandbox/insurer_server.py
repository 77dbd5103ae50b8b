"""An insurer of our own on loopback: policies, certificates, free look, bills."""

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from partners.ports import InsuranceClass, PolicyTerms
from partners.sandbox.orders import Effect, Order, Refused, State
from partners.sandbox.partner_server import PartnerSandbox, Question, Route

AGE_MIN, AGE_MAX = 18, 65
_BIRTHDAY = re.compile(r"[0-9]{6}([0-9]{8})[0-9]{3}[0-9X]")  # of an identity number


@dataclass(slots=True)
class Product:
    """A cover that can be had, at what we pay for one."""

    premium_fen: int
    months: int = 12
    free_look_days: int = 15
    one_each: bool = False  # whether a person may have only one at a time


@dataclass(slots=True)
class Policy:
    """A policy, and until when it can be given back."""

    policy_no: str
    reference: str
    product: str
    insured_id: str
    premium_fen: int  # for all of it
    issued_on: date
    free_look_until: date
    canceled_on: date | None = None  # None: it is in force


def products_of_the_house() -> dict[str, Product]:
    """Return what is always to be had: the decks' two offers (domain.md A19, A20)."""
    return {"INS-A": Product(20_00), "INS-B": Product(40_00)}


@dataclass(slots=True)
class _Books:
    products: dict[str, Product] = field(default_factory=products_of_the_house)
    policies: dict[str, Policy] = field(default_factory=dict)  # by our reference
    today: date | None = None  # None: each policy lives on its own first day
    drawn_up: set[str] | None = None  # months with a bill; None: every one


class InsurerSandbox(PartnerSandbox):
    """The running insurer."""

    def __init__(self, **facts: Any) -> None:
        self._books = _Books()
        super().__init__(**facts)

    def routes(self) -> Sequence[Route]:
        """Return what an insurer can be asked."""
        return (
            ("POST", "/v1/eligibility-checks", self._check_applicant),
            ("POST", "/v1/policies", self._issue),
            ("GET", "/v1/policies", self._policy),
            ("POST", "/v1/cancelations", self._cancel),
            ("GET", "/v1/certificates", self._certificate),
            ("GET", "/v1/bills", self._bill),
        )

    def tell_inside(self) -> dict[str, Any]:
        """Return the policies, by our reference."""
        with self.orders.lock:
            return {
                "policies": {
                    name: {k: str(v) for k, v in asdict(policy).items()}
                    for name, policy in self._books.policies.items()
                }
            }

    def act(self, what: str, told: Mapping[str, Any]) -> object:
        """Offer `products`, say what day it is (`today`), draw up `bills` of months.

        Raises `Refused`.
        """
        with self.orders.lock:
            match what:
                case "products":
                    self._books.products[told["product"]] = Product(
                        **{k: v for k, v in told.items() if k != "product"}
                    )
                case "today":
                    self._books.today = date.fromisoformat(told["on"])
                case "bills":
                    self._books.drawn_up = set(told["periods"])
                case _:
                    return super().act(what, told)
        return None

    def forget(self) -> None:
        """Begin anew with the products of the house."""
        with self.orders.lock:
            super().forget()
            self._books = _Books()

    def _check_applicant(self, asked: Question) -> tuple[int, dict[str, Any]]:
        with self.orders.lock:
            reason = self._unfit(
                asked.needed("product"),
                asked.needed("insuredId"),
                _day(asked.needed("startsOn")),
            )
        if reason is not None:
            return 200, {"status": "ineligible", "reason": reason}
        return 200, {"status": "eligible"}

    def _issue(self, asked: Question) -> tuple[int, dict[str, Any]]:
        reference, product = asked.reference, asked.needed("product")
        quantity = asked.needed("quantity", int)
        starts_on = _day(asked.needed("startsOn"))
        insured_id = asked.needed("insuredId")
        facts = {
            "product": product,
            "quantity": quantity,
            "insuredName": asked.needed("insuredName"),
            "insuredId": insured_id,
            "startsOn": starts_on.isoformat(),
            "terms": _terms(asked.told.get("terms")),
        }

        def do() -> str | None:
            reason = self._unfit(product, insured_id, starts_on)
            if reason is None:
                self._write(reference, product, insured_id, quantity, starts_on)
            return reason

        def undo() -> str | None:
            return self._give_back(reference)

        order = self.orders.place("policy", reference, facts, Effect(do, undo))
        return _told(order)

    def _policy(self, asked: Question) -> tuple[int, dict[str, Any]]:
        with self.orders.lock:
            order = self.orders.get(asked.reference)
            if order.kind != "policy":
                raise Refused(404, "unknown_reference", "no policy has this reference")
            policy = self._books.policies.get(asked.reference)
            told = order.told()
            if policy is not None and policy.canceled_on is not None:
                told |= {"status": "canceled", "reason": "canceled"}
            return 200, told

    def _cancel(self, asked: Question) -> tuple[int, dict[str, Any]]:
        original, policy_no = asked.needed("original"), asked.needed("policyNo")
        facts = {"original": original, "policyNo": policy_no}

        def do() -> str | None:
            policy = self._books.policies.get(original)
            if policy is None or policy.policy_no != policy_no:
                return "unknown policy number"
            return self._give_back(original)

        def undo() -> str | None:
            self._books.policies[original].canceled_on = None
            return None

        effect = Effect(do, undo)
        return _told(self.orders.place("cancelation", asked.reference, facts, effect))

    def _certificate(self, asked: Question) -> tuple[int, dict[str, Any]]:
        with self.orders.lock:
            policy = self._books.policies.get(asked.query.get("reference", ""))
            if policy is None:
                raise Refused(404, "unknown_reference", "no policy has this reference")
            content = base64.b64encode(_paper(policy)).decode()
        return 200, {"contentType": "application/pdf", "content": content}

    def _bill(self, asked: Question) -> tuple[int, dict[str, Any]]:
        period = asked.query.get("period", "")
        with self.orders.lock:
            drawn_up = self._books.drawn_up
            if drawn_up is not None and period not in drawn_up:
                return 202, {"period": period}
            lines = [
                line
                for policy in self._books.policies.values()
                for line in _events(policy)
                if line["happenedOn"].startswith(f"{period}-")
            ]
        total = sum(line["amountFen"] for line in lines)
        return 200, {"period": period, "lines": lines, "totalFen": total}

    def _unfit(self, product: str, insured_id: str, starts_on: date) -> str | None:
        """Return why somebody cannot have a cover; None: they can."""
        cover = self._books.products.get(product)
        if cover is None:
            return "unknown product"
        match = _BIRTHDAY.fullmatch(insured_id)
        if match is None:
            return "no identity number"
        try:
            born = date.fromisoformat(match[1])
        except ValueError:
            return "no identity number"
        had = (starts_on.month, starts_on.day) < (born.month, born.day)
        age = starts_on.year - born.year - had
        if not AGE_MIN <= age <= AGE_MAX:
            return "the age is not insured"
        has_one = any(
            policy.product == product
            and policy.insured_id == insured_id
            and policy.canceled_on is None
            for policy in self._books.policies.values()
        )
        return "has one already" if cover.one_each and has_one else None

    def _write(
        self,
        reference: str,
        product: str,
        insured_id: str,
        quantity: int,
        starts_on: date,
    ) -> None:
        cover = self._books.products[product]
        issued_on = starts_on - timedelta(days=1)
        policy = Policy(
            policy_no=f"PA{secrets.randbelow(10**13):013d}",
            reference=reference,
            product=product,
            insured_id=insured_id,
            premium_fen=cover.premium_fen * quantity,
            issued_on=issued_on,
            free_look_until=issued_on + timedelta(days=cover.free_look_days),
        )
        self._books.policies[reference] = policy
        self.orders.get(reference).id = policy.policy_no

    def _give_back(self, reference: str) -> str | None:
        """Cancel a policy; return why not."""
        policy = self._books.policies[reference]
        on = self._books.today or policy.issued_on
        if policy.canceled_on is not None:
            return "canceled already"
        if on > policy.free_look_until:
            return "the free look is over"
        policy.canceled_on = on
        return None


def _terms(told: object) -> dict[str, Any] | None:
    """Return the terms that were asked for, if they may be given away.

    Raises `Refused`.
    """
    if told is None:
        return None
    try:
        assert isinstance(told, dict)
        terms = PolicyTerms(
            InsuranceClass(told["class"]), told["months"], told["premiumFen"]
        )
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        raise Refused(422, "invalid", f"no such terms: {error}") from error
    return {
        "class": str(terms.insurance_class),
        "months": terms.term_months,
        "premiumFen": terms.premium_fen,
    }


def _events(policy: Policy) -> list[dict[str, Any]]:
    known = {
        "policyNo": policy.policy_no,
        "reference": policy.reference,
        "product": policy.product,
    }
    issued = known | {
        "event": "issued",
        "happenedOn": policy.issued_on.isoformat(),
        "amountFen": policy.premium_fen,
    }
    if policy.canceled_on is None:
        return [issued]
    canceled = known | {
        "event": "canceled",
        "happenedOn": policy.canceled_on.isoformat(),
        "amountFen": -policy.premium_fen,
    }
    return [issued, canceled]


def _paper(policy: Policy) -> bytes:
    """Return a certificate as a page of PDF, written by hand: it is only words."""
    words = f"{policy.product} {policy.policy_no} from {policy.issued_on}"
    text = f"BT /F1 18 Tf 72 760 Td ({words}) Tj ET"
    parts = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
            "/Resources<</Font<</F1 5 0 R>>>>>>"
        ),
        f"<</Length {len(text)}>>stream\n{text}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    paper, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(paper))
        paper += f"{number} 0 obj{part}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    return (
        paper
        + f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}"
        f"trailer<</Size {len(parts) + 1}/Root 1 0 R>>\n"
        f"startxref\n{len(paper)}\n%%EOF\n".encode()
    )


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise Refused(400, "invalid", "no day") from error


def _told(order: Order) -> tuple[int, dict[str, Any]]:
    return 202 if order.state is State.PENDING else 201, order.told()
