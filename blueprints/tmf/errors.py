"""What there is not, and how TM Forum wants errors told."""

from collections.abc import Mapping
from typing import Any

from loyalty.errors import Missing


class UnknownProgramme(Missing):
    """There is no such programme."""

    code = "unknown_programme"


class UnknownBalance(Missing):
    """The member has no such points."""

    code = "unknown_balance"


def error_body(
    status: int, code: str, title: str, facts: Mapping[str, object]
) -> dict[str, Any]:
    """Return an error in TM Forum's shape, with the code that the API gives it."""
    return {
        "@type": "Error",
        "code": code,
        "reason": title,
        "message": "; ".join(_details(facts)) or title,
        "status": status,
        "referenceError": f"/problems/{code}",
    }


def _details(facts: Mapping[str, object]) -> list[str]:
    """Give the facts of an error one by one; of a malformed call, where it is."""
    errors = facts.get("errors")
    if isinstance(errors, list):
        return [f"{error['pointer']}: {error['detail']}" for error in errors]
    return [f"{name}: {fact}" for name, fact in facts.items()]
