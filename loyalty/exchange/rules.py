"""What an exchange comes to, and what happens to it next: pure decisions.

States and events:

    requested   the points are set aside; nobody was asked yet
    sent        the partner was asked, or may have been; points belong to nobody yet
    confirmed   the partner has done it; the points are gone, or have come
    declined    over, and everything is back where it was
    disputed    the partner did it after we had given the points back: for finance
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from loyalty.exchange.errors import AmountTooLarge, AmountTooSmall
from partners.ports import Outcome

OPEN_STATES = ("requested", "sent")
STATES = (*OPEN_STATES, "confirmed", "declined", "disputed")

QUOTE_HOLDS = timedelta(minutes=10)
# domain.md 4.3, ASSUMED.
OUT_PER_DAY = 1
OUT_POINTS_PER_MONTH = 50_000
FIRST_WAITS = timedelta(hours=24)
# A look-up made while the first call is still in flight may truthfully say that they
# never heard of it; believing it would give the points back and grant the miles.
PATIENCE = timedelta(minutes=2)
ASK_AGAIN_MAX = timedelta(hours=1)  # the longest pause between two questions
VALIDATION_HOLDS = timedelta(minutes=5)
# What has ended is looked up once more: a partner can refuse after it has accepted,
# and a message can arrive after its sender has given up.
LOOK_AGAIN_AFTER = timedelta(hours=24)
LOOK_AGAIN_WITHIN = timedelta(days=7)
GIVE_UP_AFTER = timedelta(days=7)  # past the agreed wait; then a person looks at it

ALL_PERCENT = 100


class Direction(StrEnum):
    """Which way units go, as our members see it."""

    OUT = "out"  # our points become the partner's units
    IN = "in"  # the partner's units become our points


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFacts:
    """What a rate card says; every ratio is of integers.

    Money is what one partner unit costs: what we pay for it, going out; what the
    partner pays us for it, coming in, some of which is for the service of it (T8).
    """

    from_unit: str
    to_unit: str
    points_num: int  # units got, of
    points_den: int  # units given
    fee_points: int = 0  # always of our points
    min_units: int = 1  # of what is given; so are steps, the most, and the caps
    step_units: int = 1
    max_units: int = 1_000_000_000
    member_day_max: int | None = None  # None: no cap; so below
    member_month_max: int | None = None
    member_year_max: int | None = None
    programme_day_max: int | None = None
    fen_num: int = 0
    fen_den: int = 1
    service_fen_num: int = 0
    service_fen_den: int = 1
    billing: str = "postpaid"
    billing_pct: int = ALL_PERCENT
    wait_hours: int = 72  # how long the partner may take
    is_irrevocable: bool = True  # once the partner has done it
    valid_from: date
    valid_to: date | None = None  # the last day; None: until another one holds

    @property
    def rate(self) -> Fraction:
        """What one unit becomes."""
        return Fraction(self.points_num, self.points_den)


_COUNTS = (
    "points_num",
    "points_den",
    "min_units",
    "step_units",
    "fen_den",
    "service_fen_den",
    "wait_hours",
)
_CAPS = ("member_day_max", "member_month_max", "member_year_max", "programme_day_max")
_SUMS = ("fee_points", "fen_num", "service_fen_num")


def faults_of(
    facts: RateFacts, *, direction: str, universal: Sequence[str]
) -> set[str]:
    """Return the names of what makes no sense in a rate card."""
    wrong = {name for name in _COUNTS if getattr(facts, name) < 1}
    wrong |= {name for name in _SUMS if getattr(facts, name) < 0}
    wrong |= {
        name
        for name in _CAPS
        if (most := getattr(facts, name)) is not None and most < 1
    }
    wrong |= _unit_faults(facts, direction, universal)
    if not 0 <= facts.billing_pct <= ALL_PERCENT:
        wrong.add("billing_pct")
    if facts.billing not in ("prepaid", "postpaid"):
        wrong.add("billing")
    if facts.valid_to is not None and facts.valid_to < facts.valid_from:
        wrong.add("valid_to")
    return wrong or _step_faults(facts) | _money_faults(facts, direction)


def _unit_faults(
    facts: RateFacts, direction: str, universal: Sequence[str]
) -> set[str]:
    """Return which unit should be ours and is not, or the other way round."""
    names = ("from_unit", "to_unit")
    ours, theirs = names if direction == Direction.OUT else reversed(names)
    wrong = set() if getattr(facts, ours) in universal else {ours}
    their_unit = getattr(facts, theirs)
    return wrong | ({theirs} if their_unit in universal or not their_unit else set())


def _step_faults(facts: RateFacts) -> set[str]:
    """Return what keeps steps from giving whole units.

    The least and the most are whole steps, so that nothing is lost to rounding.
    """
    wrong = set()
    if facts.step_units * facts.points_num % facts.points_den:
        wrong.add("step_units")
    if facts.min_units % facts.step_units:
        wrong.add("min_units")
    if facts.max_units < facts.min_units or facts.max_units % facts.step_units:
        wrong.add("max_units")
    return wrong


def _money_faults(facts: RateFacts, direction: str) -> set[str]:
    """Return what keeps a fee from leaving something, and a service from being part."""
    is_in = direction == Direction.IN
    wrong = set()
    if is_in and facts.min_units * facts.rate <= facts.fee_points:
        wrong.add("fee_points")
    price = Fraction(facts.fen_num, facts.fen_den)
    service = Fraction(facts.service_fen_num, facts.service_fen_den)
    if service > price or (service and not is_in):
        wrong.add("service_fen_num")
    return wrong


@dataclass(frozen=True, slots=True)
class Offer:
    """What an amount comes to: what leaves, what comes, and what stays."""

    units_out: int  # leave where they are, the fee of our points included
    fee_points: int
    units_in: int  # arrive
    remainder: int  # of the amount stays where it is
    money_fen: int  # we owe for it, going out; we are owed, coming in
    service_fen: int  # of that money is for the service of it


def offer(facts: RateFacts, *, direction: str, units: int) -> Offer:
    """Return what an amount of what is given comes to.

    Only whole steps are exchanged, and what is left of them stays. A fee is on top of
    what goes out, and off what comes in. Raises `AmountTooSmall`, `AmountTooLarge`.
    """
    is_out = direction == Direction.OUT
    fee_out = facts.fee_points if is_out else 0
    exchanged = (units - fee_out) // facts.step_units * facts.step_units
    if exchanged < facts.min_units:
        raise AmountTooSmall(least=facts.min_units + fee_out)
    if exchanged > facts.max_units:
        raise AmountTooLarge(most=facts.max_units + fee_out)
    gross = exchanged * facts.points_num // facts.points_den
    theirs = gross if is_out else exchanged
    money = half_up(
        theirs * facts.fen_num * facts.billing_pct, facts.fen_den * ALL_PERCENT
    )
    service = half_up(
        theirs * facts.service_fen_num * facts.billing_pct,
        facts.service_fen_den * ALL_PERCENT,
    )
    return Offer(
        units_out=exchanged + fee_out,
        fee_points=facts.fee_points,
        units_in=gross if is_out else gross - facts.fee_points,
        remainder=units - exchanged - fee_out,
        money_fen=money,
        service_fen=min(service, money),
    )


def half_up(dividend: int, divisor: int) -> int:
    """Return the quotient rounded to the nearest whole number, halves upwards."""
    assert divisor > 0
    return (2 * dividend + divisor) // (2 * divisor)


class Question(StrEnum):
    """What a partner can be asked about an exchange."""

    VALIDATE = "validate_member"
    MOVE = "move_units"  # credit them, going out; debit them, coming in
    LOOK_UP = "look_up"
    LEARN = "learn"  # by a person, otherwise than from the partner's machine
    REVERSE = "reverse"  # what it did
    LOOK_UP_REVERSAL = "look_up_reversal"
    GIVE_UP = "give_up"  # nobody is asked any more: nothing has arrived in time


_MOVING = (Question.MOVE, Question.LOOK_UP)
REVERSING = (Question.REVERSE, Question.LOOK_UP_REVERSAL)
# ABSENT, to a question other than a look-up: this asking never left us.
_UNCLEAR = (None, Outcome.UNKNOWN, Outcome.PENDING)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put, and its answer."""

    what: str
    at: datetime
    outcome: str | None  # None: no answer yet, or we were killed waiting for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What decides whom to ask next about an exchange."""

    state: str
    state_at: datetime
    send_after: datetime
    deadline: datetime  # then what has not arrived is given up
    is_reversal_wanted: bool  # finance asks for what the partner did
    asked: Sequence[Asked]  # in order

    @property
    def is_reversal_open(self) -> bool:
        """Whether the partner was, or is to be, asked to take back what it did."""
        answers = [one.outcome for one in self.asked if one.what in REVERSING]
        decided = (Outcome.CONFIRMED, Outcome.DECLINED)
        return self.is_reversal_wanted and not any(one in decided for one in answers)

    @property
    def may_have_arrived(self) -> bool:
        """Whether the partner may have been reached, without our knowing the end."""
        arrived = False
        for one in self.asked:
            if one.what == Question.MOVE and one.outcome in _UNCLEAR:
                arrived = True
            elif one.what == Question.LOOK_UP and one.outcome == Outcome.ABSENT:
                arrived = False
        return arrived


