"""Members in every state a benefit can be in, who leave and come back."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from loyalty.churn import saga
from loyalty.churn.models import ChurnStep
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines
from loyalty.feeds.models import PartnerBatch
from loyalty.orders import operations as orders
from loyalty.rules.leaving import load_churn_terms
from loyalty.rules.operations import starting_terms
from partners.ports import Outcome
from tests.loyalty.exchange.alliance import A_DAY, Alliance, Carrier
from tests.loyalty.orders.shop import AT_HOME, INSURED, MUG, NOON, TICKET
from tests.loyalty.venues.hall import Hall

LEAVING = NOON + A_DAY


class World(Hall):
    """Members in every state a benefit can be in."""

    def open(self):
        self.alliance = Alliance(self.session)
        self.alliance.open()
        super().open()
        for partner, kind in (("SHOP", "merchant"), ("PINGAN", "insurer")):
            self.session.execute(
                text(
                    "INSERT INTO partner (partner, kind, name)"
                    " VALUES (:partner, :kind, :partner)"
                ),
                {"partner": partner, "kind": kind},
            )
        self.mug, self.ticket = self.sell(MUG), self.sell(TICKET)
        self.events, self.version = 0, 1

    def depart(self, member_id, event, reason, *, at=LEAVING):
        """Let a member's line end, as the feed tells it."""
        ((msisdn,),) = self.rows(
            "SELECT msisdn FROM subscription WHERE member_id = :m", m=member_id
        )
        self.end(msisdn, event, reason, at=at)

    def end(self, msisdn, event, reason, *, at):
        """Let something happen to a line."""
        self.events += 1
        batch = PartnerBatch(
            client_id="test", partner="BOSS", batch_ref=None, lines=1, called_at=at
        )
        row = [f"E-{self.events}", msisdn, event, reason, at.isoformat()]
        (answer,) = book_lines(
            self.session, FEEDS["subscription-events"], [row], batch=batch
        )
        assert answer.outcome == "booked"
        self.session.execute(text("DISCARD TEMP"))

    def rule(self, **other):
        """Make the next version of the policy hold for every reason."""
        self.version += 1
        terms = starting_terms()["churn"]
        policy = terms["policy"][0] | other
        load_churn_terms(
            self.session,
            terms=terms | {"version": self.version, "policy": [policy]},
            starts_on=date(2007, 1, 1),
            at=NOON,
        )

    def go_on(self, member_id):
        """Take up every step once; return the state of each."""
        self.session.expire_all()
        steps = self.session.query(ChurnStep).filter_by(member_id=member_id).all()
        for step in steps:
            if step.ended_at is None and step.benefit != "card":
                saga.go_on(self.session, at=LEAVING, **saga.key_of(step))
        return {step.benefit: step.state for step in steps}

    # What members have: each returns the member, and how to see what became of it.

    def order(self, state):
        member = self.member(5_000)
        way = {"way": "points_cash"} if state == "awaiting_payment" else {}
        placed = self.place(member, self.mug, recipient=AT_HOME, **way)
        key: dict[str, Any] = {"member_id": member, "order_ref": placed.order.order_ref}
        if state in ("in_progress", "fulfilled"):
            orders.ship(
                self.session,
                carrier="SF",
                tracking_no="1",
                actor="staff:1",
                at=NOON,
                **key,
            )
        if state == "fulfilled":
            orders.deliver(self.session, actor="staff:1", at=NOON, **key)
        return member, "SELECT state FROM member_order WHERE member_id = :m"

    def voucher(self, state):
        member = self.member(5_000)
        self.place(member, self.ticket)
        if state == "used":
            self.session.execute(
                text("UPDATE voucher SET state = 'used' WHERE member_id = :m"),
                {"m": member},
            )
        return member, "SELECT state FROM voucher WHERE member_id = :m"

    def policy_of(self, state):
        member = self.member(5_000)
        placed = self.place(member, "INS-A", recipient=INSURED)
        key = {"m": member, "ref": placed.order.order_ref}
        self.session.execute(
            text("UPDATE member_order SET state = 'fulfilled' WHERE member_id = :m"),
            key,
        )
        until = LEAVING.date() + timedelta(days=0 if state == "free_look" else -1)
        self.session.execute(
            text(
                "INSERT INTO policy (member_id, order_ref, insurer, policy_no,"
                " issued_on, covered_until, free_look_until) VALUES (:m, :ref,"
                " 'PINGAN', 'P' || :m, '2007-10-15', '2008-10-14', :until)"
            ),
            key | {"until": until},
        )
        return member, "SELECT state FROM member_order WHERE member_id = :m"

    def exchange(self, state):
        member = self.member(UNI=12_000)
        self.session.execute(
            text("UPDATE person SET name = '王小明' WHERE member_id = :m"),
            {"m": member},
        )
        number = f"MU{600_000 + member}"
        self.alliance.bind(member, number)
        quote = self.alliance.quote(10_000, account=number, at=NOON)
        ref = self.alliance.request(member, quote).exchange_ref
        carrier = Carrier()
        if state != "requested":
            self.session.execute(
                text("UPDATE exchange SET send_after = :at WHERE member_id = :m"),
                {"at": NOON, "m": member},
            )
        if state == "sent":
            carrier.tell(Outcome.UNKNOWN, done=True)
        if state in ("sent", "confirmed"):
            assert self.alliance.advance(carrier, member, ref, at=NOON) == state
        return member, "SELECT state FROM exchange WHERE member_id = :m"

    def place_in(self, state):
        member = self.member(5_000)
        starts_at = LEAVING + timedelta(hours=-1 if state == "over" else 48)
        self.book(member, self.hold(starts_at=starts_at))
        return member, "SELECT state FROM session_place WHERE member_id = :m"

    # What is to be seen, or is brought about, besides.

    def stand(self, member_id, state):
        """Let what a member ordered be in a state."""
        self.session.execute(
            text("UPDATE member_order SET state = :s WHERE member_id = :m"),
            {"m": member_id, "s": state},
        )
        self.session.expire_all()

    def gate(self, member_id):
        """Return whether a member can spend."""
        ((gate,),) = self.rows(
            "SELECT gate FROM ledger.book WHERE member_id = :m", m=member_id
        )
        return gate

    def told(self, member_id):
        """Return what a member is still to be told."""
        return [
            kind
            for (kind,) in self.rows(
                "SELECT kind FROM churn_notice WHERE member_id = :m AND told_at IS NULL"
                " ORDER BY made_at",
                m=member_id,
            )
        ]
