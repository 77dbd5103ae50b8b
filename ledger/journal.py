"""Write the books as a plain-text journal that hledger or beancount can check.

Both programs recompute the books from the text alone, so what they accept has been
proved by someone else's code:

- every transaction balances; in hledger unit by unit, in beancount in money, at the
  rate at which a unit is carried;
- beancount, booking strictly, refuses to take from a lot what the lot does not hold
  on that day; `available` is an inventory of lots at cost, and every other account
  takes the same units at the same price;
- hledger keeps each lot in an account of its own;
- at the end stands what the ledger itself believes of every account (and, for
  hledger, of every lot): its running balances and lots, not the sums of what was
  written before. Both refuse the journal if these differ.

A journal is read by effective day, and facts may be booked late: points may have
been drawn on a day before the one on which their lot was opened. Dating
transactions by the day they were recorded would keep lots in order, but put points
into the wrong months; booking without lots would keep the days, but check nothing.
Therefore such a draw is charged to the account `Advance` beneath `Available`, as far
as the lot holds too little on that day, and what enters the lot later repays it. So
every account, `Available` with all beneath it included, is exact on every day, no
lot is ever negative, and a lot that was truly overdrawn leaves an advance behind,
which the last assertion refuses.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Protocol

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

ROWS_AT_ONCE = 5_000
_RATE_DECIMALS_MIN = 4
_OPENING = "Equity:Opening"

# What identifies a lot, as text: `infinity` is no day that Python knows.
_LOT = """
    d.issuer, d.funding, d.cost_class, CAST(d.earned_in AS text) AS earned_in,
    CAST(d.expires_on AS text) AS expires_on, CAST(d.origin_on AS text) AS origin_on
"""
_LOT_KEY = "d.issuer, d.funding, d.cost_class, d.earned_in, d.expires_on, d.origin_on"

# One row per lot a transfer touches, or one without lots. `units` entered the lot,
# `upto` is what the lot holds thereafter; below zero it is an advance.
_ENTRIES = f"""
    SELECT t.effective_on AS day, t.id AS txn, t.line AS part,
           t.member_id, t.kind, t.debit, t.credit, t.unit, t.amount,
           CAST(t.recorded_at AS date) AS recorded_on, {_LOT}, d.units,
           sum(d.units) OVER (PARTITION BY t.member_id, t.unit, {_LOT_KEY}
                              ORDER BY t.effective_on, t.id, t.line
                              ROWS UNBOUNDED PRECEDING) AS upto
      FROM ledger.transfer t
      LEFT JOIN ledger.lot_draw d
        ON d.member_id = t.member_id AND d.id = t.id AND d.line = t.line
     WHERE t.effective_on <= CAST(:until AS date)
"""
_DAYS = f"""
    SELECT m.day, m.txn, m.unit AS part, NULL AS member_id, m.kind, m.debit, m.credit,
           m.unit, m.amount, NULL AS recorded_on, {_LOT}, d.units,
           sum(d.units) OVER (PARTITION BY m.unit, {_LOT_KEY} ORDER BY m.day, m.txn
                              ROWS UNBOUNDED PRECEDING) AS upto
      FROM (SELECT effective_on AS day, kind, debit, credit, unit,
                   sum(amount) AS amount,
                   -- within a day, what enters lots comes first
                   concat_ws(' ', credit <> 'available', kind, debit, credit)
                       COLLATE "C" AS txn
              FROM ledger.transfer WHERE effective_on <= CAST(:until AS date)
             GROUP BY 1, 2, 3, 4, 5) m
      LEFT JOIN (SELECT t.effective_on AS day, t.kind, t.debit, t.credit, t.unit,
                        {_LOT_KEY}, sum(d.units) AS units
                   FROM ledger.transfer t
                   JOIN ledger.lot_draw d
                     ON d.member_id = t.member_id AND d.id = t.id AND d.line = t.line
                  WHERE t.effective_on <= CAST(:until AS date)
                  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) d
        ON d.day = m.day AND d.kind = m.kind AND d.debit = m.debit
       AND d.credit = m.credit AND d.unit = m.unit
"""
# In the order of the windows above, so that the advances come out as computed.
_TRANSACTIONS = """
    SELECT *, least(upto, 0) - least(upto - units, 0) AS advance
      FROM ({rows}) r WHERE day >= CAST(:since AS date)
     ORDER BY day, txn, part, expires_on, origin_on, issuer, earned_in,
              funding, cost_class
