"""Why a session cannot be held, or a place in one cannot be had."""

from datetime import datetime

from loyalty.errors import Conflict, Missing, Refused


class UnknownSession(Missing):
    """There is no such session."""

    code = "unknown_session"

    def __init__(self, *, session_id: int) -> None:
        super().__init__(session_id=session_id)


class UnknownPlace(Missing):
    """The member has no place in this session, nor waits for one."""

    code = "unknown_place"

    def __init__(self, *, session_id: int) -> None:
        super().__init__(session_id=session_id)


class BadSession(Refused):
    """Some of what is said about the session makes no sense."""

    code = "bad_session"

    def __init__(self, *, faults: list[str]) -> None:
        super().__init__(faults=faults)


class NoLongerMember(Refused):
    """Who has left the network cannot book."""

    code = "no_longer_member"


class SessionClosed(Refused):
    """The session has begun, is over, or was called off."""

    code = "session_closed"

    def __init__(self, *, session_id: int) -> None:
        super().__init__(session_id=session_id)


class SessionNotBegun(Refused):
    """Who comes is noted on the day of the session."""

    code = "session_not_begun"

    def __init__(self, *, starts_at: datetime) -> None:
        super().__init__(starts_at=starts_at)


class ForTheClub(Refused):
    """The session is for members of the club alone."""

    code = "for_the_club"

    def __init__(self, *, club: str) -> None:
        super().__init__(club=club)


class PlaceNotOffered(Refused):
    """The session is not offered to this member."""

    code = "place_not_offered"


class PlacePriceChanged(Conflict):
    """The place costs something else than what was shown."""

    code = "place_price_changed"

    def __init__(self, *, points: int) -> None:
        super().__init__(points=points)


class PlacePointsMissing(Refused):
    """There are too few points for a place."""

    code = "place_points_missing"

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(needed=needed, available=available, missing=needed - available)


class SpendingClosed(Refused):
    """The member's points cannot be spent now."""

    code = "spending_closed"

    def __init__(self, *, gate: str) -> None:
        super().__init__(gate=gate)


class CancelTooLate(Refused):
    """The time until which a place can be given up is over."""

    code = "cancel_too_late"

    def __init__(self, *, until: datetime) -> None:
        super().__init__(until=until)


class PlaceMovedOn(Conflict):
    """The place is in another state by now."""

    code = "place_moved_on"

    def __init__(self, *, state: str) -> None:
        super().__init__(state=state)


class TooFewPlaces(Refused):
    """More places are booked than there would be."""

    code = "too_few_places"

    def __init__(self, *, taken: int) -> None:
        super().__init__(taken=taken)


class PlacesLocked(Refused):
    """The member has locked spending, and can unlock it."""

    code = "places_locked"
