"""Why a journal cannot be written."""

from loyalty.errors import Refused


class RateUnwritable(Refused):
    """The carrying rate has no exact decimal, so no journal can be valued at it."""

    code = "rate_unwritable"

    def __init__(self, *, fen_num: int, fen_den: int) -> None:
        super().__init__(fen_num=fen_num, fen_den=fen_den)
