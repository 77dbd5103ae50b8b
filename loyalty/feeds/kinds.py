"""Kinds of columns: what a value must look like, and its one normal form.

Whole columns are read at once, for a file has millions of values. The normal form
is the text that PostgreSQL's COPY reads.
"""

import re
from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

NULL = r"\N"
FOREVER = "infinity"
_YEARS = range(1990, 2101)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


class IllFormed(ValueError):
    """A value is not what its column holds."""


class Kind(ABC):
    """What the values of a column are."""

    sql: str  # the type of the column in the database
    wrong: str  # what to say about a value that is none

    @abstractmethod
    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the values in normal form; raise IllFormed if any has none."""


class _Every:
    """Whether every value matches a pattern that has no line break in it."""

    def __init__(self, pattern: str) -> None:
        # One look at the whole column; possessive, so that it never goes back.
        self._match = re.compile(rf"(?:(?:{pattern})\n)*+").fullmatch

    def __call__(self, values: Sequence[str]) -> bool:
        if not values:
            return True
        column = "\n".join(values) + "\n"
        return column.count("\n") == len(values) and self._match(column) is not None


class Written(Kind):
    """Text that matches a pattern, and is its own normal form."""

    sql = "text"

    def __init__(self, pattern: str, wrong: str) -> None:
        self.wrong = wrong
        self._match = _Every(pattern)

    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the values as they stand, escaped for COPY."""
        if not self._match(values):
            raise IllFormed(self.wrong)
        if "\\" in "".join(values):
            return [value.replace("\\", "\\\\") for value in values]
        return values


class Known(Kind):
    """Values of which there are few: each is looked at once, and remembered."""

    def __init__(self, sql: str, wrong: str, read: Callable[[str], str]) -> None:
        self.sql = sql
        self.wrong = wrong
        self._known = _Memory(read)

    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the values in the form they were found to have."""
        return list(map(self._known.__getitem__, values))


class Fen(Kind):
    """An amount in yuan with exactly two decimals, kept in fen."""

    sql = "bigint"
    wrong = "not yuan with two decimals"
    _match = _Every(r"-?[0-9]{1,13}+\.[0-9]{2}")

    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the amounts in fen."""
        if not self._match(values):
            raise IllFormed(self.wrong)
        fen = "\n".join(values).replace(".", "").split("\n")
        return list(map(str, map(int, fen)))


class Whole(Kind):
    """A number without sign or decimals."""

    sql = "bigint"
    wrong = "not a whole number"
    _match = _Every(r"[0-9]{1,15}+")

    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the numbers without leading zeros."""
        if not self._match(values):
            raise IllFormed(self.wrong)
        return list(map(str, map(int, values)))


class Signed(Whole):
    """A number that may lie below zero."""

    wrong = "not a whole number, perhaps below zero"
    _match = _Every(r"-?[0-9]{1,15}+")


class Instant(Kind):
    """A moment with its offset, kept in universal time."""

    sql = "timestamptz"
    wrong = "not a time with an offset, such as 2007-10-31T18:00:00+08:00"
    _match = _Every(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
        r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
    )

    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the moments in universal time."""
        if not self._match(values):
            raise IllFormed(self.wrong)
        try:
            moments = [datetime.fromisoformat(value) for value in values]
        except ValueError as error:
            raise IllFormed(self.wrong) from error
        if not all(moment.year in _YEARS for moment in moments):
            raise IllFormed(self.wrong)
        return [moment.astimezone(UTC).isoformat() for moment in moments]


class _Memory(dict[str, str]):
    """Remembers what a function made of the values it accepted."""

    def __init__(self, read: Callable[[str], str]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, value: str) -> str:
        found = self[value] = self._read(value)
        return found


def _day(value: str) -> str:
    match = _DAY.fullmatch(value)
    if match is None:
        raise IllFormed
    year, month, day = map(int, match.groups())
    if year not in _YEARS or month not in range(1, 13):
        raise IllFormed
    if day not in range(1, monthrange(year, month)[1] + 1):
        raise IllFormed
    return value


def _month(value: str) -> str:
    match = _MONTH.fullmatch(value)
    if match is None:
        raise IllFormed
    return _day(f"{value}-01")


def one_of(codes: Iterable[str]) -> Known:
    """Return the kind of a column that holds one of a few codes."""
    known = tuple(codes)

    def read(value: str) -> str:
        if value not in known:
            raise IllFormed
        return value

    return Known("text", f"none of {' '.join(known)}", read)


def called(names: Mapping[str, str]) -> Known:
    """Return the kind of a column that holds names of a few codes."""
    known = dict(names)

    def read(value: str) -> str:
        if value not in known:
            raise IllFormed
        return known[value]

    return Known("text", f"none of {' '.join(known)}", read)


REF = Written(
    r"[!#-&(-+\--~]{1,64}+",
    "not 1 to 64 printable ASCII characters without spaces, commas and quotes",
)
CODE = Written(
    r"[A-Za-z0-9._-]{1,32}+", "not 1 to 32 letters, digits, dots, dashes, underscores"
)
TEXT = Written(
    r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}+",
    "not 1 to 200 characters without control characters",
)
MSISDN = Written(r"[0-9]{5,15}+", "not a number of 5 to 15 digits")
CATEGORY = Written(r"[0-9]{4}", "not four digits")
CURRENCY = Written(r"[A-Z]{3}", "not three capital letters")
DAY = Known("date", "not a day such as 2007-10-31", _day)
MONTH = Known("date", "not a month such as 2007-10", _month)
FEN = Fen()
WHOLE = Whole()
SIGNED = Signed()
INSTANT = Instant()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a feed."""

    name: str
    kind: Kind
    # What an empty value becomes; None: the column may not be empty.
    empty: str | None = None

    def normal(self, values: Sequence[str]) -> Sequence[str]:
        """Return the values in normal form; raise IllFormed if any has none."""
        if self.empty is None or "" not in values:
            return self.kind.normal(values)
        filled = iter(self.kind.normal([value for value in values if value]))
        return [next(filled) if value else self.empty for value in values]

    def wrong(self, value: str) -> str | None:
        """Say what is wrong with a value; None: nothing."""
        try:
            self.normal((value,))
        except IllFormed:
            return f"{self.name}: {self.kind.wrong if value else 'empty'}"
        return None


def required(**kinds: Kind) -> tuple[Column, ...]:
    """Return columns that may not be empty."""
    return tuple(Column(name, kind) for name, kind in kinds.items())


def optional(**kinds: Kind) -> tuple[Column, ...]:
    """Return columns that are null where they are empty."""
    return tuple(Column(name, kind, empty=NULL) for name, kind in kinds.items())
