"""What an order is made of, what it may do next, and what its parts cost.

States and events:

    awaiting_review   held; a supervisor releases or declines it, after a day
    awaiting_payment  held; paid, or given up when the checkout has ended
    accepted          ours to fulfil: to be insured, shipped or attended
    in_progress       a partner or a carrier has it
    fulfilled         the member has what was ordered
    canceled, failed, returned   over, and everything is given back
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from loyalty.catalogue.rules import Item, price
from partners.ports import Outcome

QUANTITY_MAX = 99
# domain.md 4.3, ASSUMED; reviewed orders are outside the points of a day, for a
# person decides each of them.
WEB_ORDERS_PER_DAY = 3
WEB_POINTS_PER_DAY = 20_000
STORED_VALUE_FEN_PER_DAY = 500_00  # domain.md 4.4, ASSUMED
CLERK_ORDERS_PER_DAY = 20
CLERK_POINTS_PER_DAY = 50_000

REVIEW_AFTER = timedelta(hours=24)  # domain.md 4.3, L4
REVIEW_WITHIN = timedelta(days=7)  # then the points go back
POLICY_WITHIN = timedelta(hours=48)  # domain.md 3.5, ASSUMED
# A question is asked again when its answer must have been lost, not before: who is
# still being asked may truthfully say that they never heard of it.
PATIENCE = timedelta(minutes=2)
ASK_AGAIN_MAX = timedelta(hours=1)  # the longest pause between two questions
GIVE_UP_AFTER = timedelta(days=7)  # then a person looks at it

OPEN_STATES = ("awaiting_review", "awaiting_payment", "accepted", "in_progress")
OVER_STATES = ("canceled", "failed", "returned")


class Way(StrEnum):
    """How an order is paid."""

    POINTS = "points"
    POINTS_CASH = "points_cash"
    CASH = "cash"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom an order is for and where it goes; None: not told, or not needed."""

    name: str | None = None
    phone: str | None = None
    address: str | None = None
    insured_name: str | None = None
    insured_id: str | None = None
    on_day: date | None = None
    msisdn: str | None = None
    consent: bool = False  # the insured agrees that the insurer gets name and number


@dataclass(frozen=True, slots=True)
class Price:
    """What an order costs in one way, for all of it."""

    points: int
    cash_fen: int


def prices(item: Item, *, quantity: int, tier: str | None) -> dict[Way, Price]:
    """Return the ways an item can be paid, points first.

    A tier's price holds for points alone; points with cash are offered only where
    they ask for fewer points than that.
    """
    each = price(item, tier=tier)
    ways = {Way.POINTS: Price(each * quantity, 0)}
    mix_points, mix_fen = item.mix_points, item.mix_cash_fen
    if mix_points is not None and mix_fen is not None and mix_points < each:
        ways[Way.POINTS_CASH] = Price(mix_points * quantity, mix_fen * quantity)
    if item.cash_fen is not None and each > 0:
        ways[Way.CASH] = Price(0, item.cash_fen * quantity)
    return ways


def is_prepay(*, fulfilment: str, way: str) -> bool:
    """Tell whether cash becomes prepaid balance, and the item is a gift (A19, Q14)."""
    return fulfilment == "INSURANCE" and way == Way.CASH


def service_channel(*, channel: str, fulfilment: str) -> str:
    """Return which of the two service channels an order is reported in (A06)."""
    is_club = channel == "club" or fulfilment in ("BOOKING", "CLUB")
    return "CLUB" if is_club else "RETENTION_WINDOW"


def binding(
    *,
    order_ref: str,
    item_code: str,
    quantity: int,
    way: str,
    points: int,
    cash_fen: int,
    recipient_hint: str | None,
) -> str:
    """Return what a confirmation is bound to, in canonical words.

    Another order, amount or recipient is another binding, for which a code that was
    given for this one is no good (domain.md 4.3, L3).
    """
    return "|".join(
        (
            "order",
            order_ref,
            f"{item_code} x {quantity}",
            way,
            f"{points} points",
            f"{cash_fen} fen",
            recipient_hint or "",
        )
    )


def recipient_hint(recipient: Recipient | None) -> str | None:
    """Return what may be shown of a recipient; None: there is nobody to show."""
    if recipient is None:
        return None
    shown = [
        _masked(recipient.insured_name or recipient.name, first=1, last=0),
        _masked(recipient.insured_id, first=3, last=4),
        _masked(recipient.phone, first=3, last=4),
        _masked(recipient.address, first=6, last=0),
        _masked(recipient.msisdn, first=3, last=4),
        recipient.on_day.isoformat() if recipient.on_day else "",
    ]
    return " ".join(part for part in shown if part) or None


