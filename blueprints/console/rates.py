"""Rate cards: what partners' units cost in ours; one drafts them, another approves."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from types import MappingProxyType
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, state_words, term
from loyalty.alliance.queries import partners
from loyalty.approvals.queries import open_approvals
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.exchange import cards
from loyalty.exchange.errors import BadRateCard
from loyalty.exchange.models import RateCard
from loyalty.exchange.queries import rate_card, rate_cards
from loyalty.exchange.rules import Direction, RateFacts
from loyalty.staff.rules import Permission

_REASON_CHARS = 300
_UNIT_CHARS = 20
_DIGITS_MAX = 12
_TEXTS = ("from_unit", "to_unit", "billing")
_DAYS = ("valid_from", "valid_to")
_FLAGS = ("is_irrevocable",)
_OPEN = (
    "member_day_max",
    "member_month_max",
    "member_year_max",
    "programme_day_max",
    "valid_to",
)
# What a new card begins with, where the facts themselves say nothing.
_FIRST: Mapping[str, str] = MappingProxyType(
    {
        "from_unit": "UNI",
        "points_num": "1",
        "points_den": "10",
        "min_units": "1000",
        "step_units": "1000",
        "max_units": "50000",
        "fen_num": "8",
        "fen_den": "1",
        "fee_points": "0",
        "service_fen_num": "0",
        "service_fen_den": "1",
        "billing": "postpaid",
        "billing_pct": "100",
        "wait_hours": "72",
        "is_irrevocable": "on",
    }
)


@bp.get("/rates")
@requires(Permission.READ)
def rates() -> ResponseReturnValue:
    """List the versions of all rates, and which of them hold today."""
    at = now()
    with current_database().unit_of_work() as session:
        found = rate_cards(session)
        holding = {
            cards.subject_of(card)
            for card in cards.cards_in_force(session, on=at.date())
        }
    return render_template(
        "console/exchange/rates.html",
        cards=[(card, cards.subject_of(card) in holding) for card in found],
        names=_names(),
        may_make=Permission.CATALOGUE_MAKE in this_staff().permissions,
    )


@bp.get("/rates.xlsx")
@requires(Permission.READ)
def rates_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    with current_database().unit_of_work() as session:
        found = rate_cards(session)
    columns: list[Column[RateCard]] = [
        Column(speak("伙伴", "Partner"), lambda card: card.partner),
        Column(speak("方向", "Way"), lambda card: term("direction", card.direction)),
        Column(speak("版本", "Version"), lambda card: card.version, "number"),
        Column(
            speak("状态", "State"), lambda card: state_words(f"card_{card.state}").words
        ),
        *(_column(field.name) for field in fields(RateFacts)),
    ]
    return workbook(
        name="rates",
        title=speak("汇率表", "Rate cards"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.get("/rates/new")
@requires(Permission.CATALOGUE_MAKE)
def new_rate() -> ResponseReturnValue:
    """Show the form of a new version."""
    return _form(dict(_FIRST) | {"direction": str(Direction.OUT)})


@bp.post("/rates")
@requires(Permission.CATALOGUE_MAKE)
def draft_rate() -> ResponseReturnValue:
    """Write a new version down; it holds nothing before it is approved."""
    typed = {name: said.strip() for name, said in request.form.items()}
    facts, faults = _read(typed)
    if facts is None:
        return _form(typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            card = cards.draft_card(
                session,
                partner=typed.get("partner", ""),
                direction=typed.get("direction", ""),
                facts=facts,
                at=now(),
            )
            note(
                session,
                action="exchange.draft_rate",
                object_=f"rate:{cards.subject_of(card)}",
                after=cards.as_json(facts),
            )
    except BadRateCard as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _form(typed, faults=wrong), 422
    return redirect(_to(card), 303)


@bp.get("/rates/<partner>/<direction>/<int:version>")
@requires(Permission.READ)
def rate(partner: str, direction: str, version: int) -> ResponseReturnValue:
    """Show what a version says, and what can be done with it."""
    return _page((partner, direction, version))


@bp.post("/rates/<partner>/<direction>/<int:version>/ask")
@requires(Permission.CATALOGUE_MAKE)
def ask_rate(partner: str, direction: str, version: int) -> ResponseReturnValue:
    """Ask for a version to hold; another person decides."""
    key = (partner, direction, version)
    reason = request.form.get("reason", "").strip()[:_REASON_CHARS]
    if not reason:
        return _page(key, fault=speak("请写明理由。", "Please say why.")), 422
    try:
        with current_database().unit_of_work() as session:
            asked = cards.ask_approval(
                session,
                partner=partner,
                direction=direction,
                version=version,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="exchange.ask_rate",
                object_=f"rate:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except LoyaltyError as error:
        return _page(key, problem=say(error), reason=reason), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


@bp.post("/rates/<partner>/<direction>/<int:version>/withdraw")
@requires(Permission.CATALOGUE_MAKE)
def withdraw_rate(partner: str, direction: str, version: int) -> ResponseReturnValue:
    """Let a version hold no longer, at once."""
    key = (partner, direction, version)
    try:
        with current_database().unit_of_work() as session:
            card = cards.withdraw_card(
                session, partner=partner, direction=direction, version=version, at=now()
            )
            note(
                session,
                action="exchange.withdraw_rate",
                object_=f"rate:{cards.subject_of(card)}",
            )
    except LoyaltyError as error:
        return _page(key, problem=say(error)), 409
    flash(speak("已停用。", "It holds no longer."), "done")
    return redirect(_to(card), 303)


def _column(name: str) -> Column[RateCard]:
    kind = "text" if name in (*_TEXTS, *_FLAGS) else "number"
    if name in _DAYS:
        kind = "day"
    return Column(
        term("item_field", name),
        lambda card: getattr(card, name),
        kind,  # type: ignore[arg-type]  # one of Excel's kinds, as said above
    )


def _read(typed: Mapping[str, str]) -> tuple[RateFacts | None, list[str]]:
    """Return what a form says, or the names of what cannot be read."""
    facts: dict[str, Any] = {}
    faults = []
    for field in fields(RateFacts):
        name, said = field.name, typed.get(field.name, "")
        if name in _FLAGS:
            facts[name] = said == "on"
        elif not said and name in _OPEN:
            facts[name] = None
        elif name in _TEXTS:
            facts[name] = said[:_UNIT_CHARS]
        elif name in _DAYS:
            try:
                facts[name] = date.fromisoformat(said)
            except ValueError:
                faults.append(name)
        elif said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX:
            facts[name] = int(said)
        else:
            faults.append(name)
    return (None if faults else RateFacts(**facts)), faults


def _form(typed: Mapping[str, str], *, faults: list[str] | None = None) -> str:
    return render_template(
        "console/exchange/rate_form.html",
        typed=typed,
        faults=faults or [],
        fault_words=speak("这一项不合理。", "This makes no sense."),
        partners=sorted(_names().items()),
        directions=[(way.value, term("direction", way.value)) for way in Direction],
        billings=[(one, term("billing", one)) for one in ("postpaid", "prepaid")],
        groups=_groups(),
        numeric=[
            f.name
            for f in fields(RateFacts)
            if f.name not in (*_TEXTS, *_DAYS, *_FLAGS)
        ],
        days=_DAYS,
        open_=_OPEN,
    )


def _groups() -> list[tuple[str, list[str]]]:
    return [
        (
            speak("比例", "Rate"),
            ["from_unit", "to_unit", "points_den", "points_num", "fee_points"],
        ),
        (
            speak("数量", "Amounts"),
            [
                "min_units",
                "step_units",
                "max_units",
                "member_day_max",
                "member_month_max",
                "member_year_max",
                "programme_day_max",
            ],
        ),
        (
            speak("结算", "Money"),
            [
                "fen_num",
                "fen_den",
                "service_fen_num",
                "service_fen_den",
                "billing_pct",
                "wait_hours",
            ],
        ),
        (speak("有效期", "Validity"), ["valid_from", "valid_to"]),
    ]


def _page(
    key: tuple[str, str, int],
    *,
    problem: str = "",
    fault: str = "",
    reason: str = "",
) -> str:
    with current_database().unit_of_work() as session:
        card = rate_card(session, *key)
        subject = cards.subject_of(card)
        waiting = [
            one.approval_id
            for one in open_approvals(session, at=now(), action=cards.APPROVE)
            if one.subject == subject
        ]
        said = cards.as_json(cards.facts_of(card))
    return render_template(
        "console/exchange/rate.html",
        card=card,
        name=_names().get(card.partner, card.partner),
        facts=list(said.items()),
        waiting=waiting[0] if waiting else None,
        may_make=Permission.CATALOGUE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        reason=reason,
    )


def _to(card: RateCard) -> str:
    return url_for(
        "console.rate",
        partner=card.partner,
        direction=card.direction,
        version=card.version,
    )


def _names() -> dict[str, str]:
    with current_database().unit_of_work() as session:
        return {
            known.partner: issuer_name(known.partner, known.name)
            for known in partners(session)
        }
