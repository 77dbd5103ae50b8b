"""Whatever happens in whatever order, the ledger does what the model does."""

from dataclasses import replace
from datetime import date
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from ledger import values
from ledger.book import Book
from ledger.errors import LedgerError
from ledger.values import Entry, Scope, Transfer
from tests.ledger import model
from tests.ledger.makers import (
    DAY,
    accrue,
    buy,
    claw_back,
    credit,
    earn,
    entry,
    exchange_in,
    expire,
    give_by_hand,
    hold,
    lot,
    redeem,
    reinstate,
    return_purchase,
    settle_bill,
    take_by_hand,
    take_gift_back,
    undo_exchange_in,
    undo_taking,
    void,
    void_sparing,
)
from tests.ledger.model import MEMBER_ACCOUNTS, Member
from tests.ledger.model_lots import RANKS, Key
from tests.ledger.wishes import (
    DAYS,
    LAST_DAYS,
    MONTHS,
    POSTED,
    UNDOINGS,
    amounts,
    bought,
    chances,
    days,
    givers,
    lots,
    members,
    now,
    part,
    takers,
    units,
    wallets,
)


def shape(line: model.Line | values.Line) -> tuple[str, str, str, int, int]:
    """What the ledger and its model must agree on in a transfer."""
    return line.debit, line.credit, line.unit, line.amount, line.available_after


