"""Why somebody cannot join a club, or have what it brings."""

from collections.abc import Sequence
from datetime import date, datetime

from loyalty.errors import Conflict, Missing, Refused


class UnknownClub(Missing):
    """There is no such club."""

    code = "unknown_club"

    def __init__(self, *, club: str) -> None:
        super().__init__(club=club)


class UnknownMembership(Missing):
    """The member has no such membership."""

    code = "unknown_membership"


class NotTakingPart(Missing):
    """The member has left the network, or never took part."""

    code = "not_taking_part"


class MembershipRefReused(Conflict):
    """The same reference was sent before, for something else."""

    code = "membership_ref_reused"

    def __init__(self, *, reference: str) -> None:
        super().__init__(reference=reference)


class WayNotOpen(Refused):
    """The club is not joined in this way."""

    code = "club_way_not_open"

    def __init__(self, *, way: str) -> None:
        super().__init__(way=way)


class TierTooLow(Refused):
    """The club is open to other tiers."""

    code = "club_tier_too_low"

    def __init__(self, *, tiers: Sequence[str]) -> None:
        super().__init__(tiers=list(tiers))


class NotInvited(Refused):
    """The member has no invitation that is still good."""

    code = "club_not_invited"


class InvitationOver(Refused):
    """An invitation must be good for a day at least, and for a year at most."""

    code = "club_invitation_days"

    def __init__(self, *, days_max: int) -> None:
        super().__init__(days_max=days_max)


class AlreadyMember(Conflict):
    """The member belongs to the club, and it is too early to renew."""

    code = "already_club_member"

    def __init__(self, *, until: date, renew_from: date) -> None:
        super().__init__(until=until, renew_from=renew_from)


class NotAClubMember(Refused):
    """The membership does not hold on this day."""

    code = "not_a_club_member"


class UnknownBenefit(Missing):
    """The membership brings no such benefit."""

    code = "unknown_benefit"


class NothingLeft(Refused):
    """The benefit was used as often as the term allows."""

    code = "benefit_used_up"

    def __init__(self, *, per_term: int) -> None:
        super().__init__(per_term=per_term)


class UnknownBenefitCode(Missing):
    """No benefit has this code."""

    code = "unknown_benefit_code"


class BenefitCodeSpent(Conflict):
    """The code was used, or another one has taken its place."""

    code = "benefit_code_spent"

    def __init__(self, *, state: str) -> None:
        super().__init__(state=state)


class BenefitCodeExpired(Refused):
    """The code was good for a day, and that is over."""

    code = "benefit_code_expired"

    def __init__(self, *, expired_at: datetime) -> None:
        super().__init__(expired_at=expired_at)


class UseNameReused(Conflict):
    """The partner_ref names another use already."""

    code = "reference_reused"


class UnknownUse(Missing):
    """The member has had no such use of a benefit."""

    code = "unknown_benefit_use"


class UseNotReversible(Refused):
    """An undoing is not undone."""

    code = "benefit_use_not_reversible"


class ReasonMissing(Refused):
    """Undoing a use takes a reason."""

    code = "benefit_reason_missing"
