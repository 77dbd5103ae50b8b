"""The face of the ledger: post entries, read books, prove them.

A `Book` works inside the caller's session and never commits.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text
from sqlalchemy.orm import Session

from ledger.errors import BY_CODE, LedgerError
from ledger.values import (
    AccountClass,
    Balance,
    Entry,
    Finding,
    Kind,
    Line,
    Lot,
    LotBalance,
    Posted,
    Scope,
    Transfer,
    Unit,
)

ENTRIES_MAX = 50_000
LINES_MAX = 500

AMOUNT_MAX = 1_000_000_000_000_000
_LAST_ID = UUID(int=2**128 - 1)

_POST = text(
    """
    SELECT a.* FROM ledger.post(ARRAY(
        SELECT ROW(d.line, d.member_id, d.reference, d.input_hash, d.kind, d.debit,
                   d.credit, d.units::text[], d.amount, d.scope,
                   CASE WHEN d.issuer IS NOT NULL THEN
                       ROW(d.issuer, d.funding, d.cost_class, d.earned_in, d.expires_on,
                           d.expires_on, NULL, NULL)::ledger.draw END,
                   d.reverses, d.effective_on, d.occurred_at, d.actor,
                   d.rule_version)::ledger.draft
          FROM unnest(:line ::smallint[], :member_id ::bigint[], :reference ::text[],
                      :input_hash ::uuid[], :kind ::text[], :debit ::text[],
                      :credit ::text[], :units ::text[], :amount ::bigint[],
                      :scope ::text[], :issuer ::text[], :funding ::text[],
                      :cost_class ::text[], :earned_in ::date[], :expires_on ::date[],
                      :reverses ::uuid[], :effective_on ::date[],
                      :occurred_at ::timestamptz[], :actor ::text[],
                      :rule_version ::int[])
               AS d(line, member_id, reference, input_hash, kind, debit, credit, units,
                    amount, scope, issuer, funding, cost_class, earned_in, expires_on,
                    reverses, effective_on, occurred_at, actor, rule_version)
    )) a ORDER BY a.entry
    """
)


class Book:
    """The books of all members, through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, member_ids: Iterable[int], *, opened_on: date) -> None:
        """Open books; those that are open already stay as they are."""
        self._session.execute(
            text("SELECT ledger.open_books(:members, :opened_on)"),
            {"members": list(member_ids), "opened_on": opened_on},
        )

    def lock(self, member_ids: Iterable[int]) -> None:
        """Keep other writers out of books until the transaction ends.

        For decisions that read more than the books, and must not be made twice.
        """
        self._session.execute(
            text("SELECT ledger.lock_books(:members)"), {"members": list(member_ids)}
        )

    def set_gate(self, member_ids: Iterable[int], gate: str) -> None:
        """Set the spending gate to `open`, `suspended` or `closed`."""
        self._session.execute(
            text("SELECT ledger.set_gate(:members, :gate)"),
            {"members": list(member_ids), "gate": gate},
        )

    def post(self, entry: Entry) -> Posted:
        """Post one entry, or answer what it was answered the first time.

        Raises the `LedgerError` of the first rule that refuses it; then nothing is
        written and the reference stays free.
        """
        (answer,) = self.post_many([entry])
        if isinstance(answer, LedgerError):
            raise answer
        return answer

    def post_many(self, entries: Sequence[Entry]) -> list[Posted | LedgerError]:
        """Post entries in one call; one answer for each, in their order.

        Entries of one member are decided one after the other in their order, and a
        refused one consumes nothing.
        """
        if not entries:
            return []
        assert len(entries) <= ENTRIES_MAX, "post in batches"
        columns: dict[str, list[object]] = {name: [] for name in _COLUMNS}
        for entry in entries:
            for line, transfer in enumerate(entry.transfers):
                for name, value in _draft(entry, line, transfer).items():
                    columns[name].append(value)
        answers = self._session.execute(_POST, columns).all()
        assert len(answers) == len(entries)
        return [
            Posted(id=row.id, replayed=row.outcome == "replayed")
            if row.outcome != "refused"
            else _refusal(row.code, entry, row.needed, row.available)
            for row, entry in zip(answers, entries, strict=True)
        ]

    def draw(
        self, *, to: str, units: tuple[str, ...], amount: int, lot: Lot | None = None
    ) -> Transfer:
        """Describe a transfer that takes lots, soonest-expiring first.

        The given lot, if any, goes before all others.
        """
        return Transfer("available", to, units, amount, lot)

    def restore(self, *, amount: int | None = None) -> Transfer:
        """Describe a transfer that gives back what a reversed entry took.

        The last drawn comes back first, into the same lots.
        """
        return Transfer(None, None, None, amount)

    def reverse(
        self,
        *,
        member_id: int,
        of: UUID,
        kind: str,
        reference: str,
        amount: int | None = None,
        effective_on: date,
        occurred_at: datetime,
        actor: str,
    ) -> Posted:
        """Undo an entry, or `amount` of what is left of it, in a new entry.

        What it drew goes back to the same lots; a lot whose last good day has
        passed meanwhile is replaced by a sibling with grace. What it credited is
        taken from the lot it opened first, then from the soonest-expiring.
        """
        credited = self._session.execute(
            text(
                """
                SELECT DISTINCT ON (t.unit, t.debit)
                       t.unit, t.debit, x.issuer, x.funding, x.cost_class, x.earned_in,
                       nullif(x.expires_on, 'infinity') AS expires_on
                  FROM ledger.transfer t LEFT JOIN LATERAL unnest(t.draws) x ON true
                 WHERE t.member_id = :member AND t.id = :id
                   AND t.credit IN ('available', 'owed')
                 ORDER BY t.unit, t.debit, x.expires_on, x.issuer, x.earned_in
                """
            ),
            {"member": member_id, "id": of},
        ).all()
        assert amount is None or len(credited) <= 1, "an amount of which unit?"
        # What was held before it was spent goes back to the lots, not to be held.
        captured = self._session.scalar(
            text(
                "SELECT bool_or(debit = 'held') FROM ledger.transfer"
                " WHERE member_id = :member AND id = :id"
            ),
            {"member": member_id, "id": of},
        )
        return self.post(
            Entry(
                member_id=member_id,
                reference=reference,
                kind=kind,
                transfers=tuple(
                    Transfer("available", row.debit, (row.unit,), amount, _own(row))
                    for row in credited
                )
                or (Transfer(None, "available" if captured else None, None, amount),),
                effective_on=effective_on,
                occurred_at=occurred_at,
                actor=actor,
                reverses=of,
                asked={"reverses": of, "amount": amount, "kind": kind},
            )
        )

    def balance(
        self,
        member_id: int,
        unit: str,
        *,
        on: date | None = None,
        known_at: datetime | None = None,
    ) -> Balance:
        """Return what a member has, or had at the end of a day.

        `on` asks as of an effective day, `known_at` as the books stood at a time.
        That answer never changes: an entry is timed under the member's lock, and
        we wait here for whoever holds it.
        """
        if on is None and known_at is None:
            row = self._session.execute(
                text(
                    "SELECT available, pending, held, owed FROM ledger.balance"
                    " WHERE member_id = :member AND unit = :unit"
                ),
                {"member": member_id, "unit": unit},
            ).first()
        else:
            self._session.execute(
                text("SELECT ledger.await_writers(:member)"), {"member": member_id}
            )
            row = self._session.execute(
                text("SELECT * FROM ledger.balance_as_of(:member, :unit, :on, :known)"),
                {"member": member_id, "unit": unit, "on": on, "known": known_at},
            ).first()
        if row is None:
            raise BY_CODE["unknown_member"](member_id=member_id)
        return Balance(
            int(row.available), int(row.pending), int(row.held), int(row.owed)
        )

    def lots(self, member_id: int) -> list[LotBalance]:
        """Return the member's lots with units left, in the order of drawing."""
        rows = self._session.execute(
            text(
                """
                SELECT l.unit, l.issuer, l.funding, l.cost_class, l.earned_in,
                       nullif(l.expires_on, 'infinity') AS expires_on,
                       nullif(l.origin_on, 'infinity') AS origin_on,
                       l.units_issued, l.units_left
                  FROM ledger.lot l JOIN ledger.unit u ON u.code = l.unit
                 WHERE l.member_id = :member AND l.units_left > 0
                 ORDER BY l.expires_on, u.draw_rank, l.unit, l.issuer, l.earned_in,
                          l.funding, l.cost_class, l.origin_on
                """
            ),
            {"member": member_id},
        )
        return [
            LotBalance(
                unit=row.unit,
                issuer=row.issuer,
                funding=row.funding,
                cost_class=row.cost_class,
                earned_in=row.earned_in,
                expires_on=row.expires_on,
                origin_on=row.origin_on,
                units_issued=row.units_issued,
                units_left=row.units_left,
            )
            for row in rows
        ]

    def statement(
        self,
        member_id: int,
        *,
        before: tuple[UUID, int] | None = None,
        limit: int = LINES_MAX,
    ) -> list[Line]:
        """Return the member's transfers, newest first.

        `before` is the cursor: id and line of the last transfer already seen.
        """
        assert 0 < limit <= LINES_MAX
        rows = self._session.execute(
            text(
                """
                SELECT id, line, kind, debit, credit, unit, amount, available_after,
                       effective_on, occurred_at, recorded_at, actor, rule_version,
                       reverses
                  FROM ledger.transfer
                 WHERE member_id = :member AND (id, line) < (:id, :line)
                 ORDER BY id DESC, line DESC LIMIT :limit
                """
            ),
            {
                "member": member_id,
                "id": before[0] if before else _LAST_ID,
                "line": before[1] if before else 0,
                "limit": limit,
            },
        )
        return [Line(**row._mapping) for row in rows]  # noqa: SLF001

    def close(self, month: date) -> None:
        """Forbid entries in a month and all before it, once writers are done."""
        assert month.day == 1
        self._session.execute(
            text("SELECT ledger.close_period(:month)"), {"month": month}
        )

    def reopen(self, month: date) -> bool:
        """Allow entries in the last closed month again, once writers are done.

        The months before it stay closed. False, and nothing is opened, for a month
        that is not the last closed one.
        """
        assert month.day == 1
        return bool(
            self._session.scalar(
                text("SELECT ledger.reopen_period(:month)"), {"month": month}
            )
        )

    def closed_through(self) -> date | None:
        """Return the last day of the last closed month; None: none is closed."""
        last_day: date | None = self._session.scalar(
            text("SELECT max(last_day) FROM ledger.period WHERE closed_at IS NOT NULL")
        )
        return last_day

    def prove(self) -> list[Finding]:
        """Recompute every book from its transfers; an empty list means sound."""
        return [
            Finding(row.finding, row.member_id, row.unit, row.detail)
            for row in self._session.execute(text("SELECT * FROM ledger.prove()"))
        ]


