"""What makes a tournament, and how many meet in its first round."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

PLACES_MAX = 2_000
HEAT, FINAL = "heat", "final"


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What somebody says about a heat, or about the final."""

    city: str
    held_on: date
    places: int
    advance: int = 1
    venue: str | None = None  # None: not found yet


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestFacts:
    """What somebody says about a tournament."""

    title_zh: str
    title_en: str
    club: str | None  # None: for everybody in the alliance
    takes_guests: bool = False
    subsidy_fen: int = 0
    entries_until: date
    heats: Sequence[GroupFacts]
    final: GroupFacts


def contest_faults(facts: ContestFacts, *, on: date) -> list[str]:
    """Return the names of what makes no sense about a tournament."""
    cities = [heat.city for heat in facts.heats]
    advancing = sum(heat.advance for heat in facts.heats)
    is_fine = {
        "title_zh": bool(facts.title_zh),
        "title_en": bool(facts.title_en),
        "subsidy_fen": facts.subsidy_fen >= 0,
        "entries_until": facts.entries_until >= on,
        "heats": bool(cities)
        and len(set(cities)) == len(cities)
        and all(
            heat.city
            and 0 < heat.advance <= heat.places <= PLACES_MAX
            and heat.held_on > facts.entries_until
            for heat in facts.heats
        ),
        "final": bool(facts.final.city)
        and facts.final.places == advancing
        and facts.final.advance == 1
        and all(heat.held_on < facts.final.held_on for heat in facts.heats),
    }
    return [name for name, fine in is_fine.items() if not fine]


def first_matches(players: int) -> int:
    """Return how many matches a first round has, those with one player included.

    From the second round on their number halves: it is a power of two.
    """
    assert players > 1
    return 1 << ((players - 1).bit_length() - 1)
