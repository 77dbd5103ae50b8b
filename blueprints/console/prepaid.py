"""What was paid for in advance, and how much partners may owe."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, term
from loyalty.alliance.queries import partners
from loyalty.clock import now
from loyalty.exchange import blocks as prepaid
from loyalty.exchange import queries
from loyalty.exchange.models import PointBlock
from loyalty.exchange.rules import Direction
from loyalty.staff.rules import Permission

_DIGITS_MAX = 12
_FEN = 100


@bp.get("/blocks")
@requires(Permission.READ)
def blocks() -> ResponseReturnValue:
    """Show what is left of each block, what runs low, and what partners owe."""
    return _page()


@bp.get("/blocks.xlsx")
@requires(Permission.READ)
def blocks_xlsx() -> ResponseReturnValue:
    """Return the blocks as a workbook."""
    with current_database().unit_of_work() as session:
        found = queries.blocks(session)
    columns: list[Column[PointBlock]] = [
        Column(speak("编号", "Number"), lambda one: one.block_id, "number"),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("方向", "Way"), lambda one: term("direction", one.direction)),
        Column(speak("买入", "Bought"), lambda one: one.units_bought, "number"),
        Column(speak("剩余", "Left"), lambda one: one.units_left, "number"),
        Column(speak("已预留", "Reserved"), lambda one: one.units_reserved, "number"),
        Column(speak("价款", "Paid"), lambda one: one.price_fen, "yuan"),
        Column(speak("起用", "From"), lambda one: one.starts_on, "day"),
        Column(speak("最后一天", "Last day"), lambda one: one.ends_on, "day"),
    ]
    return workbook(
        name="blocks",
        title=speak("预付额度", "Blocks"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.post("/blocks")
@requires(Permission.FINANCE_MAKE)
def buy_block() -> ResponseReturnValue:
    """Write down a block that was paid for."""
    form = request.form
    units, reorder = _count("units"), _count("reorder_units")
    price, starts_on = _count("price_yuan"), _day("starts_on")
    ends_on = _day("ends_on")
    partner, direction = form.get("partner", ""), form.get("direction", "")
    faults = {
        "partner": partner not in _names(),
        "direction": direction not in tuple(Direction),
        "units": not units,
        "price_yuan": price is None,
        "starts_on": starts_on is None,
        "ends_on": bool(form.get("ends_on"))
        and (ends_on is None or starts_on is None or ends_on < starts_on),
        "reorder_units": reorder is None,
    }
    wrong = [name for name, is_wrong in faults.items() if is_wrong]
    if wrong or not units or price is None or starts_on is None or reorder is None:
        return _page(faults=wrong), 422
    with current_database().unit_of_work() as session:
        block = prepaid.buy(
            session,
            partner=partner,
            direction=direction,
            units=units,
            price_fen=price * _FEN,
            starts_on=starts_on,
            ends_on=ends_on,
            reorder_units=reorder,
            at=now(),
        )
        note(
            session,
            action="exchange.buy_block",
            object_=f"block:{block.block_id}",
            after={"partner": partner, "direction": direction, "units": units},
        )
    flash(speak("已登记。", "It is written down."), "done")
    return redirect(url_for("console.blocks"), 303)


@bp.post("/blocks/credit")
@requires(Permission.FINANCE_MAKE)
def limit_credit() -> ResponseReturnValue:
    """Say how much a partner may owe, and from when on to tell."""
    partner = request.form.get("partner", "")
    limit, alert = _count("limit_yuan"), _count("alert_yuan")
    faults = ["limit_yuan"] if limit is None else []
    faults += ["alert_yuan"] if alert is None else []
    if faults or limit is None or alert is None or partner not in _names():
        return _page(faults=faults or ["partner"]), 422
    with current_database().unit_of_work() as session:
        prepaid.limit_credit(
            session,
            partner=partner,
            limit_fen=limit * _FEN,
            alert_fen=alert * _FEN,
            at=now(),
        )
        note(
            session,
            action="exchange.limit_credit",
            object_=f"partner:{partner}",
            after={"limit_fen": limit * _FEN, "alert_fen": alert * _FEN},
        )
    flash(speak("已更新。", "It was changed."), "done")
    return redirect(url_for("console.blocks"), 303)


def _page(*, faults: list[str] | None = None) -> str:
    with current_database().unit_of_work() as session:
        found = queries.blocks(session)
        low = queries.to_reorder(session, on=now().date())
        owed = queries.credits_of_partners(session)
    return render_template(
        "console/exchange/blocks.html",
        blocks=found,
        low=low,
        owed=owed,
        names=_names(),
        partners=sorted(_names().items()),
        directions=[(way.value, term("direction", way.value)) for way in Direction],
        typed=request.form,
        faults=faults or [],
        fault_words=speak("请核对这一项。", "Please check this."),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )


def _count(name: str) -> int | None:
    """Return a whole number of the form; None: it is none."""
    said = request.form.get(name, "").strip().replace(",", "")
    is_count = said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX
    return int(said) if is_count else None


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None


def _names() -> dict[str, str]:
    with current_database().unit_of_work() as session:
        return {
            known.partner: issuer_name(known.partner, known.name)
            for known in partners(session)
        }
