"""An alliance of an airline and a bank, and members who exchange with them."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.access.operations import issue_code, verify_code
from loyalty.approvals.operations import approve
from loyalty.exchange import cards, delivery, linking, operations, quotes
from loyalty.exchange.models import Exchange, RateCard
from loyalty.exchange.quotes import Quote
from loyalty.exchange.rules import RateFacts
from loyalty.finance.queries import month_report
from loyalty.keyring import Keyring
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import TIME_ZONE
from partners.matching import PersonName
from partners.ports import (
    AirlineMember,
    MilesOrder,
    MilesReversal,
    Outcome,
    Receipt,
)

KEYRING = Keyring(b"a secret of tests, and of nothing else")
NOON = datetime(2007, 10, 15, 12, tzinfo=TIME_ZONE)
TODAY = NOON.date()
TOMORROW = TODAY + timedelta(days=1)
A_DAY, A_MINUTE = timedelta(days=1), timedelta(minutes=1)
SENT_AT = NOON + A_DAY  # the first exchange to an account waits a day
WANG = PersonName(family="王", given="小明")

# T7: ten points for a mile, which costs 0.0800 yuan.
TO_MILES = RateFacts(
    from_unit="UNI",
    to_unit="MILE",
    points_num=1,
    points_den=10,
    min_units=1_000,
    step_units=1_000,
    max_units=50_000,
    fen_num=8,
    fen_den=1,
    valid_from=TODAY,
)
# T8: ten bank points for one of ours; the bank pays 0.0090 yuan for it, of which
# 0.0010 is for the service.
FROM_BANK = RateFacts(
    from_unit="CEB_POINT",
    to_unit="CUP",
    points_num=1,
    points_den=10,
    min_units=1_000,
    step_units=1_000,
    max_units=1_000_000,
    fen_num=9,
    fen_den=100,
    service_fen_num=1,
    service_fen_den=100,
    valid_from=TODAY,
)
# Miles come back at less than they cost.
FROM_MILES = replace(
    TO_MILES,
    from_unit="MILE",
    to_unit="UNI",
    points_num=5,
    points_den=1,
    min_units=100,
    step_units=100,
    max_units=10_000,
    fen_num=6,
)


@dataclass
class Carrier:
    """An airline that keeps its own books, and answers as it is told to.

    What is told of a question is what it says, and whether it does what it was asked;
    told nothing, it does it and says so. The first answer to a reference is kept.
    """

    told: deque[tuple[Outcome, bool]] = field(default_factory=deque)
    valid: Outcome = Outcome.CONFIRMED
    knows: bool = True  # False: says of nothing that it knows it
    miles: dict[str, int] = field(default_factory=dict)  # by reference; debits negative
    refused: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    validations: int = 0

    @property
    def balance(self) -> int:
        return sum(self.miles.values())

    def tell(self, outcome: Outcome, *, done: bool) -> None:
        self.told.append((outcome, done))

    def validate_member(self, member: AirlineMember) -> Receipt:
        assert (member.family_name, member.given_name) == (WANG.family, WANG.given)
        self.asked.append("validate")
        self.validations += 1
        return Receipt(self.valid, partner_ref=f"val-{self.validations}")

    def credit(self, order: MilesOrder) -> Receipt:
        assert order.validation_ref == f"val-{self.validations}"
        return self._move("credit", order.reference, order.miles)

    def debit(self, order: MilesOrder) -> Receipt:
        assert order.validation_ref == f"val-{self.validations}"
        return self._move("debit", order.reference, -order.miles)

    def reverse(self, order: MilesReversal) -> Receipt:
        original = self.miles.get(order.original)
        if original is None:
            return Receipt(Outcome.DECLINED)
        return self._move(
            "reverse", order.reference, -order.miles if original > 0 else order.miles
        )

    def look_up(self, reference: str) -> Receipt:
        self.asked.append("look_up")
        if self.told:
            outcome, _ = self.told.popleft()
            return Receipt(outcome)
        if reference in self.refused:
            return Receipt(Outcome.DECLINED)
        is_there = self.knows and reference in self.miles
        return Receipt(Outcome.CONFIRMED if is_there else Outcome.ABSENT)

    def _move(self, what: str, reference: str, miles: int) -> Receipt:
        self.asked.append(what)
        outcome, done = Outcome.CONFIRMED, True
        if self.told:
            outcome, done = self.told.popleft()
        if outcome is Outcome.DECLINED:
            self.refused.add(reference)
        if done:
            self.miles.setdefault(reference, miles)
        return Receipt(outcome, partner_ref=f"their-{reference}")


@dataclass
class Alliance:
    """What tests do with members and exchanges, through the use cases alone."""

    session: Session
    next_member: int = 0

    def open(self) -> None:
        """Open it: the terms, an airline, a bank, two who decide, and the rates."""
        load_terms(self.session, terms=starting_terms(), at=NOON)
        for partner, kind, name in (
            ("MU", "airline", "东方航空"),
            ("CEB", "bank", "光大银行"),
        ):
            self.session.execute(
                text(
                    "INSERT INTO partner (partner, kind, name)"
                    " VALUES (:partner, :kind, :name)"
                ),
                {"partner": partner, "kind": kind, "name": name},
            )
        self.maker, self.checker = (self.staff(name) for name in ("maker", "checker"))
        self.rate("MU", "out", TO_MILES)
        self.rate("MU", "in", FROM_MILES)
        self.rate("CEB", "in", FROM_BANK)

    def staff(self, login: str) -> int:
        staff_id = self.session.scalar(
            text(
                "INSERT INTO staff (login, name, roles, password_hash, created_at)"
                " VALUES (:login, :login, '{finance_maker}', '', now())"
                " RETURNING staff_id"
            ),
            {"login": login},
        )
        assert staff_id is not None
        return int(staff_id)

    def draft(self, partner: str, direction: str, facts: RateFacts) -> RateCard:
        return cards.draft_card(
            self.session, partner=partner, direction=direction, facts=facts, at=NOON
        )

    def ask(self, card: RateCard, *, at: datetime) -> Any:
        return cards.ask_approval(
            self.session,
            partner=card.partner,
            direction=card.direction,
            version=card.version,
            reason="agreed",
            maker=self.maker,
            at=at,
        )

    def rate(self, partner: str, direction: str, facts: RateFacts) -> RateCard:
        """Have a card drafted, asked for and approved in time for its first day."""
        at = datetime.combine(facts.valid_from, NOON.timetz()) - A_DAY
        card = self.draft(partner, direction, facts)
        asked = self.ask(card, at=at)
        cards.apply_approval(self.session, approval=self.approve(asked, at=at), at=at)
        return card

    def approve(self, asked: Any, *, at: datetime) -> Any:
        """Have the other person agree."""
        return approve(
            self.session,
            approval_id=asked.approval_id,
            checker=self.checker,
            note=None,
            at=at,
        )

    def member(self, points: int = 0, *, name: str = "王小明", **lots: int) -> int:
        """Bring a person in, with points of several units if told."""
        self.next_member += 1
        member_id = self.session.scalar(
            text(
                "INSERT INTO member (member_ref, joined_on)"
                " VALUES (:ref, '2005-01-01') RETURNING member_id"
            ),
            {"ref": f"M{self.next_member}"},
        )
        assert member_id is not None
        self.session.execute(
            text(
                "INSERT INTO person (member_id, name, id_hash)"
                " VALUES (:member, :name, '')"
            ),
            {"member": member_id, "name": name},
        )
        Book(self.session).open([member_id], opened_on=date(2005, 1, 1))
        for unit, amount in {"CUP": points, **lots}.items():
            if amount:
                self.earn(member_id, amount, unit=unit)
        return int(member_id)

    def earn(
        self,
        member_id: int,
        points: int,
        *,
        unit: str = "CUP",
        until: date | None = date(2010, 10, 31),
        issuer: str = "operator",
    ) -> None:
        """Give a member points, in a lot."""
        lot = Lot(issuer, issuer, "opening", date(2007, 9, 1), until)
        Book(self.session).post(
            Entry(
                member_id=member_id,
                reference=f"opening:{uuid4()}",
                kind="opening",
                transfers=(Transfer("issued", "available", (unit,), points, lot),),
                effective_on=date(2007, 9, 1),
                occurred_at=NOON,
                actor="test",
            )
        )

    def owe(self, member_id: int, points: int) -> None:
        """Take more back from a member than is there."""
        lot = Lot("CEB", "CEB", "opening", date(2007, 9, 1), None)
        Book(self.session).post(
            Entry(
                member_id=member_id,
                reference=f"refund:{uuid4()}",
                kind="activity_refund",
                transfers=(
                    Transfer("available", "issued.partner:CEB", ("CUP",), points, lot),
                ),
                effective_on=date(2007, 10, 1),
                occurred_at=NOON,
                actor="test",
            )
        )

    def spend(self, member_id: int, points: int) -> None:
        """Have a member redeem points."""
        book = Book(self.session)
        book.post(
            Entry(
                member_id=member_id,
                reference=f"redemption:{uuid4()}",
                kind="redemption",
                transfers=(
                    book.draw(
                        to="redeemed.product", units=("CUP", "UNI"), amount=points
                    ),
                ),
                effective_on=TODAY,
                occurred_at=NOON,
                actor="test",
            )
        )

    def leave(self, member_id: int) -> None:
        """Have a member leave the network; what is held stays so far."""
        self.session.execute(
            text("UPDATE member SET left_on = :on WHERE member_id = :member"),
            {"on": TODAY, "member": member_id},
        )

    def bind(
        self,
        member_id: int,
        number: str = "MU600001",
        *,
        outcome: Outcome = Outcome.CONFIRMED,
        name: PersonName = WANG,
        at: datetime = NOON,
    ) -> Any:
        """Have a number asked for, and the airline answer."""
        row = linking.ask(
            self.session,
            member_id=member_id,
            partner="MU",
            account_ref=number,
            name=name,
            keyring=KEYRING,
            at=at,
        )
        return linking.settle(
            self.session,
            member_id=member_id,
            partner="MU",
            nth=row.nth,
            receipt=Receipt(outcome),
            at=at,
        )

    def link(self, member_id: int, account_ref: str, partner: str = "CEB") -> str:
        """Link an account whose name nobody needs, such as a bank's token."""
        for statement in (
            """
            INSERT INTO claim (space, key, member_id, content)
            VALUES ('account', :partner || '/' || :account, :member, gen_random_uuid())
            """,
            """
            INSERT INTO link (member_id, partner, account_ref, linked_on)
            VALUES (:member, :partner, :account, '2007-10-01')
            """,
        ):
            self.session.execute(
                text(statement),
                {"member": member_id, "partner": partner, "account": account_ref},
            )
        return account_ref

    def quote(
        self,
        units: int,
        *,
        account: str = "MU600001",
        partner: str = "MU",
        units_of: str = "UNI",
        into: str = "MILE",
        at: datetime = NOON,
    ) -> Quote:
        return quotes.make(
            self.session,
            partner=partner,
            account_ref=account,
            from_unit=units_of,
            to_unit=into,
            units=units,
            at=at,
        )

    def request(self, member_id: int, quote: Quote, *, at: datetime = NOON) -> Exchange:
        """Have a member confirm a quote and ask for it."""
        self.confirm(member_id, operations.bound(quote), at=at)
        return operations.request(
            self.session, member_id=member_id, quote=quote, at=at
        ).exchange

    def confirm(self, member_id: int, bound: str, *, at: datetime = NOON) -> None:
        """Have a member confirm something with a code."""
        self.session.execute(
            text(
                "UPDATE one_time_code SET created_at = created_at - interval '1 day'"
                " WHERE member_id = :member"
            ),
            {"member": member_id},
        )
        issued = issue_code(
            self.session,
            member_id=member_id,
            purpose="confirm",
            bound=bound,
            keyring=KEYRING,
            at=at,
        )
        assert verify_code(
            self.session,
            code_id=issued.code_id,
            code=issued.code,
            keyring=KEYRING,
            at=at,
        )

    def out(self, member_id: int, units: int = 10_000, *, at: datetime = NOON) -> str:
        """Ask for points to become miles; return the exchange's name."""
        return self.request(member_id, self.quote(units, at=at), at=at).exchange_ref

    def into(self, member_id: int, miles: int = 1_000, *, at: datetime = NOON) -> str:
        """Ask for miles to become points; return the exchange's name."""
        quote = self.quote(miles, units_of="MILE", into="UNI", at=at)
        return self.request(member_id, quote, at=at).exchange_ref

    def step(
        self, carrier: Carrier, member_id: int, ref: str, *, at: datetime
    ) -> str | None:
        """Put one question, if there is one; return which."""
        key: dict[str, Any] = {"member_id": member_id, "exchange_ref": ref, "at": at}
        ask = operations.claim(self.session, keyring=KEYRING, **key)
        if ask is None:
            return None
        receipt = delivery.put(carrier, ask)
        operations.settle(self.session, ask=ask, receipt=receipt, **key)
        return str(ask.what)

    def advance(
        self, carrier: Carrier, member_id: int, ref: str, *, at: datetime
    ) -> str:
        """Ask all that can be asked now; return the state it came to."""
        for _ in range(8):
            if self.step(carrier, member_id, ref, at=at) is None:
                break
        return self.state(member_id, ref)

    def state(self, member_id: int, ref: str) -> str:
        (row,) = self.rows(
            "SELECT state FROM exchange WHERE member_id = :m AND exchange_ref = :r",
            m=member_id,
            r=ref,
        )
        state: str = row[0]
        return state

    def reason(self, member_id: int, ref: str) -> str | None:
        rows = self.rows(
            "SELECT reason FROM exchange_event WHERE member_id = :m"
            " AND exchange_ref = :r ORDER BY nth DESC LIMIT 1",
            m=member_id,
            r=ref,
        )
        reason: str | None = rows[0][0]
        return reason

    def available(self, member_id: int) -> int:
        return sum(self.balance(member_id, unit).available for unit in ("CUP", "UNI"))

    def held(self, member_id: int) -> int:
        return sum(self.balance(member_id, unit).held for unit in ("CUP", "UNI"))

    def balance(self, member_id: int, unit: str) -> Any:
        return Book(self.session).balance(member_id, unit)

    def lots(self, member_id: int) -> list[tuple[Any, ...]]:
        return [
            (lot.unit, lot.issuer, lot.cost_class, lot.expires_on, lot.units_left)
            for lot in Book(self.session).lots(member_id)
        ]

    def report(self, month: date = date(2007, 10, 1)) -> dict[str, Any]:
        """Return the month's report, once the books are proved."""
        assert Book(self.session).prove() == []
        return month_report(self.session, month)

    def rows(self, statement: str, **facts: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.execute(text(statement), facts)]
