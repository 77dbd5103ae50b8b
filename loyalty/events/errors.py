"""Why nobody can be told."""

from loyalty.errors import Missing, Refused


class UnknownEndpoint(Missing):
    """There is no such webhook endpoint of this partner."""

    code = "unknown_endpoint"

    def __init__(self) -> None:
        super().__init__()


class AddressRefused(Refused):
    """Webhooks go to https addresses of the public network only."""

    code = "address_refused"

    def __init__(self, *, why: str) -> None:
        super().__init__(why=why)


class SequenceOutOfRange(Refused):
    """This endpoint has no event of that number."""

    code = "sequence_out_of_range"

    def __init__(self, *, last_sequence: int) -> None:
        super().__init__(last_sequence=last_sequence)


class TooManyEndpoints(Refused):
    """A partner may have so many webhook endpoints and no more."""

    code = "too_many_endpoints"

    def __init__(self, *, endpoints_max: int) -> None:
        super().__init__(endpoints_max=endpoints_max)
