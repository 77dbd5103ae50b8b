"""What each policy does, for each reason, to each state of each benefit (Q19)."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.churn import saga
from loyalty.churn.models import ChurnStep
from loyalty.churn.operations import void_due
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
REASONS = {
    "ported_out": ("ported_out", ""),
    "voluntary": ("closed", "voluntary"),
    "arrears": ("closed", "arrears"),
    "lost": ("closed", "lost"),
    "fraud": ("closed", "fraud"),
}
SPARED = {"internal": ("closed", "internal"), "deceased": ("deceased", "")}


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


# Benefit, how it comes to be, its state; what the policy ends becomes, and its step.
TABLE = [
    ("orders", World.order, "awaiting_payment", "canceled", "done"),
    ("orders", World.order, "accepted", "canceled", "done"),
    ("orders", World.order, "in_progress", "in_progress", "survived"),
    ("orders", World.order, "fulfilled", "fulfilled", None),
    ("vouchers", World.voucher, "unused", "void", "done"),
    ("vouchers", World.voucher, "used", "used", None),
    ("orders", World.policy_of, "free_look", "in_progress", "waiting"),
    ("orders", World.policy_of, "free_look_over", "fulfilled", None),
    ("exchanges", World.exchange, "requested", "declined", "done"),
    ("exchanges", World.exchange, "sent", "sent", "waiting"),
    ("exchanges", World.exchange, "confirmed", "confirmed", None),
    ("bookings", World.place_in, "to_come", "canceled", "done"),
    ("bookings", World.place_in, "over", "booked", None),
]


@pytest.fixture
def world(session):
    """A world in a transaction that is rolled back, whose books prove at the end."""
    world = World(session)
    world.open()
    yield world
    assert Book(session).prove() == []


@pytest.mark.parametrize("reason", [*REASONS, *SPARED])
@pytest.mark.parametrize("policy", ["all", "none", "all_but_this"])
def test_every_benefit_in_every_state_for_every_reason(world, reason, policy):
    everything = starting_terms()["churn"]["policy"][0]["voids"]
    for benefit, make, state, ended, step in TABLE:
        voids = {
            "all": everything,
            "none": [],
            "all_but_this": [other for other in everything if other != benefit],
        }[policy]
        world.rule(voids=voids)
        member, seen = make(world, state)
        before = world.rows(seen, m=member)

        world.depart(member, *(REASONS | SPARED)[reason])
        steps = world.go_on(member)

        is_touched = policy == "all" and reason in REASONS and step is not None
        assert steps.get(benefit) == (step if is_touched else None), state
        assert world.rows(seen, m=member) == ([(ended,)] if is_touched else before)
        keeps_points = policy == "none" or reason in SPARED
        assert (world.available(member) > 0) == keeps_points, state


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize(
    "days",  # of grace, of notice, told before; and when the points are void
    [(0, 0, 0, 0), (10, 0, 0, 10), (0, 7, 0, 7), (10, 7, 30, 10), (0, 7, 3, 4)],
)
def test_points_are_void_after_the_days_of_the_policy(world, reason, days):
    grace, notice, told_before, void_after = days
    world.rule(grace_days=grace, notice_days=notice)
    member = world.member(1_000)
    if told_before:
        world.depart(
            member, "pre_cancelled", "", at=LEAVING - timedelta(days=told_before)
        )
    world.depart(member, *REASONS[reason])

    left_on = LEAVING.date()
    for day in range(void_after):
        assert world.balance(member, "CUP").available == 1_000
        void_due(world.session, business_date=left_on + timedelta(days=day))
        world.session.execute(text("DISCARD TEMP"))
    void_due(world.session, business_date=left_on + timedelta(days=void_after))
    assert world.balance(member, "CUP").available == 0


def test_only_the_day_decides_which_version_holds(world):
    terms = starting_terms()["churn"]
    later = terms | {"version": 2, "policy": [terms["policy"][0] | {"voids": []}]}
    load_churn_terms(
        world.session,
        terms=later,
        starts_on=LEAVING.date() + timedelta(days=1),
        at=NOON,
    )
    today, tomorrow = world.member(1_000), world.member(1_000)

    world.depart(today, "ported_out", "")
    world.depart(tomorrow, "ported_out", "", at=LEAVING + A_DAY)

    assert world.balance(today, "CUP").available == 0
    assert world.balance(tomorrow, "CUP").available == 1_000


def test_where_a_line_is_enough_another_one_does_not_help(world):
    world.rule(scope="line")
    member = world.member(1_000)
    world.session.execute(
        text(
            "INSERT INTO subscription (member_id, msisdn, activated_on, network, brand,"
            " pay_type, state_at, content) VALUES (:m, '13399999999', '2005-01-01',"
            " 'GSM', 'up', 'postpaid', '2005-01-01', gen_random_uuid())"
        ),
        {"m": member},
    )
    ((msisdn,),) = world.rows(
        "SELECT min(msisdn) FROM subscription WHERE member_id = :m", m=member
    )
    world.end(msisdn, "closed", "voluntary", at=LEAVING)

    assert world.balance(member, "CUP").available == 0
    world.end(msisdn, "reconnected", "", at=LEAVING + A_DAY)
    assert world.balance(member, "CUP").available == 1_000
