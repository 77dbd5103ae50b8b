"""What can be wrong with a call itself, before anything is asked of the programme."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from loyalty.errors import LoyaltyError


class Problem(LoyaltyError):
    """The call cannot be answered."""

    code = "problem"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST

    @property
    def headers(self) -> Mapping[str, str]:
        """What HTTP asks for beside the body."""
        return {}


class Malformed(Problem):
    """The request is not what this address takes."""

    code = "malformed"

    def __init__(self, *, errors: list[dict[str, str]]) -> None:
        super().__init__(errors=errors)


class KeyMissing(Problem):
    """Every POST needs an Idempotency-Key of 1 to 255 printable ASCII characters."""

    code = "idempotency_key_missing"

    def __init__(self) -> None:
        super().__init__()


class BadCursor(Problem):
    """The cursor is not one of ours for this list."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__()


class NotJson(Problem):
    """The body must be JSON, and say so."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self) -> None:
        super().__init__()


class TooManyCalls(Problem):
    """This client calls too often: wait until the minute is over."""

    code = "too_many_calls"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, calls_max: int, retry_after: int) -> None:
        super().__init__(calls_max=calls_max, retry_after=retry_after)

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come again."""
        return {"Retry-After": str(self.facts["retry_after"])}


class BadPeriod(Problem):
    """A period is a month such as 2007-10."""

    code = "bad_period"

    def __init__(self) -> None:
        super().__init__()
