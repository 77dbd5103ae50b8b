"""What strangers can be asked, in our words: plain values in, a receipt out.

An adapter never raises for a business outcome. An answer that did not come is
UNKNOWN and is asked for again with the same reference; it is never a failure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from partners.files import Agreement


class Outcome(StrEnum):
    """What we know after asking.

    ABSENT, as the answer to an order, says that this asking never left us. Whoever has
    asked under the reference before looks it up: an earlier asking may have arrived.
    """

    CONFIRMED = "confirmed"  # it was done
    DECLINED = "declined"  # it was refused, and will not be done
    PENDING = "pending"  # they are at it; ask again
    ABSENT = "absent"  # they never heard of it
    UNKNOWN = "unknown"  # no answer came; ask again


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer of a partner, in our words."""

    outcome: Outcome
    partner_ref: str | None = None  # None: they gave it no name
    reason: str | None = None  # None: nothing to explain


TERM_MONTHS_MAX = 12
PREMIUM_FEN_MAX = 100_00


class InsuranceClass(StrEnum):
    """What a life insurer may give away."""

    ACCIDENT = "accident"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """What is insured for how long at what price; more than is allowed cannot be made.

    A life insurer may give away accident and health cover of at most a year and 100
    yuan per person and time (domain.md 3.5).
    """

    insurance_class: InsuranceClass
    term_months: int
    premium_fen: int  # what we pay the insurer for one

    def __post_init__(self) -> None:
        """Refuse terms that the rules forbid."""
        if not 0 < self.term_months <= TERM_MONTHS_MAX:
            raise ValueError("cover lasts one to twelve months")
        if not 0 <= self.premium_fen <= PREMIUM_FEN_MAX:
            raise ValueError("a premium is at most 100 yuan")


@dataclass(frozen=True, slots=True)
class PolicyOrder:
    """A policy to be issued to a member; the reference is ours, for ever."""

    reference: str
    product: str
    quantity: int
    insured_name: str
    insured_id: str
    msisdn: str
    starts_on: date
    terms: PolicyTerms | None = None  # None: as agreed for the product


class Insurer(Protocol):
    """Issues and cancels policies (domain.md 3.5): what an order needs."""

    def issue(self, order: PolicyOrder) -> Receipt:
        """Ask for a policy; `partner_ref` of what is confirmed is its number."""

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an order; ABSENT if they never received it.

        DECLINED also for a policy that has been canceled, by whomever.
        """

    def cancel(self, reference: str, *, policy_no: str) -> Receipt:
        """Cancel a policy inside its free look."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who would be insured."""

    product: str
    insured_name: str
    insured_id: str
    starts_on: date
    brand: str | None = None  # None: of no brand of ours


@dataclass(frozen=True, slots=True)
class Certificate:
    """The paper that proves a policy."""

    outcome: Outcome
    content_type: str | None = None
    content: bytes | None = None  # None: there is none (yet)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PremiumLine:
    """A policy on a monthly bill: issued, or canceled with its premium given back."""

    policy_no: str
    reference: str
    product: str
    event: str  # issued or canceled
    happened_on: date
    amount_fen: int  # negative for what is given back


@dataclass(frozen=True, slots=True)
class PremiumBill:
    """What an insurer asks for a month."""

    outcome: Outcome  # CONFIRMED: this is the bill; PENDING: it is not drawn up yet
    period: str  # YYYY-MM
    lines: tuple[PremiumLine, ...] = ()
    total_fen: int | None = None  # as they say; None: no bill
    reason: str | None = None


class Underwriter(Insurer, Protocol):
    """An insurer with all that comes before and after an order."""

    def eligibility(self, applicant: Applicant) -> Receipt:
        """Ask whether somebody can be insured: CONFIRMED, or DECLINED with a reason."""

    def certificate(self, reference: str) -> Certificate:
        """Fetch the certificate of what was issued under this reference."""

    def bill(self, period: str) -> PremiumBill:
        """Fetch the bill of a month, `YYYY-MM`."""


