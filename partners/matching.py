"""Whether a number is well formed, and whether two names are one person's.

A check digit catches slips of the finger; it proves nothing about a person
(domain.md 3.3).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """How the end of a number follows from the rest of it."""

    NONE = "none"
    LUHN = "luhn"  # ISO/IEC 7812-1
    MOD_11_2 = "mod_11_2"  # ISO 7064, 0 to 9 and X
    MOD_97_10 = "mod_97_10"  # ISO 7064, two digits, letters count from A = 10
    WEIGHTED_MOD_7 = "weighted_mod_7"


# From the right: the powers of ten modulo 7, with which the sum is the number itself
# modulo 7, as airlines number their documents.
_NUMBER_MOD_7 = (1, 3, 2, 6, 4, 5)
_DIGITS = re.compile(r"[0-9]+")
_LETTERS_AND_DIGITS = re.compile(r"[0-9A-Z]+")


@dataclass(frozen=True, slots=True)
class NumberRule:
    """What a partner's numbers look like."""

    pattern: str
    check: Check = Check.NONE
    weights: tuple[int, ...] = _NUMBER_MOD_7  # for the weighted sum, from the right

    def accepts(self, number: str) -> bool:
        """Whether a number can be one of theirs; a leading airline code is ignored.

        The check is over what follows the letters in front, except for MOD 97-10,
        which counts letters too.
        """
        if re.fullmatch(self.pattern, number) is None:
            return False
        if self.check is Check.MOD_97_10:
            return mod_97_10_holds(number)
        bare = re.sub(r"^[A-Z]+", "", number)
        match self.check:
            case Check.NONE:
                return True
            case Check.LUHN:
                return luhn_holds(bare)
            case Check.MOD_11_2:
                return mod_11_2_holds(bare)
            case Check.WEIGHTED_MOD_7:
                return weighted_mod_7_holds(bare, self.weights)


def luhn_digit(payload: str) -> int:
    """Return the digit that completes a number (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(reversed(payload)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - sum of its digits
    return -total % 10


def luhn_holds(number: str) -> bool:
    """Whether the last digit is the Luhn digit of the others."""
    return _is(_DIGITS, number, least=2) and luhn_digit(number[:-1]) == int(number[-1])


def mod_11_2_character(payload: str) -> str:
    """Return the character that completes a number (ISO 7064 MOD 11-2)."""
    remainder = 0
    for digit in payload:
        remainder = (remainder + int(digit)) * 2 % 11
    check = (12 - remainder) % 11
    return "X" if check == 10 else str(check)  # noqa: PLR2004 - X is Roman ten


def mod_11_2_holds(number: str) -> bool:
    """Whether the last character completes the others under MOD 11-2."""
    return (
        _is(_DIGITS, number[:-1], least=1)
        and mod_11_2_character(number[:-1]) == number[-1]
    )


def mod_97_10_digits(payload: str) -> str:
    """Return the two digits that complete a number (ISO 7064 MOD 97-10)."""
    return f"{98 - _as_number(payload) * 100 % 97:02d}"


def mod_97_10_holds(number: str) -> bool:
    """Whether a number of digits and capital letters is 1 modulo 97."""
    return _is(_LETTERS_AND_DIGITS, number, least=3) and _as_number(number) % 97 == 1


def weighted_mod_7_digit(payload: str, weights: Sequence[int] = _NUMBER_MOD_7) -> int:
    """Return the weighted sum of the digits modulo 7, weights from the right."""
    return (
        sum(
            int(digit) * weights[position % len(weights)]
            for position, digit in enumerate(reversed(payload))
        )
        % 7
    )


def weighted_mod_7_holds(number: str, weights: Sequence[int] = _NUMBER_MOD_7) -> bool:
    """Whether the last digit is the weighted sum of the others modulo 7."""
    return _is(_DIGITS, number, least=2) and weighted_mod_7_digit(
        number[:-1], weights
    ) == int(number[-1])


def _is(pattern: re.Pattern[str], text: str, *, least: int) -> bool:
    return len(text) >= least and pattern.fullmatch(text) is not None


def _as_number(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text))


class NameMatch(StrEnum):
    """Whether two names are one person's."""

    SAME = "same"
    REVIEW = "review"  # a person must look
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class PersonName:
    """A name in its two parts."""

    family: str
    given: str


