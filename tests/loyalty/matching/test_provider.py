"""Stripe's payouts and fees against our payments: what differs, by its code."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.clock import now
from loyalty.finance.rules import next_month
from loyalty.journal.facts.reading import facts
from loyalty.matching import provider_matching, provider_queries
from loyalty.matching.errors import ArrivalAhead
from loyalty.matching.provider_arrivals import note_arrival
from loyalty.matching.provider_reading import Read, read_provider
from loyalty.payments import delivery, operations
from loyalty.payments.rules import payment_deadline
from loyalty.rules.operations import load_terms, starting_terms
from partners.adapters.stripe_balance import StripeBalance
from partners.adapters.stripe_checkout import StripeCheckout
from partners.sandbox import stripe_payer
from tests.sandboxes import KEY, SECRET

MEMBER = 7
URLS = delivery.Urls("http://127.0.0.1:8000/done", "http://127.0.0.1:8000/back")
FAULTY = {
    "missing_charges": "MISSING_THEIRS",
    "wrong_amounts": "AMOUNT_DIFF",
    "wrong_fees": "RATE_DIFF",
    "duplicates": "DUPLICATE",
    "late": "LATE",
}


class Till:
    """Takes payments on Stripe's page, gives some back, and reads what it says."""

    def __init__(self, database, sandbox):
        self.database, self.sandbox = database, sandbox
        self.provider = StripeCheckout(
            KEY, webhook_secret=SECRET, address=sandbox.address
        )
        self.teller = StripeBalance(KEY, address=sandbox.address, page=2)
        self.taken = 0
        with database.unit_of_work() as session:
            load_terms(session, terms=starting_terms(), at=now())

    def take(self, fen=10_000, **faults):
        """Take a payment, something going wrong in the balance there."""
        self.taken += 1
        ref = f"p{self.taken}"
        if faults:
            self.sandbox.tell("balance", **faults)
        at = now()
        with self.database.unit_of_work() as session:
            operations.ask(
                session,
                member_id=MEMBER,
                payment_ref=ref,
                purpose="order",
                purpose_ref=ref,
                amount_fen=fen,
                title="打球",
                at=at,
                expires_at=payment_deadline(at),
            )
        key: dict[str, Any] = {"member_id": MEMBER, "payment_ref": ref, "at": at}
        opened = delivery.open_checkout(
            self.database, self.provider, urls=URLS, language="zh", **key
        )
        assert stripe_payer.pay(str(opened.url)).is_paid
        assert delivery.look_up(self.database, self.provider, **key).state == (
            "succeeded"
        )
        return ref

    def give_back(self, payment_ref, fen):
        ref, at = f"{payment_ref}:back", now()
        with self.database.unit_of_work() as session:
            operations.ask_refund(
                session,
                member_id=MEMBER,
                refund_ref=ref,
                payment_ref=payment_ref,
                amount_fen=fen,
                reason="canceled",
                at=at,
            )
        delivery.refund(
            self.database, self.provider, member_id=MEMBER, refund_ref=ref, at=at
        )

    def read(self):
        return read_provider(self.database, self.teller, at=now())

    def match(self, *, days=0):
        """Match all months there are; return how often each code was found."""
        at = now() + timedelta(days=days)
        with self.database.unit_of_work() as session:
            for month in provider_matching.months_to_match(
                session, business_date=at.date()
            ):
                provider_matching.match(session, period=month, at=at, actor="test")
            # Of a fault 40 days ahead the month is not read about yet.
            provider_matching.match(
                session,
                period=(at.date() + timedelta(days=40)).replace(day=1),
                at=at,
                actor="test",
            )
            return Counter(
                session.scalars(
                    text("SELECT code FROM statement_break WHERE closed_at IS NULL")
                )
            )

    def ask(self, query, **facts):
        with self.database.unit_of_work() as session:
            return query(session, **facts)


@pytest.fixture
def till(fresh_database, stripe_sandbox, monkeypatch):
    monkeypatch.delenv("JIFEN_CLOCK_DAYS_BACK", raising=False)
    return Till(fresh_database, stripe_sandbox)


def everything(till):
    whole = {"first": date(2000, 1, 1), "last": date(2100, 1, 1)}
    return till.ask(provider_queries.payouts, **whole)


def test_a_payout_is_what_was_charged_less_fees_and_refunds(till):
    refs = [till.take() for _ in range(4)]
    till.give_back(refs[0], 2_500)
    young = till.read()
    waiting = till.ask(provider_queries.not_paid_out, today=now().date())
    sent = till.sandbox.tell("payouts")

    read = till.read()

    assert (young.movements, young.payouts, young.is_whole) == (5, 0, True)
    assert sum(age.net_fen for age in waiting) == 40_000 - 4 * 60 - 2_500
    assert read == Read(movements=1, payouts=1, lines=6)
    assert till.read() == Read()
    (payout,) = everything(till)
    assert payout.payout_id == sent["id"]
    assert (payout.charged_fen, payout.returned_fen, payout.fee_fen) == (
        40_000,
        -2_500,
        240,
    )
    assert payout.amount_fen == payout.lines_fen == 37_260
    lines = till.ask(provider_queries.lines, payout_id=payout.payout_id)
    assert sorted(
        (line.purpose_ref, line.ours_fen, line.amount_fen) for line in lines
    ) == sorted([*((ref, 10_000, 10_000) for ref in refs), (refs[0], -2_500, -2_500)])
    assert till.match() == {}
    left = till.ask(provider_queries.not_paid_out, today=now().date())
    assert sum(age.net_fen for age in left) == 0
    assert (
        sum(
            day.charged_fen - day.refunded_fen - day.fee_fen - day.paid_out_fen
            for day in till.ask(
                provider_queries.by_day, first=date(2000, 1, 1), last=date(2100, 1, 1)
            )
        )
        == 0
    )