@dataclass(frozen=True, slots=True)
class PrepaidOrder:
    """Money to be credited to a line's prepaid balance, in fen."""

    reference: str
    msisdn: str
    amount_fen: int


class Billing(Protocol):
    """The operator's billing system: what an order needs."""

    def credit_prepaid(self, order: PrepaidOrder) -> Receipt:
        """Credit a line's prepaid balance, once per reference."""

    def take_back(self, order: PrepaidOrder) -> Receipt:
        """Take back what was credited under this reference."""


@dataclass(frozen=True, slots=True)
class LineStanding:
    """What billing knows of a line."""

    outcome: Outcome  # CONFIRMED: the rest holds; ABSENT: no such line
    state: str | None = None  # active, suspended, pre_cancelled, ported_out, closed
    since: datetime | None = None  # of the state
    # When the line last got another SIM card, which may be in a thief's telephone.
    # None: never, as far as is known.
    sim_changed_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A bill of a line for a month."""

    bill_ref: str
    msisdn: str
    period: date  # the first day of the month
    billed_on: date
    due_on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A payment of a bill, or (negative) one that bounced."""

    payment_ref: str
    bill_ref: str
    paid_on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class BillingLines:
    """Some bills and payments in the order in which billing wrote them."""

    outcome: Outcome  # CONFIRMED: the rest holds
    lines: tuple[BilledLine | PaidLine, ...] = ()
    bad_lines: tuple["BadLine", ...] = ()
    # Where the next fetch goes on; None: nothing was fetched, go on where you were.
    cursor: str | None = None
    has_more: bool = False
    reason: str | None = None


class Boss(Billing, Protocol):
    """A billing system that can also be asked about credits, lines and bills."""

    def billing_lines(self, cursor: str | None, *, limit: int) -> BillingLines:
        """Fetch what was billed and paid after the cursor; None: from the beginning.

        The same cursor gives the same lines again, and perhaps more.
        """

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of a credit; DECLINED if it was taken back."""

    def line(self, msisdn: str) -> LineStanding:
        """Ask for the state of a line and the day of its SIM card."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """Units of an account that go after a day."""

    units: int
    expires_on: date  # the last good day


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What an account at a partner holds, in the partner's own units."""

    outcome: Outcome  # CONFIRMED: the rest holds; ABSENT: no such account
    unit: str | None = None
    units: int = 0
    expiring: tuple[Expiring, ...] = ()  # of these, soonest first; the rest never goes
    as_of: datetime | None = None  # when it held that, as they say
    reason: str | None = None


class BalanceTeller(Protocol):
    """A partner that says how many units of its own an account holds."""

    def balance(self, account_ref: str) -> AccountBalance:
        """Ask what an account holds; nothing is changed by asking."""


@dataclass(frozen=True, slots=True)
class AirlineMember:
    """A member of an airline's programme, as he is written there."""

    family_name: str
    given_name: str
    number: str


@dataclass(frozen=True, slots=True)
class MilesOrder:
    """Miles to be credited to a member or taken from him (domain.md 3.3)."""

    reference: str
    member: AirlineMember
    miles: int
    activity: str  # what for, in words agreed with the airline
    activity_on: date
    # The airline's name of the validation that this order rests on; it is good for one.
    # None: the airline asks for none.
    validation_ref: str | None = None
    is_base: bool = True  # False: a bonus


@dataclass(frozen=True, slots=True)
class MilesReversal:
    """Miles of an earlier order to be undone, all or some."""

    reference: str
    original: str  # the reference of that order
    miles: int


