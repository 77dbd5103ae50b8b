"""The ledger as anyone would write it down: one entry after the other, plain lots."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.values import Entry, Scope, Shortfall, Transfer
from loyalty.points.entries import KINDS
from tests.ledger.model_lots import RANKS, Key

BY_NAME = {kind.name: kind for kind in KINDS}
MEMBER_ACCOUNTS = ("available", "pending", "held", "owed")


class Refused(Exception):
    """The entry would break a rule."""


@dataclass
class Line:
    debit: str
    credit: str
    unit: str
    amount: int
    # Units per lot; one of no lot if it never had any.
    parts: dict[Key | None, int]
    taken_back: dict[Key | None, int] = field(default_factory=dict)
    available_after: int = 0

    def left(self, key: Key | None) -> int:
        return self.parts[key] - self.taken_back.get(key, 0)


@dataclass
class Posted:
    entry: Entry
    lines: list[Line]
    clawed_back: dict[str, int] = field(default_factory=dict)


@dataclass
class Member:
    """One member's book."""

    gate: str = "open"
    balance: dict[tuple[str, str], int] = field(
        default_factory=lambda: {(u, a): 0 for u in RANKS for a in MEMBER_ACCOUNTS}
    )
    issued: dict[Key, int] = field(default_factory=dict)
    left: dict[Key, int] = field(default_factory=dict)
    by_reference: dict[str, Posted] = field(default_factory=dict)
    references: dict[UUID, str] = field(default_factory=dict)
    closed_through: date = date.min

    def post(self, entry: Entry) -> str:
        """Answer 'posted', 'replayed' or why not; a refusal changes nothing."""
        known = self.by_reference.get(entry.reference)
        if known is not None:
            same = known.entry.input_hash == entry.input_hash
            return "replayed" if same else "reference_reused"
        before = deepcopy(self)
        posted = Posted(entry, [])
        try:
            self._check(entry)
            for transfer in entry.transfers:
                self._decide(entry, transfer, posted)
            self._settle_up(entry, posted)
        except Refused as refusal:
            vars(self).update(vars(before))
            return str(refusal)
        self.by_reference[entry.reference] = posted
        return "posted"

    def _undone(self, entry: Entry) -> Posted:
        assert entry.reverses
        return self.by_reference[self.references[entry.reverses]]

    def _check(self, entry: Entry) -> None:
        for transfer in entry.transfers:
            if transfer.amount is not None and not 1 <= transfer.amount <= 10**15:
                raise Refused("amount_out_of_range")
        if entry.effective_on <= self.closed_through:
            raise Refused("period_closed")
        if BY_NAME[entry.kind].spends and self.gate != "open":
            raise Refused("gate_closed")
        if entry.reverses is not None and entry.reverses not in self.references:
            raise Refused("unknown_entry")

    def _decide(self, entry: Entry, transfer: Transfer, posted: Posted) -> None:
        if transfer.debit == "available":
            self._draw(entry, transfer, posted)
        elif entry.reverses is not None:
            self._settle(entry, transfer, posted)
        else:
            self._move(transfer, posted)

    def _move(self, transfer: Transfer, posted: Posted) -> None:
        assert transfer.debit
        assert transfer.credit
        for unit in transfer.units or ():
            there = self.balance.get((unit, transfer.debit))
            amount = there if transfer.amount is None else transfer.amount
            assert amount is not None
            if there is not None and amount > there:
                raise Refused("insufficient_points")
            if transfer.credit == "available":
                assert transfer.lot
                paid = min(amount, self.balance[unit, "owed"])
                key = Key.of(unit, transfer.lot)
                self._write(posted, transfer.debit, "owed", unit, {None: paid})
                self.issued[key] = self.issued.get(key, 0) + amount - paid
                self.left[key] = self.left.get(key, 0) + amount - paid
                self._write(
                    posted, transfer.debit, "available", unit, {key: amount - paid}
                )
            else:
                self._write(
                    posted, transfer.debit, transfer.credit, unit, {None: amount}
                )

    def _draw(self, entry: Entry, transfer: Transfer, posted: Posted) -> None:
        assert transfer.units
        assert transfer.credit
        wanted = transfer.amount
        if entry.reverses is not None:
            undone = self._undone(entry)
            (unit,) = transfer.units
            given = sum(
                line.amount
                for line in undone.lines
                if line.unit == unit and line.credit in {"available", "owed"}
            )
            remaining = given - undone.clawed_back.get(unit, 0)
            wanted = remaining if wanted is None else wanted
            if wanted > remaining:
                raise Refused("exceeds_original")
        keys = sorted(
            key
            for key, units in self.left.items()
            if units > 0
            and key.unit in transfer.units
            and (
                transfer.lot is not None
                and key.expires_on == Key.of(key.unit, transfer.lot).expires_on
                if transfer.scope is Scope.EXPIRED
                else key.expires_on >= entry.effective_on
            )
            and not (
                transfer.scope is Scope.SPARING
                and transfer.lot is not None
                and key.cost_class == transfer.lot.cost_class
            )
        )
        first_unit = transfer.units[0]
        if transfer.scope is not Scope.SPARING:
            keys.sort(key=lambda key: not key.is_of(first_unit, transfer.lot))
        taken: dict[str, dict[Key | None, int]] = {}
        short = wanted if wanted is not None else sum(self.left[key] for key in keys)
        for key in keys:
            units = min(short, self.left[key])
            if units > 0:
                taken.setdefault(key.unit, {})[key] = units
                self.left[key] -= units
                short -= units
        policy = BY_NAME[entry.kind].shortfall
        if wanted is not None and short > 0 and policy is Shortfall.REFUSE:
            raise Refused("insufficient_points")
        is_owed = wanted is not None and policy is Shortfall.OWE
        if entry.reverses is not None:
            # What there was no more of, and nobody owes, was not taken back.
            back = sum(sum(parts.values()) for parts in taken.values())
            back += short if is_owed else 0
            undone.clawed_back[unit] = undone.clawed_back.get(unit, 0) + back
        for unit, parts in sorted(taken.items()):
            self._write(posted, "available", transfer.credit, unit, parts)
        if is_owed:
            self._write(
                posted, "owed", transfer.credit, transfer.units[0], {None: short}
            )

    def _slices(
        self, entry: Entry, transfer: Transfer
    ) -> list[tuple[Line, Key | None, str]]:
        """What an entry still has to give back, and where to, in order."""
        slices = [
            (line, key, transfer.credit or line.debit)
            for line in self._undone(entry).lines
            for key in line.parts
            if line.left(key) > 0
            and transfer.debit in {None, line.credit}
            and line.credit not in {"available", "owed"}  # that is drawn
            and (transfer.units is None or line.unit in transfer.units)
            and not (transfer.scope is Scope.LOTS and key is None)
            and not (transfer.scope is Scope.LOOSE and key is not None)
        ]
        slices.sort(key=lambda s: (s[1] is None, s[1] or 0, s[0].unit))
        # The last drawn comes back first; what never had a lot, to none.
        in_turn = [s for s in reversed(slices) if s[1] and s[2] == "available"]
        in_turn += [s for s in slices if s[2] != "available"]
        in_turn.sort(
            key=lambda s: s[1] is None or not s[1].is_of(s[1].unit, transfer.lot)
        )
        return in_turn

    def _settle(self, entry: Entry, transfer: Transfer, posted: Posted) -> None:
        short = transfer.amount
        moved: dict[tuple[str, str, str, bool], dict[Key | None, int]] = {}
        for line, key, target in self._slices(entry, transfer):
            units = line.left(key) if short is None else min(short, line.left(key))
            if units <= 0:
                continue
            line.taken_back[key] = line.taken_back.get(key, 0) + units
            where = (line.credit, target, line.unit, key is None)
            parts = moved.setdefault(where, {})
            parts[key] = parts.get(key, 0) + units
            if short is not None:
                short -= units
        if short:
            policy = BY_NAME[entry.kind].shortfall
            rootless = transfer.units is None or transfer.credit is None
            rootless |= transfer.debit not in {
                line.credit for line in self._undone(entry).lines
            }
            if policy is not Shortfall.FLOOR and (
                policy is Shortfall.REFUSE or rootless
            ):
                raise Refused("exceeds_original")
        # What becomes available is written down last.
        in_order = sorted(moved.items(), key=lambda m: (m[0][1] == "available", m[0]))
        for (debit, target, unit, _), parts in in_order:
            self._give(
                entry, posted, debit=debit, target=target, unit=unit, parts=parts
            )
        if short and BY_NAME[entry.kind].shortfall is Shortfall.OWE:
            assert transfer.units
            assert transfer.credit
            self._write(
                posted, "owed", transfer.credit, transfer.units[0], {None: short}
            )

    def _give(
        self,
        entry: Entry,
        posted: Posted,
        *,
        debit: str,
        target: str,
        unit: str,
        parts: dict[Key | None, int],
    ) -> None:
        """Credit what was settled; the soonest-expiring pays what is owed."""
        if target != "available":
            self._write(posted, debit, target, unit, parts)
            return
        owed = self.balance[unit, "owed"]
        paying: dict[Key | None, int] = {}
        coming: dict[Key | None, int] = {}
        for key, units in sorted(parts.items()):
            assert key
            paid = min(units, owed)
            owed -= paid
            paying[key] = paid
            coming[key] = units - paid
            home = key.with_grace(entry.effective_on)
            if units > paid:
                if home != key:
                    self.issued[home] = self.issued.get(home, 0) + units - paid
                self.left[home] = self.left.get(home, 0) + units - paid
        self._write(posted, debit, "owed", unit, paying)
        self._write(posted, debit, "available", unit, coming)

    def _write(
        self,
        posted: Posted,
        debit: str,
        credit: str,
        unit: str,
        parts: dict[Key | None, int],
    ) -> None:
        amount = sum(parts.values())
        if amount <= 0:
            return
        for account, change in ((debit, -amount), (credit, amount)):
            if account in MEMBER_ACCOUNTS:
                sign = -1 if account == "owed" else 1
                self.balance[unit, account] += sign * change
        line = Line(debit, credit, unit, amount, {k: n for k, n in parts.items() if n})
        line.available_after = self.balance[unit, "available"]
        posted.lines.append(line)

    def _settle_up(self, entry: Entry, posted: Posted) -> None:
        """Refuse what overdraws, may not move that way, or moves nothing."""
        if any(amount < 0 for amount in self.balance.values()):
            raise Refused("insufficient_points")
        legs = BY_NAME[entry.kind].legs
        for line in posted.lines:
            if (_family(line.debit), _family(line.credit)) not in legs:
                raise Refused("undeclared_leg")
        if not posted.lines:
            raise Refused("nothing_to_post")


def _family(account: str) -> str:
    name, colon, _ = account.partition(":")
    return name + colon
