"""Export the books as a journal, valued at the carrying rate of the terms."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Context, Decimal, Inexact

from sqlalchemy.orm import Session

from ledger.journal import Beancount, Form, Hledger, journal
from loyalty.finance.errors import RateUnwritable
from loyalty.rules.queries import programme_terms

CURRENCY = "CNY"
FORMS: Mapping[str, Callable[..., Form]] = {"hledger": Hledger, "beancount": Beancount}
DETAILS = ("entry", "day")

# Made by hand or in transit: neither what the programme earns nor what it spends.
_EQUITY = ("adjusted", "clearing")
_FEN_PER_YUAN = 100


def export(
    session: Session,
    *,
    form: str,
    detail: str = "entry",
    since: date | None = None,
    until: date | None = None,
) -> Iterator[str]:
    """Return the journal in pieces, for `hledger` or `beancount`.

    In detail `entry` every entry is a transaction and every member has accounts; in
    detail `day` a day's entries of one kind are. `since` and `until` are effective
    days, both inclusive. The session must see one snapshot. Raises
    `RateUnwritable`.
    """
    terms = programme_terms(session)
    rate = carrying_rate(terms.carrying_fen_num, terms.carrying_fen_den)
    return journal(
        session,
        FORMS[form](currency=CURRENCY, rate=rate),
        by_member=detail == "entry",
        since=since,
        until=until,
        equity=_EQUITY,
    )


def carrying_rate(fen_num: int, fen_den: int) -> Decimal:
    """Return what a point is carried at in yuan, as an exact decimal."""
    exact = Context(traps=[Inexact])
    try:
        return exact.divide(Decimal(fen_num), Decimal(fen_den * _FEN_PER_YUAN))
    except Inexact as error:
        raise RateUnwritable(fen_num=fen_num, fen_den=fen_den) from error