class Airline(Protocol):
    """Keeps miles."""

    def validate_member(self, member: AirlineMember) -> Receipt:
        """Ask whether name and number belong together.

        CONFIRMED names the validation in `partner_ref`; PENDING: a person there has
        to look; DECLINED: they do not.
        """

    def credit(self, order: MilesOrder) -> Receipt:
        """Ask for miles, once per reference."""

    def debit(self, order: MilesOrder) -> Receipt:
        """Take miles, once per reference."""

    def reverse(self, order: MilesReversal) -> Receipt:
        """Undo an order, all or some; never more than was ordered, in all."""

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an order or a reversal.

        DECLINED may follow CONFIRMED: an airline can refuse after it has accepted.
        """


@dataclass(frozen=True, slots=True)
class CardLine:
    """A posted line of a co-brand card (domain.md 3.4); never a card's number."""

    partner_ref: str
    account_ref: str  # the bank's token for the card
    kind: str  # purchase, refund, chargeback, cash, fee or interest
    posted_on: date
    amount_fen: int  # negative: refunds and chargebacks
    mcc: str  # four digits
    original_ref: str | None = None  # of what is given back


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used, without what makes it so."""

    position: int  # from 1, in what was fetched
    reason: str
    partner_ref: str | None = None  # None: unreadable as well


@dataclass(frozen=True, slots=True)
class CardLines:
    """Some posted lines in the bank's order."""

    outcome: Outcome  # CONFIRMED: the rest holds
    lines: tuple[CardLine, ...] = ()
    bad_lines: tuple[BadLine, ...] = ()
    # Where the next fetch goes on; None: nothing was fetched, go on where you were.
    cursor: str | None = None
    has_more: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CardInstruction:
    """The end of a card's financial function, for its holder left (domain.md A31)."""

    reference: str
    account_ref: str
    cause: str
    effective_on: date


@dataclass(frozen=True, slots=True)
class Incoming:
    """A question that somebody put to us, as it came."""

    method: str
    target: str  # path and query
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class BankBurn:
    """Points to be spent at the bank's own desk or shop: it asks, we answer."""

    partner_ref: str
    account_ref: str
    points: int
    occurred_at: datetime
    amount_fen: int | None = None  # None: the bank asks for points, not for a price
    partial_allowed: bool = False  # the member pays the rest himself


class Bank(Protocol):
    """Issues co-brand cards."""

    def posted_lines(self, cursor: str | None, *, limit: int) -> CardLines:
        """Fetch what was posted after the cursor; None: from the beginning.

        The same cursor gives the same lines again, and perhaps more.
        """

    def cancel_card_function(self, order: CardInstruction) -> Receipt:
        """Instruct the bank; PENDING until it acknowledges, as it mostly is.

        `partner_ref` of what is confirmed is the bank's acknowledgement.
        """

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an instruction."""


class BankDesk(Protocol):
    """A bank at whose own desk or shop points can be spent."""

    def burn(self, incoming: Incoming) -> BankBurn | None:
        """Return what the bank asks for; None: it was not the bank, or no such thing.

        The same question may come twice; its `partner_ref` is the bank's name for it.
        """

    def sign(self, incoming: Incoming, *, status: int, body: bytes) -> dict[str, str]:
        """Return the headers that prove our answer to be ours, and to this question."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and how much."""

    count: int = 0
    points: int = 0
    amount_fen: int = 0


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What a merchant's tills add up to on a day."""

    outcome: Outcome  # CONFIRMED: the rest holds; PENDING: the day is not over there
    day: date
    sales: Tally = Tally()
    voids: Tally = Tally()
    refunds: Tally = Tally()
    reason: str | None = None


class Merchant(Protocol):
    """Takes points at tills; its tills ask us, and we ask it for its day."""

    def day_totals(self, day: date) -> DayTotals:
        """Fetch the totals of a day, to be compared with ours."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a partner tells on its own: a hint to look up, and what it says."""

    reference: str
    receipt: Receipt


class Notifier(Protocol):
    """A partner that tells late outcomes by itself."""

    def notice(self, incoming: Incoming) -> Notice | None:
        """Return what the partner told us; None: it was not the partner.

        The same notice may come twice, late, and out of order.
        """


