"""Why somebody may not come in, or may not do it yet."""

from datetime import datetime

from loyalty.errors import Missing, Refused


class TooManyCodes(Refused):
    """Too many codes were asked for; please wait before asking for another."""

    code = "too_many_codes"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class TooManyAttempts(Refused):
    """Too many attempts failed; please wait before trying again."""

    code = "too_many_attempts"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class CodeExpired(Refused):
    """The code has expired; please ask for a new one."""

    code = "code_expired"

    def __init__(self) -> None:
        super().__init__()


class CodeSpent(Refused):
    """The code can be used no more; please ask for a new one."""

    code = "code_spent"

    def __init__(self) -> None:
        super().__init__()


class ConfirmationMissing(Refused):
    """This needs to be confirmed with a code or a passkey first."""

    code = "confirmation_missing"

    def __init__(self, *, purpose: str) -> None:
        super().__init__(purpose=purpose)


class CoolingDown(Refused):
    """Something about the member changed lately; this waits until it has settled."""

    code = "cooling_down"

    def __init__(self, *, until: datetime) -> None:
        super().__init__(until=until)


class PasswordTooWeak(Refused):
    """The password is too easy to guess."""

    code = "password_too_weak"

    def __init__(self, *, fault: str) -> None:
        super().__init__(fault=fault)


class PasskeyRefused(Refused):
    """The passkey did not prove what was asked."""

    code = "passkey_refused"

    def __init__(self) -> None:
        super().__init__()


class UnknownPasskey(Missing):
    """There is no such passkey."""

    code = "unknown_passkey"

    def __init__(self) -> None:
        super().__init__()
