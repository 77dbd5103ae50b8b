"""Let the shop live for two weeks after the months: on the web and at a counter.

Everything is done by the use cases that the pages call, so that what a visitor of
the demo finds there came about as it would in life.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.catalogue.operations import ask_change, draft_item, load_items
from loyalty.catalogue.queries import item
from loyalty.catalogue.rules import ItemFacts, account_of, facts_of
from loyalty.clock import now
from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.demo.chance import chance
from loyalty.demo.codes import confirm
from loyalty.keyring import Keyring
from loyalty.orders import operations
from loyalty.orders.delivery import advance
from loyalty.orders.operations import place
from loyalty.orders.quotes import quote
from loyalty.orders.rules import Recipient, binding, recipient_hint
from loyalty.orders.showing import OrderView
from loyalty.payments.delivery import Urls
from loyalty.settings import TIME_ZONE
from loyalty.tiers.operations import grant
from loyalty.vouchers.operations import import_pool
from loyalty.vouchers.rules import new_code
from partners.sandbox.stripe_payer import pay

POOLED, POOL_CODES = "FUEL100", 60
TIERS = {"DIAMOND": 3, "GOLD": 8, "SILVER": 20}  # how many are taken over with one
VISITS_DAYS = 14
CARRIER = "顺丰速运"

Pay = Callable[[str], bool]  # fills the provider's page in; tells whether it paid
Move = Callable[..., OrderView]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who orders something, and what becomes of it."""

    item_code: str
    way: str = "points"
    quantity: int = 1
    at_counter: bool = False
    is_paid: bool = True
    then: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of it all."""

    orders: int
    by_state: dict[str, int]
    paid_fen: int  # by card, on the provider's page


@dataclass(frozen=True, slots=True)
class _Buyer:
    member_id: int
    name: str
    msisdn: str


_ship = partial(operations.ship, carrier=CARRIER, tracking_no="SF1020071200")
_cancel = partial(operations.cancel, reason="changed_mind")
VISITS: tuple[Visit, ...] = (
    Visit("LOUNGE"),  # first: those with a gold card are served soon
    Visit("CDMA-PHONE"),  # so large that somebody has to look at it
    Visit("CDMA-PHONE", way="points_cash"),
    Visit("CDMA-PHONE", way="points_cash", is_paid=False),
    Visit("FUEL100"),
    Visit("FUEL100", at_counter=True),
    Visit("EV50", quantity=2),
    Visit("EV50", quantity=2, then=(partial(operations.return_part, quantity=1),)),
    Visit("EV50", at_counter=True),
    Visit("INS-A", way="points_cash"),
    Visit("INS-A", way="cash"),
    Visit("INS-B", way="cash", at_counter=True, is_paid=False),
    Visit("INS-B"),
    Visit("INS-B", at_counter=True),
    Visit("INS-A", then=(_cancel,)),
    Visit("TEA"),
    Visit("TEA", way="points_cash"),
    Visit("TEA", then=(_ship,)),
    Visit("TEA", then=(_ship, operations.deliver)),
    Visit("TEA", then=(_ship, operations.lose)),
    Visit("TEA", then=(_ship, operations.send_back)),
    Visit("TEA", way="points_cash", then=(_cancel,)),
    Visit("MEAL30"),
    Visit("MEAL30", quantity=3, at_counter=True),
    Visit("MEAL30", then=(_cancel,)),
    Visit("NEWS12"),
    Visit("TT1", quantity=2),
    Visit("TT1", then=(operations.attend,)),
    Visit("TT1", then=(operations.miss,)),
    Visit("TT1", at_counter=True),
    Visit("CLUB-CAR"),
    Visit("CLUB-CAR", way="cash"),
    Visit("CLUB-LADY"),
    Visit("TT-OPEN"),
    Visit("TT-OPEN", at_counter=True, then=(_cancel,)),
)


def pays(url: str) -> bool:
    """Fill in the sandbox's payment page with a card that pays."""
    return pay(url).is_paid


def goods() -> list[dict[str, Any]]:
    """Return what the demo sells beside the starting items, as tables keep it."""
    read = tomllib.loads(
        files("loyalty.demo").joinpath("goods.toml").read_text(encoding="utf-8")
    )
    return [
        {"settlement_fen": 0} | row | {"account": account_of(_facts(row))}
        for row in read["item"]
    ]


