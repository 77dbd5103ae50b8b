"""What a step of the month-end is, and where it stands: pure decisions."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from loyalty.finance.rules import next_month

Fact = int | str | None


@dataclass(frozen=True, slots=True)
class Month:
    """A month, as the queries of the evidence want it."""

    period: date

    @property
    def days(self) -> dict[str, date]:
        """Its first and last day, and the first one after it."""
        following = next_month(self.period)
        return {
            "first_day": self.period,
            "last_day": following - timedelta(days=1),
            "next_month": following,
        }

    @property
    def ends_a_quarter(self) -> bool:
        """Whether the quarter's working paper is due with it."""
        return self.period.month % 3 == 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the evidence shows that should not be, and how often."""

    code: str
    count: int
    blocks: bool = False  # True: the month cannot be closed with it


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found for a step: the figures it rests on, and what is wrong.

    `facts` and `findings` are what a tick is for; `beside` is only shown, for it goes
    on changing after the month.
    """

    facts: Mapping[str, Fact] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    beside: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Name the facts and the findings, the same for the same ones."""
        return hash_of(
            {
                "facts": dict(self.facts),
                "findings": [asdict(found) for found in self.findings],
            }
        )

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Return what the month cannot be closed with."""
        return tuple(found for found in self.findings if found.blocks)

    def as_json(self) -> dict[str, Any]:
        """Return all of it, as a close keeps it."""
        return {
            "facts": dict(self.facts),
            "findings": [asdict(found) for found in self.findings],
            "beside": dict(self.beside),
        }


def of_json(kept: Mapping[str, Any]) -> Evidence:
    """Return evidence as a close kept it."""
    return Evidence(
        facts=kept["facts"],
        findings=tuple(Finding(**found) for found in kept["findings"]),
        beside=kept["beside"],
    )


class State(StrEnum):
    """Where a step stands."""

    OPEN = "open"  # its day has not come, or something has to be explained
    READY = "ready"  # somebody may tick it off
    DONE = "done"
    BLOCKED = "blocked"  # something has to be settled first


def state_of(
    evidence: Evidence, *, due_on: date, today: date, ticked_hash: str | None
) -> State:
    """Tell where a step stands; `ticked_hash` is of the evidence that was ticked."""
    if evidence.blocking:
        return State.BLOCKED
    if ticked_hash == evidence.hash:
        return State.DONE
    if evidence.findings or today < due_on:
        return State.OPEN
    return State.READY


def hash_of(said: object) -> str:
    """Return the SHA-256 of what was said, written in one way only."""
    written = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return sha256(written.encode()).hexdigest()
