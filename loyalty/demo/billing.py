"""Bills, what is paid on them and when, and what is taken off them."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random

from loyalty.demo.chance import chance, last_day, month_after, stamp
from loyalty.demo.files import FeedFile, feed_file, yuan
from loyalty.demo.people import Cast, Line, bill_points

# How bills are paid, in parts of a thousand.
HABITS = {
    "once": 855,  # in one payment before the due date
    "parts": 60,  # in two or three payments
    "credited": 12,  # nearly all of it; a credit note waives the rest
    "corrected": 10,  # in full, and a credit note comes afterwards
    "bounced": 8,  # the payment bounces, and nothing follows
    "returned": 6,  # it bounces next month, when its points may be spent
    "mended": 7,  # the payment bounces, and another one follows
    "late": 22,  # next month
    "never": 20,
}
BILLING_DAYS = 5
DUE_DAY = 25
SPREAD_MIN, SPREAD = 0.7, 0.6  # of a month's amount around the ordinary one
CREDIT_PERCENT_MAX = 20
# Bills of the three months before that nobody has paid, per line and month.
BACKLOG_MONTHS, BACKLOG_SHARE = 3, 0.012
RECOVERED_SHARE = 0.08  # of the backlog: paid in time, and heard of much later
UNKNOWN_NUMBER_SHARE = 0.004
UNREADABLE_SHARE = 0.001
UNKNOWN_BILL_SHARE = 0.003
OVERPAID_REPEAT_SHARE = 0.001  # payments that are delivered twice


@dataclass(slots=True)
class Bill:
    """A bill that somebody has yet to pay, or a payment that has yet to bounce."""

    bill_ref: str
    line: Line
    amount: int
    pay_on: date


@dataclass(slots=True)
class Billing:
    """The billing of every month, and what one month leaves to the next."""

    seed: int
    cast: Cast
    first_month: date
    owing: list[Bill] = field(default_factory=list)
    final: list[Line] = field(default_factory=list)  # lines that end: one more bill
    issued: int = 0  # points that bills have earned so far

    def write(self, directory: Path, month: date, sequence: int) -> list[Path]:
        """Write a month's bills, payments and adjustments, in this order."""
        with ExitStack() as stack:
            files = [
                stack.enter_context(feed_file(directory, feed, sequence))
                for feed in ("bills", "payments", "adjustments")
            ]
            _Month(self, month, *files).write()
        return [file.path for file in files]

    def backlog(self, month: date, rng: Random) -> list[Bill]:
        """Return the bills of a month before the demo that stayed unpaid."""
        return [
            Bill(
                bill_ref=_bill_ref(month, line),
                line=line,
                amount=_amount(line, rng),
                pay_on=month.replace(day=DUE_DAY - 1),
            )
            for line in self.cast.live_lines()
            if line.activated_on < month and rng.random() < BACKLOG_SHARE
        ]


