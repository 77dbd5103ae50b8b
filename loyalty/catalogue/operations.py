"""Fill the catalogue, change it with four eyes, and take from its stock."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.catalogue import queries
from loyalty.catalogue.errors import (
    ChangeWaiting,
    EffectiveTooSoon,
    ItemChangedMeanwhile,
    ItemCodeTaken,
    NothingChanges,
    NotInThatState,
    NotPublishable,
    SoldOut,
    StockMissing,
    UnknownItem,
)
from loyalty.catalogue.models import (
    CatalogueChange,
    CatalogueItem,
    ItemStock,
    ItemTierPrice,
)
from loyalty.catalogue.rules import (
    Item,
    ItemFacts,
    account_of,
    as_json,
    facts_of,
    from_json,
)
from loyalty.settings import TIME_ZONE

PUBLISH, CHANGE = "catalogue.publish", "catalogue.change"
_DRAFTED = frozenset({"draft", "withdrawn"})


@dataclass(frozen=True, slots=True)
class Applied:
    """How many items went on sale, and how many changed."""

    published: int
    changed: int


def load_items(session: Session, *, items: list[dict[str, Any]]) -> None:
    """Add items; one that is there already stays as it is.

    What an item leaves out is as the table has it by default. Beside the columns it
    may bring `tier_prices`, and `stock` when it can run out.
    """
    columns = {column.name for column in CatalogueItem.__table__.columns}
    for item in items:
        facts = {name: said for name, said in item.items() if name in columns}
        facts["stock_is_limited"] = "stock" in item
        code = session.scalar(
            insert(CatalogueItem)
            .values(facts)
            .on_conflict_do_nothing()
            .returning(CatalogueItem.item_code)
        )
        if code is None:
            continue
        _set_tier_prices(session, code, item.get("tier_prices", {}))
        if "stock" in item:
            session.execute(
                insert(ItemStock).values(item_code=code, units_left=item["stock"])
            )


def draft_item(
    session: Session, *, item_code: str, facts: ItemFacts, at: datetime
) -> Item:
    """Begin an item, which may leave open what it must say to be published.

    Raises `ItemCodeTaken`.
    """
    code = session.scalar(
        insert(CatalogueItem)
        .values(item_code=item_code, state="draft", changed_at=at, **_columns(facts))
        .on_conflict_do_nothing()
        .returning(CatalogueItem.item_code)
    )
    if code is None:
        raise ItemCodeTaken(item_code=item_code)
    _set_tier_prices(session, item_code, dict(facts.tier_prices))
    return queries.item(session, item_code)


def change_item(
    session: Session, *, item_code: str, facts: ItemFacts, at: datetime
) -> Item:
    """Change what is not on sale; what was withdrawn becomes a draft again.

    Raises `UnknownItem`, and `NotInThatState` for what was approved or is on sale.
    """
    _locked(session, item_code, states=_DRAFTED)
    _write(session, item_code, facts, state="draft", at=at)
    return queries.item(session, item_code)


def ask_publication(
    session: Session, *, item_code: str, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for an item to be put on sale, from the day after it is approved.

    Raises `UnknownItem`, `NotInThatState`, `NotPublishable`, and `AlreadyRequested`.
    """
    item = _locked(session, item_code, states=_DRAFTED)
    _check(session, item_code, item)
    return request(
        session,
        action=PUBLISH,
        subject=item_code,
        before=None,
        after=as_json(item),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_publication(session: Session, *, approval: Approval, at: datetime) -> date:
    """Make an approved item wait for its first day of sale, and return that day.

    Raises `ItemChangedMeanwhile` when it is no longer what was approved, and
    `NotPublishable` when what was published meanwhile stands against it.
    """
    assert approval.action == PUBLISH
    assert approval.state == "approved"
    item = _locked(session, approval.subject, states=_DRAFTED)
    if as_json(item) != approval.after:
        raise ItemChangedMeanwhile(item_code=item.item_code)
    _check(session, item.item_code, item)
    _write(session, item.item_code, facts_of(item), state="approved", at=at)
    effective_on = max(item.valid_from or date.min, _next_day(at))
    _wait(session, approval, effective_on, facts={})
    return effective_on


def check_change(
    session: Session,
    *,
    item_code: str,
    facts: ItemFacts,
    effective_on: date,
    at: datetime,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what would differ, before and after, if the change may be asked for.

    Raises `UnknownItem`, `NotInThatState`, `EffectiveTooSoon`, `NothingChanges`,
    `ChangeWaiting` and `NotPublishable`.
    """
    item = _locked(session, item_code, states={"published"})
    if effective_on < _next_day(at):
        raise EffectiveTooSoon(earliest=_next_day(at))
    _check_nothing_waits(session, item_code)
    was, becomes = as_json(item), as_json(facts)
    differing = [name for name in was if was[name] != becomes[name]]
    if not differing:
        raise NothingChanges(item_code=item_code)
    _check(session, item_code, facts)
    return (
        {name: was[name] for name in differing},
        {name: becomes[name] for name in differing},
    )


def ask_change(
    session: Session,
    *,
    item_code: str,
    facts: ItemFacts,
    effective_on: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for an item on sale to become something else from a day on.

    The request holds what differs and nothing else. Raises as `check_change`, and
    `AlreadyRequested`.
    """
    before, after = check_change(
        session, item_code=item_code, facts=facts, effective_on=effective_on, at=at
    )
    return request(
        session,
        action=CHANGE,
        subject=item_code,
        before=before,
        after=after | {"effective_on": effective_on.isoformat()},
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_change(session: Session, *, approval: Approval, at: datetime) -> date:
    """Make an approved change wait for its day, and return that day.

    It is the day that was asked for, or the next one if that has come meanwhile.
    Raises `ItemChangedMeanwhile`, `ChangeWaiting` and `NotPublishable`.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    assert approval.before is not None
    item = _locked(session, approval.subject, states={"published"})
    was = as_json(item)
    if any(was[name] != said for name, said in approval.before.items()):
        raise ItemChangedMeanwhile(item_code=item.item_code)
    _check_nothing_waits(session, item.item_code)
    after = dict(approval.after)
    asked_for = date.fromisoformat(after.pop("effective_on"))
    _check(session, item.item_code, from_json(was | after))
    effective_on = max(asked_for, _next_day(at))
    _wait(session, approval, effective_on, facts=after)
    return effective_on


def apply_due(session: Session, *, on: date, at: datetime) -> Applied:
    """Let everything take effect whose day has come; again, it finds nothing."""
    published = changed = 0
    for change in queries.waiting(session):
        if change.effective_on > on:
            break
        item = _locked(session, change.item_code)
        facts = from_json(as_json(item) | dict(change.facts))
        _write(session, item.item_code, facts, state="published", at=at)
        session.execute(
            update(CatalogueChange)
            .where(CatalogueChange.approval_id == change.approval_id)
            .values(applied_at=at)
        )
        published += change.publishes
        changed += not change.publishes
    return Applied(published=published, changed=changed)


def withdraw(session: Session, *, item_code: str, at: datetime) -> Item:
    """Take an item off sale at once, and drop what was to happen to it.

    It needs no second person: nothing is promised by it. Raises `UnknownItem`,
    and `NotInThatState` for what is neither on sale nor about to be.
    """
    item = _locked(session, item_code, states={"approved", "published"})
    _write(session, item_code, facts_of(item), state="withdrawn", at=at)
    session.execute(
        update(CatalogueChange)
        .where(
            CatalogueChange.item_code == item_code,
            CatalogueChange.applied_at.is_(None),
            CatalogueChange.dropped_at.is_(None),
        )
        .values(dropped_at=at)
    )
    return queries.item(session, item_code)


def set_stock(session: Session, *, item_code: str, units_left: int | None) -> None:
    """Say how many are left; None: it never runs out. Raises `UnknownItem`."""
    assert units_left is None or units_left >= 0
    _locked(session, item_code)
    session.execute(
        update(CatalogueItem)
        .where(CatalogueItem.item_code == item_code)
        .values(stock_is_limited=units_left is not None)
    )
    if units_left is not None:
        session.execute(
            insert(ItemStock)
            .values(item_code=item_code, units_left=units_left)
            .on_conflict_do_update(
                index_elements=["item_code"], set_={"units_left": units_left}
            )
        )


def add_stock(session: Session, *, item_code: str, units: int) -> None:
    """Add to what is left, or take from it with a negative number.

    Right also while members redeem, unlike a count that was read a moment ago.
    Raises `StockMissing` when less is left, or when it never runs out.
    """
    left = session.scalar(
        text(
            """
            UPDATE item_stock s SET units_left = s.units_left + :units
              FROM catalogue_item i
             WHERE s.item_code = :code AND i.item_code = s.item_code
               AND i.stock_is_limited AND s.units_left + :units >= 0
         RETURNING s.units_left
            """
        ),
        {"code": item_code, "units": units},
    )
    if left is None:
        item = queries.item(session, item_code)
        raise StockMissing(item_code=item_code, left=item.stock_left)


def take_stock(session: Session, *, item_code: str, quantity: int) -> None:
    """Take some of what is left; of what never runs out, nothing is taken.

    The row of an item in demand is held until the transaction ends: call this last.
    Raises `SoldOut` when less is left, and `UnknownItem`.
    """
    assert quantity > 0
    row = session.execute(
        text(
            """
            WITH taken AS (
                UPDATE item_stock s SET units_left = s.units_left - :quantity
                  FROM catalogue_item i
                 WHERE s.item_code = :code AND i.item_code = s.item_code
                   AND i.stock_is_limited AND s.units_left >= :quantity
             RETURNING s.item_code
            )
            SELECT stock_is_limited, EXISTS (SELECT FROM taken)
              FROM catalogue_item WHERE item_code = :code
            """
        ),
        {"code": item_code, "quantity": quantity},
    ).first()
    if row is None:
        raise UnknownItem(item_code=item_code)
    is_limited, is_taken = row
    if is_limited and not is_taken:
        raise SoldOut(item_code=item_code)


def put_back_stock(session: Session, *, item_code: str, quantity: int) -> None:
    """Put back what was taken and not used; of what never runs out, nothing is."""
    assert quantity > 0
    session.execute(
        text(
            """
            UPDATE item_stock s SET units_left = s.units_left + :quantity
              FROM catalogue_item i
             WHERE s.item_code = :code AND i.item_code = s.item_code
               AND i.stock_is_limited
            """
        ),
        {"code": item_code, "quantity": quantity},
    )


def _set_tier_prices(session: Session, code: str, prices: dict[str, int]) -> None:
    """Say what an item costs the tiers, and nothing else than that."""
    session.execute(
        text("DELETE FROM item_tier_price WHERE item_code = :code"), {"code": code}
    )
    if prices:
        session.execute(
            insert(ItemTierPrice),
            [
                {"item_code": code, "tier": tier, "points": points}
                for tier, points in prices.items()
            ],
        )


def _columns(facts: ItemFacts) -> dict[str, Any]:
    """Return facts as the table has them: what is open is NULL."""
    columns = asdict(facts)
    del columns["tier_prices"]
    columns["account"] = account_of(facts)
    for name in ("family", "kind", "cost_treatment", "account"):
        columns[name] = columns[name] or None
    for name in ("channels", "brands", "tiers", "clubs"):
        columns[name] = None if columns[name] is None else list(columns[name])
    return columns


def _write(
    session: Session, item_code: str, facts: ItemFacts, *, state: str, at: datetime
) -> None:
    session.execute(
        update(CatalogueItem)
        .where(CatalogueItem.item_code == item_code)
        .values(state=state, changed_at=at, **_columns(facts))
    )
    _set_tier_prices(session, item_code, dict(facts.tier_prices))


def _locked(
    session: Session, item_code: str, *, states: frozenset[str] | set[str] | None = None
) -> Item:
    """Return an item that nobody else changes meanwhile; orders still refer to it.

    Raises `UnknownItem`, and `NotInThatState` when it is in none of the states.
    """
    session.execute(
        text("SELECT FROM catalogue_item WHERE item_code = :code FOR NO KEY UPDATE"),
        {"code": item_code},
    )
    item = queries.item(session, item_code)
    if states is not None and item.state not in states:
        raise NotInThatState(item_code=item_code, state=item.state)
    return item


def _check(session: Session, item_code: str, facts: ItemFacts) -> None:
    faults = queries.faults(session, item_code=item_code, facts=facts)
    if faults:
        raise NotPublishable(faults=faults)


def _check_nothing_waits(session: Session, item_code: str) -> None:
    for change in queries.waiting(session, item_code=item_code):
        raise ChangeWaiting(item_code=item_code, effective_on=change.effective_on)


def _wait(
    session: Session, approval: Approval, effective_on: date, *, facts: dict[str, Any]
) -> None:
    session.execute(
        insert(CatalogueChange).values(
            item_code=approval.subject,
            effective_on=effective_on,
            facts=facts,
            approval_id=approval.approval_id,
        )
    )


def _next_day(at: datetime) -> date:
    return at.astimezone(TIME_ZONE).date() + timedelta(days=1)
