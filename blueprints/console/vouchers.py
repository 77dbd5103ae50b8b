"""Voucher codes: fill the pools, and take a code from a customer once.

A code that was imported is never shown again, to nobody but its later owner.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.formatting import masked_name
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.access.operations import count_failure, let_try
from loyalty.access.queries import signed_in_member
from loyalty.access.rules import Throttle
from loyalty.catalogue.queries import all_items, item
from loyalty.catalogue.rules import Item
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.staff.rules import Permission
from loyalty.vouchers.errors import UnknownVoucher
from loyalty.vouchers.models import Voucher
from loyalty.vouchers.operations import find, import_pool, use
from loyalty.vouchers.queries import Pool, pools

CODES_MAX = 100_000
_BATCH_LENGTH_MAX = 60
_HEADERS = ("code", "codes", "券码", "卡密", "voucher")
# A code has 80 bits; who misses ten times in ten minutes is not reading from paper.
_MISSES, _SECONDS = 10, 600


@dataclass(frozen=True, slots=True)
class Presented:
    """A voucher whose code somebody shows, as staff may see it."""

    voucher_id: UUID
    item: Item
    tail: str
    state: str
    valid_until: object
    owner: str  # masked; '': nobody's yet
    may_be_used: bool


@bp.get("/vouchers")
@requires(Permission.FULFIL)
def vouchers() -> ResponseReturnValue:
    """Show how full the pools are, and ask for a code."""
    return _page()


@bp.post("/vouchers")
@requires(Permission.FULFIL)
def find_voucher() -> ResponseReturnValue:
    """Find the voucher that a customer shows; every look-up is written down."""
    throttles = [Throttle(f"voucher:{this_staff().staff_id}", _MISSES, _SECONDS)]
    keyring, at = services().keyring, now()
    try:
        with services().database.unit_of_work() as session:
            let_try(session, throttles=throttles, keyring=keyring, at=at)
            voucher = find(session, code=request.form.get("code", ""), keyring=keyring)
            note(
                session,
                action="voucher.look_up",
                object_=f"voucher:{voucher.voucher_id}",
                after={"state": voucher.state},
            )
            return _page(shown=_presented(session, voucher))
    except UnknownVoucher as error:
        with services().database.unit_of_work() as session:
            count_failure(session, throttles=throttles, keyring=keyring, at=at)
            note(session, action="voucher.look_up", object_="voucher:?")
        return _page(problem=say(error)), 404
    except LoyaltyError as error:
        return _page(problem=say(error)), 422


@bp.post("/vouchers/<uuid:voucher_id>/use")
@requires(Permission.FULFIL)
def use_voucher(voucher_id: UUID) -> ResponseReturnValue:
    """Take a voucher from its owner; a second press says that it is used."""
    try:
        with services().database.unit_of_work() as session:
            voucher = use(session, voucher_id=voucher_id, on=now().date(), at=now())
            note(
                session,
                action="voucher.used",
                object_=f"voucher:{voucher_id}",
                before={"state": "issued"},
                after={"state": voucher.state},
            )
            return _page(shown=_presented(session, voucher), is_done=True)
    except LoyaltyError as error:
        return _page(problem=say(error)), 409


@bp.post("/vouchers/import")
@requires(Permission.FULFIL)
def import_vouchers() -> ResponseReturnValue:
    """Add codes to the pool of an item, from a file or as pasted."""
    item_code = request.form.get("item_code", "")
    batch = request.form.get("batch", "").strip()[:_BATCH_LENGTH_MAX]
    try:
        codes = list(_codes())
    except UnicodeDecodeError:
        codes = []
    if not codes or not batch or len(codes) > CODES_MAX:
        problem = speak(
            f"请写上批次，并给出 1 至 {CODES_MAX:,} 个券码（UTF-8 文本，每行一个）。",
            f"Please name the batch and give 1 to {CODES_MAX:,} codes as UTF-8 text,"
            " one a line.",
        )
        return _page(import_problem=problem, batch=batch, item_code=item_code), 422
    try:
        with services().database.unit_of_work() as session:
            item(session, item_code)
            imported = import_pool(
                session,
                item_code=item_code,
                codes=codes,
                batch=batch,
                keyring=services().keyring,
                at=now(),
            )
            note(
                session,
                action="voucher.imported",
                object_=f"item:{item_code}",
                after={
                    "batch": batch,
                    "added": imported.added,
                    "known": imported.known,
                },
            )
    except LoyaltyError as error:
        page = _page(import_problem=say(error), batch=batch, item_code=item_code)
        return page, 422
    flash(
        speak(
            f"新增 {imported.added:,} 个券码；{imported.known:,} 个早已在库，"
            "没有重复加入。",
            f"{imported.added:,} codes were added; {imported.known:,} were known and"
            " were not added twice.",
        ),
        "done",
    )
    return redirect(url_for("console.vouchers"), 303)


def _codes() -> Iterator[str]:
    """Return the first column of what was sent, without its heading."""
    file = request.files.get("file")
    written = file.read().decode("utf-8-sig") if file and file.filename else ""
    written = written or request.form.get("codes", "")
    for nth, row in enumerate(csv.reader(io.StringIO(written))):
        code = row[0].strip() if row else ""
        if code and not (nth == 0 and code.lower() in _HEADERS):
            yield code


def _presented(session: Session, voucher: Voucher) -> Presented:
    known = voucher.member_id and signed_in_member(session, voucher.member_id)
    is_good = voucher.valid_until is None or voucher.valid_until >= now().date()
    return Presented(
        voucher_id=voucher.voucher_id,
        item=item(session, voucher.item_code),
        tail=voucher.code_tail,
        state=voucher.state,
        valid_until=voucher.valid_until,
        owner=masked_name(known.name) if known else "",
        may_be_used=voucher.state == "issued" and is_good,
    )


def _page(
    *,
    shown: Presented | None = None,
    problem: str | None = None,
    is_done: bool = False,
    import_problem: str | None = None,
    batch: str = "",
    item_code: str = "",
) -> str:
    with services().database.unit_of_work() as session:
        items = {one.item_code: one for one in all_items(session)}
        levels: list[Pool] = pools(session)
    return render_template(
        "console/vouchers/vouchers.html",
        shown=shown,
        problem=problem,
        is_done=is_done,
        import_problem=import_problem,
        batch=batch,
        item_code=item_code,
        pools=levels,
        items=items,
        fillable=[one for one in items.values() if one.code_source == "POOL"],
    )
