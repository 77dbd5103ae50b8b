"""The catalogue in the console: items from their draft to their withdrawal."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.item_form import (
    Reading,
    Typed,
    at_fields,
    read,
    typed_in,
    typed_of,
)
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.web.shop import partner_names
from blueprints.wording import say, state_words, term
from loyalty.alliance.queries import partners as alliance
from loyalty.approvals.models import Approval
from loyalty.approvals.queries import decided, open_approvals
from loyalty.audit.queries import trail
from loyalty.catalogue import operations, queries, rules
from loyalty.catalogue.errors import NotPublishable
from loyalty.catalogue.rules import Item, ItemFacts, facts_of, leverage_tenths
from loyalty.clock import now
from loyalty.clubs.queries import clubs
from loyalty.errors import LoyaltyError
from loyalty.members.models import BRANDS
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

STATES = ("draft", "approved", "published", "withdrawn")
_ENDING = timedelta(days=30)
_FEW_LEFT = 10
_REASON_CHARS = 300
_STOCK_MAX = 10_000_000
_HISTORY_ROWS = 12


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of items is narrowed to; '': to nothing."""

    state: str
    family: str
    q: str
    attention: str

    @classmethod
    def of_request(cls) -> "Filters":
        """Return what the address asks for."""
        asked = request.args
        return cls(
            state=asked.get("state", "") if asked.get("state") in STATES else "",
            family=asked.get("family", ""),
            q=asked.get("q", "").strip()[:60],
            attention=asked.get("attention", ""),
        )

    @property
    def is_any(self) -> bool:
        """Whether anything is left out."""
        return any((self.state, self.family, self.q, self.attention))


@bp.get("/catalogue")
@requires(Permission.READ)
def catalogue() -> ResponseReturnValue:
    """List items, narrowed to what the address asks for."""
    filters = Filters.of_request()
    with current_database().unit_of_work() as session:
        items = _listed(session, filters)
    return render_template(
        "console/catalogue/list.html",
        items=items,
        filters=filters,
        states=STATES,
        families=rules.FAMILIES,
        leverage=_leverage,
        may_make=_may_make(),
        today=now().date(),
    )


@bp.get("/catalogue.xlsx")
@requires(Permission.READ)
def catalogue_xlsx() -> ResponseReturnValue:
    """Return the list as a workbook."""
    filters = Filters.of_request()
    with current_database().unit_of_work() as session:
        items = _listed(session, filters)
    return workbook(
        name="catalogue",
        title=speak("商品目录", "Items"),
        columns=_columns(),
        rows=items,
        filters={
            speak("状态", "State"): state_words(filters.state).words,
            speak("产品族", "Family"): term("family", filters.family),
            speak("搜索", "Search"): filters.q,
            speak("关注", "Attention"): filters.attention,
        },
    )


@bp.route("/catalogue/new", methods=["GET", "POST"])
@requires(Permission.CATALOGUE_MAKE)
def new_item() -> ResponseReturnValue:
    """Draft an item; what was typed wrongly is given back with what is wrong."""
    if request.method == "GET":
        return _form(typed={"owner": "operator", "emblem": "gift"}, item=None)
    typed = typed_in(request.form)
    reading = _read(typed)
    errors = dict(reading.errors)
    if not reading.item_code:
        errors.setdefault("item_code", speak("请填写编码。", "Please give a code."))
    if reading.facts is None or errors:
        return _form(typed=typed, item=None, errors=errors), 422
    try:
        with current_database().unit_of_work() as session:
            operations.draft_item(
                session, item_code=reading.item_code, facts=reading.facts, at=now()
            )
            note(
                session,
                action="catalogue.draft",
                object_=f"item:{reading.item_code}",
                after=rules.as_json(reading.facts),
            )
    except LoyaltyError as error:
        told = {"item_code": say(error)}
        return _form(typed=typed, item=None, errors=told), 422
    flash(speak("草稿已保存。", "The draft is saved."), "done")
    return _to_item(reading.item_code)


@bp.get("/catalogue/<item_code>")
@requires(Permission.READ)
def catalogue_item(item_code: str) -> ResponseReturnValue:
    """Show an item, what is missing before it can be sold, and its story."""
    return _item_page(item_code)