def test_every_fault_has_its_code_and_none_is_false(till):
    for fault in FAULTY:
        till.take(**{fault: 1})
        till.take()
    back, lost = till.take(), till.take()
    till.give_back(back, 1_000)
    till.sandbox.tell("balance", missing_refunds=1)
    till.give_back(lost, 1_000)
    for kind in ("charge", "refund", "adjustment"):
        till.sandbox.tell("movements", type=kind, amount=700)

    till.read()

    # A stray charge has no fee, though one was agreed.
    found = Counter(FAULTY.values())
    found += Counter({"MISSING_OURS": 1, "RATE_DIFF": 1, "REVERSED_ONE_SIDE": 3})
    assert till.match() == found
    assert till.match() == found


def test_what_is_told_later_is_no_break_any_more(till):
    till.take(missing_charges=1)
    till.read()
    assert till.match() == {"MISSING_THEIRS": 1}
    ((intent,),) = till.ask(
        lambda session: session.execute(text("SELECT intent_id FROM payment")).all()
    )

    till.sandbox.tell("movements", type="charge", amount=10_000, payment_intent=intent)
    till.read()

    assert till.match() == {"RATE_DIFF": 1}  # the fee is still missing


def test_whoever_is_cut_off_goes_on_where_it_was(till):
    for _ in range(5):
        till.take()
    silent = replace_after(till.teller, pages=1)
    first = read_provider(till.database, silent, at=now())

    rest = till.read()

    assert (first.movements, first.is_whole) == (2, False)
    assert (rest.movements, rest.is_whole) == (3, True)


def test_what_the_bank_has_is_matched_by_amount_and_day(till):
    till.take()
    payout_id = till.sandbox.tell("payouts")["id"]
    till.read()
    assert till.match(days=3) == {}
    assert till.match(days=9) == {"MISSING_OURS": 1}
    at = now() + timedelta(days=9)
    (payout,) = everything(till)

    def note(fen, days):
        with till.database.unit_of_work() as session:
            note_arrival(
                session,
                payout_id=payout_id,
                amount_fen=fen,
                arrived_on=payout.arrives_on + timedelta(days=days),
                bank_ref="B-1",
                actor="staff:1",
                at=at,
            )
        return till.match(days=9)

    assert note(9_940, 0) == {}
    assert note(9_930, 0) == {"AMOUNT_DIFF": 1}
    assert note(9_940, 4) == {"LATE": 1}
    with pytest.raises(ArrivalAhead):
        note(9_940, 30)
    till.sandbox.tell(f"payouts/{payout_id}", status="failed")
    till.read()
    assert till.match(days=9) == {"REVERSED_ONE_SIDE": 1}
    assert everything(till)[0].state == "failed"


def test_a_payout_that_fails_after_its_month_is_undone_in_the_first_open_one(till):
    till.take()
    payout_id = till.sandbox.tell("payouts")["id"]
    till.read()
    (paid,) = payouts_booked(till)
    period = paid.period
    with till.database.unit_of_work() as session:
        Book(session).close(period)

    till.sandbox.tell(f"payouts/{payout_id}", status="failed")
    for _ in range(2):
        till.read()

    failed = replace(paid, period=next_month(period), amount=-paid.amount)
    assert paid.amount == 9_940
    assert payouts_booked(till) == [paid, failed]


def payouts_booked(till):
    """What the money journal is told of payouts."""
    whole = {"first": date(2000, 1, 1), "until": date(2100, 1, 1)}
    return [one for one in till.ask(facts, **whole) if one.event == "payout"]


def test_a_payout_whose_lines_do_not_add_up_is_seen(till):
    till.take()
    payout_id = till.sandbox.tell("payouts")["id"]
    till.sandbox.tell(f"payouts/{payout_id}", amount=9_000)

    till.read()

    assert till.match() == {"AMOUNT_DIFF": 1}
    assert not everything(till)[0].adds_up


def replace_after(teller, *, pages):
    """A teller that falls silent after some pages of movements."""
    unreachable = StripeBalance(KEY, address="http://127.0.0.1:9", read_seconds=0.1)

    class Falling:
        asked = 0

        def movements(self, *, after=None, payout_id=None):
            self.asked += 1
            source = teller if self.asked <= pages else unreachable
            return source.movements(after=after, payout_id=payout_id)

        payouts, payout = unreachable.payouts, unreachable.payout

    return Falling()
