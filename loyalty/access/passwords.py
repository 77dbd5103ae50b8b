"""Passwords: what is one, and how it is kept."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from loyalty.access.errors import PasswordTooWeak

LENGTH_MIN = 12
LENGTH_MAX = 200  # a longer one is no password but an attempt to keep us busy
DIFFERENT_MIN = 5

_HASHER = PasswordHasher()  # argon2id with the library's parameters (RFC 9106)


def accept(password: str, *, own: Iterable[str] = ()) -> None:
    """Accept a password that is long enough, and that nobody guesses first.

    `own` is what belongs to the person and must not be part of it: numbers, names.

    Raises `PasswordTooWeak` with `fault` too_short, too_long, common or personal.
    """
    if len(password) < LENGTH_MIN:
        raise PasswordTooWeak(fault="too_short")
    if len(password) > LENGTH_MAX:
        raise PasswordTooWeak(fault="too_long")
    plain = password.casefold()
    if len(set(plain)) < DIFFERENT_MIN or any(word in plain for word in _common()):
        raise PasswordTooWeak(fault="common")
    if any(part.casefold() in plain for part in own if part):
        raise PasswordTooWeak(fault="personal")


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return _HASHER.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Tell whether a password is the one that is kept; nothing kept takes as long."""
    try:
        _HASHER.verify(stored or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@cache
def _nobody() -> str:
    """Return the hash of a password that nobody has."""
    return _HASHER.hash("nobody's")


@cache
def _common() -> frozenset[str]:
    lines = files(__package__).joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in lines.split("\n") if line)
