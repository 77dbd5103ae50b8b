"""Posting rules as people write them, one in a line.

    D redeemed [treatment=POINTS_ACCRUAL role=agent]: liability released
    + 2241 cash + 6601.01 shortfall = 2202 payable + 6051.01 fee

Debits stand before the equals sign, credits after it; what an event must be for the
rule stands in brackets, with the switch (`when`) that must be on.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from loyalty.journal.rules import SELECTORS

_RULE: Final = re.compile(
    r"(?P<view>\w+) (?P<event>\w+)(?: \[(?P<where>[^\]]*)\])?:"
    r" ?(?P<debit>[^=]*)=(?P<credit>[^=]*)"
)
_NAMES: Final = (*SELECTORS, "when")


def name_of(rule: Mapping[str, Any]) -> str:
    """Return what a rule is for: its view, its event, and what that must be."""
    where = [f"{name}={rule[name]}" for name in _NAMES if name in rule]
    return f"{rule['view']} {rule['event']}" + (
        f" [{' '.join(where)}]" if where else ""
    )


def means(rule: Mapping[str, Any]) -> str:
    """Return what a rule debits and credits."""
    return f"{_side(rule['debit'])} = {_side(rule['credit'])}".strip()


def written(rules: Iterable[Mapping[str, Any]]) -> str:
    """Return rules as lines."""
    return "\n".join(f"{name_of(rule)}: {means(rule)}" for rule in rules)


def read(lines: str) -> list[dict[str, Any]]:
    """Return the rules of lines.

    Raises `ValueError` with the first line that is none.
    """
    return [_rule(line.strip()) for line in lines.splitlines() if line.strip()]


def _side(lines: Iterable[Sequence[str]]) -> str:
    return " + ".join(" ".join(line) for line in lines)


def _rule(line: str) -> dict[str, Any]:
    found = _RULE.fullmatch(line)
    if found is None:
        raise ValueError(line)
    rule: dict[str, Any] = {"view": found["view"], "event": found["event"]}
    for one in (found["where"] or "").split():
        name, is_told, value = one.partition("=")
        if not is_told:
            raise ValueError(line)
        rule[name] = value
    for side in ("debit", "credit"):
        lines = [part.split() for part in found[side].split("+") if part.strip()]
        if any(len(parts) != len(("account", "measure")) for parts in lines):
            raise ValueError(line)
        rule[side] = lines
    return rule
