"""Which role may do what (domain.md 4.8)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType


class Permission(StrEnum):
    """Something a face asks before it acts."""

    ENTER = "enter"  # the console's first page, and one's own sign-in
    READ = "read"  # everything the console shows
    CATALOGUE_MAKE = "catalogue_make"
    CATALOGUE_CHECK = "catalogue_check"
    COUNTER = "counter"  # serve a member who stands here or calls
    FULFIL = "fulfil"  # deliveries and pools of voucher codes
    REVIEW = "review"  # let large redemptions go
    MEMBER_ERASE_MAKE = "member_erase_make"
    MEMBER_ERASE_CHECK = "member_erase_check"
    TIER_MAKE = "tier_make"  # ask for policies and gifts, answer members about theirs
    TIER_CHECK = "tier_check"
    STAFF_MAKE = "staff_make"
    STAFF_CHECK = "staff_check"
    CLIENT_MAKE = "client_make"  # machines of partners
    CLIENT_CHECK = "client_check"
    CLUB_READ = "club_read"  # who belongs to clubs, and what these cost
    CLUB = "club"  # clubs, sessions, tournaments, and who comes to them
    FINANCE_MAKE = "finance_make"
    FINANCE_CHECK = "finance_check"
    REOPEN_MAKE = "reopen_make"  # ask for a closed month to be opened again
    REOPEN_CHECK = "reopen_check"
    ADJUST_MAKE = "adjust_make"  # ask for points to be changed by hand
    ADJUST_CHECK = "adjust_check"
    GRANT_MAKE = "grant_make"  # ask for points for a list of members
    BENEFIT = "benefit"  # let a member have what a club brings
    OPERATE = "operate"  # load files, run jobs, serve


_ENTER, _READ = Permission.ENTER, Permission.READ

# A clerk reads the member who is being served, and nothing else.
ROLES: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        "clerk": frozenset(
            {
                _ENTER,
                Permission.COUNTER,
                Permission.FULFIL,
                Permission.BENEFIT,
                Permission.ADJUST_MAKE,
            }
        ),
        "club_manager": frozenset(
            {_ENTER, Permission.CLUB_READ, Permission.CLUB, Permission.BENEFIT}
        ),
        "product": frozenset(
            {
                _ENTER,
                _READ,
                Permission.CATALOGUE_MAKE,
                Permission.TIER_MAKE,
                Permission.GRANT_MAKE,
            }
        ),
        "finance_maker": frozenset(
            {_ENTER, _READ, Permission.CLUB_READ, Permission.FINANCE_MAKE}
        ),
        "finance_checker": frozenset(
            {
                _ENTER,
                _READ,
                Permission.CLUB_READ,
                Permission.FINANCE_CHECK,
                Permission.REOPEN_MAKE,
                Permission.CATALOGUE_CHECK,
                Permission.TIER_CHECK,
            }
        ),
        "cfo": frozenset({_ENTER, _READ, Permission.REOPEN_CHECK}),
        "supervisor": frozenset(
            {
                _ENTER,
                _READ,
                Permission.COUNTER,
                Permission.REVIEW,
                Permission.CLUB_READ,
                Permission.CLUB,
                Permission.MEMBER_ERASE_MAKE,
                Permission.TIER_MAKE,
                Permission.ADJUST_MAKE,
                Permission.ADJUST_CHECK,
            }
        ),
        "auditor": frozenset({_ENTER, _READ, Permission.CLUB_READ}),
        "admin": frozenset(
            {
                _ENTER,
                _READ,
                Permission.STAFF_MAKE,
                Permission.STAFF_CHECK,
                Permission.CLIENT_MAKE,
                Permission.CLIENT_CHECK,
                Permission.MEMBER_ERASE_CHECK,
                Permission.OPERATE,
            }
        ),
    }
)
CHANNELS = ("hall", "hotline", "manager", "club", "agent")


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """Return what somebody with these roles may do."""
    return frozenset().union(*(ROLES[role] for role in roles))