def next_question(
    case: Case, *, at: datetime, is_urged: bool = False
) -> Question | None:
    """Return what to ask now; None: nothing, or not yet.

    While somebody may still be answering nothing is asked twice. What may have
    arrived is looked up and never sent again blindly; what has not, is sent again
    under the same reference until the partner's time is over. `is_urged`: a person
    wants to know now, so that no pause is kept.
    """
    if _is_answering(case, at):
        return None
    match case.state:
        case "requested" | "sent":
            return _forward(case, at, is_urged=is_urged)
        case "confirmed" | "disputed" if case.is_reversal_wanted:
            return _reversal(case, at, is_urged=is_urged)
        case "confirmed" | "declined" if not is_urged:
            return _once_more(case, at)
    has_moved = any(one.what in _MOVING for one in case.asked)
    return Question.LOOK_UP if is_urged and has_moved else None


def _forward(case: Case, at: datetime, *, is_urged: bool) -> Question | None:
    """Return what is between an exchange and its end."""
    if at < case.send_after:
        return None
    if case.may_have_arrived:
        last_move = [one.at for one in case.asked if one.what == Question.MOVE][-1]
        since_then = [q for q in case.asked if q.what in _MOVING and q.at >= last_move]
        due = since_then[-1].at + ask_again_after(len(since_then))
        return Question.LOOK_UP if is_urged or at >= due else None
    if at >= case.deadline:
        return Question.GIVE_UP
    if case.asked and case.asked[-1].what == Question.VALIDATE:
        last = case.asked[-1]
        if last.outcome == Outcome.CONFIRMED and at - last.at < VALIDATION_HOLDS:
            return Question.MOVE
    unclear = [
        one
        for one in case.asked
        if one.what != Question.LOOK_UP and one.outcome != Outcome.CONFIRMED
    ]
    if unclear and not is_urged:
        due = unclear[-1].at + ask_again_after(len(unclear))
        return Question.VALIDATE if at >= due else None
    return Question.VALIDATE


