"""Why a consent cannot be asked for, given or ended."""

from loyalty.errors import Conflict, Missing, Refused


class UnknownConsent(Missing):
    """There is no such consent."""

    code = "unknown_consent"

    def __init__(self, *, consent: str) -> None:
        super().__init__(consent=consent)


class ConsentDecided(Conflict):
    """The consent has been decided already, or the time for it is over."""

    code = "consent_decided"

    def __init__(self, *, consent: str, state: str) -> None:
        super().__init__(consent=consent, state=state)


class AccountTaken(Conflict):
    """The account at the partner is linked to another member."""

    code = "account_taken"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class BadAccount(Refused):
    """The name of an account has 1 to 64 printable characters."""

    code = "bad_account"

    def __init__(self) -> None:
        super().__init__()


class UnknownKind(Refused):
    """A consent cannot be about this."""

    code = "unknown_kind"

    def __init__(self, *, kind: str) -> None:
        super().__init__(kind=kind)


class ValidationsLocked(Refused):
    """Too many names were tried for this account; it can be asked about again soon."""

    code = "validations_locked"

    def __init__(self, *, minutes: int) -> None:
        super().__init__(minutes=minutes)
