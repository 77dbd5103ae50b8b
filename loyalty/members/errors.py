"""Why something a member asks about themselves cannot be done."""

from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class UnknownPurpose(Missing):
    """Nobody asks for consent to this."""

    code = "unknown_purpose"

    def __init__(self, *, purpose: str) -> None:
        super().__init__(purpose=purpose)


class BadContact(Refused):
    """This is no telephone number or address that we could write to."""

    code = "bad_contact"

    def __init__(self, *, kind: str) -> None:
        super().__init__(kind=kind)


class SameContact(Refused):
    """This is the contact we have already."""

    code = "same_contact"

    def __init__(self, *, kind: str) -> None:
        super().__init__(kind=kind)


class NoContact(Refused):
    """The member has no telephone that a code could be sent to."""

    code = "no_contact"

    def __init__(self) -> None:
        super().__init__()


class ErasureAsked(Conflict):
    """The member has asked to be erased already."""

    code = "erasure_asked"

    def __init__(self, *, due_on: date) -> None:
        super().__init__(due_on=due_on)


class NoErasureAsked(Missing):
    """The member has not asked to be erased, or has thought again."""

    code = "no_erasure_asked"

    def __init__(self, *, member_id: int) -> None:
        super().__init__(member_id=member_id)


class ErasureNotDue(Refused):
    """The member can still think again."""

    code = "erasure_not_due"

    def __init__(self, *, due_on: date) -> None:
        super().__init__(due_on=due_on)


class OrdersUnderWay(Refused):
    """Orders of the member are still under way."""

    code = "orders_under_way"

    def __init__(self, *, orders: int) -> None:
        super().__init__(orders=orders)
