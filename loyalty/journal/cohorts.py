"""A month's facts through the cohort engine: what each of them comes to in fen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Final

from loyalty.estimates.queries import InForce
from loyalty.finance.allocation import by_relative_ssp, ssp_of_points
from loyalty.finance.cohorts import (
    Activity,
    Carried,
    Cohort,
    CohortState,
    roll_forward,
)
from loyalty.finance.rules import NOTHING, carry
from loyalty.journal.facts.fact import Effect, Fact
from loyalty.journal.rules import funding_kind
from loyalty.journal.values import CohortMonth
from loyalty.points.entries import COALITION

Rates = Mapping[tuple[date, Cohort], Fraction]
Measures = dict[str, int]

_ALL_EXPECTED: Final = Fraction(1)


@dataclass(frozen=True, slots=True)
class Measured:
    """A fact, and what it comes to in whole fen."""

    fact: Fact
    own: Measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What holds in a month."""

    period: date
    in_force: InForce
    unit_cost_fen: Fraction  # of a point
    refunds_voids: bool  # what leaving voids is no longer owed to who funded it
    breaks_at_once: bool  # breakage when points are gone, and not in pattern


@dataclass(slots=True)
class _Cohort:
    """A cohort while its month is worked on."""

    before: CohortMonth
    facts: list[Fact] = field(default_factory=list)
    allocated: dict[int, Fraction] = field(default_factory=dict)  # by place in facts
    expected: dict[int, Fraction] = field(default_factory=dict)


def work_through(
    month: Month,
    facts: Sequence[Fact],
    *,
    opening: Mapping[Cohort, CohortMonth],
    rates: Rates,
) -> tuple[list[Measured], dict[Cohort, CohortMonth]]:
    """Return what each fact comes to, and where every cohort stands afterwards.

    `rates` says what a point of a cohort released in the months whose redemptions are
    given back. All that rounding leaves is carried to the cohort's next posting.
    """
    at_hand: dict[Cohort, _Cohort] = {
        cohort: _Cohort(before) for cohort, before in opening.items()
    }
    plain = []
    for fact in facts:
        if fact.cohort is None or fact.effect is Effect.NOTHING:
            plain.append(fact)
            continue
        if fact.cohort not in at_hand:
            at_hand[fact.cohort] = _Cohort(
                CohortMonth(cohort=fact.cohort, state=CohortState())
            )
        at_hand[fact.cohort].facts.append(fact)
    measured: list[Measured] = []
    closing: dict[Cohort, CohortMonth] = {}
    for cohort in sorted(at_hand):
        done, closing[cohort] = _close(month, cohort, at_hand[cohort], rates)
        measured += done
    now = dict(rates) | {
        (month.period, cohort): one.rate for cohort, one in closing.items()
    }
    measured += _had_now(plain, now)
    measured.sort(key=lambda one: one.fact.key)
    return list(_with_money(measured)), closing


def _close(
    month: Month, cohort: Cohort, one: _Cohort, rates: Rates
) -> tuple[list[Measured], CohortMonth]:
    """Work one cohort through its month."""
    if funding_kind(cohort.funding) == COALITION:
        return _close_coalition(month, cohort, one)
    _allocate(month, cohort, one)
    activity = _activity(month, one, rates)
    rolled = roll_forward(
        one.before.state,
        activity=activity,
        expected=None if month.breaks_at_once else month.in_force.expected.get(cohort),
    )
    before_release = _issued(one.before.state, activity)
    rate = _effective(before_release, activity.redeemed)
    chain = _Chain(one.before.carried, one.before.carried_cost)
    measured = []
    for nth, fact in enumerate(one.facts):
        own: Measures = {}
        if fact.effect in (Effect.ISSUE, Effect.CLAW):
            own["allocated"] = chain.allocated(one.allocated[nth])
            own["service"] = _service(fact, own["allocated"])
        elif _refunds(month, fact):
            own["allocated"] = -chain.allocated(-one.allocated[nth])
        elif fact.effect is Effect.REDEEM or _breaks(month, fact):
            own["released"] = chain.released(fact.points * rate)
        elif fact.effect is Effect.RETURN:
            own["released"] = chain.released(
                -fact.points * _rate_then(fact, rate, rates)
            )
        own["unit_cost"] = chain.cost(_sign(fact) * fact.points * month.unit_cost_fen)
        measured.append(Measured(fact, own))
    true_up = chain.released(rolled.movement.true_up)
    breakage = chain.released(rolled.movement.breakage)
    for event, fen in (("true_up", true_up), ("breakage", breakage)):
        if fen:
            fact = Fact(
                period=month.period,
                event=event,
                unit=cohort.unit,
                earned_in=cohort.earned_in,
                funding=cohort.funding,
            )
            measured.append(Measured(fact, {event: fen}))
    return measured, CohortMonth(
        cohort=cohort,
        state=rolled.closing,
        carried=chain.carried,
        carried_cost=chain.carried_cost,
        rate=rate,
        allocated_fen=chain.allocated_fen,
        released_fen=chain.released_fen - true_up - breakage,
        true_up_fen=true_up,
        breakage_fen=breakage,
        liability_fen=one.before.liability_fen
        + chain.allocated_fen
        - chain.released_fen,
    )