"""

# Debits are positive. `upto` is what a lot holds, below zero an advance.
_OPENINGS = f"""
    SELECT * FROM (
        SELECT CASE WHEN :by_member AND c.owner = 'member' THEN p.member_id END
               AS member_id, p.account, p.unit, sum(p.amount) AS amount,
               NULL AS issuer, NULL AS funding, NULL AS cost_class, NULL AS earned_in,
               NULL AS expires_on, NULL AS origin_on
          FROM ledger.posting p
          JOIN ledger.account_class c ON c.class = split_part(p.account, ':', 1)
         WHERE p.effective_on < CAST(:since AS date) AND p.account <> 'available'
         GROUP BY 1, 2, 3 HAVING sum(p.amount) <> 0
        UNION ALL
        SELECT CASE WHEN :by_member THEN d.member_id END, 'available', d.unit,
               -sum(d.units), {_LOT}
          FROM ledger.lot_draw d WHERE d.effective_on < CAST(:since AS date)
         GROUP BY 1, 2, 3, {_LOT_KEY} HAVING sum(d.units) <> 0) o
     ORDER BY member_id NULLS FIRST, account, unit, expires_on, origin_on, issuer,
              earned_in, funding, cost_class
"""

# What the running balances say, where they can be asked; else what transfers say.
_ACCOUNTS = """
    WITH said AS (
        SELECT CASE WHEN :by_member AND c.owner = 'member' THEN p.member_id END
               AS member_id, p.account, p.unit, sum(p.amount) AS amount
          FROM ledger.posting p
          JOIN ledger.account_class c ON c.class = split_part(p.account, ':', 1)
         WHERE p.effective_on <= CAST(:until AS date) GROUP BY 1, 2, 3
    ), kept AS (
        SELECT CASE WHEN :by_member THEN b.member_id END AS member_id, v.account,
               b.unit, sum(v.amount) AS amount
          FROM ledger.balance b
         CROSS JOIN LATERAL (VALUES ('available', -b.available),
                                    ('pending', -b.pending), ('held', -b.held),
                                    ('owed', b.owed)) v(account, amount)
         WHERE CAST(:until AS date) = 'infinity' GROUP BY 1, 2, 3
    )
    SELECT coalesce(s.member_id, k.member_id) AS member_id,
           coalesce(s.account, k.account) AS account, coalesce(s.unit, k.unit) AS unit,
           coalesce(k.amount, s.amount) AS amount
      FROM said s
      FULL JOIN kept k ON coalesce(k.member_id, -1) = coalesce(s.member_id, -1)
                      AND k.account = s.account AND k.unit = s.unit
     WHERE s.account IS NOT NULL OR k.amount <> 0
     ORDER BY 1 NULLS FIRST, 2, 3
"""
_LOTS_KEPT = f"""
    SELECT CASE WHEN :by_member THEN d.member_id END AS member_id, d.unit, {_LOT},
           -sum(d.units_left) AS amount
      FROM ledger.lot d GROUP BY 1, 2, {_LOT_KEY} ORDER BY 1 NULLS FIRST, 2
"""
_LOTS_SAID = f"""
    SELECT CASE WHEN :by_member THEN d.member_id END AS member_id, d.unit, {_LOT},
           -greatest(sum(d.units), 0) AS amount
      FROM ledger.lot_draw d WHERE d.effective_on <= CAST(:until AS date)
     GROUP BY 1, 2, {_LOT_KEY} ORDER BY 1 NULLS FIRST, 2
"""

_PARTNERS = {"debit": "Assets", "credit": "Liabilities"}
_OWN = {"debit": "Expenses", "credit": "Income"}


@dataclass(frozen=True, slots=True)
class LotName:
    """A lot as a journal names it."""

    earned_in: str
    label: str


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a transaction; debits are positive."""

    account: str
    unit: str
    amount: int
    lot: LotName | None = None  # None: the account itself


@dataclass(frozen=True, slots=True)
class Transaction:
    """What happened at once."""

    day: date
    title: str
    postings: list[Posting]
    facts: Mapping[str, str] = field(default_factory=dict)


class Form(Protocol):
    """A kind of journal: how each thing is written down in it."""

    lots_have_accounts: bool

    def head(self, units: Iterable[str], day: date) -> str:
        """Write what comes before all transactions."""

    def transaction(self, transaction: Transaction) -> str:
        """Write a transaction."""

    def account(self, posting: Posting, day: date) -> str:
        """Declare the account of a posting, in use from a day on."""

    def balances(self, day: date, postings: list[Posting]) -> str:
        """Assert the balances at the end of a day, with all that lies beneath."""


