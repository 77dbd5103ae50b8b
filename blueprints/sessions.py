"""Who is calling, and what each view asks of the caller.

A view says so with one decorator: `public`, `member_required`, `requires` (staff
with a permission) or `signed` (a system whose signature the view checks itself).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask

F = TypeVar("F", bound=Callable[..., Any])

csrf: Any = None


def register(app: Flask) -> None:
    """Guard every form of the application."""


def public(view: F) -> F:
    """Let everybody in."""
    view.access = "public"  # type: ignore[attr-defined]
    return view
