"""Why a call is not answered now, or not at all."""

from loyalty.errors import Conflict


class KeyReused(Conflict):
    """The Idempotency-Key was sent before with another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__()


class CallUnderWay(Conflict):
    """The same request is being answered right now: ask again in a moment."""

    code = "call_under_way"

    def __init__(self) -> None:
        super().__init__()
