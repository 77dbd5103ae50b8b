"""How the partner in the sandbox brings its files."""

from enum import StrEnum


class Manner(StrEnum):
    """How a file is brought."""

    GOOD = "good"
    LATE = "late"  # without its signature, until `finish`
    SHORT = "short"  # cut off, and signed so
    TAMPERED = "tampered"  # a byte changed after it was signed
    MISMATCHED = "mismatched"  # header and trailer say a hundred yuan more
    DUPLICATED = "duplicated"  # its first record stands there twice
    OUT_OF_SEQUENCE = "out-of-sequence"  # one number is left out
