"""Posting rules as values: which accounts an event debits and credits, and by what."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from loyalty.journal.measures import EVENTS, VIEWS, is_balanced
from loyalty.points.entries import COALITION

LIABILITY: Final = (
    "liability"  # of the cohort's kind of funding, in place of an account
)
# For whose points we owe; what a coalition lets us give stays its own.
LIABLE: Final = ("operator", "partner", "purchased", "goodwill", "fraud")
FUNDINGS: Final = (*LIABLE, COALITION)
SWITCHES: Final = ("release_on_own_redemption", "remote_breakage", "refund_on_void")
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "treatment": ("NO_REVENUE_EFFECT", "POINTS_ACCRUAL", "CLUB_COST"),
    "role": ("principal", "agent"),
    "billing": ("postpaid", "prepaid", "none"),
    "funding": FUNDINGS,
}
SELECTORS: Final = (*CHOICES, "family", "partner", "item", "fulfilment")
_PRINCIPAL_OF: Final = ("item", "partner", "family")


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry: an account, and the measure that is posted to it."""

    account: str
    measure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one event means in one view."""

    view: str
    event: str
    where: Mapping[str, str]  # what an event must be for it
    when: str | None  # a switch that must be on; None: it always holds
    debit: tuple[Line, ...]
    credit: tuple[Line, ...]

    def fits(self, facts: Mapping[str, str | None]) -> bool:
        """Whether it speaks of an event with these facts."""
        return all(facts.get(name) == value for name, value in self.where.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One version of the posting rules."""

    version: int
    valid_from: date
    statutory: str
    switches: Mapping[str, bool]
    liability: Mapping[str, str]  # kind of funding → account
    principals: frozenset[str]
    rules: tuple[Rule, ...]
    _by_event: dict[tuple[str, str], list[Rule]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def rule_for(
        self, view: str, event: str, facts: Mapping[str, str | None]
    ) -> Rule | None:
        """Return the most special rule for an event; None: it means nothing."""
        if not self._by_event:
            for rule in self.rules:
                if rule.when is None or self.switches[rule.when]:
                    self._by_event.setdefault((rule.view, rule.event), []).append(rule)
        fitting = [
            rule for rule in self._by_event.get((view, event), ()) if rule.fits(facts)
        ]
        return max(
            fitting,
            key=lambda rule: (
                len(rule.where),
                rule.when is not None,
                sorted(rule.where.items()),
            ),
            default=None,
        )

    def role_of(self, facts: Mapping[str, str | None]) -> str:
        """Tell whether we fulfill ourselves or arrange for somebody who does."""
        named = {f"{name}:{facts.get(name)}" for name in _PRINCIPAL_OF}
        return "principal" if named & self.principals else "agent"


def rules_of(
    document: Mapping[str, Any], *, version: int, valid_from: date, statutory: str
) -> Rules:
    """Return a version as it is kept."""
    return Rules(
        version=version,
        valid_from=valid_from,
        statutory=statutory,
        switches={name: bool(document["switches"].get(name)) for name in SWITCHES},
        liability=dict(document["liability"]),
        principals=frozenset(document["principals"]),
        rules=tuple(_rule(one) for one in document["rule"]),
    )


def faults_of(document: Mapping[str, Any], *, accounts: Collection[str]) -> list[str]:
    """Return what makes no sense in rules, in their order; each rule must balance."""
    return [
        *_common(document, accounts),
        *(
            f"rule {nth}: {fault}"
            for nth, one in enumerate(document.get("rule", ()), start=1)
            for fault in _rule_faults(one, accounts)
        ),
    ]


def funding_kind(funding: str | None) -> str:
    """Return what kind of funding a cohort has; a partner's code is `partner`."""
    if funding is not None and funding.startswith(f"{COALITION}:"):
        return COALITION
    return funding if funding in LIABLE else "partner"


def _rule(one: Mapping[str, Any]) -> Rule:
    return Rule(
        view=one["view"],
        event=one["event"],
        where={name: one[name] for name in SELECTORS if name in one},
        when=one.get("when"),
        debit=tuple(Line(*line) for line in one["debit"]),
        credit=tuple(Line(*line) for line in one["credit"]),
    )


def _common(document: Mapping[str, Any], accounts: Collection[str]) -> Iterator[str]:
    missing = [
        name
        for name in ("switches", "liability", "principals", "rule")
        if name not in document
    ]
    if missing:
        yield f"missing: {', '.join(missing)}"
        return
    for name in document["switches"]:
        if name not in SWITCHES:
            yield f"unknown switch {name}"
    for funding in LIABLE:
        account = document["liability"].get(funding)
        if account not in accounts:
            yield f"no account owes points of {funding}"
    for one in document["principals"]:
        if one.partition(":")[0] not in _PRINCIPAL_OF:
            yield f"unknown principal {one}"


def _rule_faults(one: Mapping[str, Any], accounts: Collection[str]) -> Iterator[str]:
    event: str = one.get("event", "")
    if one.get("view") not in VIEWS:
        yield f"unknown view {one.get('view')}"
    if event not in EVENTS:
        yield f"unknown event {event}"
        return
    yield from _selector_faults(one)
    debits, credits_ = one.get("debit", ()), one.get("credit", ())
    lines = [*debits, *credits_]
    for account, measure in lines:
        if account != LIABILITY and account not in accounts:
            yield f"unknown account {account}"
        if measure not in EVENTS[event]:
            yield f"{event} has no {measure}"
    if all(measure in EVENTS[event] for _, measure in lines) and not is_balanced(
        [measure for _, measure in debits], [measure for _, measure in credits_]
    ):
        yield "debits and credits differ"


def _selector_faults(one: Mapping[str, Any]) -> Iterator[str]:
    if one.get("when") not in (None, *SWITCHES):
        yield f"unknown switch {one['when']}"
    known = {"view", "event", "when", "debit", "credit", *SELECTORS}
    for name in sorted(set(one) - known):
        yield f"unknown selector {name}"
    for name, choices in CHOICES.items():
        if name in one and one[name] not in choices:
            yield f"unknown {name} {one[name]}"