def recipient_faults(
    recipient: Recipient | None, *, fulfilment: str, on: date
) -> list[str]:
    """Return the names of what is missing, or cannot be, to fulfil an order."""
    given = recipient or Recipient()
    needed = {
        "DELIVERY": ("name", "phone", "address"),
        "INSURANCE": ("insured_name", "insured_id"),
        "BOOKING": ("on_day",),
    }.get(fulfilment, ())
    faults = [name for name in needed if not getattr(given, name)]
    if "on_day" in needed and given.on_day is not None and given.on_day < on:
        faults.append("on_day")
    return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What decides whether an order can still be undone."""

    state: str
    fulfilment: str
    code_source: str
    left: int  # pieces that were not given back yet
    unused: int  # vouchers that could still be used
    is_asked: bool  # a partner was asked about it
    free_look_until: date | None = None  # None: has no policy, or no free look
    booked_for: date | None = None  # None: nothing is booked


def cancel_refusal(
    standing: Standing, *, by_member: bool, on: date | None
) -> str | None:
    """Return the code of what keeps an order from being canceled; None: nothing.

    `on` None leaves out what only a day decides. Codes of a pool may have been used
    where we do not hear of it, so that their owner cannot hand them back; staff can,
    who ask first.
    """
    match standing.state:
        case "awaiting_review" | "awaiting_payment":
            return None
        case "accepted":
            return _not_begun(standing, on)
        case "fulfilled":
            return _not_undone(standing, by_member=by_member, on=on)
        case "in_progress" if standing.fulfilment == "INSURANCE":
            return "partner_is_asked"
    return "order_moved_on"


def _not_begun(standing: Standing, on: date | None) -> str | None:
    """Return what keeps an accepted order from being canceled."""
    if standing.fulfilment == "INSURANCE":
        return "partner_is_asked" if standing.is_asked else None
    day = standing.booked_for
    has_come = on is not None and day is not None and on >= day
    return "not_returnable" if has_come else None


def _not_undone(standing: Standing, *, by_member: bool, on: date | None) -> str | None:
    """Return what keeps a fulfilled order from being undone."""
    if standing.fulfilment == "INSURANCE":
        until = standing.free_look_until
        is_over = until is None or (on is not None and on > until)
        return "free_look_over" if is_over else None
    is_foreign = by_member and standing.code_source == "POOL"
    if standing.fulfilment not in ("VOUCHER", "TOP_UP") or is_foreign:
        return "not_returnable"
    return "voucher_used" if standing.unused < standing.left else None


def returnable(standing: Standing, *, by_member: bool) -> int:
    """Return how many pieces of an order can be given back apart from the others."""
    if standing.state != "fulfilled":
        return 0
    if standing.fulfilment in ("VOUCHER", "TOP_UP"):
        is_foreign = by_member and standing.code_source == "POOL"
        return 0 if is_foreign else min(standing.unused, standing.left)
    # Goods are handed to somebody who looks at them.
    if standing.fulfilment == "DELIVERY" and not by_member:
        return standing.left
    return 0


class Question(StrEnum):
    """What a partner can be asked about an order."""

    CREDIT = "credit_prepaid"
    ISSUE = "issue_policy"
    LOOK_UP = "look_up_policy"
    CANCEL = "cancel_policy"
    TAKE_BACK = "take_back_prepaid"
    GIVE_UP = "give_up"  # nobody is asked any more: the order has failed


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put, and its answer."""

    what: str
    at: datetime
    outcome: str | None  # None: no answer yet, or we were killed waiting for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What decides whom to ask next about an order."""

    state: str
    is_insurance: bool
    accepted_at: datetime
    prepaid: str | None  # None: nothing is credited in advance
    has_policy: bool  # one that stands
    asked: Sequence[Asked]  # in order


def next_question(case: Case, *, at: datetime) -> Question | None:
    """Return what to ask now; None: nothing, or not yet.

    While somebody may still be answering, nothing is asked twice; after an unclear
    answer the pauses grow. Money is credited before the policy is asked for. What
    was unclear when an order failed is cleared up, and undone if it was done.
    """
    if case.state in OVER_STATES:
        return _loose_end(case, at)
    if not case.is_insurance or case.state not in ("accepted", "in_progress"):
        return None
    if case.has_policy:
        return _due(case, Question.CANCEL, at=at)
    return _open_question(case, at)