class Hledger:
    """hledger: a lot is an account beneath `Available`, and the rate a market price.

    Without prices on the postings, units themselves must balance.
    """

    lots_have_accounts = True

    def __init__(self, *, currency: str, rate: Decimal) -> None:
        self._currency = currency
        self._rate = _decimal(rate)

    def head(self, units: Iterable[str], day: date) -> str:
        """Write directives for commodities, and their worth."""
        zero = self._rate.translate(str.maketrans("123456789", "000000000"))
        lines = ["decimal-mark .", f"commodity {zero} {self._currency}"]
        for unit in units:
            name = self._commodity(unit)
            lines.append(f"commodity 1000. {name}")
            lines.append(f"P {day} {name} {self._rate} {self._currency}")
        return "\n".join(lines) + "\n"

    def transaction(self, transaction: Transaction) -> str:
        """Write a transaction, its facts as tags."""
        tags = ", ".join(f"{name}:{fact}" for name, fact in transaction.facts.items())
        lines = [
            f"\n{transaction.day} * {_label(transaction.title)}"
            + (f"  ; {tags}" if tags else "")
        ]
        lines += [
            f"    {self._account(p)}  {p.amount} {self._commodity(p.unit)}"
            for p in transaction.postings
        ]
        return "\n".join(lines) + "\n"

    def account(self, posting: Posting, day: date) -> str:  # noqa: ARG002 - any day
        """Declare an account."""
        return f"account {self._account(posting)}\n"

    def balances(self, day: date, postings: list[Posting]) -> str:
        """Assert balances in postings that move nothing."""
        lines = [f"\n{day} * balances"]
        for p in postings:
            unit = self._commodity(p.unit)
            lines.append(f"    {self._account(p)}  0 {unit} =* {p.amount} {unit}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def _account(posting: Posting) -> str:
        if posting.lot is None:
            return posting.account
        return f"{posting.account}:{posting.lot.earned_in} {posting.lot.label}"

    @staticmethod
    @lru_cache
    def _commodity(unit: str) -> str:
        if re.fullmatch("[A-Za-z]+", unit):
            return unit
        return f'"{_label(unit)}"'


class Beancount:
    """beancount: `Available` is an inventory of lots, held at cost and booked strictly.

    All other accounts take units at the same price, so that transactions balance.
    """

    lots_have_accounts = False

    def __init__(self, *, currency: str, rate: Decimal) -> None:
        self._currency = currency
        self._rate = _decimal(rate)

    def head(self, units: Iterable[str], day: date) -> str:
        """Write options, commodities and their worth."""
        lines = [
            'option "booking_method" "STRICT"',
            f'option "operating_currency" "{self._currency}"',
        ]
        for unit in units:
            name = self._commodity(unit)
            lines.append(f"{day} commodity {name}")
            lines.append(f"{day} price {name} {self._rate} {self._currency}")
        return "\n".join(lines) + "\n"

    def transaction(self, transaction: Transaction) -> str:
        """Write a transaction, its facts as metadata."""
        lines = [f'\n{transaction.day} * "{_label(transaction.title)}"']
        lines += [f'  {name}: "{fact}"' for name, fact in transaction.facts.items()]
        for p in transaction.postings:
            worth = f"{self._rate} {self._currency}"
            if p.lot is None:
                worth = f"@ {worth}"
            else:
                worth = f'{{{worth}, {p.lot.earned_in}, "{p.lot.label}"}}'
            lines.append(f"  {p.account}  {p.amount} {self._commodity(p.unit)} {worth}")
        return "\n".join(lines) + "\n"

    def account(self, posting: Posting, day: date) -> str:
        """Open an account."""
        return f"{day} open {posting.account}\n"

    def balances(self, day: date, postings: list[Posting]) -> str:
        """Assert balances: beancount looks at them in the morning of the next day."""
        morning = day + timedelta(days=1)
        return "".join(
            f"{morning} balance {p.account}  {p.amount} {self._commodity(p.unit)}\n"
            for p in postings
        )

    @staticmethod
    @lru_cache
    def _commodity(unit: str) -> str:
        if re.fullmatch("[A-Z][A-Z0-9_-]*[A-Z0-9]", unit) and not unit.startswith("X-"):
            return unit
        return f"X-{unit.encode().hex().upper()}"


def journal(
    session: Session,
    form: Form,
    *,
    by_member: bool,
    since: date | None = None,
    until: date | None = None,
    equity: Collection[str] = (),
) -> Iterator[str]:
    """Write the books, piece by piece; memory stays flat.

    `by_member` writes one transaction per entry and an account per member and
    account; otherwise there is one per day, kind and pair of accounts, and lots
    alike are one. `since` and `until` are effective days; what was before `since`
    becomes opening balances. `equity` names the classes of accounts that belong
    neither to partners nor to the programme's income or expense. The session must
    see one snapshot.
    """
    assert since is None or until is None or since <= until
    # The whole answer is wanted, not its first rows soon.
    session.execute(text("SET LOCAL cursor_tuple_fraction = 1"))
    known = session.execute(
        text(
            "SELECT min(effective_on) AS first, max(effective_on) AS last"
            " FROM ledger.transfer"
            " WHERE effective_on <= coalesce(CAST(:until AS date), 'infinity')"
        ),
        {"until": until},
    ).one()
    chart = _Chart(session, equity)
    first = since or known.first
    units = session.scalars(
        text("SELECT code FROM ledger.unit ORDER BY draw_rank, code")
    ).all()
    yield form.head(units, first or date(1970, 1, 1))
    if first is None:
        return
    days = {"since": since or "-infinity", "until": until or "infinity"}
    scope: dict[str, object] = {**days, "by_member": by_member}
    if since is not None:
        for opening in _openings(session, chart, scope, since):
            yield form.transaction(opening)
    sql = _TRANSACTIONS.format(rows=_ENTRIES if by_member else _DAYS)
    rows = _stream(session, sql, days)
    for _, group in groupby(rows, key=lambda row: (row["day"], row["txn"])):
        yield form.transaction(_transaction(chart, list(group)))
    last = max(until or known.last or first, first)
    yield from _closing(session, form, chart, scope, (first, last))
    yield "\n"
    for name in sorted(chart.advances | {_OPENING}):
        zeros = [Posting(name, unit, 0) for unit in units]
        yield form.account(zeros[0], first)
        # Facts may still come that repay what was advanced until a day in between.
        if name == _OPENING or until is None:
            yield form.balances(last, zeros)


class _Chart:
    """Finds the names of accounts."""

    def __init__(self, session: Session, equity: Collection[str]) -> None:
        self.advances: set[str] = set()  # used; no more than members booked late
        self._roots: dict[str, str] = {}
        self._of_members: set[str] = set()
        rows = session.execute(
            text(
                "SELECT class AS name, owner, normal_side, by_partner"
                " FROM ledger.account_class"
            )
        )
        for row in rows:
            by_member = row.owner == "member"
            roots = _PARTNERS if row.by_partner or by_member else _OWN
            root = "Equity" if row.name in equity else roots[row.normal_side]
            parts = [part[:1].upper() + part[1:] for part in row.name.split(".")]
            self._roots[row.name] = ":".join([root, *map(_component, parts)])
            if by_member:
                self._of_members.add(row.name)

    def name(self, account: str, member_id: int | None) -> str:
        """Return the journal's name for a member's account, or a programme's."""
        of_class, _, partner = account.partition(":")
        name = self._roots[of_class]
        if partner:
            return f"{name}:{_component(partner)}"
        if member_id is None or account not in self._of_members:
            return name
        return f"{name}:M{member_id}"

    def available(self, row: RowMapping, units: int, advance: int) -> list[Posting]:
        """Return the postings for units that enter a lot, an advance among them."""
        name = self.name("available", row["member_id"])
        postings = []
        if units != advance:
            postings.append(Posting(name, row["unit"], advance - units, _lot(row)))
        if advance:
            self.advances.add(f"{name}:Advance")
            postings.append(Posting(f"{name}:Advance", row["unit"], -advance))
        return postings


def _transaction(chart: _Chart, rows: list[RowMapping]) -> Transaction:
    postings: list[Posting] = []
    for _, group in groupby(rows, key=lambda row: row["part"]):
        lines = list(group)
        line = lines[0]
        for account, sign in ((line["debit"], 1), (line["credit"], -1)):
            if account != "available":
                name = chart.name(account, line["member_id"])
                postings.append(Posting(name, line["unit"], sign * int(line["amount"])))
                continue
            for lot in lines:
                if lot["units"] is not None:
                    postings += chart.available(
                        lot, int(lot["units"]), int(lot["advance"])
                    )
    facts = {}
    if line["recorded_on"] is not None:
        facts = {
            "entry": str(line["txn"]),
            "member": str(line["member_id"]),
            "recorded": str(line["recorded_on"]),
        }
    return Transaction(line["day"], line["kind"], postings, facts)


def _openings(
    session: Session, chart: _Chart, scope: Mapping[str, object], since: date
) -> Iterator[Transaction]:
    rows = _stream(session, _OPENINGS, scope)
    for _, group in groupby(rows, key=lambda row: row["member_id"]):
        postings: list[Posting] = []
        totals: dict[str, int] = {}
        for row in group:
            amount = int(row["amount"])
            totals[row["unit"]] = totals.get(row["unit"], 0) + amount
            if row["account"] == "available":
                postings += chart.available(row, -amount, min(-amount, 0))
            else:
                name = chart.name(row["account"], row["member_id"])
                postings.append(Posting(name, row["unit"], amount))
        postings += [
            Posting(_OPENING, unit, -total) for unit, total in totals.items() if total
        ]
        yield Transaction(since, "opening balances", postings)


def _closing(
    session: Session,
    form: Form,
    chart: _Chart,
    scope: Mapping[str, object],
    days: tuple[date, date],
) -> Iterator[str]:
    """Declare the accounts, and say what they hold at the end."""
    first, last = days
    for _, group in groupby(
        _stream(session, _ACCOUNTS, scope), key=lambda row: row["member_id"]
    ):
        postings = [
            Posting(
                chart.name(row["account"], row["member_id"]),
                row["unit"],
                int(row["amount"]),
            )
            for row in group
        ]
        yield from _declared(form, first, postings)
        yield form.balances(last, postings)
    if not form.lots_have_accounts:
        return
    sql = _LOTS_KEPT if scope["until"] == "infinity" else _LOTS_SAID
    for _, group in groupby(
        _stream(session, sql, scope), key=lambda row: row["member_id"]
    ):
        lots = [
            Posting(
                chart.name("available", row["member_id"]),
                row["unit"],
                int(row["amount"]),
                _lot(row),
            )
            for row in group
        ]
        yield from _declared(form, first, lots)
        yield form.balances(last, lots)


def _declared(form: Form, day: date, postings: list[Posting]) -> Iterator[str]:
    accounts = {(posting.account, posting.lot): posting for posting in postings}
    yield "\n"
    for posting in accounts.values():
        yield form.account(posting, day)


def _stream(
    session: Session, sql: str, parameters: Mapping[str, object]
) -> Iterator[RowMapping]:
    """Read rows through a cursor of the server."""
    statement = text(sql)
    wanted = {name: parameters[name] for name in statement.compile().params}
    return iter(
        session.execute(
            statement, wanted, execution_options={"yield_per": ROWS_AT_ONCE}
        ).mappings()
    )


def _lot(row: RowMapping) -> LotName:
    expires_on = row["expires_on"].replace("infinity", "never")
    parts = (row["issuer"], row["funding"], row["cost_class"], expires_on)
    origin = () if row["origin_on"] == row["expires_on"] else (row["origin_on"],)
    return _lot_name(row["earned_in"], (*parts, *origin))


@lru_cache(10_000)
def _lot_name(earned_in: str, parts: tuple[str, ...]) -> LotName:
    return LotName(earned_in, "/".join(_label(part) for part in parts))


def _decimal(rate: Decimal) -> str:
    places = max(_RATE_DECIMALS_MIN, -int(rate.as_tuple().exponent))
    return f"{rate:.{places}f}"


@lru_cache
def _label(words: str) -> str:
    """Write words that end no string, name or line; no two alike."""
    return re.sub(r"[^\w.-]", lambda match: f"%{ord(match[0]):x}%", words)


@lru_cache
def _component(name: str) -> str:
    """Write a name as a part of an account; no two alike.

    Capital letters and digits begin it, ASCII letters, digits and single inner
    hyphens go on; anything else becomes its code point between double hyphens.
    """
    written = re.sub(
        r"((?<=[A-Za-z0-9])-(?=[A-Za-z0-9]))|[^A-Za-z0-9]",
        lambda match: match[1] or f"--{ord(match[0]):x}--",
        name,
    )
    return written if re.match("[A-Z0-9]", written) else f"X----{written}"