class Ledger(RuleBasedStateMachine):
    """The ledger and its model, side by side; entries wait to be posted as one."""

    connection: Connection
    seen: ClassVar[set[str]] = set()  # kinds that were posted

    def __init__(self) -> None:
        super().__init__()
        self.transaction = self.connection.begin()
        self.book = Book(Session(self.connection))
        self.book.open([1, 2], opened_on=DAY)
        self.model = {1: Member(), 2: Member()}
        self.waiting: list[Entry] = []
        self.months = list(MONTHS)
        for m in (1, 2):
            self.post([credit(90, lot(DAYS[3]), member=m), earn(90, member=m)])
            self.post([accrue(50, member=m), hold(120, member=m)])
            self.post([redeem(50, member=m)])

    def teardown(self) -> None:
        try:
            self.post(self.waiting)
            assert self.book.prove() == []
        finally:
            self.transaction.rollback()

    def post(self, batch: list[Entry]) -> None:
        """Post a batch, and see that every answer and every book is as predicted."""
        answers = self.book.post_many(batch)
        for given, answer in zip(batch, answers, strict=True):
            predicted = self.model[given.member_id]
            expected = predicted.post(given)
            if isinstance(answer, LedgerError):
                assert answer.code == expected, given
                continue
            assert expected == ("replayed" if answer.replayed else "posted"), given
            self.seen.add(given.kind)
            known = predicted.references.setdefault(answer.id, given.reference)
            assert known == given.reference
        for member in {given.member_id for given in batch}:
            assert self.lots_of(member) == sorted(
                (key, model_left, self.model[member].issued[key])
                for key, model_left in self.model[member].left.items()
                if model_left
            )
            assert self.lines_of(member) == sorted(
                (name, *shape(line))
                for name in self.model[member].references.values()
                for line in self.model[member].by_reference[name].lines
            )

    def lots_of(self, member: int) -> list[tuple[object, ...]]:
        return sorted(
            (
                Key.at(row),
                row.units_left,
                row.units_issued,
            )
            for row in self.book.lots(member)
        )

    def lines_of(self, member: int) -> list[tuple[object, ...]]:
        names = self.model[member].references
        return sorted(
            (names[row.id], *shape(row)) for row in self.book.statement(member)
        )

    @invariant()
    def balances_are_as_predicted(self) -> None:
        for number, member in self.model.items():
            for unit in RANKS:
                balance = self.book.balance(number, unit)
                for account in MEMBER_ACCOUNTS:
                    expected = member.balance[unit, account]
                    assert getattr(balance, account) == expected, (unit, account)

    def submit(self, given: Entry, at_once: bool) -> None:
        if at_once:
            self.post([given])
        else:
            self.waiting.append(given)

    @rule()
    def post_what_waits(self) -> None:
        self.post(self.waiting)
        self.waiting = []

    # What gives points.

    @rule(m=members, n=amounts, into=lots, unit=units, on=days, now=now)
    def credit(self, *, m, n, into, unit, on, now) -> None:
        self.submit(credit(n, into, unit, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, into=lots, on=days, now=now)
    def earn(self, m, n, into, on, now) -> None:
        self.submit(earn(n, into, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, into=lots, on=days, now=now)
    def exchange_in(self, m, n, into, on, now) -> None:
        self.submit(exchange_in(n, into, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, into=st.none() | lots, now=now)
    def bill(self, m, n, into, now) -> None:
        made = settle_bill(n, into, member=m) if into else accrue(n, member=m)
        self.submit(made, now)

    @rule(m=members, n=amounts, first=lots, second=lots, now=now)
    def credit_two_lots(self, m, n, first, second, now) -> None:
        both = [
            Transfer("issued", "available", ("UNI",), n, into)
            for into in (first, second)
        ]
        self.submit(entry("opening", *both, member=m), now)

    @rule(m=members, n=amounts, into=bought, on=days, now=now)
    def buy(self, m, n, into, on, now) -> None:
        self.submit(buy(n, into, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, into=lots, far=givers, unit=units, on=days, now=now)
    def give_by_hand(self, *, m, n, into, far, unit, on, now) -> None:
        self.submit(give_by_hand(n, into, far, unit, member=m, effective_on=on), now)

    # What takes them.

    @rule(m=members, n=amounts, own=bought, on=days, now=now)
    def return_purchase(self, m, n, own, on, now) -> None:
        self.submit(return_purchase(n, own, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, far=takers, unit=units, on=days, now=now)
    def take_by_hand(self, *, m, n, far, unit, on, now) -> None:
        self.submit(take_by_hand(n, far, unit, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, wallet=wallets, on=days, now=now)
    def redeem(self, m, n, wallet, on, now) -> None:
        self.submit(redeem(n, wallet, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, k=amounts, wallet=wallets, now=now)
    def redeem_two_things(self, m, n, k, wallet, now) -> None:
        things = [
            Transfer("available", "redeemed.telecom", wallet, n),
            Transfer("available", "redeemed.merchant:SHOP", wallet, k),
        ]
        self.submit(entry("redemption", *things, member=m), now)

    @rule(m=members, n=amounts, wallet=wallets, on=days, now=now)
    def hold(self, m, n, wallet, on, now) -> None:
        self.submit(hold(n, wallet, member=m, effective_on=on), now)

    @rule(m=members, n=amounts, own=st.none() | lots, on=days, now=now)
    def claw_back(self, m, n, own, on, now) -> None:
        self.submit(claw_back(n, own, member=m, effective_on=on), now)

    @rule(m=members, day=st.sampled_from(LAST_DAYS[:3]), unit=units, now=now)
    def expire(self, m, day, unit, now) -> None:
        self.submit(expire(day, unit, member=m, effective_on=DAYS[3]), now)

    @rule(
        m=members,
        on=days,
        now=now,
        chance=chances,
        take=st.sampled_from([void, void_sparing]),
    )
    def void(self, m, on, now, chance, take) -> None:
        if not chance:
            self.submit(take(member=m, effective_on=on), now)

    # What undoes an entry that stands.

    def some_posted(self, data, member: int, *kinds: str):
        """An id of one of the kinds, now and then of another or of nobody's."""
        book = self.model[member]
        found = [
            identity
            for identity, name in book.references.items()
            if book.by_reference[name].entry.kind in kinds
        ] or [identity for m in self.model.values() for identity in m.references]
        return data.draw(st.sampled_from(found)) if found else None

    @rule(data=st.data(), m=members, n=part, on=days, now=now)
    def undo(self, data, m, n, on, now) -> None:
        make, kind = data.draw(st.sampled_from(UNDOINGS))
        of = self.some_posted(data, m, kind)
        if of:
            self.submit(make(of, n, member=m, effective_on=on), now)

    @rule(data=st.data(), m=members, n=part, own=st.none() | lots, now=now)
    def undo_an_accrual(self, data, m, n, own, now) -> None:
        of = self.some_posted(data, m, "activity_accrual")
        if of:
            self.submit(claw_back(n, own, member=m, reverses=of), now)

    @rule(data=st.data(), m=members, n=part, own=st.none() | lots, now=now)
    def undo_an_exchange_in(self, data, m, n, own, now) -> None:
        of = self.some_posted(data, m, "exchange_in")
        if of:
            self.submit(undo_exchange_in(of, n, own, member=m), now)

    @rule(
        data=st.data(),
        m=members,
        n=part,
        own=st.none() | lots,
        far=givers,
        unit=units,
        now=now,
    )
    def take_gift_back(self, *, data, m, n, own, far, unit, now) -> None:
        of = self.some_posted(data, m, "adjustment")
        if of:
            self.submit(take_gift_back(of, n, own, far, unit, member=m), now)

    @rule(data=st.data(), m=members, n=part, on=days, now=now)
    def undo_taking(self, data, m, n, on, now) -> None:
        of = self.some_posted(data, m, "adjustment")
        scope = data.draw(st.sampled_from([None, Scope.LOTS, Scope.LOOSE]))
        if of:
            self.submit(undo_taking(of, n, scope, member=m, effective_on=on), now)

    @rule(data=st.data(), m=members, on=days, now=now)
    def reinstate(self, data, m, on, now) -> None:
        of = self.some_posted(data, m, "churn_void")
        if of:
            self.submit(reinstate(of, member=m, effective_on=on), now)

    @rule(data=st.data(), m=members, n=amounts, own=lots, unit=units, now=now)
    def refund_while_away(self, *, data, m, n, own, unit, now) -> None:
        of = self.some_posted(data, m, "churn_void")
        scope = data.draw(st.sampled_from([Scope.LOTS, Scope.LOOSE]))
        taken = Transfer("voided.churn", "issued.partner:CEB", (unit,), n, own, scope)
        if of:
            self.submit(entry("activity_refund", taken, reverses=of, member=m), now)

    @rule(data=st.data(), m=members, n=part, now=now)
    def cancel_an_accrual(self, data, m, n, now) -> None:
        of = self.some_posted(data, m, "bill_accrual")
        back = Transfer("pending", "issued", ("CUP",), n)
        if of:
            self.submit(entry("bill_cancel", back, reverses=of, member=m), now)

    # What goes on around them.

    @rule(m=members, gate=st.sampled_from(["open"] * 4 + ["suspended", "closed"]))
    def set_gate(self, m, gate) -> None:
        self.post_what_waits()
        self.book.set_gate([m], gate)
        self.model[m].gate = gate

    @precondition(lambda self: self.months)
    @rule(first=chances, second=chances)
    def close_a_month(self, first, second) -> None:
        if first or second:
            return
        self.post_what_waits()
        self.book.close(self.months.pop(0))
        closed_through = self.book.closed_through()
        assert closed_through
        for member in self.model.values():
            member.closed_through = closed_through

    @rule(data=st.data(), m=members, other=st.booleans(), now=now)
    def say_it_again(self, data, m, other, now) -> None:
        said = [posted.entry for posted in self.model[m].by_reference.values()]
        said += [given for given in self.waiting if given.member_id == m]
        if said:
            again = data.draw(st.sampled_from(said))
            if other:
                again = replace(again, effective_on=date(2026, 12, 24))
            self.submit(again, now)


def test_the_ledger_does_what_the_model_does(database) -> None:
    with database.engine.connect() as connection:
        Ledger.connection = connection
        run_state_machine_as_test(
            Ledger,
            settings=settings(
                max_examples=120,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],  # shrinking would take minutes
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert Ledger.seen >= POSTED
