"""What a voucher code looks like, and how it is read back from a person."""

import secrets

# Crockford's base 32: no I, L, O or U, so that nothing is misread or misheard.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16  # of 5 bits each
GROUP = 4
BITS_MIN = 80  # domain.md 4.3, token cracking
TAIL = 4

_SEPARATORS = str.maketrans("", "", " -–—\t\r\n\u3000")
_MISREAD = str.maketrans("OIL", "011")


def new_code() -> str:
    """Return a code of 80 bits of chance."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def grouped(code: str) -> str:
    """Return a code in groups of four, as it is shown and read out."""
    return " ".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def plain(code: str) -> str:
    """Return a code as typed, without separators and in capitals."""
    return code.translate(_SEPARATORS).upper()


def readings(code: str) -> tuple[str, ...]:
    """Return what somebody may have meant by a code, the most literal first.

    Codes of others may have any letters; in ours O is 0, I and L are 1.
    """
    literal = plain(code)
    return tuple(dict.fromkeys((literal, literal.translate(_MISREAD))))


def is_strong(code: str) -> bool:
    """Tell whether a code has as many characters as guessing must meet.

    What looks like digits or hexadecimals is counted as nothing more.
    """
    letters = set(code)
    if letters <= set("0123456789"):
        radix = 10
    elif letters <= set("0123456789ABCDEF"):
        radix = 16
    else:
        radix = 32
    return bool(code) and code.isalnum() and radix ** len(code) >= 1 << BITS_MIN
