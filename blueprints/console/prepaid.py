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
from blueprints.wording import issuer_name, say, term
from loyalty.alliance.queries import partners
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.prepaid import billing as ways
from loyalty.prepaid import blocks as prepaid
from loyalty.prepaid import credit, queries
from loyalty.prepaid.errors import BadBilling
from loyalty.prepaid.models import USES, PointBlock
from loyalty.staff.rules import Permission

_DIGITS_MAX = 12
_REASON_CHARS = 300
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
        "direction": direction not in USES,
        "units": not units,
        "price_yuan": price is None,
        "starts_on": starts_on is None,
        "ends_on": bool(form.get("ends_on"))
        and (ends_on is None or starts_on is None or ends_on < starts_on),
        "reorder_units": reorder is None,
    }
    wrong = [name for name, is_wrong in faults.items() if is_wrong]
    if wrong or not units or price is None or starts_on is None or reorder is None:
        return _page(faults=wrong)
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
    has_alert = bool(request.form.get("alert_yuan", "").strip())
    faults = ["limit_yuan"] if limit is None else []
    faults += ["alert_yuan"] if has_alert and alert is None else []
    if faults or limit is None or partner not in _names():
        return _page(faults=faults or ["partner"])
    said = {
        "limit_fen": limit * _FEN,
        "alert_fen": None if alert is None else alert * _FEN,
    }
    with current_database().unit_of_work() as session:
        credit.limit_credit(session, partner=partner, at=now(), **said)
        note(
            session,
            action="exchange.limit_credit",
            object_=f"partner:{partner}",
            after=said,
        )
    flash(speak("已更新。", "It was changed."), "done")
    return redirect(url_for("console.blocks"), 303)


@bp.post("/blocks/billing")
@requires(Permission.FINANCE_MAKE)
def ask_billing() -> ResponseReturnValue:
    """Ask for a partner to pay for accruals in another way; another person decides."""
    form = request.form
    price, pct = _count("thousand_fen"), _count("billing_pct")
    valid_from = _day("valid_from")
    reason = form.get("reason", "").strip()[:_REASON_CHARS]
    given = {
        "thousand_fen": price is not None or not form.get("thousand_fen", "").strip(),
        "billing_pct": pct is not None,
        "valid_from": valid_from is not None,
        "reason": bool(reason),
    }
    if pct is None or valid_from is None or not all(given.values()):
        return _page(faults=[name for name, is_given in given.items() if not is_given])
    try:
        with current_database().unit_of_work() as session:
            asked = ways.ask_billing(
                session,
                partner=form.get("partner", ""),
                billing=form.get("billing", ""),
                thousand_fen=price,
                billing_pct=pct,
                valid_from=valid_from,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="prepaid.ask_billing",
                object_=f"partner:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except BadBilling as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _page(faults=wrong)
    except LoyaltyError as error:
        return _page(problem=say(error), status=409)
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _page(
    *, faults: list[str] | None = None, problem: str = "", status: int | None = None
) -> tuple[str, int]:
    with current_database().unit_of_work() as session:
        found = queries.blocks(session)
        low = queries.to_reorder(session, on=now().date())
        owed = queries.credits_of_partners(session)
        billings = queries.billings(session)
    page = render_template(
        "console/exchange/blocks.html",
        blocks=found,
        low=low,
        owed=owed,
        billings=billings,
        problem=problem,
        names=_names(),
        partners=sorted(_names().items()),
        directions=[(use, term("direction", use)) for use in USES],
        ways=[(one, term("billing", one)) for one in ways.BILLINGS],
        typed=request.form,
        faults=faults or [],
        fault_words=speak("请核对这一项。", "Please check this."),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )
    return page, status or (422 if faults else 200)


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
