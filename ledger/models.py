"""The kernel's tables, as data: only the functions in `sql/` write to them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    schema="ledger",
    naming_convention={
        "ck": "%(table_name)s_%(constraint_name)s",
        "pk": "%(table_name)s_pkey",
    },
)


class Draw(UserDefinedType[str]):
    """The composite type `ledger.draw`; read it through `unnest`."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Name the type as SQL knows it."""
        return "ledger.draw"


# So that a reflected schema knows the type.
ischema_names["ledger.draw"] = Draw

unit = Table(
    "unit",
    metadata,
    Column("code", Text, primary_key=True),
    # Lots with one last good day go in this order of their units.
    Column("draw_rank", Integer, nullable=False),
)

account_class = Table(
    "account_class",
    metadata,
    Column("class", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("normal_side", Text, nullable=False),
    Column("by_partner", Boolean, nullable=False),
    CheckConstraint("owner IN ('member', 'programme')", name="is_someones"),
    CheckConstraint("normal_side IN ('debit', 'credit')", name="has_a_side"),
)

entry_kind = Table(
    "entry_kind",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("spends", Boolean, nullable=False),  # needs the gate open
    Column("shortfall", Text, nullable=False),
    CheckConstraint("shortfall IN ('refuse', 'owe', 'floor')", name="has_a_policy"),
)

entry_leg = Table(
    "entry_leg",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("debit", Text, primary_key=True),  # 'class', or 'class:' with a partner
    Column("credit", Text, primary_key=True),
    Column("spends", Boolean, nullable=False),  # as its kind, for the short way
)

period = Table(
    "period",
    metadata,
    Column("month", Date, primary_key=True),  # its first day
    Column("last_day", Date, nullable=False),
    Column("closed_at", DateTime(timezone=True)),  # None: open
)

book = Table(
    "book",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("gate", Text, nullable=False),
    Column("opened_on", Date, nullable=False),
    CheckConstraint("gate IN ('open', 'suspended', 'closed')", name="gate_is_known"),
)

balance = Table(
    "balance",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", Text, primary_key=True),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in ("available", "pending", "held", "owed")
    ),
    CheckConstraint(
        "available >= 0 AND pending >= 0 AND held >= 0 AND owed >= 0",
        name="never_below_zero",
    ),
)

lot = Table(
    "lot",
    metadata,
    # The key is the order in which lots of one unit are drawn.
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", Text, primary_key=True),
    Column("expires_on", Date, primary_key=True),  # last good day; infinity: never
    Column("issuer", Text, primary_key=True),
    Column("earned_in", Date, primary_key=True),  # first day of the month
    Column("funding", Text, primary_key=True),
    Column("cost_class", Text, primary_key=True),
    Column("origin_on", Date, primary_key=True),  # the last good day before any grace
    Column("units_issued", BigInteger, nullable=False),
    Column("units_left", BigInteger, nullable=False),
    CheckConstraint("units_left BETWEEN 0 AND units_issued", name="never_overdrawn"),
)

transfer = Table(
    "transfer",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, primary_key=True),  # of the entry; version 7, so in time order
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("available_after", BigInteger, nullable=False),
    Column("draws", ARRAY(Draw())),  # None: no lot is touched or carried
    Column("effective_on", Date, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("rule_version", Integer),  # None: no rule was asked
    Column("reverses", Uuid),  # None: stands on its own
    CheckConstraint("amount > 0", name="moves_something"),
    CheckConstraint("debit <> credit", name="goes_somewhere"),
    Index(
        "transfer_reverses_idx",
        "member_id",
        "reverses",
        postgresql_where=text("reverses IS NOT NULL"),
    ),
)

reference = Table(
    "reference",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reference", Text, primary_key=True),
    Column("input_hash", Uuid, nullable=False),  # first half of a SHA-256
    Column("entry_id", Uuid, nullable=False),
)
