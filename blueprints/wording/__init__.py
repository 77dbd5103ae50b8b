"""What codes are called in front of people, in both languages.

Each refusal says what is missing and what can be done. Facts stand in braces and
are written as the page writes them: 1,300; ¥20.00 for names that end in `_fen`;
days and moments as people say them.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from flask import Flask

from blueprints import formatting
from blueprints.language import speak
from blueprints.wording import (
    adjusting,
    buying,
    closing,
    clubs,
    desk,
    estimating,
    exchanging,
    general,
    leaving,
    linking,
    matching,
    ordering,
    playing,
    posting,
    reporting,
    settling,
    shelf,
    tiers,
)
from blueprints.wording.pages import PAGES
from blueprints.wording.states import STATES
from blueprints.wording.terms import TERMS
from blueprints.wording.words import Words
from loyalty.errors import LoyaltyError

# Error code → sentences.
WORDS: Final[dict[str, Words]] = {
    **general.REFUSALS,
    **ordering.REFUSALS,
    **shelf.REFUSALS,
    **desk.REFUSALS,
    **linking.REFUSALS,
    **exchanging.REFUSALS,
    **clubs.REFUSALS,
    **tiers.REFUSALS,
    **settling.REFUSALS,
    **estimating.REFUSALS,
    **posting.REFUSALS,
    **matching.REFUSALS,
    **leaving.REFUSALS,
    **playing.REFUSALS,
    **reporting.REFUSALS,
    **buying.REFUSALS,
    **closing.REFUSALS,
    **adjusting.REFUSALS,
}


@dataclass(frozen=True, slots=True)
class Said:
    """A state as it is shown."""

    words: str
    tone: str


def register(app: Flask) -> None:
    """Let every template ask what a code is called."""
    app.jinja_env.globals.update(
        state_words=state_words, term=term, issuer_name=issuer_name
    )


def state_words(state: str) -> Said:
    """Return the words and the tone of a state."""
    chinese, english, tone = STATES.get(state, (state, state, ""))
    return Said(speak(chinese, english), tone)


def term(kind: str, code: str | None) -> str:
    """Return what a code of some kind is called; the code itself if it has no name."""
    if code is None:
        return ""
    return speak(*TERMS.get(kind, {}).get(code, (code, code)))


def issuer_name(issuer: str, name: str | None) -> str:
    """Return what an issuer of points, or a partner, is called on this page."""
    known = term("partner", issuer)
    return known if known != issuer else name or issuer


def partner_names(partner: str, name: str) -> Words:
    """Return what a partner is called in both languages."""
    return TERMS["partner"].get(partner, (name, name))


def page(status: int) -> tuple[str, str]:
    """Return the heading of an error page, and what can be done."""
    family = 500 if status >= 500 else 400  # noqa: PLR2004 - HTTP's own border
    heading, advice = PAGES.get(status, PAGES[family])
    return speak(*heading), speak(*advice)


def say(error: LoyaltyError) -> str:
    """Return the sentence for an error: what is missing, and what can be done."""
    return words_for(error.code, error.facts) or speak(*_family(error))


def words_for(code: str, facts: dict[str, object]) -> str | None:
    """Return the sentence for a code with its facts; None: it has none."""
    words = WORDS.get(code)
    if words is None:
        return None
    try:
        return speak(*words).format(**{k: _as_said(k, v) for k, v in facts.items()})
    except KeyError:  # a fact the sentence wants was not told
        return None


def _family(error: LoyaltyError) -> Words:
    for kind in type(error).__mro__:
        code = kind.__dict__.get("code")
        if code in ("missing", "refused", "conflict", "unavailable"):
            return WORDS[code]
    return WORDS["refused"]


def _as_said(name: str, fact: object) -> object:
    """Return a fact as the page writes it."""
    if isinstance(fact, bool):
        return fact
    if isinstance(fact, int):
        return formatting.yuan(fact) if name.endswith("_fen") else f"{fact:,}"
    if isinstance(fact, datetime):
        return formatting.moment(fact)
    if isinstance(fact, date):
        return formatting.day(fact)
    return fact
