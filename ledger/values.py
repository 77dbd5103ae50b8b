"""What travels between the ledger and those who use it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from ledger.errors import EmptyEntry, Unbalanced


class Side(StrEnum):
    """Where a balance belongs."""

    DEBIT = "debit"
    CREDIT = "credit"


class Shortfall(StrEnum):
    """What happens when there is less than a kind of entry wants to take."""

    REFUSE = "refuse"
    OWE = "owe"
    FLOOR = "floor"


class Scope(StrEnum):
    """Which part a draw or a settlement is about."""

    EXPIRED = "expired"  # exactly the lots whose last good day is that of the lot
    LOTS = "lots"  # the part of an entry that came from lots
    LOOSE = "loose"  # the part that never had one
    SPARING = "sparing"  # no lot of the cost class of the lot


@dataclass(frozen=True, slots=True)
class Unit:
    """What a transfer is counted in; lower ranks are drawn first."""

    code: str
    draw_rank: int


@dataclass(frozen=True, slots=True)
class AccountClass:
    """An account of the chart, or a family of them, one per partner."""

    name: str
    owner: str
    normal_side: Side
    by_partner: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entry: which accounts it may touch, and on what terms."""

    name: str
    legs: frozenset[tuple[str, str]]  # (debit, credit); 'class:' names a partner
    spends: bool = False
    shortfall: Shortfall = Shortfall.REFUSE


@dataclass(frozen=True, slots=True)
class Lot:
    """What the units of one lot have in common."""

    issuer: str
    funding: str
    cost_class: str
    earned_in: date  # first day of the month
    expires_on: date | None  # the last good day; None: never


@dataclass(frozen=True, slots=True)
class Transfer:
    """An amount on its way from a debit to a credit account."""

    debit: str | None
    credit: str | None  # None: back where the reversed entry took it from
    units: tuple[str, ...] | None
    amount: int | None  # None: whatever is there
    lot: Lot | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal entry not yet posted."""

    member_id: int
    reference: str
    kind: str
    transfers: tuple[Transfer, ...]
    effective_on: date
    occurred_at: datetime
    actor: str
    rule_version: int | None = None
    reverses: UUID | None = None
    # What the caller was asked, if that says less than the entry itself.
    asked: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        if not self.transfers:
            raise EmptyEntry(reference=self.reference)

    @property
    def input_hash(self) -> UUID:
        """The name of what was asked: same input, same hash."""
        return digest(
            self.asked
            if self.asked is not None
            else {
                "kind": self.kind,
                "transfers": [repr(transfer) for transfer in self.transfers],
                "effective_on": self.effective_on,
                "occurred_at": self.occurred_at,
                "reverses": self.reverses,
            }
        )


@dataclass(frozen=True, slots=True)
class Posted:
    """The answer to an entry that stands in the book."""

    id: UUID
    replayed: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """What a member has in one unit."""

    available: int
    pending: int
    held: int
    owed: int


@dataclass(frozen=True, slots=True)
class LotBalance:
    """A lot, and what is left of it."""

    unit: str
    issuer: str
    funding: str
    cost_class: str
    earned_in: date
    expires_on: date | None
    origin_on: date | None
    units_issued: int
    units_left: int


@dataclass(frozen=True, slots=True)
class Line:
    """A posted transfer, as a statement shows it."""

    id: UUID
    line: int
    kind: str
    debit: str
    credit: str
    unit: str
    amount: int
    available_after: int
    effective_on: date
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    rule_version: int | None
    reverses: UUID | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the proof found wrong."""

    finding: str
    member_id: int | None
    unit: str | None
    detail: str


def digest(asked: Mapping[str, object]) -> UUID:
    """Return the first half of the SHA-256 of canonical JSON, as a UUID."""
    canonical = json.dumps(asked, sort_keys=True, default=str, ensure_ascii=False)
    return UUID(bytes=hashlib.sha256(canonical.encode()).digest()[:16])


def transfers_of(
    postings: Iterable[tuple[str, str, int]],
) -> tuple[Transfer, ...]:
    """Pair signed postings `(account, unit, amount)`, debits positive, to transfers.

    Raises `Unbalanced` if they do not add up to zero in every unit.
    """
    by_unit: dict[str, list[list[object]]] = {}
    for account, unit, amount in postings:
        by_unit.setdefault(unit, []).append([account, amount])
    transfers = []
    for unit, sides in by_unit.items():
        debits = [(str(a), int(str(n))) for a, n in sides if int(str(n)) > 0]
        credits_ = [(str(a), -int(str(n))) for a, n in sides if int(str(n)) < 0]
        if sum(n for _, n in debits) != sum(n for _, n in credits_):
            raise Unbalanced(unit=unit)
        while debits and credits_:
            (debit, wanted), (credit, there) = debits.pop(), credits_.pop()
            amount = min(wanted, there)
            transfers.append(Transfer(debit, credit, (unit,), amount))
            if wanted > amount:
                debits.append((debit, wanted - amount))
            if there > amount:
                credits_.append((credit, there - amount))
    return tuple(transfers)