@bp.route("/catalogue/<item_code>/edit", methods=["GET", "POST"])
@requires(Permission.CATALOGUE_MAKE)
def edit_item(item_code: str) -> ResponseReturnValue:
    """Change what is not on sale; what publication still needs is said at its field."""
    with current_database().unit_of_work() as session:
        item = queries.item(session, item_code)
        faults = queries.faults(session, item_code=item_code, facts=item)
    if request.method == "GET":
        return _form(typed=typed_of(item), item=item, errors=at_fields(faults))
    typed = typed_in(request.form)
    if typed.get("seen", "") != _version(item):
        meanwhile = speak(
            "您打开之后，别人改过这件商品。您填的内容还在；请核对后再保存。",
            "Somebody changed this item since you opened it. What you typed is kept;"
            " please check it and save again.",
        )
        return _form(typed=typed, item=item, problem=meanwhile), 409
    reading = _read(typed, item)
    if reading.facts is None:
        return _form(typed=typed, item=item, errors=reading.errors), 422
    try:
        with current_database().unit_of_work() as session:
            operations.change_item(
                session, item_code=item_code, facts=reading.facts, at=now()
            )
            note(
                session,
                action="catalogue.edit",
                object_=f"item:{item_code}",
                before=rules.as_json(item),
                after=rules.as_json(reading.facts),
            )
    except LoyaltyError as error:
        return _form(typed=typed, item=item, problem=say(error)), 409
    flash(speak("已保存。", "Saved."), "done")
    return _to_item(item_code)


@bp.route("/catalogue/<item_code>/change", methods=["GET", "POST"])
@requires(Permission.CATALOGUE_MAKE)
def change_item(item_code: str) -> ResponseReturnValue:
    """Ask for an item on sale to change: type it, look at it, send it."""
    with current_database().unit_of_work() as session:
        item = queries.item(session, item_code)
    if request.method == "GET":
        tomorrow = now().date() + timedelta(days=1)
        typed = typed_of(item) | {"effective_on": tomorrow.isoformat()}
        return _form(typed=typed, item=item, changes=True)
    typed = typed_in(request.form)
    if request.form.get("step") == "edit":
        return _form(typed=typed, item=item, changes=True)
    reading = _read(typed, item)
    errors = dict(reading.errors)
    reason = typed.get("reason", "")[:_REASON_CHARS]
    if not reason:
        errors["reason"] = speak(
            "请写明理由，审批人会看到。", "Please say why; the approver reads it."
        )
    if reading.effective_on is None:
        errors.setdefault(
            "effective_on", speak("请选生效日期。", "Please choose the day.")
        )
    if reading.facts is None or reading.effective_on is None or errors:
        return _form(typed=typed, item=item, errors=errors, changes=True), 422
    try:
        return _change(item_code, reading.facts, reading.effective_on, reason, typed)
    except NotPublishable as error:
        told = at_fields(error.faults)
        return _form(typed=typed, item=item, errors=told, changes=True), 422
    except LoyaltyError as error:
        return _form(typed=typed, item=item, problem=say(error), changes=True), 422