def _close_coalition(
    month: Month, cohort: Cohort, one: _Cohort
) -> tuple[list[Measured], CohortMonth]:
    """Count a coalition's points; it is their price alone that is money here.

    What is allocated to them is what we arrange them for (T10), and what is released
    when they are spent is what the coalition pays. Nothing is deferred.
    """
    chain = _Chain(one.before.carried, one.before.carried_cost)
    total = Activity()
    measured = []
    for fact in one.facts:
        own: Measures = {}
        if fact.effect in (Effect.ISSUE, Effect.CLAW):
            own["allocated"] = chain.allocated(_arranged(fact))
            own["service"] = _service(fact, own["allocated"])
        elif fact.effect in (Effect.REDEEM, Effect.RETURN):
            own["released"] = chain.released(_sign(fact) * fact.worth)
        measured.append(Measured(fact, own))
        total += _effect_of(month, fact, allocated=NOTHING, expected=NOTHING)
    rolled = roll_forward(one.before.state, activity=total)
    return measured, CohortMonth(
        cohort=cohort,
        state=rolled.closing,
        carried=chain.carried,
        carried_cost=chain.carried_cost,
    )


def _is_given(fact: Fact) -> bool:
    """Whether a fact is of a coalition's points as bills give them."""
    return funding_kind(fact.funding) == COALITION and fact.effect in (
        Effect.ISSUE,
        Effect.CLAW,
    )


def _arranged(fact: Fact) -> Fraction:
    """Return what part of a bill is for the points of a coalition."""
    if not fact.price or not fact.worth:
        return NOTHING
    return fact.price * fact.worth / (fact.price + fact.worth)


def _allocate(month: Month, cohort: Cohort, one: _Cohort) -> None:
    """Say what part of its price each fact defers, and how many it will redeem."""
    rate = _ALL_EXPECTED if month.breaks_at_once else month.in_force.redemption_rate
    if cohort.funding == "fraud":
        rate = _ALL_EXPECTED
    for nth, fact in enumerate(one.facts):
        if fact.effect is Effect.ISSUE:
            one.allocated[nth] = _deferred(month, fact)
            one.expected[nth] = fact.points * rate
    issued = one.before.state.issued + sum(
        one.facts[nth].points for nth in one.allocated
    )
    allocated = one.before.state.allocated + sum(one.allocated.values(), NOTHING)
    expected = one.before.state.expected + sum(one.expected.values(), NOTHING)
    for nth, fact in enumerate(one.facts):
        if fact.effect is Effect.CLAW:
            each = allocated / issued if issued > 0 else NOTHING
            has_price = fact.event in _PRICED and fact.billing != "none"
            one.allocated[nth] = (
                fact.price - fact.service if has_price else fact.points * each
            )
            one.expected[nth] = (
                fact.points * expected / issued if issued > 0 else NOTHING
            )
        elif _refunds(month, fact):
            one.allocated[nth] = (
                fact.points * allocated / issued if issued > 0 else NOTHING
            )


# What of the price of these is not for points is whole, as the price is.
_BILLED: Final = ("bill_earned", "bill_adjusted")
# What these cost their payer is told apart from what else it paid for.
_PRICED: Final = ("partner_earned", "exchanged_in", "purchased")


def _deferred(month: Month, fact: Fact) -> Fraction:
    """Return what part of a price is for the points that it earned."""
    ssp = ssp_of_points(max(fact.points, 0), fen_per_point=month.in_force.fen_per_point)
    if fact.event == "bill_earned":
        price = int(fact.price)
        if price <= 0:
            return NOTHING
        return by_relative_ssp(price, ssps=(Fraction(price), ssp))[1]
    if fact.event in _PRICED and fact.billing != "none":
        return fact.price - fact.service
    if fact.event == "recredited":
        return fact.points * month.in_force.point_value_fen
    return ssp


def _service(fact: Fact, allocated: int) -> int:
    """Return what of a price is for something else, so that both are the price."""
    if fact.event in _BILLED:
        return int(fact.price) - allocated
    return int(fact.service) if fact.event in _PRICED else 0


def _refunds(month: Month, fact: Fact) -> bool:
    return (
        month.refunds_voids
        and fact.event == "voided"
        and funding_kind(fact.funding) == "partner"
    )


def _breaks(month: Month, fact: Fact) -> bool:
    return (
        month.breaks_at_once
        and fact.effect in (Effect.EXPIRE, Effect.VOID)
        and not _refunds(month, fact)
    )


