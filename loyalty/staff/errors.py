"""What can go wrong with staff."""

from loyalty.errors import Conflict, Missing, Refused


class UnknownStaff(Missing):
    """Nobody has this login."""

    code = "unknown_staff"

    def __init__(self, *, login: str) -> None:
        super().__init__(login=login)


class LoginTaken(Conflict):
    """Somebody has this login already."""

    code = "login_taken"

    def __init__(self, *, login: str) -> None:
        super().__init__(login=login)


class UnknownRole(Refused):
    """There is no such role."""

    code = "unknown_role"

    def __init__(self, *, role: str) -> None:
        super().__init__(role=role)


class NotPermitted(Refused):
    """The role of this member of staff does not allow it."""

    code = "not_permitted"

    def __init__(self, *, login: str, permission: str) -> None:
        super().__init__(login=login, permission=permission)


class OwnRoles(Refused):
    """Nobody asks for roles of their own."""

    code = "own_roles"

    def __init__(self, *, login: str) -> None:
        super().__init__(login=login)


class UnknownOwnAccount(Missing):
    """No member has this reference."""

    code = "unknown_own_account"

    def __init__(self, *, member_ref: str) -> None:
        super().__init__(member_ref=member_ref)
