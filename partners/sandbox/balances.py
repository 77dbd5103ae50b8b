"""What an account holds, as our sandboxes tell it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def told_balance(
    account: str, unit: str, units: int, expiring: Mapping[str, int]
) -> dict[str, Any]:
    """Return an answer; units that are gone do not expire any more."""
    left, parts = units, []
    for day, most in sorted(expiring.items()):
        if part := min(left, most):
            parts.append({"units": part, "expiresOn": day})
            left -= part
    return {
        "account": account,
        "unit": unit,
        "units": units,
        "expiring": parts,
        "asOf": datetime.now(UTC).isoformat(),
    }