def _activity(month: Month, one: _Cohort, rates: Rates) -> Activity:
    """Return what the facts of a month do to their cohort, in sums."""
    total = Activity()
    for nth, fact in enumerate(one.facts):
        total += _effect_of(
            month,
            fact,
            allocated=one.allocated.get(nth, NOTHING),
            expected=one.expected.get(nth, NOTHING),
        )
    issued = _issued(one.before.state, total)
    rate = _effective(issued, total.redeemed)
    back = NOTHING
    for fact in one.facts:
        if fact.effect is Effect.RETURN:
            back += fact.points * _rate_then(fact, rate, rates)
    return replace(total, returned_fen=back)


def _effect_of(
    month: Month, fact: Fact, *, allocated: Fraction, expected: Fraction
) -> Activity:
    points = fact.points
    if fact.effect in (Effect.ISSUE, Effect.CLAW):
        return Activity(issued=points, allocated=allocated, expected=expected)
    if _refunds(month, fact):
        return Activity(issued=-points, allocated=-allocated)
    if fact.effect is Effect.REDEEM or _breaks(month, fact):
        return Activity(redeemed=points)
    if fact.effect is Effect.RETURN:
        return Activity(returned=points)
    if fact.effect is Effect.EXPIRE:
        return Activity(expired=points)
    assert fact.effect is Effect.VOID
    return Activity(voided=points)


def _issued(state: CohortState, activity: Activity) -> CohortState:
    """Return a cohort with what was issued in the month, as `book` takes it first."""
    return replace(
        state,
        issued=state.issued + activity.issued,
        allocated=state.allocated + activity.allocated,
        expected=state.expected + activity.expected,
    )


def _effective(issued: CohortState, redeemed: int) -> Fraction:
    """Return what each redeemed point releases: no more in all than is owed."""
    owed = max(issued.liability, NOTHING)
    if redeemed > 0 and redeemed * issued.rate > owed:
        return owed / redeemed
    return issued.rate


def _rate_then(fact: Fact, rate: Fraction, rates: Rates) -> Fraction:
    """Return what each point had released when that happened which is given back."""
    cohort, period = fact.cohort, fact.of
    if cohort is None or period is None or period == fact.period:
        return rate
    return rates.get((period, cohort), rate)


def _sign(fact: Fact) -> int:
    """Tell which way an event goes: giving back mirrors what it undoes."""
    return -1 if fact.effect is Effect.RETURN else 1


def _had_now(facts: Iterable[Fact], rates: Rates) -> Iterator[Measured]:
    """Yield facts that move no points, with what their points released before.

    What a bill without points asks is all for the service.
    """
    left = NOTHING
    for fact in facts:
        own = {}
        if fact.cohort is not None and fact.of is not None:
            exact = (
                fact.worth
                if funding_kind(fact.funding) == COALITION
                else fact.used * rates.get((fact.of, fact.cohort), NOTHING)
            )
            own["released"], left = carry(exact, carried=left)
        elif fact.event in _BILLED:
            own["service"] = int(fact.price)
        yield Measured(fact, own)


def _with_money(measured: Iterable[Measured]) -> Iterator[Measured]:
    """Add what is owed and was paid, in whole fen; a counterpart's are its sums.

    Where what was released and paid is too little for what is owed, the rest is short;
    so it is with each cohort (J3c).
    """
    left: dict[tuple[str | None, ...], Fraction] = {}
    for one in measured:
        fact, own = one.fact, dict(one.own)
        is_given = _is_given(fact)
        for name in ("amount", "cash", "payable"):
            # What a coalition is owed is one sum, whatever is given or taken back.
            event = None if is_given else fact.event
            key = (name, event, fact.partner, fact.item, fact.billing)
            exact = _sign(fact) * getattr(fact, name)
            own[name], left[key] = carry(exact, carried=left.get(key, NOTHING))
        sign = -1 if own["payable"] < 0 else 1
        short = own["payable"] - own.get("released", 0) - own["cash"]
        if is_given:
            short -= own.get("allocated", 0)
        own["shortfall"] = sign * max(sign * short, 0)
        yield Measured(fact, own)


class _Chain:
    """Rounds what a cohort posts, one after the other, and keeps what is left."""

    def __init__(self, carried: Carried, carried_cost: Fraction) -> None:
        self.carried = carried
        self.carried_cost = carried_cost
        self.allocated_fen = 0
        self.released_fen = 0

    def allocated(self, exact: Fraction) -> int:
        fen, left = carry(exact, carried=self.carried.allocated)
        self.carried = replace(self.carried, allocated=left)
        self.allocated_fen += fen
        return fen

    def released(self, exact: Fraction) -> int:
        fen, left = carry(exact, carried=self.carried.released)
        self.carried = replace(self.carried, released=left)
        self.released_fen += fen
        return fen

    def cost(self, exact: Fraction) -> int:
        fen, self.carried_cost = carry(exact, carried=self.carried_cost)
        return fen
