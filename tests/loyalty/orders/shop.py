"""A shop with the starting items, and members who buy in it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.access.operations import issue_code, verify_code
from loyalty.catalogue.operations import load_items
from loyalty.finance.queries import month_report
from loyalty.keyring import Keyring
from loyalty.orders import operations
from loyalty.orders.operations import Placed
from loyalty.orders.quotes import quote
from loyalty.orders.rules import Recipient, binding, recipient_hint
from loyalty.payments.operations import record_event
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import TIME_ZONE
from partners.ports import PaymentEvent

KEYRING = Keyring(b"a secret of tests, and of nothing else")
NOON = datetime(2007, 10, 15, 12, tzinfo=TIME_ZONE)
TODAY = NOON.date()
TOMORROW = TODAY + timedelta(days=1)

INSURED = Recipient(
    insured_name="王小明", insured_id="440106198001011234", consent=True
)
AT_HOME = Recipient(name="王芳", phone="13300000001", address="广州市天河路 1 号")
TO_PLAY = Recipient(on_day=TOMORROW)

MUG: dict[str, Any] = {
    "item_code": "MUG",
    "title_zh": "马克杯",
    "title_en": "Mug",
    "family": "NON_TELECOM",
    "kind": "PRODUCT",
    "fulfilment": "DELIVERY",
    "points": 1_000,
    "mix_points": 333,
    "mix_cash_fen": 1_001,
    "market_fen": 3_000,
    "settlement_fen": 1_500,
    "partner": "SHOP",
    "cost_treatment": "POINTS_ACCRUAL",
    "account": "redeemed.product",
}
# Our own, so that a sign-in of the last minutes is enough.
TICKET: dict[str, Any] = {
    "item_code": "TICKET",
    "title_zh": "话费券",
    "title_en": "Airtime ticket",
    "family": "TELECOM",
    "kind": "VAS",
    "fulfilment": "VOUCHER",
    "points": 100,
    "market_fen": 100,
    "settlement_fen": 0,
    "cost_treatment": "NO_REVENUE_EFFECT",
    "account": "redeemed.telecom",
}


def ref() -> str:
    """Return the name of a new order."""
    return uuid4().hex


@dataclass
class Shop:
    """What tests do with members and orders, through the use cases alone."""

    session: Session
    next_member: int = 0

    def open(self) -> None:
        """Open it on the starting terms."""
        terms = starting_terms()
        load_terms(self.session, terms=terms, at=NOON)
        load_items(self.session, items=terms["item"])

    def sell(self, item: dict[str, Any], **other: Any) -> str:
        """Put an item on sale; what is not told is as the item has it."""
        load_items(self.session, items=[item | other])
        code: str = (item | other)["item_code"]
        return code

    def member(self, points: int = 0, *, brand: str = "up", **lots: int) -> int:
        """Bring a person in, with points of two lots if told by name of unit."""
        self.next_member += 1
        number = self.next_member
        member_id = self.session.scalar(
            text(
                "INSERT INTO member (member_ref, joined_on)"
                " VALUES (:ref, '2005-01-01') RETURNING member_id"
            ),
            {"ref": f"M{number}"},
        )
        assert member_id is not None
        facts = {"member": member_id, "brand": brand, "msisdn": f"133{number:08}"}
        self.session.execute(
            text(
                "INSERT INTO person (member_id, name, id_hash) VALUES (:member, '', '')"
            ),
            facts,
        )
        self.session.execute(
            text(
                "INSERT INTO subscription (member_id, msisdn, activated_on, network,"
                " brand, pay_type, state_at, content) VALUES (:member, :msisdn,"
                " '2005-01-01', 'CDMA', :brand, 'postpaid', '2005-01-01',"
                " gen_random_uuid())"
            ),
            facts,
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

    def staff(self, login: str = "clerk", channel: str = "hall") -> int:
        """Bring in somebody who works at a counter."""
        staff_id = self.session.scalar(
            text(
                "INSERT INTO staff (login, name, roles, channel, password_hash,"
                " created_at) VALUES (:login, :login, '{clerk}', :channel, '', now())"
                " RETURNING staff_id"
            ),
            {"login": login, "channel": channel},
        )
        assert staff_id is not None
        return int(staff_id)

    def place(self, member_id: int, item_code: str, **other: Any) -> Placed:
        """Order something, all that is asked for being as it should."""
        wish: dict[str, Any] = {
            "order_ref": ref(),
            "quantity": 1,
            "way": "points",
            "channel": "web",
            "recipient": None,
            "staff_id": None,
            "at": NOON,
            "confirmed": True,
        } | other
        wish.setdefault("fresh_at", wish["at"])
        confirmed = wish.pop("confirmed")
        offer = quote(
            self.session,
            member_id=member_id,
            item_code=item_code,
            quantity=wish["quantity"],
            way=wish["way"],
            channel=wish["channel"],
            on=wish["at"].date(),
        )
        wish.setdefault("expected_points", offer.points)
        wish.setdefault("expected_cash_fen", offer.cash_fen)
        if confirmed:
            self.confirm(member_id, item_code, wish)
        return operations.place(
            self.session,
            member_id=member_id,
            item_code=item_code,
            keyring=KEYRING,
            **wish,
        )

    def confirm(self, member_id: int, item_code: str, wish: dict[str, Any]) -> str:
        """Have the member confirm an order with a code."""
        bound = binding(
            order_ref=wish["order_ref"],
            item_code=item_code,
            quantity=wish["quantity"],
            way=wish["way"],
            points=wish["expected_points"],
            cash_fen=wish["expected_cash_fen"],
            recipient_hint=recipient_hint(wish["recipient"]),
        )
        # A minute apart from the last one, but still good when the order comes.
        codes = self.session.scalar(
            text("SELECT count(*) FROM one_time_code WHERE member_id = :member"),
            {"member": member_id},
        )
        at = wish["at"] - timedelta(minutes=2) + timedelta(seconds=codes or 0)
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
            purpose="confirm" if wish["staff_id"] is None else "assist",
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
        return bound

    def pay(self, member_id: int, order_ref: str, *, at: datetime = NOON) -> Any:
        """Pay an order, as the provider's event tells it."""
        self.tell(member_id, order_ref, "paid", at=at)
        return operations.paid(
            self.session, member_id=member_id, order_ref=order_ref, at=at
        )

    def tell(
        self, member_id: int, order_ref: str, state: str, *, at: datetime = NOON
    ) -> None:
        """Let the provider tell something of an order's payment."""
        record_event(
            self.session,
            event=PaymentEvent(
                event_id=f"evt_{uuid4().hex}",
                type=state,
                happened_at=at,
                checkout_id=None,
                intent_id="pi_1",
                state=state,
                facts={
                    "member_id": str(member_id),
                    "payment_ref": f"{order_ref}-{member_id}",
                },
            ),
            at=at,
        )

    def cancel(
        self,
        member_id: int,
        order_ref: str,
        *,
        actor: str = "member",
        at: datetime = NOON,
    ) -> Any:
        """Cancel an order."""
        return operations.cancel(
            self.session,
            member_id=member_id,
            order_ref=order_ref,
            actor=actor,
            reason="changed_mind",
            at=at,
        )

    def available(self, member_id: int) -> int:
        """Return what a member can spend, in all units."""
        return sum(self.balance(member_id, unit).available for unit in ("CUP", "UNI"))

    def held(self, member_id: int) -> int:
        """Return what is set aside, in all units."""
        return sum(self.balance(member_id, unit).held for unit in ("CUP", "UNI"))

    def balance(self, member_id: int, unit: str) -> Any:
        """Return what a member has in a unit."""
        return Book(self.session).balance(member_id, unit)

    def lots(self, member_id: int) -> list[tuple[Any, ...]]:
        """Return unit, issuer, last good day and rest of each lot."""
        return [
            (lot.unit, lot.issuer, lot.expires_on, lot.origin_on, lot.units_left)
            for lot in Book(self.session).lots(member_id)
        ]

    def payable(self, month: date = date(2007, 10, 1)) -> dict[str, int]:
        """Return what the month's redemptions owe to partners."""
        report: dict[str, Any] = month_report(self.session, month)
        assert report["proved"] is True
        payable: dict[str, int] = report["payable"]
        return payable

    def rows(self, statement: str, **facts: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return [tuple(row) for row in self.session.execute(text(statement), facts)]
