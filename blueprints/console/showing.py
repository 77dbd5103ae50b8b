"""How the facts of a request read: prices, lists, days and codes, in words."""

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction

from blueprints.console import bp
from blueprints.formatting import (
    day,
    moment,
    month,
    number,
    percent,
    points,
    yuan,
    yuan_exactly,
)
from blueprints.language import speak
from blueprints.wording import state_words, term

# What the entries of a list, or a code, are terms of.
_TERMS = {
    "channels": "channel",
    "brands": "brand",
    "tiers": "tier",
    "clubs": "club",
    "roles": "role",
    "scopes": "scope",
    "auth_method": "auth_method",
    "family": "family",
    "kind": "kind",
    "cost_treatment": "cost_treatment",
    "fulfilment": "fulfilment",
    "code_source": "code_source",
    "segment": "segment",
    "cover_class": "cover_class",
    "emblem": "emblem",
    "billing": "billing",
    "from_unit": "unit",
    "to_unit": "unit",
    "partner": "partner",
    "tier": "tier",
    "measure": "tier_measure",
    "period": "tier_period",
    "break_code": "break",
    "fee_cause": "fee_cause",
    "basis": "estimate_basis",
    "scope": "churn_scope",
    "voids": "churn_benefit",
    "comes_back": "churn_benefit",
    "freezes": "churn_freeze",
    "adjust_unit": "unit",
    "resolution": "resolution",
    "clearing": "clearing",
    "date_basis": "date_basis",
}
_DAYS = (
    *("valid_from", "valid_until", "valid_to", "effective_on", "tier_until"),
    *("starts_on", "happened_on", "closed_through"),
)
_MONTHS = ("effective_in",)
_RATES = ("redemption_rate",)
_PARTS_OF_FEN = ("point_value_fen",)
_POINTS = (
    *("points", "mix_points", "points_available", "points_owed", "budget_left"),
    *("agent_points_per_day", "member_points_per_day", "third_above"),
    "budget_points_per_month",
)
_SIGNED = ("adjust_points",)
_NO_LIMIT = ("channels", "brands", "tiers", "clubs")


@bp.app_template_global()
def fact_words(name: str, said: object) -> str:
    """Return a fact as a person reads it; what was left open is a dash.

    What stands before a dot in a name says whose fact it is.
    """
    name = name.rpartition(".")[2]
    if said is None or said == "":
        return speak("不限", "no limit") if name in _NO_LIMIT else "–"
    if isinstance(said, bool):
        return speak("是", "yes") if said else speak("否", "no")
    if isinstance(said, Mapping):
        return _counts(said) if name == "suggested" else _prices(said)
    if name.endswith("_words") and isinstance(said, list):
        return speak(*said)  # told in both languages
    if isinstance(said, list | tuple):
        words = (term(_TERMS.get(name, ""), one) for one in said)
        return speak("、", ", ").join(words) or "–"
    return _figure(name, said) if isinstance(said, int) else _words(name, said)


def _figure(name: str, said: int) -> str:
    if name.endswith("_fen"):
        return yuan(said)
    if name in _SIGNED:
        return f"+{points(said)}" if said > 0 else points(said)
    return points(said) if name in _POINTS else number(said)


def _words(name: str, said: object) -> str:
    if name in ("exchange_state", "dispute_state"):
        return state_words(f"{name.removesuffix('_state')}_{said}").words
    if name in _TERMS:
        return term(_TERMS[name], str(said))
    if isinstance(said, str):
        return _written(name, said)
    if isinstance(said, datetime):
        return moment(said)
    return day(said) if isinstance(said, date) else str(said)


def _written(name: str, said: str) -> str:
    """Return what is kept as text and means more than its letters."""
    if name in _MONTHS:
        return month(date.fromisoformat(said))
    if name in _RATES:
        return percent(Fraction(said), 2)
    if name in _PARTS_OF_FEN:
        return yuan_exactly(Fraction(said))
    if name in _DAYS:
        on = date.fromisoformat(said)
        return speak("起始", "from the start") if on == date.min else day(on)
    return moment(datetime.fromisoformat(said)) if name.endswith("_at") else said


def _counts(said: Mapping[str, int]) -> str:
    return (
        speak("；", "; ").join(
            speak(f"{name}：{number(count)}", f"{name}: {number(count)}")
            for name, count in sorted(said.items())
        )
        or "–"
    )


def _prices(said: Mapping[str, int]) -> str:
    """Return prices by tier; a tier that is not named pays the list price."""
    if not said:
        return speak("与积分价相同", "the list price")
    return speak("，", ", ").join(
        f"{term('tier', tier)} {points(price)}" for tier, price in sorted(said.items())
    )


@bp.app_template_filter()
def state_option(state: str) -> tuple[str, str]:
    """Return a state as something to choose."""
    return state, state_words(state).words


@bp.app_template_filter()
def term_option(code: str, kind: str) -> tuple[str, str]:
    """Return a code of a kind as something to choose."""
    return code, term(kind, code)
