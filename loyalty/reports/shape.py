"""What a report is made of: plain values, the same for every face.

A figure is a sum over facts that can be listed. A column names these facts; the row and
the column together choose among them, so that a figure and what stands behind it can
be compared by anybody.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final, Literal

from sqlalchemy.orm import Session

from loyalty.reports.scope import Scope

Words = tuple[str, str]  # Chinese, English
# Words are a value where data brings them in both languages.
Value = int | str | date | datetime | Fraction | Words | None

# `points`, `number` and `fen` are whole, money in fen and written in yuan; `price` is
# yuan for a point, `yuan` any other quotient in yuan; `rate` is a percentage with two
# digits, `gap` the difference of two in percentage points, `hundredths` any number
# with two.
Kind = Literal[
    "text",
    "code",
    "month",
    "day",
    "moment",
    "number",
    "points",
    "fen",
    "price",
    "percent",
    "times",
    "decimal",
    "yuan",
    "rate",
    "gap",
    "hundredths",
]
QUOTIENTS: Final = frozenset(
    {"price", "percent", "times", "decimal", "yuan", "rate", "gap", "hundredths"}
)


class Filter(StrEnum):
    """Something a report can be narrowed to."""

    BRAND = "brand"
    CITY = "city"
    HALL = "hall"
    PARTNER = "partner"
    FAMILY = "family"


OF_MEMBERS: Final = (Filter.BRAND, Filter.CITY, Filter.HALL)


@dataclass(frozen=True, slots=True)
class Source:
    """Which facts a column's figures are sums of, besides what the row says."""

    facts: str
    where: Mapping[str, str] = field(default_factory=dict)
    measure: str | None = None  # None: the one the facts are usually summed by


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it is called, how it reads, and where it comes from."""

    name: str
    words: Words
    kind: Kind = "text"
    terms: str | None = (
        None  # what its codes are terms of; None: they stand as they are
    )
    adds: bool = False  # the last line of the table is the sum
    # The quotient of two columns, money in yuan; so too in the last line.
    ratio: tuple[str, str] | None = None
    # The sum of other columns, each with its sign: "+opening", "-expired".
    sums: tuple[str, ...] = ()
    source: Source | None = None  # None: it says which, and is no sum
    goes_on: bool = False  # may be another after its month is closed, rightly


@dataclass(frozen=True, slots=True)
class Shape:
    """A table as it is before anything is asked."""

    name: str
    words: Words
    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()  # columns that tell the facts of one row from others'
    is_turned: bool = False  # on a page its columns stand one below the other
    goes_on: bool = False  # all of it, as a column


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its rows; each has a value for each column."""

    shape: Shape
    rows: tuple[tuple[Value, ...], ...]
    totals: tuple[Value, ...] | None  # None: nothing in it adds up


@dataclass(frozen=True, slots=True)
class Chart:
    """A table as a picture: one label and up to three columns of it."""

    words: Words
    table: str
    label: str
    series: tuple[str, ...]
    drawn: Literal["line", "bars"]


Rows = Iterable[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Facts:
    """A list of facts which figures are sums of: a relation in SQL, or made by rule.

    The relation may ask for whatever `Scope.binds` gives. Its columns are those that
    are listed, and the keys by which rows and columns choose. What is made by rule
    comes in its own order.
    """

    name: str
    words: Words
    relation: str | Callable[[Session, Scope], Rows]
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    measure: str
    order: str = "1"


@dataclass(frozen=True, slots=True)
class Definition:
    """A report before anything is asked: what it is called, says, and how it counts."""

    number: str
    name: str
    title: Words
    formula_zh: str  # printed on every copy
    formula_en: str
    shapes: tuple[Shape, ...]
    rows: Callable[[Session, Scope], Mapping[str, Rows]]
    facts: tuple[Facts, ...] = ()
    filters: tuple[Filter, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What of a table is another than when its month was closed."""

    table: str
    column: str | None  # None: its rows; where they are as many, what is in them
    then: int | Fraction | None  # None: the table was not there; so with now
    now: int | Fraction | None
    goes_on: bool = False  # there is no harm in it


@dataclass(frozen=True, slots=True)
class Held:
    """A report of a closed month, held against what the close kept of it."""

    closed_at: datetime | None  # None: closed along with a later month
    changes: tuple[Change, ...] | None  # None: nothing was kept of it


@dataclass(frozen=True, slots=True)
class Report:
    """A report with its rows, and what it takes to be evidence of them."""

    definition: Definition
    scope: Scope
    tables: tuple[Table, ...]
    drawn_at: datetime
    drawn_by: str
    code_version: str
    data_hash: str  # SHA-256 over the rows as they are, and what was asked
    held: Held | None  # None: the month is open, or not all of it was asked for

    @property
    def row_count(self) -> int:
        """How many rows its tables have, without their last lines."""
        return sum(len(table.rows) for table in self.tables)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of facts, and what all of them come to."""

    facts: Facts
    rows: tuple[tuple[Value, ...], ...]
    count: int  # of all, not of the page
    total: int  # of all; what the figure says
    measure: str