def _open_question(case: Case, at: datetime) -> Question | None:
    """Return what is between an accepted order and its policy."""
    mine = [
        one
        for one in case.asked
        if one.what in (Question.CREDIT, Question.ISSUE, Question.LOOK_UP)
    ]
    last = mine[-1] if mine else None
    if last is not None and last.outcome is None and at - last.at < PATIENCE:
        return None
    deadline = case.accepted_at + POLICY_WITHIN
    if at >= deadline and (
        last is None
        or last.what == Question.CREDIT
        or (last.at >= deadline and last.outcome is not None)
    ):
        return Question.GIVE_UP
    if case.prepaid == "asked":
        return _due(case, Question.CREDIT, at=at)
    return _policy_question(case, at, is_last=at >= deadline)


def _policy_question(case: Case, at: datetime, *, is_last: bool) -> Question | None:
    """Return whether to ask for a policy, or what became of having asked."""
    mine = [q for q in case.asked if q.what in (Question.ISSUE, Question.LOOK_UP)]
    if not mine:
        return Question.ISSUE
    last = mine[-1]
    if last.outcome is None:
        return Question.LOOK_UP if at - last.at >= PATIENCE else None
    if last.what == Question.LOOK_UP and last.outcome == Outcome.ABSENT:
        return Question.ISSUE
    is_due = is_last or at - last.at >= ask_again_after(len(mine))
    return Question.LOOK_UP if is_due else None


def _loose_end(case: Case, at: datetime) -> Question | None:
    """Return what to clear up about an order that is over."""
    if case.has_policy:
        return _due(case, Question.CANCEL, at=at, until_declined=True)
    policy = [q for q in case.asked if q.what in (Question.ISSUE, Question.LOOK_UP)]
    is_unclear = policy and (
        policy[-1].outcome in (None, Outcome.UNKNOWN, Outcome.PENDING)
        # Not sent this time; an earlier asking may have arrived.
        or (
            policy[-1].what == Question.ISSUE
            and len(policy) > 1
            and policy[-1].outcome == Outcome.ABSENT
        )
    )
    if is_unclear and at - policy[0].at < POLICY_WITHIN + GIVE_UP_AFTER:
        pause = PATIENCE if policy[-1].outcome is None else ask_again_after(len(policy))
        return Question.LOOK_UP if at - policy[-1].at >= pause else None
    if case.prepaid == "asked" and any(q.what == Question.CREDIT for q in case.asked):
        # Only what is known to be there can be taken back.
        return _due(case, Question.CREDIT, at=at)
    if case.prepaid == "credited":
        return _due(case, Question.TAKE_BACK, at=at, until_declined=True)
    return None


def _due(
    case: Case, what: Question, *, at: datetime, until_declined: bool = False
) -> Question | None:
    """Return a question if it was never put, or its answer was lost or unclear."""
    mine = [one for one in case.asked if one.what == what]
    if not mine:
        return what
    last = mine[-1]
    if last.outcome == Outcome.DECLINED:
        return None if until_declined else what
    pause = PATIENCE if last.outcome is None else ask_again_after(len(mine))
    return what if at - last.at >= pause else None


def asked(
    *,
    item_code: str,
    quantity: int,
    way: str,
    channel: str,
    recipient: Recipient | None,
) -> Mapping[str, object]:
    """Return what makes two orders of one reference the same."""
    return {
        "item_code": item_code,
        "quantity": quantity,
        "way": way,
        "channel": channel,
        "recipient": None if recipient is None else asdict(recipient),
    }


def share(total: int, *, quantity: int, returned: int, of: int) -> int:
    """Return the part of a total that belongs to `quantity` of `of` pieces.

    Shares are differences of cumulative ones, rounded down, so that those of all
    pieces add up to the total whatever the parts they are returned in.
    """
    assert 0 < quantity <= of - returned
    return total * (returned + quantity) // of - total * returned // of


def partner_reference(*, member_id: int, order_ref: str) -> str:
    """Return the name by which partners know an order.

    The browser sends the order's own, so that two members could send the same.
    """
    return f"{order_ref}-{member_id}"


_NAMED = re.compile(r"([0-9a-f]{32})-([0-9]{1,18})(?::\w+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """The order that a partner's word is about."""

    member_id: int
    order_ref: str


def order_named(reference: str) -> Named | None:
    """Return which order partners know by a name; None: no name of ours.

    What was asked about an order beside it, such as its cancelation, is named after
    it, with a colon.
    """
    match = _NAMED.fullmatch(reference)
    return None if match is None else Named(int(match[2]), match[1])


def ask_again_after(attempts: int) -> timedelta:
    """Return the pause before a question is put again, longer each time."""
    return min(PATIENCE * (1 << min(attempts - 1, 10)), ASK_AGAIN_MAX)


def _masked(value: str | None, *, first: int, last: int) -> str:
    if not value:
        return ""
    if len(value) <= first + last:
        return f"{value[0]}***"
    return f"{value[:first]}***{value[-last:] if last else ''}"
