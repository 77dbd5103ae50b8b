"""Derive the money journal of a month from what happened; nothing is written.

What happened is summed by the database (`facts`), the engine says what it comes to
(`cohorts`), and the posting rules of the month say which accounts it belongs to. Months
that nobody kept are replayed first, from the last one that was.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.estimates.queries import InForce, in_force
from loyalty.finance.cohorts import Carried, Cohort, CohortState
from loyalty.finance.rules import next_month
from loyalty.journal.cohorts import Measured, Month, work_through
from loyalty.journal.errors import NoPostingRules, NoRuleFor
from loyalty.journal.facts.fact import Fact
from loyalty.journal.facts.reading import facts
from loyalty.journal.measures import VIEWS, amounts
from loyalty.journal.models import CohortClose, JournalRun
from loyalty.journal.rules import LIABILITY, Rules, funding_kind, rules_of
from loyalty.journal.values import CohortMonth, Derived, Entry
from loyalty.points.entries import COALITION
from loyalty.rules.models import PostingRules
from loyalty.rules.queries import programme_terms

# What undoes something is posted as what it undoes, the other way round (J13, J14).
MIRRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "returned": "redeemed",
        "exchange_undone": "exchanged_out",
        "forfeited": "voided",
        "corrected": "bill_canceled",
    }
)
_MOVES_LIABILITY: Final = ("allocated", "true_up", "breakage")
_BEGINNING: Final = date(1, 1, 1)


def derive(session: Session, *, period: date) -> Derived:
    """Return the journal of a month, and of those before it that are not kept.

    Works for months under way as well. Raises `NoPostingRules`, `TermsMissing` and
    `NoRuleFor`.
    """
    assert period.day == 1
    since = _kept_before(session, period)
    first = next_month(since) if since is not None else _BEGINNING
    found = facts(session, first=first, until=next_month(period))
    by_month = {
        month: list(group) for month, group in groupby(_in_order(found), _period_of)
    }
    by_month.setdefault(period, [])
    cohorts = cohorts_of(session, period=since) if since is not None else {}
    rates = _rates(session, found)
    cost = _unit_cost(session)
    done: list[Derived] = []
    for month in sorted(by_month):
        rules = rules_in_force(session, period=month)
        holds = in_force(session, period=month)
        measured, cohorts = work_through(
            Month(
                period=month,
                in_force=holds,
                unit_cost_fen=cost,
                refunds_voids=rules.switches["refund_on_void"],
                breaks_at_once=rules.switches["remote_breakage"],
            ),
            by_month[month],
            opening=cohorts,
            rates=rates,
        )
        rates |= {(month, cohort): one.rate for cohort, one in cohorts.items()}
        done.append(
            Derived(
                period=month,
                rules_version=rules.version,
                estimates_version=holds.version,
                entries=tuple(_entries(measured, rules, month)),
                cohorts=tuple(cohorts[cohort] for cohort in sorted(cohorts)),
                source_hash=_hash(by_month[month], rules, holds, cohorts.values()),
                since=since,
            )
        )
    *before, last = done
    return Derived(
        period=last.period,
        rules_version=last.rules_version,
        estimates_version=last.estimates_version,
        entries=last.entries,
        cohorts=last.cohorts,
        source_hash=last.source_hash,
        before=tuple(before),
        since=since,
    )


def foreseen(
    session: Session, *, period: date, event: str, partner: str, fen: int
) -> list[tuple[str, str, int]]:
    """Return view, account and fen of what a sum would be posted as; debits above zero.

    It is for people who decide about the sum; nothing is written. Raises
    `NoPostingRules`.
    """
    rules = rules_in_force(session, period=period)
    fact = Fact(period=period, event=event, partner=partner, amount=Fraction(fen))
    measured = Measured(fact, {"amount": fen})
    return [
        (view, account, posted)
        for view in VIEWS
        for account, _, posted in _lines(measured, rules, view)
    ]


def rules_in_force(session: Session, *, period: date) -> Rules:
    """Return the posting rules of a month.

    Raises `NoPostingRules`.
    """
    found = session.scalar(
        select(PostingRules)
        .where(PostingRules.valid_from <= period)
        .order_by(PostingRules.version.desc())
        .limit(1)
    )
    if found is None:
        raise NoPostingRules(period=period)
    return rules_of(
        found.document,
        version=found.version,
        valid_from=found.valid_from,
        statutory=found.statutory,
    )


def cohorts_of(session: Session, *, period: date) -> dict[Cohort, CohortMonth]:
    """Return where cohorts stood at the end of a month that is kept."""
    rows = session.scalars(
        select(CohortClose)
        .join(JournalRun, JournalRun.run_id == CohortClose.run_id)
        .where(JournalRun.period == period, JournalRun.superseded_at.is_(None))
    )
    return {one.cohort: one for one in map(_cohort_month, rows)}


def _cohort_month(row: CohortClose) -> CohortMonth:
    return CohortMonth(
        cohort=Cohort(row.unit, row.earned_in, row.funding),
        state=CohortState(
            issued=row.issued,
            redeemed=row.redeemed,
            expired=row.expired,
            voided=row.voided,
            allocated=row.allocated,
            expected=row.expected,
            released=row.released,
        ),
        carried=Carried(allocated=row.carried_allocated, released=row.carried_released),
        carried_cost=row.carried_cost,
        rate=row.rate,
        allocated_fen=row.allocated_fen,
        released_fen=row.released_fen,
        true_up_fen=row.true_up_fen,
        breakage_fen=row.breakage_fen,
        liability_fen=row.liability_fen,
    )


def _kept_before(session: Session, period: date) -> date | None:
    return session.scalar(
        select(JournalRun.period)
        .where(JournalRun.period < period, JournalRun.superseded_at.is_(None))
        .order_by(JournalRun.period.desc())
        .limit(1)
    )


def _rates(
    session: Session, found: Iterable[Fact]
) -> dict[tuple[date, Cohort], Fraction]:
    """Return what points released in kept months of which something is given back."""
    months = {fact.of for fact in found if fact.of is not None}
    if not months:
        return {}
    rows = session.execute(
        select(
            JournalRun.period,
            CohortClose.unit,
            CohortClose.earned_in,
            CohortClose.funding,
            CohortClose.rate,
        )
        .join(CohortClose, CohortClose.run_id == JournalRun.run_id)
        .where(JournalRun.period.in_(months), JournalRun.superseded_at.is_(None))
    )
    return {
        (period, Cohort(unit, earned_in, funding)): rate
        for period, unit, earned_in, funding, rate in rows
    }


def _unit_cost(session: Session) -> Fraction:
    terms = programme_terms(session)
    return Fraction(terms.carrying_fen_num, terms.carrying_fen_den)


def _period_of(fact: Fact) -> date:
    return fact.period


def _in_order(found: Sequence[Fact]) -> list[Fact]:
    return sorted(found, key=lambda fact: (fact.period, fact.key))


def _entries(
    measured: Iterable[Measured], rules: Rules, month: date
) -> Iterator[Entry]:
    """Yield what the rules make of a month, numbered in each view."""
    dated_on = next_month(month) - timedelta(days=1)
    numbers = dict.fromkeys(VIEWS, 0)
    for one in measured:
        for view in VIEWS:
            lines = list(_lines(one, rules, view))
            if lines:
                numbers[view] += 1
            for line, (account, measure, fen) in enumerate(lines, start=1):
                fact = one.fact
                yield Entry(
                    view=view,
                    journal_no=numbers[view],
                    line=line,
                    event=fact.event,
                    dated_on=dated_on,
                    account=account,
                    debit_fen=max(fen, 0),
                    credit_fen=max(-fen, 0),
                    measure=measure,
                    partner=fact.partner,
                    family=fact.family,
                    item=fact.item,
                    unit=fact.unit,
                    earned_in=fact.earned_in,
                    funding=fact.funding,
                    points=fact.points,
                    event_count=fact.count,
                )


def _lines(one: Measured, rules: Rules, view: str) -> Iterator[tuple[str, str, int]]:
    """Yield account, measure and fen of an event in a view; debits are positive."""
    fact = one.fact
    facts_: dict[str, str | None] = {
        "treatment": fact.treatment,
        "billing": fact.billing,
        "funding": funding_kind(fact.funding),
        "family": fact.family,
        "partner": fact.partner,
        "item": fact.item,
        "fulfilment": fact.fulfilment,
    }
    facts_["role"] = rules.role_of(facts_)
    kind = funding_kind(fact.funding)
    rule = rules.rule_for(view, MIRRORS.get(fact.event, fact.event), facts_)
    if rule is None:
        if view == "D" and any(one.own.get(name) for name in _must_post(kind)):
            raise NoRuleFor(event=fact.event, view=view)
        return
    fen = amounts(one.own)
    for sign, lines in ((1, rule.debit), (-1, rule.credit)):
        for line in lines:
            if not fen[line.measure]:
                continue
            account = (
                rules.liability.get(kind) if line.account == LIABILITY else line.account
            )
            if account is None:  # a coalition's points are owed for by nobody here
                raise NoRuleFor(event=fact.event, view=view)
            yield account, line.measure, sign * fen[line.measure]


def _must_post(kind: str) -> tuple[str, ...]:
    """Return the measures that no rules may leave out, of a kind of funding."""
    if kind == COALITION:
        return (*_MOVES_LIABILITY, "payable", "released")
    return _MOVES_LIABILITY


def _hash(
    found: Iterable[Fact],
    rules: Rules,
    holds: InForce,
    cohorts: Iterable[CohortMonth],
) -> str:
    """Return the SHA-256 of all that a journal was derived from."""
    said = {
        "facts": [[*fact.key, *(str(one) for one in _figures(fact))] for fact in found],
        "rules": rules.version,
        "estimates": holds.version,
        "cohorts": sorted(
            [str(one.cohort), str(one.state), str(one.carried)] for one in cohorts
        ),
    }
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _figures(fact: Fact) -> tuple[object, ...]:
    return (
        *(fact.points, fact.count, fact.price, fact.service, fact.payable),
        *(fact.cash, fact.amount, fact.used, fact.worth),
    )