@bp.post("/catalogue/<item_code>/publish")
@requires(Permission.CATALOGUE_MAKE)
def publish_item(item_code: str) -> ResponseReturnValue:
    """Ask for an item to be put on sale."""
    reason = request.form.get("reason", "").strip()[:_REASON_CHARS]
    if not reason:
        return _item_page(item_code, at={"publish_reason": _reason_needed()}), 422
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_publication(
                session,
                item_code=item_code,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            _note_request(session, asked)
    except LoyaltyError as error:
        return _item_page(item_code, problem=say(error), reason=reason), 422
    return _to_approval(asked)


@bp.post("/catalogue/<item_code>/withdraw")
@requires(Permission.CATALOGUE_MAKE)
def withdraw_item(item_code: str) -> ResponseReturnValue:
    """Take an item off sale at once."""
    reason = request.form.get("reason", "").strip()[:_REASON_CHARS]
    if not reason:
        return _item_page(item_code, at={"withdraw_reason": _reason_needed()}), 422
    try:
        with current_database().unit_of_work() as session:
            before = queries.item(session, item_code)
            operations.withdraw(session, item_code=item_code, at=now())
            note(
                session,
                action="catalogue.withdraw",
                object_=f"item:{item_code}",
                before={"state": before.state},
                after={"state": "withdrawn"},
                reason=reason,
            )
    except LoyaltyError as error:
        return _item_page(item_code, problem=say(error), reason=reason), 409
    flash(
        speak(
            "已下架，不再出售；已有的订单照常办理。",
            "It is off sale; orders that were placed go on as they are.",
        ),
        "done",
    )
    return _to_item(item_code)


@bp.post("/catalogue/<item_code>/stock")
@requires(Permission.CATALOGUE_MAKE)
def stock_item(item_code: str) -> ResponseReturnValue:
    """Add to the stock of an item, begin to count it, or cease to."""
    typed = request.form.get("units", "").strip()
    how = request.form.get("how", "")
    units = int(typed) if typed.lstrip("-").isdecimal() else None
    is_wrong = (
        units is None or abs(units) > _STOCK_MAX or (how == "limit" and units < 0)
    )
    if how != "free" and is_wrong:
        wrong = speak(
            "请填整数，例如 50 或 -3。", "Please give a number such as 50 or -3."
        )
        return _item_page(item_code, at={"units": wrong}, units=typed), 422
    try:
        with current_database().unit_of_work() as session:
            before = queries.item(session, item_code)
            if how == "add":
                operations.add_stock(session, item_code=item_code, units=units or 0)
            else:
                left = None if how == "free" else units
                operations.set_stock(session, item_code=item_code, units_left=left)
            after = queries.item(session, item_code)
            note(
                session,
                action="catalogue.stock",
                object_=f"item:{item_code}",
                before={"stock": before.stock_left},
                after={"stock": after.stock_left},
            )
    except LoyaltyError as error:
        return _item_page(item_code, at={"units": say(error)}, units=typed), 422
    flash(speak("库存已更新。", "The stock is up to date."), "done")
    return _to_item(item_code)


def _change(
    item_code: str, facts: ItemFacts, effective_on: date, reason: str, typed: Typed
) -> ResponseReturnValue:
    """Show what would differ, or send it when that was seen."""
    told: dict[str, Any] = {
        "item_code": item_code,
        "facts": facts,
        "effective_on": effective_on,
        "at": now(),
    }
    with current_database().unit_of_work() as session:
        if request.form.get("step") != "send":
            before, after = operations.check_change(session, **told)
            return render_template(
                "console/catalogue/preview.html",
                item=queries.item(session, item_code),
                rows=[(name, before[name], after[name]) for name in after],
                effective_on=effective_on,
                reason=reason,
                typed=typed,
            )
        asked = operations.ask_change(
            session, reason=reason, maker=this_staff().staff_id, **told
        )
        _note_request(session, asked)
    return _to_approval(asked)


def _listed(session: Session, filters: Filters) -> list[Item]:
    on = now().date()
    items = queries.all_items(
        session,
        state=filters.state or None,
        family=filters.family or None,
        search=filters.q or None,
    )
    if filters.attention == "ending":
        return [
            item
            for item in items
            if item.state == "published"
            and item.valid_until is not None
            and on <= item.valid_until <= on + _ENDING
        ]
    if filters.attention == "few":
        return [
            item
            for item in items
            if item.state == "published"
            and item.stock_left is not None
            and item.stock_left <= _FEW_LEFT
        ]
    return items


def _columns() -> list[Column[Item]]:
    def named(name: str) -> str:
        return term("item_field", name)

    return [
        Column(named("item_code"), lambda item: item.item_code),
        Column(named("title_zh"), lambda item: item.title_zh, width=28),
        Column(named("title_en"), lambda item: item.title_en, width=36),
        Column(named("state"), lambda item: state_words(item.state).words),
        Column(named("family"), lambda item: term("family", item.family)),
        Column(named("kind"), lambda item: term("kind", item.kind)),
        Column(
            named("cost_treatment"),
            lambda item: term("cost_treatment", item.cost_treatment),
        ),
        Column(named("fulfilment"), lambda item: term("fulfilment", item.fulfilment)),
        Column(named("points"), lambda item: item.points, "number"),
        Column(named("mix_points"), lambda item: item.mix_points, "number"),
        Column(named("mix_cash_fen"), lambda item: item.mix_cash_fen, "yuan"),
        Column(named("cash_fen"), lambda item: item.cash_fen, "yuan"),
        Column(named("market_fen"), lambda item: item.market_fen, "yuan"),
        Column(named("settlement_fen"), lambda item: item.settlement_fen, "yuan"),
        Column(speak("价值放大倍数", "Leverage"), _leverage),
        Column(named("partner"), lambda item: item.partner),
        Column(named("segment"), lambda item: term("segment", item.segment)),
        Column(named("stock"), lambda item: item.stock_left, "number"),
        Column(named("valid_from"), lambda item: item.valid_from, "day"),
        Column(named("valid_until"), lambda item: item.valid_until, "day"),
        Column(named("owner"), lambda item: item.owner),
    ]


def _item_page(
    item_code: str,
    *,
    problem: str = "",
    reason: str = "",
    units: str = "",
    at: dict[str, str] | None = None,
) -> str:
    """Draw the page of an item, perhaps with what stood in the way of something."""
    moment = now()
    with current_database().unit_of_work() as session:
        item = queries.item(session, item_code)
        faults = queries.faults(session, item_code=item_code, facts=facts_of(item))
        changes = queries.waiting(session, item_code=item_code)
        asked = [
            approval
            for approval in open_approvals(session, at=moment)
            if approval.subject == item_code and approval.action.startswith("catalogue")
        ]
        was_decided = [
            approval
            for approval in decided(session, at=moment, subject=item_code, limit=10)
            if approval.action.startswith("catalogue")
        ]
        history = trail(session, object_=f"item:{item_code}", limit=_HISTORY_ROWS)
        people = names(session)
        called = partner_names(session)
    return render_template(
        "console/catalogue/item.html",
        item=item,
        faults=at_fields(faults),
        changes=changes,
        asked=asked,
        decided=was_decided,
        history=history,
        people=people,
        partner_names=called,
        leverage=_leverage(item),
        may_make=_may_make(),
        problem=problem,
        reason=reason,
        units=units,
        at=at or {},
    )


def _form(
    *,
    typed: Typed,
    item: Item | None,
    errors: dict[str, str] | None = None,
    problem: str = "",
    changes: bool = False,
) -> str:
    with current_database().unit_of_work() as session:
        known = [(one.partner, one.name) for one in alliance(session)]
        club_codes = [one.club for one in clubs(session)]
    if item is not None and item.partner and item.partner not in dict(known):
        known.append((item.partner, item.partner))
    return render_template(
        "console/catalogue/form.html",
        typed=typed | {"seen": _version(item)},
        item=item,
        errors=errors or {},
        problem=problem,
        changes=changes,
        rules=rules,
        brands=BRANDS,
        club_codes=club_codes,
        partners=known,
        tomorrow=now().date() + timedelta(days=1),
    )


def _read(typed: Typed, item: Item | None = None) -> Reading:
    """Return what a form says; an item may keep a partner that is in no file yet."""
    with current_database().unit_of_work() as session:
        known = [one.partner for one in alliance(session)]
    if item is not None and item.partner is not None:
        known.append(item.partner)
    return read(typed, partners=known)


def _version(item: Item | None) -> str:
    """Name what somebody saw, to notice that somebody else changed it."""
    return item.changed_at.isoformat() if item and item.changed_at else ""


def _note_request(session: Session, asked: Approval) -> None:
    note(
        session,
        action=f"{asked.action}.asked",
        object_=f"item:{asked.subject}",
        before=asked.before,
        after=asked.after,
        reason=asked.reason,
        approval_id=asked.approval_id,
    )


def _leverage(item: ItemFacts) -> str:
    """Return what a settled yuan is worth at market price: 8.0×."""
    tenths = leverage_tenths(
        market_fen=item.market_fen, settlement_fen=item.settlement_fen
    )
    return "" if tenths is None else f"{tenths // 10}.{tenths % 10}×"


def _may_make() -> bool:
    return Permission.CATALOGUE_MAKE in this_staff().permissions


def _reason_needed() -> str:
    return speak("请写明理由。", "Please say why.")


def _to_item(item_code: str) -> ResponseReturnValue:
    return redirect(url_for("console.catalogue_item", item_code=item_code), 303)


def _to_approval(asked: Approval) -> ResponseReturnValue:
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=asked.approval_id), 303)