class Shopkeeper:
    """Opens the shop of a demo, and serves who comes."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        keyring: Keyring,
        *,
        today: date,
        seed: int,
        address: str,
    ) -> None:
        self._database, self._connections = database, connections
        self._keyring, self._address = keyring, address
        self._today, self._rng = today, chance(seed, "shop")
        self._seed = seed

    def open(self, *, clerk: int, maker: int) -> None:
        """Fill the shelves, the pool and the inbox of approvals."""
        at = self._at(0)
        codes = [new_code() for _ in range(POOL_CODES)]
        with self._database.unit_of_work() as session:
            load_items(session, items=goods())
            import_pool(
                session,
                item_code=POOLED,
                codes=codes,
                batch=f"{self._today:%Y-%m}",
                keyring=self._keyring,
                at=at,
            )
            # Rice without a family is what the catalogue must not sell (A02).
            draft_item(
                session,
                item_code="RICE10",
                facts=ItemFacts(
                    title_zh="大米 10 公斤",
                    title_en="Rice, 10 kilograms",
                    points=4_000,
                    market_fen=5_000,
                ),
                at=at,
            )
            ask_change(
                session,
                item_code="EV50",
                facts=replace(facts_of(item(session, "EV50")), points=5_200),
                effective_on=self._today + timedelta(days=7),
                reason="与 2008 年话费成本一致",
                maker=maker,
                at=self._at(VISITS_DAYS - 1),
            )
            self._grant_tiers(session)
        self._clerk = clerk

    def live(self, payer: Pay | None) -> Lived:
        """Let everybody come and order; without `payer`, nobody pays by card."""
        states: dict[str, int] = {}
        paid_fen = 0
        with self._database.unit_of_work() as session:
            buyers = _buyers(session)
        for nth, visit in enumerate(VISITS):
            if visit.way != "points" and payer is None:
                continue
            buyer = self._next(buyers, visit, nth)
            if buyer is None:
                continue
            order = self._serve(visit, buyer, nth, payer)
            states[order.state] = states.get(order.state, 0) + 1
            if order.payment is not None and order.payment.state == "succeeded":
                paid_fen += order.payment.amount_fen
        return Lived(orders=sum(states.values()), by_state=states, paid_fen=paid_fen)

    def _grant_tiers(self, session: Session) -> None:
        richest = iter(_buyers(session))
        for tier, count in TIERS.items():
            for _, buyer in zip(range(count), richest, strict=False):
                grant(
                    session,
                    member_id=buyer.member_id,
                    tier=tier,
                    granted_on=self._today - timedelta(days=VISITS_DAYS),
                    until=date(self._today.year, 12, 31),
                    reason="taken over from the club's list",
                    actor="demo",
                )

    def _next(self, buyers: list[_Buyer], visit: Visit, nth: int) -> _Buyer | None:
        """Return somebody who has not come yet and can have it; None: nobody can."""
        with self._database.unit_of_work() as session:
            for buyer in buyers:
                offer = quote(
                    session,
                    member_id=buyer.member_id,
                    item_code=visit.item_code,
                    quantity=visit.quantity,
                    way=visit.way,
                    channel="hall" if visit.at_counter else "web",
                    on=self._at(nth).date(),
                )
                if offer.why_not is None and not offer.missing:
                    buyers.remove(buyer)
                    return buyer
        return None

    def _serve(
        self, visit: Visit, buyer: _Buyer, nth: int, payer: Pay | None
    ) -> OrderView:
        order_ref = sha256(f"demo order {self._seed} {nth}".encode()).hexdigest()[:32]
        key: dict[str, Any] = {"member_id": buyer.member_id, "order_ref": order_ref}
        # A payment page is open by the real clock: who pays by card does so today.
        at = self._at(nth) if visit.way == "points" else now()
        self._place(visit, buyer, order_ref, at)
        page = f"{self._address}/orders/{order_ref}"
        go_on = partial(
            advance, self._database, self._connections, self._keyring, at=at, **key
        )
        order = go_on(urls=Urls(success=page, cancel=page))
        url = order.payment.url if order.payment is not None else None
        if url is not None and visit.is_paid and payer is not None and payer(url):
            order = go_on()
        for hours, move in enumerate(visit.then, start=1):
            by = {} if move is _cancel else {"actor": f"staff:{self._clerk}"}
            with self._database.unit_of_work() as session:
                move(
                    session,
                    **key,
                    **{"actor": "member"} | by | _why(move),
                    at=at + timedelta(hours=hours) if visit.way == "points" else now(),
                )
            order = go_on()
        return order

    def _place(self, visit: Visit, buyer: _Buyer, order_ref: str, at: datetime) -> None:
        channel = "hall" if visit.at_counter else "web"
        recipient = _recipient(buyer, at.date())
        staff_id = self._clerk if visit.at_counter else None
        with self._database.unit_of_work() as session:
            offer = quote(
                session,
                member_id=buyer.member_id,
                item_code=visit.item_code,
                quantity=visit.quantity,
                way=visit.way,
                channel=channel,
                on=at.date(),
            )
            confirm(
                session,
                member_id=buyer.member_id,
                purpose="assist" if visit.at_counter else "confirm",
                bound=binding(
                    order_ref=order_ref,
                    item_code=visit.item_code,
                    quantity=visit.quantity,
                    way=visit.way,
                    points=offer.points,
                    cash_fen=offer.cash_fen,
                    recipient_hint=recipient_hint(recipient),
                ),
                keyring=self._keyring,
                at=at,
            )
            place(
                session,
                member_id=buyer.member_id,
                order_ref=order_ref,
                item_code=visit.item_code,
                quantity=visit.quantity,
                way=visit.way,
                channel=channel,
                recipient=recipient,
                staff_id=staff_id,
                fresh_at=at,
                expected_points=offer.points,
                expected_cash_fen=offer.cash_fen,
                keyring=self._keyring,
                at=at,
            )

    def _at(self, nth: int) -> datetime:
        """Return when the n-th visit takes place, in opening hours."""
        day = self._today - timedelta(
            days=VISITS_DAYS - nth * VISITS_DAYS // len(VISITS)
        )
        minute = (nth * 37) % (8 * 60)
        return datetime.combine(day, time(9), TIME_ZONE) + timedelta(minutes=minute)


def _facts(row: dict[str, Any]) -> ItemFacts:
    told = {
        name: said for name, said in row.items() if name not in ("item_code", "stock")
    }
    if "tiers" in told:
        told["tiers"] = tuple(told["tiers"])
    return ItemFacts(**told)


def _why(move: Move) -> dict[str, Any]:
    """Return the reason for moves that want one."""
    function = move.func if isinstance(move, partial) else move
    return {"reason": "demo"} if function is operations.return_part else {}


def _recipient(buyer: _Buyer, on: date) -> Recipient:
    return Recipient(
        name=buyer.name,
        phone=buyer.msisdn,
        address="广州市天河区体育西路 1 号",
        insured_name=buyer.name,
        insured_id="440106198001011234",
        on_day=on + timedelta(days=3),
        msisdn=buyer.msisdn,
        consent=True,
    )


def _buyers(session: Session) -> list[_Buyer]:
    """Return members who can spend, the richest first; the decks' own two stay out."""
    rows = session.execute(
        text(
            """
            SELECT m.member_id, p.name, s.msisdn
              FROM member m
              JOIN person p USING (member_id)
              JOIN ledger.book k ON k.member_id = m.member_id AND k.gate = 'open'
              CROSS JOIN LATERAL (
                  SELECT msisdn FROM subscription s
                   WHERE s.member_id = m.member_id AND s.ended_on IS NULL
                   ORDER BY activated_on LIMIT 1) s
              CROSS JOIN LATERAL (
                  SELECT sum(available)::bigint AS available FROM ledger.balance b
                   WHERE b.member_id = m.member_id) b
             WHERE m.left_on IS NULL AND NOT m.deceased
               AND m.member_ref NOT IN ('GD00000001', 'GD00000002')
             ORDER BY b.available DESC NULLS LAST, m.member_id LIMIT 120
            """
        )
    )
    return [_Buyer(*row) for row in rows]