class _Month:
    """One month of billing, being written."""

    def __init__(
        self,
        billing: Billing,
        month: date,
        bills: FeedFile,
        payments: FeedFile,
        adjustments: FeedFile,
    ) -> None:
        self.billing, self.month = billing, month
        self.bills, self.payments, self.adjustments = bills, payments, adjustments
        self.rng = chance(billing.seed, "billing", month)
        self.owing: list[Bill] = []
        self._payment = self._adjustment = 0

    def write(self) -> None:
        if self.month == self.billing.first_month:
            self._take_over()
        self._late_payments()
        final = (line for line in self.billing.final if not line.is_live)
        lines = [*self.billing.cast.live_lines(), *final]
        habits = self.rng.choices(
            list(HABITS), cum_weights=_running(HABITS), k=len(lines)
        )
        for line, habit in zip(lines, habits, strict=True):
            if line.activated_on < self.month:
                self._bill(line, habit)
        self._strangers(len(lines))
        self.billing.owing, self.billing.final = self.owing, []

    def _take_over(self) -> None:
        """Bring along the unpaid bills of the months before."""
        for back in range(BACKLOG_MONTHS, 0, -1):
            month = month_after(self.month, -back)
            for bill in self.billing.backlog(month, self.rng):
                self._add_bill(bill, month)
                if self.rng.random() < RECOVERED_SHARE:
                    self.owing.append(bill)

    def _late_payments(self) -> None:
        for bill in self.billing.owing:
            self._pay(bill, bill.amount, bill.pay_on)
            self._earn(bill.line, bill.amount)

    def _bill(self, line: Line, habit: str) -> None:
        rng = self.rng
        bill = Bill(
            bill_ref=_bill_ref(self.month, line),
            line=line,
            amount=_amount(line, rng),
            pay_on=self.month + timedelta(days=BILLING_DAYS + int(rng.random() * 18)),
        )
        self._add_bill(bill, self.month)
        match habit:
            case "once":
                self._pay(bill, bill.amount, bill.pay_on)
                self._earn(line, bill.amount)
            case "parts":
                self._pay_in_parts(bill)
                self._earn(line, bill.amount)
            case "credited" | "corrected":
                credit = bill.amount * rng.randint(1, CREDIT_PERCENT_MAX) // 100
                paid = bill.amount - (credit if habit == "credited" else 0)
                self._pay(bill, paid, bill.pay_on)
                self._credit(bill, credit)
                self._earn(line, bill.amount - credit)
            case "returned":
                self._pay(bill, bill.amount, bill.pay_on)
                self._earn(line, bill.amount)
                bill.amount = -bill.amount
                bill.pay_on = month_after(self.month).replace(day=rng.randint(2, 5))
                self.owing.append(bill)
            case "bounced" | "mended":
                self._pay(bill, bill.amount, bill.pay_on)
                bounced_on = bill.pay_on + timedelta(days=2)
                self._pay(bill, -bill.amount, bounced_on)
                if habit == "mended":
                    again_on = bounced_on + timedelta(days=3)
                    self._pay(bill, bill.amount, again_on)
                    self._earn(line, bill.amount)
            case "late":
                bill.pay_on = month_after(self.month).replace(day=rng.randint(6, 20))
                self.owing.append(bill)

    def _add_bill(self, bill: Bill, month: date) -> None:
        period, due_on, *billing_days = _calendar(month)
        self.bills.add(
            bill.bill_ref,
            bill.line.msisdn,
            period,
            billing_days[bill.line.number % BILLING_DAYS],
            due_on,
            yuan(bill.amount),
        )

    def _pay(self, bill: Bill, amount: int, paid_on: date) -> None:
        self._payment += 1
        row = (self._payment_ref(), bill.bill_ref, paid_on, yuan(amount))
        self.payments.add(*row)
        if self.rng.random() < OVERPAID_REPEAT_SHARE:
            self.payments.add(*row)

    def _pay_in_parts(self, bill: Bill) -> None:
        parts = self.rng.randint(2, 3)
        first = bill.amount // parts
        self._pay(bill, bill.amount - first * (parts - 1), bill.pay_on)
        for days in range(1, parts):
            self._pay(bill, first, bill.pay_on + timedelta(days=days))

    def _credit(self, bill: Bill, amount: int) -> None:
        self._adjustment += 1
        adjusted_on = min(bill.pay_on + timedelta(days=3), last_day(self.month))
        ref = f"A{self.month:%Y%m}-{self._adjustment:07d}"
        self.adjustments.add(ref, bill.bill_ref, adjusted_on, yuan(-amount))

    def _earn(self, line: Line, amount: int) -> None:
        if line.member.has_left:
            return
        points = bill_points(line, abs(amount)) * (1 if amount > 0 else -1)
        line.member.earned += points
        self.billing.issued += points

    def _strangers(self, lines: int) -> None:
        """Add the lines that must be refused: a feed is never quite clean."""
        day, rng = self.month, self.rng
        period, due_on, *_ = _calendar(day)
        for number in range(1 + int(lines * UNKNOWN_NUMBER_SHARE)):
            ref, amount = f"B{day:%Y%m}-X{number:06d}", yuan(rng.randint(500, 20_000))
            stranger = f"139{rng.randrange(10**8):08d}"  # another operator's number
            self.bills.add(ref, stranger, period, day, due_on, amount)
        some = rng.sample(
            self.billing.cast.lines, min(lines, 1 + int(lines * UNREADABLE_SHARE))
        )
        for number, line in enumerate(some):
            ref = f"B{day:%Y%m}-Y{number:06d}"
            self.bills.add(ref, line.msisdn, period, day, due_on, "12,80")
        for _ in range(1 + int(lines * UNKNOWN_BILL_SHARE)):
            self._payment += 1
            stranger = f"B{day:%Y%m}-Z{self._payment:07d}"
            paid_on = day + timedelta(days=rng.randint(6, 24))
            amount = yuan(rng.randint(500, 20_000))
            self.payments.add(self._payment_ref(), stranger, paid_on, amount)

    def _payment_ref(self) -> str:
        return f"P{stamp(self.month)}-{self._payment:08d}"


def _bill_ref(month: date, line: Line) -> str:
    return f"B{stamp(month)}-{line.number:08d}"


@cache
def _calendar(month: date) -> tuple[str, ...]:
    """Return the period that is billed, the due day and the billing days."""
    days = (month + timedelta(days=day) for day in range(BILLING_DAYS))
    due_on = month.replace(day=DUE_DAY)
    return f"{month_after(month, -1):%Y-%m}", str(due_on), *map(str, days)


def _amount(line: Line, rng: Random) -> int:
    return int(line.spend * (SPREAD_MIN + SPREAD * rng.random()))


def _running(weights: dict[str, int]) -> list[int]:
    total = 0
    return [total := total + weight for weight in weights.values()]
