"""What codes are called: each once, and in both languages."""

import re

from blueprints import wording
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

_FACT = re.compile(r"\{(\w+)\}")


def test_no_refusal_is_said_in_two_places():
    parts = (
        general,
        ordering,
        shelf,
        desk,
        linking,
        exchanging,
        clubs,
        playing,
        posting,
        settling,
        matching,
        tiers,
        estimating,
        leaving,
        reporting,
        buying,
        closing,
        adjusting,
    )

    assert sum(len(part.REFUSALS) for part in parts) == len(wording.WORDS)


def test_both_languages_tell_the_same_facts():
    differing = [
        code
        for code, (chinese, english) in wording.WORDS.items()
        if set(_FACT.findall(chinese)) != set(_FACT.findall(english))
    ]

    assert differing == []