@dataclass(frozen=True, slots=True)
class LineEvent:
    """What happened to a line, word for word; nothing in it has been believed yet."""

    event_ref: str = ""
    msisdn: str = ""
    event: str = ""
    reason: str = ""  # empty: none was told
    occurred_at: str = ""


class Network(Protocol):
    """An operator that tells what happens to its lines."""

    def line_events(self, incoming: Incoming) -> Sequence[LineEvent] | None:
        """Return what was told, in its order; None: not the operator, or no events.

        The same event may come twice, late, and out of order.
        """

    def sign(self, incoming: Incoming, *, status: int, body: bytes) -> dict[str, str]:
        """Return the headers that prove our answer to be ours, and to this question."""


@dataclass(frozen=True, slots=True)
class WaitingFiles:
    """Files that lie ready to be fetched, whole, in the order of their names."""

    outcome: Outcome  # CONFIRMED: these are all
    names: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file as it came; nothing in it has been believed yet."""

    outcome: Outcome  # CONFIRMED: here it is; ABSENT: there is none of that name
    name: str
    content: bytes = b""
    signature: str = ""
    reason: str | None = None


class FileExchange(Protocol):
    """A place where a partner's files and ours are put (domain.md 3.2).

    `partners.files` says what must hold of a file before a line of it is used.
    """

    @property
    def agreement(self) -> Agreement:
        """How files are named and signed here."""

    def waiting(self) -> WaitingFiles:
        """List the files that are complete; one without its signature is not."""

    def fetch(self, name: str) -> FetchedFile:
        """Fetch a file; it stays where it is."""

    def put(self, name: str, content: bytes, signature: str) -> Receipt:
        """Put a file there whole or not at all; `partner_ref` is its SHA-256.

        The same file again is CONFIRMED again, another one of that name DECLINED.
        """

    def look_up(self, name: str) -> Receipt:
        """Ask whether a file that we have put is there, and with which SHA-256."""

    def archive(self, name: str, *, sha256: str) -> Receipt:
        """Move a fetched file away, under its hash; again is CONFIRMED again."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words to a person."""

    to: str
    words: str


class Messenger(Protocol):
    """Sends short messages."""

    def send(self, message: Message) -> Receipt:
        """Send a message; the words may hold a code and are kept nowhere."""


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """A payment to be made on the provider's own page, in fen of CNY."""

    reference: str
    amount_fen: int
    title: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    language: str  # zh or en
    facts: dict[str, str]  # come back with every event


@dataclass(frozen=True, slots=True)
class CheckoutReceipt:
    """What the provider said of a checkout."""

    outcome: Outcome  # CONFIRMED: it is open; the payment itself comes later
    checkout_id: str | None = None
    url: str | None = None
    intent_id: str | None = None
    state: str | None = None  # open, paid or expired
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """Something the provider told us, verified."""

    event_id: str
    type: str
    happened_at: datetime
    checkout_id: str | None
    intent_id: str | None
    # paid, expired, refunded, refund_failed; None: nothing that concerns us
    state: str | None
    facts: dict[str, str]


class PaymentProvider(Protocol):
    """Takes money on pages of its own; no card number ever reaches us."""

    def open_checkout(self, order: CheckoutOrder) -> CheckoutReceipt:
        """Open a hosted page; the same reference gives the same page again."""

    def look_up(self, checkout_id: str) -> CheckoutReceipt:
        """Ask what became of a checkout."""

    def expire(self, checkout_id: str) -> CheckoutReceipt:
        """Close a checkout that nobody has paid; says `paid` if somebody has."""

    def refund(
        self, reference: str, *, intent_id: str, amount_fen: int, facts: dict[str, str]
    ) -> Receipt:
        """Give money back, once per reference; the facts come back with events."""

    def verify(self, payload: bytes, signature: str) -> PaymentEvent | None:
        """Return the event that was signed so; None: the signature is wrong."""