# What Unicode does not take apart into a letter and its accent.
_LIGATURES = str.maketrans(
    {"Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH"}
)
# Ü of pinyin after L and N is written U with dots, V by ticket systems and YU in
# passports; elsewhere it is an umlaut.
_PINYIN_U = re.compile(r"(?<=[LN])Ü")
_PASSPORT_YU = re.compile(r"(?<=[LN])YU")


def match_names(ours: PersonName, theirs: PersonName) -> NameMatch:
    """Compare two names as domain.md 3.3 asks, whichever part stands first.

    Case, accents, spaces and hyphens say nothing, so that XIAO MING is XIAOMING. The
    family name must be equal; one slip in the given name is for a person to judge.
    Names in different scripts cannot be compared here and are for a person too.
    """
    pairs = (
        (theirs.family, theirs.given),
        (theirs.given, theirs.family),
    )
    parts = (ours.family, ours.given, theirs.family, theirs.given)
    if not all(_spellings(part) for part in parts):
        return NameMatch.DIFFERENT
    if _is_latin(*parts[:2]) != _is_latin(*parts[2:]):
        return NameMatch.REVIEW
    verdicts = {_match_parts(ours, family, given) for family, given in pairs}
    for verdict in (NameMatch.SAME, NameMatch.REVIEW):
        if verdict in verdicts:
            return verdict
    return NameMatch.DIFFERENT


def match_full_name(full: str, theirs: PersonName) -> NameMatch:
    """Compare a name kept in one piece with one in two parts."""
    if not all(map(_spellings, (full, theirs.family, theirs.given))):
        return NameMatch.DIFFERENT
    if _is_latin(full) != _is_latin(theirs.family, theirs.given):
        return NameMatch.REVIEW
    best = NameMatch.DIFFERENT
    for whole in _spellings(full):
        for family in _spellings(theirs.family):
            for given in _spellings(theirs.given):
                if whole in {family + given, given + family}:
                    return NameMatch.SAME
                rests = {whole.removeprefix(family), whole.removesuffix(family)}
                if any(_one_slip(rest, given) for rest in rests - {whole}):
                    best = NameMatch.REVIEW
    return best


def _match_parts(ours: PersonName, family: str, given: str) -> NameMatch:
    if not _spellings(ours.family) & _spellings(family):
        return NameMatch.DIFFERENT
    mine, yours = _spellings(ours.given), _spellings(given)
    if mine & yours:
        return NameMatch.SAME
    if any(_one_slip(one, other) for one in mine for other in yours):
        return NameMatch.REVIEW
    return NameMatch.DIFFERENT


def _spellings(name: str) -> frozenset[str]:
    """Return how a name may be written with letters alone; empty: it has none."""
    upper = unicodedata.normalize("NFC", name).upper()
    spellings = {
        _letters(upper),
        _letters(_PASSPORT_YU.sub("V", _PINYIN_U.sub("V", upper))),
    }
    return frozenset(spellings - {""})


def _letters(upper: str) -> str:
    apart = unicodedata.normalize("NFKD", upper.translate(_LIGATURES))
    return "".join(character for character in apart if character.isalpha())


def _is_latin(*parts: str) -> bool:
    return all(
        character.isascii()
        for part in parts
        for spelling in _spellings(part)
        for character in spelling
    )


def _one_slip(one: str, other: str) -> bool:
    """Whether at most one letter was added, left out or replaced."""
    if abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    for place, (mine, yours) in enumerate(zip(short, long, strict=False)):
        if mine != yours:
            rest = short[place + 1 :] if len(short) == len(long) else short[place:]
            return rest == long[place + 1 :]
    return True
