"""What can go wrong with the catalogue."""

from collections.abc import Sequence
from datetime import date

from loyalty.catalogue.rules import Fault
from loyalty.errors import Conflict, Missing, Refused


class UnknownItem(Missing):
    """There is no such item in the catalogue."""

    code = "unknown_item"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class SoldOut(Refused):
    """Nothing, or too little, is left of the item."""

    code = "sold_out"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class ItemCodeTaken(Conflict):
    """Another item has this code."""

    code = "item_code_taken"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class NotPublishable(Refused):
    """The item breaks rules of publication."""

    code = "not_publishable"

    def __init__(self, *, faults: Sequence[Fault]) -> None:
        super().__init__(faults=[f"{fault.field}: {fault.code}" for fault in faults])
        self.faults = tuple(faults)


class NotInThatState(Conflict):
    """The item is in a state in which this cannot be done."""

    code = "item_not_in_that_state"

    def __init__(self, *, item_code: str, state: str) -> None:
        super().__init__(item_code=item_code, state=state)


class ItemChangedMeanwhile(Conflict):
    """The item is no longer what the request described."""

    code = "item_changed_meanwhile"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class ChangeWaiting(Conflict):
    """Another approved change of the item waits for its day."""

    code = "item_change_waiting"

    def __init__(self, *, item_code: str, effective_on: date) -> None:
        super().__init__(item_code=item_code, effective_on=effective_on)


class NothingChanges(Refused):
    """The request changes nothing."""

    code = "nothing_changes"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class EffectiveTooSoon(Refused):
    """A change of the catalogue takes effect on the next day at the earliest."""

    code = "effective_too_soon"

    def __init__(self, *, earliest: date) -> None:
        super().__init__(earliest=earliest)


class StockMissing(Refused):
    """Less is left than would be taken away, or the item never runs out."""

    code = "stock_missing"

    def __init__(self, *, item_code: str, left: int | None) -> None:
        super().__init__(item_code=item_code, left=left)