def declare(
    connection: Connection,
    *,
    units: Iterable[Unit],
    accounts: Iterable[AccountClass],
    kinds: Iterable[Kind],
) -> None:
    """Write units, chart and kinds of entries to the database, as its owner.

    What is no longer declared is refused from now on; what was posted stays.
    """
    for table in ("entry_leg", "entry_kind"):
        connection.execute(text(f"DELETE FROM ledger.{table}"))
    for unit in units:
        connection.execute(
            text(
                "INSERT INTO ledger.unit VALUES (:code, :rank)"
                " ON CONFLICT (code) DO UPDATE SET draw_rank = excluded.draw_rank"
            ),
            {"code": unit.code, "rank": unit.draw_rank},
        )
    # Books opened before a unit was declared have no row for it yet.
    connection.execute(
        text(
            "INSERT INTO ledger.balance (member_id, unit)"
            " SELECT member_id, code FROM ledger.book, ledger.unit"
            " ON CONFLICT DO NOTHING"
        )
    )
    for account in accounts:
        connection.execute(
            text(
                "INSERT INTO ledger.account_class VALUES (:name, :owner, :side, :by)"
                " ON CONFLICT (class) DO UPDATE SET owner = excluded.owner,"
                " normal_side = excluded.normal_side, by_partner = excluded.by_partner"
            ),
            {
                "name": account.name,
                "owner": account.owner,
                "side": account.normal_side.value,
                "by": account.by_partner,
            },
        )
    for kind in kinds:
        connection.execute(
            text("INSERT INTO ledger.entry_kind VALUES (:kind, :spends, :shortfall)"),
            {
                "kind": kind.name,
                "spends": kind.spends,
                "shortfall": kind.shortfall.value,
            },
        )
        for debit, credit in sorted(kind.legs):
            connection.execute(
                text(
                    "INSERT INTO ledger.entry_leg"
                    " VALUES (:kind, :debit, :credit, :spends)"
                ),
                {
                    "kind": kind.name,
                    "debit": debit,
                    "credit": credit,
                    "spends": kind.spends,
                },
            )


