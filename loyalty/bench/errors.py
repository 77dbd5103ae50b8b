"""What keeps a measurement from being made, or from counting."""

from loyalty.errors import Refused, Unavailable


class NotDurable(Refused):
    """A server that may lose what it confirmed is not measured."""

    code = "not_durable"

    def __init__(self, *, setting: str, value: str) -> None:
        super().__init__(setting=setting, value=value)


class PgbenchMissing(Unavailable):
    """The reference needs pgbench, and it is not in PATH."""

    code = "pgbench_missing"


class MeasurementFailed(Unavailable):
    """A case could not be measured."""

    code = "measurement_failed"

    def __init__(self, *, case: str, reason: str) -> None:
        super().__init__(case=case, reason=reason)


class BooksUnproved(Refused):
    """What was measured left books that do not prove."""

    code = "books_unproved"

    def __init__(self, *, findings: int, first: str) -> None:
        super().__init__(findings=findings, first=first)
