"""Why something cannot be asked for, or decided."""

from loyalty.errors import Conflict, Missing, Refused


class UnknownApproval(Missing):
    """There is no such request."""

    code = "unknown_approval"

    def __init__(self, *, approval_id: int) -> None:
        super().__init__(approval_id=approval_id)


class ApprovalExpired(Refused):
    """The request was open for 72 hours and has expired; it can be made again."""

    code = "approval_expired"

    def __init__(self, *, approval_id: int) -> None:
        super().__init__(approval_id=approval_id)


class ApprovalDecided(Conflict):
    """The request has been decided already."""

    code = "approval_decided"

    def __init__(self, *, approval_id: int, state: str) -> None:
        super().__init__(approval_id=approval_id, state=state)


class OwnRequest(Refused):
    """Nobody decides what they asked for themselves."""

    code = "own_request"

    def __init__(self, *, approval_id: int) -> None:
        super().__init__(approval_id=approval_id)


class NotYourRequest(Refused):
    """Only who asked for something can withdraw the request."""

    code = "not_your_request"

    def __init__(self, *, approval_id: int) -> None:
        super().__init__(approval_id=approval_id)


class AlreadyRequested(Conflict):
    """The same is waiting for a decision already."""

    code = "already_requested"

    def __init__(self, *, action: str, subject: str) -> None:
        super().__init__(action=action, subject=subject)