_COLUMNS = (
    "line",
    "member_id",
    "reference",
    "input_hash",
    "kind",
    "debit",
    "credit",
    "units",
    "amount",
    "scope",
    "issuer",
    "funding",
    "cost_class",
    "earned_in",
    "expires_on",
    "reverses",
    "effective_on",
    "occurred_at",
    "actor",
    "rule_version",
)


def _draft(entry: Entry, line: int, transfer: Transfer) -> dict[str, object]:
    """Lay an entry's transfer out as `ledger.draft` has it."""
    lot = transfer.lot
    scope: Scope | None = transfer.scope
    return {
        "line": line,
        "member_id": entry.member_id,
        "reference": entry.reference,
        "input_hash": entry.input_hash,
        "kind": entry.kind,
        "debit": transfer.debit,
        "credit": transfer.credit,
        "units": None if transfer.units is None else _array(transfer.units),
        # What is far out of range is out of range still, and no error of the driver.
        "amount": None
        if transfer.amount is None
        else max(0, min(transfer.amount, AMOUNT_MAX + 1)),
        "scope": None if scope is None else scope.value,
        "issuer": lot.issuer if lot else None,
        "funding": lot.funding if lot else None,
        "cost_class": lot.cost_class if lot else None,
        "earned_in": lot.earned_in if lot else None,
        "expires_on": None if lot is None else _infinite(lot.expires_on),
        "reverses": entry.reverses,
        "effective_on": entry.effective_on,
        "occurred_at": entry.occurred_at,
        "actor": entry.actor,
        "rule_version": entry.rule_version,
    }


def _array(values: Iterable[str]) -> str:
    """Write an array as a literal: one of arrays would have to be rectangular."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _own(row: Row[Any]) -> Lot | None:
    """Return the lot that a credit opened; None: all of it paid what was owed."""
    if row.issuer is None:
        return None
    return Lot(row.issuer, row.funding, row.cost_class, row.earned_in, row.expires_on)


def _infinite(day: date | None) -> str:
    return "infinity" if day is None else day.isoformat()


def _refusal(
    code: str, entry: Entry, needed: int | None, available: int | None
) -> LedgerError:
    facts: dict[str, object] = {"reference": entry.reference}
    if needed is not None:
        facts |= {"needed": needed, "available": available}
    return BY_CODE[code](**facts)
