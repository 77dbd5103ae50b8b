"""An airline of our own on loopback: members, validations, miles, reversals."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from partners.matching import NameMatch, PersonName, match_names
from partners.sandbox.balances import told_balance
from partners.sandbox.orders import Effect, Order, Refused, State
from partners.sandbox.partner_server import PartnerSandbox, Question, Route

VALIDATION_SECONDS = 600
_VERDICTS = {
    NameMatch.SAME: "valid",
    NameMatch.REVIEW: "review",
    NameMatch.DIFFERENT: "invalid",
}


@dataclass(slots=True)
class Member:
    """Somebody who flies."""

    number: str
    family_name: str
    given_name: str
    miles: int = 0
    is_open: bool = True  # False: credits are refused
    expiring: dict[str, int] = field(default_factory=dict)  # miles by last good day


@dataclass(slots=True)
class Validation:
    """That name and number belonged together, a moment ago; good for one order."""

    id: str
    number: str
    until: float  # of the monotonic clock
    used_by: str | None = None  # the reference; None: not yet


def members_of_the_house() -> list[Member]:
    """Return those who are always there, for development and the demo."""
    return [
        Member("MU600000000015", "CHEN", "MEI", 20_000, expiring={"2026-12-31": 3_000}),
        Member("MU600000000023", "ZHAO", "XIAOMING", 5_000),
        Member("MU600000000031", "WANG", "FANG"),
        Member("MU600000000049", "LI", "NA"),
    ]


@dataclass(slots=True)
class _Books:
    members: dict[str, Member] = field(default_factory=dict)
    validations: dict[str, Validation] = field(default_factory=dict)


class AirlineSandbox(PartnerSandbox):
    """The running airline."""

    def __init__(self, **facts: Any) -> None:
        self._books = _Books()
        self._open()
        super().__init__(**facts)

    def routes(self) -> Sequence[Route]:
        """Return what an airline can be asked."""
        return (
            ("POST", "/v1/member-validations", self._validate),
            ("POST", "/v1/credits", self._credit),
            ("POST", "/v1/debits", self._debit),
            ("POST", "/v1/reversals", self._reverse),
            ("GET", "/v1/transactions", self._transaction),
            ("GET", "/v1/balances", self._balance),
        )

    def tell_inside(self) -> dict[str, Any]:
        """Return the members with their miles."""
        with self.orders.lock:
            members = self._books.members.values()
            return {"members": {member.number: asdict(member) for member in members}}

    def act(self, what: str, told: Mapping[str, Any]) -> object:
        """Take a member in, or change one: `members`, with what is to be.

        Raises `Refused`.
        """
        if what != "members":
            return super().act(what, told)
        with self.orders.lock:
            member = Member(**told)
            self._books.members[member.number] = member
        return member.number

    def forget(self) -> None:
        """Begin anew with the members of the house."""
        with self.orders.lock:
            super().forget()
            self._books = _Books()
            self._open()

    def _open(self) -> None:
        for member in members_of_the_house():
            self._books.members[member.number] = member

    def _validate(self, asked: Question) -> tuple[int, dict[str, Any]]:
        number = asked.needed("memberId")
        name = PersonName(asked.needed("familyName"), asked.needed("givenName"))
        with self.orders.lock:
            member = self._books.members.get(number)
            if member is None:
                return 201, {"status": "invalid", "reason": "unknown number"}
            theirs = PersonName(member.family_name, member.given_name)
            verdict = _VERDICTS[match_names(name, theirs)]
            if verdict != "valid":
                return 201, {"status": verdict, "reason": "the name differs"}
            validation = Validation(
                f"MV{secrets.token_hex(8)}",
                number,
                until=time.monotonic() + VALIDATION_SECONDS,
            )
            self._books.validations[validation.id] = validation
        return 201, {"id": validation.id, "status": "valid", "memberId": number}

    def _credit(self, asked: Question) -> tuple[int, dict[str, Any]]:
        return self._order("credit", asked, sign=1)

    def _debit(self, asked: Question) -> tuple[int, dict[str, Any]]:
        return self._order("debit", asked, sign=-1)

    def _order(
        self, kind: str, asked: Question, *, sign: int
    ) -> tuple[int, dict[str, Any]]:
        number, miles = asked.needed("memberId"), asked.needed("miles", int)
        if miles <= 0:
            raise Refused(422, "invalid", "miles are above zero")
        # Not the validation: an order that is asked for again may rest on another.
        facts = {
            "memberId": number,
            "miles": miles,
            "activity": asked.needed("activity"),
            "activityDate": asked.needed("activityDate"),
            "isBase": asked.needed("isBase", bool),
        }
        reference = asked.reference
        validation = asked.told.get("memberValidation")

        def do() -> str | None:
            return self._use(validation, number, reference) or self._move(
                number, sign * miles
            )

        def undo() -> str | None:
            if self._reversed(reference):
                return "some of it was given back"
            return self._move(number, -sign * miles)

        return _told(
            self.orders.place(kind, reference, facts, Effect(do, undo), amount=miles)
        )

    def _reverse(self, asked: Question) -> tuple[int, dict[str, Any]]:
        name, miles = asked.needed("original"), asked.needed("miles", int)
        if miles <= 0:
            raise Refused(422, "invalid", "miles are above zero")
        facts = {"original": name, "miles": miles}

        def do() -> str | None:
            return self._give_back(name, miles)

        def undo() -> str | None:
            original = self.orders.get(name)
            return self._move(original.facts["memberId"], _sign(original) * miles)

        order = self.orders.place(
            "reversal", asked.reference, facts, Effect(do, undo), amount=miles
        )
        return _told(order)

    def _transaction(self, asked: Question) -> tuple[int, dict[str, Any]]:
        return 200, self.orders.get(asked.reference).told()

    def _balance(self, asked: Question) -> tuple[int, dict[str, Any]]:
        number = asked.query.get("account", "")
        with self.orders.lock:
            member = self._books.members.get(number)
            if member is None:
                raise Refused(404, "unknown_reference", "there is no such member")
            return 200, told_balance(number, "MILE", member.miles, member.expiring)

    def _give_back(self, name: str, miles: int) -> str | None:
        """Undo some miles of an order; return why not."""
        try:
            original = self.orders.get(name)
        except Refused:
            return "nothing to reverse"
        if original.kind == "reversal" or original.state is not State.SUCCESS:
            return "nothing to reverse"
        if self._reversed(name) + miles > original.facts["miles"]:
            return "more than was ordered"
        return self._move(original.facts["memberId"], -_sign(original) * miles)

    def _reversed(self, name: str) -> int:
        """Return how many miles of an order were given back."""
        return sum(
            int(order.facts["miles"])
            for order in self.orders.of_kind("reversal")
            if order.facts["original"] == name and order.state is State.SUCCESS
        )

    def _use(self, validation_id: object, number: str, reference: str) -> str | None:
        """Use a validation up for one order; return why not."""
        validation = self._books.validations.get(str(validation_id))
        if validation is None or validation.number != number:
            return "no validation of this member"
        if validation.used_by not in {None, reference}:
            return "the validation is used"
        if validation.until < time.monotonic():
            return "the validation is too old"
        validation.used_by = reference
        return None

    def _move(self, number: str, miles: int) -> str | None:
        """Credit miles, or take them; return why not."""
        member = self._books.members.get(number)
        if member is None or not member.is_open:
            return "the account is closed"
        if member.miles + miles < 0:
            return "too few miles"
        member.miles += miles
        return None


def _sign(order: Order) -> int:
    return -1 if order.kind == "debit" else 1


def _told(order: Order) -> tuple[int, dict[str, Any]]:
    return 202 if order.state is State.PENDING else 201, order.told()
