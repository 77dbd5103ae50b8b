"""What a leaving says to staff: each benefit in the policy's order, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blueprints.formatting import day, moment, number
from blueprints.language import speak
from blueprints.wording import issuer_name, state_words, term
from loyalty.churn.queries import LeavingView, Stage, StepView

_POINTS = ("points.pending", "points.operator", "points.universal")
_ACCOUNT_SHOWN = 4  # characters of a card's number that stay readable
_REFERENCE_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the timeline; without a step, it says why there is none."""

    title: str
    state: str  # as the states of the page are called
    sentences: tuple[str, ...]
    at: datetime | None  # None: has not come to its end
    step: StepView | None  # None: there is nothing to be taken up


def timeline(shown: LeavingView) -> list[Told]:
    """Return all that ends, ended or will end, and what comes back."""
    return [told for stage in shown.stages for told in _stage(shown, stage)]


def subject_words(step: StepView) -> str:
    """Return which one of several it is; '': there is only one."""
    if step.benefit == "card":
        return f"{_partner(step)} …{step.subject[-_ACCOUNT_SHOWN:]}"
    if step.benefit == "links":
        return _partner(step)
    return step.subject[:_REFERENCE_SHOWN]


def waits_words(step: StepView) -> str:
    """Return whom a step waits for."""
    if step.waits_for == "person":
        return speak("人工处理", "a person")
    return _partner(step) if step.waits_for else ""


def outcome_words(shown: LeavingView, step: StepView) -> tuple[str, ...]:
    """Return what came of a step, as far as it is known."""
    said = [*_voided(shown, step), *_found(step), *_at_bank(step.detail)]
    if step.is_open and step.waits_for:
        said.append(speak("等待：", "Waits for: ") + waits_words(step))
    if step.attempts:
        said.append(speak(f"已办 {step.attempts} 次", f"Taken up {step.attempts} ×"))
    if step.is_open:
        said.append(speak("下次：", "Next: ") + moment(step.due_at))
    return tuple(said)


def _partner(step: StepView) -> str:
    return issuer_name(step.partner, step.partner_name) if step.partner else ""


def _stage(shown: LeavingView, stage: Stage) -> list[Told]:
    title = term("churn_benefit", stage.benefit)
    if not stage.steps:
        state, *said = _why_none(shown)
        return [Told(title, state, tuple(said), None, None)]
    return [
        Told(
            title,
            f"churn_{step.state}",
            outcome_words(shown, step),
            step.ended_at,
            step,
        )
        for step in stage.steps
    ]


def _why_none(shown: LeavingView) -> tuple[str, ...]:
    """Return the state of a benefit that has no step, and what there is to say."""
    line = shown.line
    if line.booked_at is None and line.reinstated_on is None:
        on = day(line.void_on)
        return "churn_planned", speak(f"{on}终止", f"Ends on {on}")
    if line.booked_at is None:
        said = speak(
            "终止前已恢复在网，保持不变", "Back before anything ended; it stays"
        )
        return "churn_kept", said
    return ("churn_nothing",)


def _voided(shown: LeavingView, step: StepView) -> list[str]:
    """Return the points that a step took, by unit."""
    if step.benefit not in _POINTS:
        return []
    units: dict[str, int] = {}
    for lot in shown.lots:
        if _is_of(step.benefit, lot.unit, is_pending=lot.is_pending):
            units[lot.unit] = units.get(lot.unit, 0) + lot.units
    if not units:
        return [speak("离网时没有积分", "There were no points")]
    return [
        speak(f"作废 {term('unit', unit)} ", f"Void: {term('unit', unit)} ")
        + number(points)
        for unit, points in units.items()
    ]


def _is_of(benefit: str, unit: str, *, is_pending: bool) -> bool:
    if benefit == "points.pending":
        return is_pending
    return not is_pending and (unit == "CUP") == (benefit == "points.operator")


def _found(step: StepView) -> list[str]:
    """Return what of ours was found, ended or kept."""
    detail, said = step.detail, []
    if outcome := detail.get("outcome"):
        kind = "exchange_" if step.benefit == "exchanges" else ""
        said.append(state_words(f"{kind}{outcome}").words)
    if why := detail.get("why"):
        said.append(term("churn_why", why))
    if (vouchers := detail.get("vouchers")) is not None:
        said.append(speak("券 {} 张", "Vouchers: {}").format(len(vouchers)))
    for name, words in (
        ("places", ("名额 {} 个", "Places: {}")),
        ("memberships", ("会籍 {} 个", "Memberships: {}")),
        ("kept", ("保留至到期 {} 个", "Kept to their end: {}")),
    ):
        if (count := detail.get(name)) is not None:
            said.append(speak(*words).format(number(count)))
    return said


def _at_bank(detail: Mapping[str, Any]) -> list[str]:
    """Return what a bank was told, what it said, and what a person found out."""
    said = []
    if sent_at := detail.get("sent_at"):
        at = moment(datetime.fromisoformat(sent_at))
        said.append(speak(f"{at} 发出指令", f"Instructed at {at}"))
    if "declined" in detail and "by_hand" not in detail:
        said.append(speak("银行拒绝：", "The bank refused: ") + detail["declined"])
    if number_there := detail.get("acknowledged"):
        said.append(
            speak("银行回执：", "The bank's acknowledgement: ") + str(number_there)
        )
    if how := detail.get("by_hand"):
        words = {
            "done": ("人工了结：已在银行办妥", "Settled by hand: done at the bank"),
            "given_up": ("人工了结：不再要求", "Settled by hand: given up"),
        }[how]
        said.append(speak(*words))
        said.append(speak("依据：", "How we know: ") + detail["note"])
    return said