def _once_more(case: Case, at: datetime) -> Question | None:
    """Return whether to look up what has ended: once, a day later."""
    moves = [one for one in case.asked if one.what in _MOVING]
    if not moves or moves[-1].outcome == Outcome.DECLINED:
        return None
    since = [one for one in moves if one.at > case.state_at]
    if any(one.outcome not in _UNCLEAR for one in since):
        return None
    due = case.state_at + LOOK_AGAIN_AFTER
    if since:
        due = since[-1].at + ASK_AGAIN_MAX
    is_time = due <= at < case.state_at + LOOK_AGAIN_WITHIN
    return Question.LOOK_UP if is_time else None


def _reversal(case: Case, at: datetime, *, is_urged: bool) -> Question | None:
    """Return how to get back what a partner did."""
    mine = [one for one in case.asked if one.what in REVERSING]
    if not mine:
        return Question.REVERSE
    last = mine[-1]
    if last.outcome in (Outcome.CONFIRMED, Outcome.DECLINED):
        return None
    if not is_urged and at - last.at < ask_again_after(len(mine)):
        return None
    # It never left us, or they never heard of it.
    if last.outcome == Outcome.ABSENT and (
        last.what == Question.LOOK_UP_REVERSAL or len(mine) == 1
    ):
        return Question.REVERSE
    return Question.LOOK_UP_REVERSAL


def _is_answering(case: Case, at: datetime) -> bool:
    return any(
        one.outcome is None and at - one.at < PATIENCE for one in case.asked[-3:]
    )


def ask_again_after(questions: int) -> timedelta:
    """Return the pause before a question is put again, longer each time."""
    return min(PATIENCE * (1 << min(questions - 1, 10)), ASK_AGAIN_MAX)


class Verdict(StrEnum):
    """What an answer means for an exchange."""

    KEEP = "keep"  # as it is; the next question decides
    CONFIRM = "confirm"  # the points go, or come
    RELEASE = "release"  # everything goes back
    UNDO = "undo"  # what was confirmed is refused after all
    DISPUTE = "dispute"  # both have it: finance must see it
    RESOLVE = "resolve"  # the partner has taken back what came too late
    KEPT = "kept"  # the partner will not take it back


_MOVED: dict[tuple[str, Outcome], Verdict] = {
    ("sent", Outcome.CONFIRMED): Verdict.CONFIRM,
    ("sent", Outcome.DECLINED): Verdict.RELEASE,
    ("confirmed", Outcome.DECLINED): Verdict.UNDO,
    ("declined", Outcome.CONFIRMED): Verdict.DISPUTE,
    ("disputed", Outcome.DECLINED): Verdict.RESOLVE,
}
_REVERSED: dict[tuple[str, Outcome], Verdict] = {
    ("confirmed", Outcome.CONFIRMED): Verdict.UNDO,
    ("confirmed", Outcome.DECLINED): Verdict.KEPT,
    ("disputed", Outcome.CONFIRMED): Verdict.RESOLVE,
    ("disputed", Outcome.DECLINED): Verdict.KEPT,
}


def verdict(*, state: str, what: str, outcome: Outcome, is_under_way: bool) -> Verdict:
    """Return what an answer means; what is not told here changes nothing.

    `is_under_way`: units may be moving already, so that what was said of the member
    before decides nothing any more.
    """
    if what == Question.VALIDATE:
        is_refused = outcome is Outcome.DECLINED and state in OPEN_STATES
        return Verdict.RELEASE if is_refused and not is_under_way else Verdict.KEEP
    if what in REVERSING:
        return _REVERSED.get((state, outcome), Verdict.KEEP)
    return _MOVED.get((state, outcome), Verdict.KEEP)


def binding(
    *, exchange_ref: str, partner: str, account: str, units_out: int, units_in: int
) -> str:
    """Return what a confirmation is bound to, in canonical words."""
    return "|".join(
        (
            "exchange",
            exchange_ref,
            f"{partner} {account}",
            f"{units_out} out",
            f"{units_in} in",
        )
    )
