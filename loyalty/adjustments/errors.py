"""Why points cannot be changed by hand."""

from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class UnknownAdjustment(Missing):
    """There is no such adjustment."""

    code = "unknown_adjustment"

    def __init__(self, *, adjustment_ref: str) -> None:
        super().__init__(adjustment_ref=adjustment_ref)


class UnknownReason(Missing):
    """There is no such reason for changing points."""

    code = "unknown_adjustment_reason"

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class BadAdjustment(Refused):
    """Some of what is asked makes no sense."""

    code = "bad_adjustment"

    def __init__(self, *, faults: list[str]) -> None:
        super().__init__(faults=faults)


class BadEvidence(Refused):
    """Evidence is a PDF, a picture or plain text, of 2 MiB at most."""

    code = "bad_evidence"

    def __init__(self, *, bytes_max: int) -> None:
        super().__init__(bytes_max=bytes_max)


class EvidenceGone(Missing):
    """The evidence was destroyed with all else about the member."""

    code = "evidence_gone"

    def __init__(self, *, adjustment_ref: str) -> None:
        super().__init__(adjustment_ref=adjustment_ref)


class AdjustmentRefReused(Conflict):
    """Something else was asked for under this reference."""

    code = "adjustment_ref_reused"

    def __init__(self, *, adjustment_ref: str) -> None:
        super().__init__(adjustment_ref=adjustment_ref)


class OwnPoints(Refused):
    """Nobody changes their own points, asks for it or agrees to it."""

    code = "own_points"


class SamePerson(Refused):
    """Whoever asked for it or agreed to it cannot be the third person."""

    code = "same_person"


class MemberHasLeft(Refused):
    """What the member had is void, so there is nothing to change."""

    code = "adjustment_after_leaving"


class AgentCapReached(Refused):
    """One person asks for so many points a day, and no more."""

    code = "agent_cap_reached"

    def __init__(self, *, points_max: int, left: int) -> None:
        super().__init__(points_max=points_max, left=left)


class MemberCapReached(Refused):
    """So many points of a member are changed by hand in a day, and no more."""

    code = "member_cap_reached"

    def __init__(self, *, points_max: int, left: int) -> None:
        super().__init__(points_max=points_max, left=left)


class BudgetUsedUp(Refused):
    """The month's budget of points given as goodwill does not reach."""

    code = "adjustment_budget_used_up"

    def __init__(self, *, points_max: int, left: int) -> None:
        super().__init__(points_max=points_max, left=left)


class PointsGone(Refused):
    """The member has not so many points, and this reason lets nobody owe."""

    code = "adjustment_points_gone"

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(needed=needed, available=available)


class UndoneAlready(Conflict):
    """This has been undone, or undoes something itself."""

    code = "adjustment_undone"

    def __init__(self, *, adjustment_ref: str) -> None:
        super().__init__(adjustment_ref=adjustment_ref)


class NoLimits(Missing):
    """Nothing says yet how much may be changed by hand: run jifen init."""

    code = "no_adjustment_limits"

    def __init__(self) -> None:
        super().__init__()


class LimitsMovedOn(Conflict):
    """Other limits were approved meanwhile."""

    code = "adjustment_limits_moved_on"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)


class LimitsTooSoon(Refused):
    """Limits change from tomorrow at the earliest."""

    code = "adjustment_limits_too_soon"

    def __init__(self, *, starts_on: date, earliest: date) -> None:
        super().__init__(starts_on=starts_on, earliest=earliest)


class GrantFileWrong(Refused):
    """The file is not what its manifest says, so nothing of it is taken."""

    code = "grant_file_wrong"

    def __init__(self, *, key: str) -> None:
        super().__init__(key=key)


class UnknownGrantFile(Missing):
    """There is no such file of points."""

    code = "unknown_grant_file"

    def __init__(self, *, file_id: int) -> None:
        super().__init__(file_id=file_id)
