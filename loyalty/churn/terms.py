"""What leaving means, as values: what a version says, and what makes no sense."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from loyalty.rules.models import BENEFITS, CHURN_REASONS

# Nobody loses anything by these, whatever the terms are (domain.md B16).
NEVER: Final = ("internal", "transferred", "deceased")
SCOPES: Final = ("identity", "line")
DAYS: Final = ("notice_days", "grace_days", "reinstate_within_days")
FREEZES: Final = (
    ("suspended", "arrears"),
    ("suspended", "lost"),
    ("suspended", "fraud"),
    ("suspended", "voluntary"),
    ("pre_cancelled", ""),
)
# What is ended for good does not come back; points always do, the same lots.
RETURNING: Final = ("vouchers", "bookings", "clubs", "tier")
ALWAYS_BACK: Final = (
    "points.pending",
    "points.operator",
    "points.universal",
    "points.purchased",
)
DAYS_MAX: Final = 3_650
BANK_DAYS_MAX: Final = 60

_PLAIN: Final = ("scope", *DAYS, "may_redeem")


@dataclass(frozen=True, slots=True)
class ReasonTerms:
    """What holds for who leaves for one reason."""

    reason: str
    scope: str
    notice_days: int
    grace_days: int
    may_redeem: bool
    reinstate_within_days: int
    voids: tuple[str, ...]  # in this order; what is not named survives
    comes_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of what leaving means, from a day on."""

    version: int
    starts_on: date
    bank_answers_within_days: int
    freezes: tuple[tuple[str, str], ...]  # event, reason; '': whatever the reason
    policies: tuple[ReasonTerms, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something that makes no sense."""

    reason: str  # '': it concerns no reason
    name: str
    why: str


def faults_of(terms: Terms) -> list[Fault]:
    """Return what makes no sense, in the order in which it is said."""
    return [*_common(terms), *_reasons(terms)]


def as_json(terms: Terms) -> dict[str, Any]:
    """Return what a version says as flat facts, as an approval keeps it."""
    said: dict[str, Any] = {
        "starts_on": terms.starts_on.isoformat(),
        "bank_answers_within_days": terms.bank_answers_within_days,
        "freezes": [":".join(freeze) for freeze in terms.freezes],
    }
    for policy in terms.policies:
        for name in _PLAIN:
            said[f"{policy.reason}.{name}"] = getattr(policy, name)
        said[f"{policy.reason}.voids"] = list(policy.voids)
        said[f"{policy.reason}.comes_back"] = list(policy.comes_back)
    return said


def as_loaded(said: Mapping[str, Any], *, version: int) -> dict[str, Any]:
    """Return what an approval kept, as terms are loaded."""
    return {
        "version": version,
        "bank_answers_within_days": said["bank_answers_within_days"],
        "freezes": [freeze.split(":") for freeze in said["freezes"]],
        "policy": [
            {
                "reasons": [reason],
                **{
                    name: said[f"{reason}.{name}"]
                    for name in (*_PLAIN, "voids", "comes_back")
                },
            }
            for reason in CHURN_REASONS
        ],
    }


def _common(terms: Terms) -> Iterator[Fault]:
    if not 0 < terms.bank_answers_within_days <= BANK_DAYS_MAX:
        yield Fault("", "bank_answers_within_days", "not_days")
    for freeze, times in Counter(terms.freezes).items():
        if freeze not in FREEZES:
            yield Fault("", "freezes", "unknown_freeze")
        elif times > 1:
            yield Fault("", "freezes", "twice")


def _reasons(terms: Terms) -> Iterator[Fault]:
    told = Counter(policy.reason for policy in terms.policies)
    for reason, times in told.items():
        if reason in NEVER:
            yield Fault(reason, "reason", "never")
        elif reason not in CHURN_REASONS:
            yield Fault(reason, "reason", "unknown_reason")
        elif times > 1:
            yield Fault(reason, "reason", "twice")
    for reason in CHURN_REASONS:
        if reason not in told:
            yield Fault(reason, "reason", "missing_reason")
    for policy in terms.policies:
        yield from _days(policy)
        yield from _benefits(policy)


def _days(policy: ReasonTerms) -> Iterator[Fault]:
    if policy.scope not in SCOPES:
        yield Fault(policy.reason, "scope", "unknown_scope")
    for name in DAYS:
        if not 0 <= getattr(policy, name) <= DAYS_MAX:
            yield Fault(policy.reason, name, "not_days")


def _benefits(policy: ReasonTerms) -> Iterator[Fault]:
    for benefit, times in Counter(policy.voids).items():
        if benefit not in BENEFITS:
            yield Fault(policy.reason, benefit, "unknown_benefit")
        elif times > 1:
            yield Fault(policy.reason, benefit, "twice")
    for benefit in ALWAYS_BACK:
        if benefit in policy.voids and benefit not in policy.comes_back:
            yield Fault(policy.reason, benefit, "points_come_back")
    for benefit in policy.comes_back:
        if benefit not in policy.voids:
            yield Fault(policy.reason, benefit, "comes_back_unvoided")
        elif benefit not in (*RETURNING, *ALWAYS_BACK):
            yield Fault(policy.reason, benefit, "ended_for_good")
