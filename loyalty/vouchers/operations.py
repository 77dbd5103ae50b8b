"""Make voucher codes, take them from a pool, use and void them.

A code is sealed in the table and found by its keyed hash; only `reveal` opens it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.keyring import Keyring
from loyalty.vouchers.errors import (
    CodeTooWeak,
    PoolEmpty,
    UnknownVoucher,
    VoucherExpired,
    VoucherNotIssued,
    VoucherUsed,
)
from loyalty.vouchers.models import Voucher
from loyalty.vouchers.rules import TAIL, grouped, is_strong, new_code, plain, readings

_PURPOSE = "voucher.code"
_ROWS = 1_000
GENERATED = "generated"


class Sealed(Protocol):
    """Whatever carries the sealed code of a voucher."""

    @property
    def code_sealed(self) -> bytes:
        """The code, sealed."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file of codes."""

    added: int
    known: int  # they were in the table already


def import_pool(
    session: Session,
    *,
    item_code: str,
    codes: Iterable[str],
    batch: str,
    keyring: Keyring,
    at: datetime,
) -> Imported:
    """Add codes to the pool of an item; those that are known stay as they are.

    Raises `CodeTooWeak` for the first that could be guessed; then none is added.
    """
    wanted = list(dict.fromkeys(code for code in map(plain, codes) if code))
    for line, code in enumerate(wanted, start=1):
        if not is_strong(code):
            raise CodeTooWeak(line=line)
    added = 0
    for chunk in _chunks(wanted):
        rows = [
            _row(code, item_code=item_code, batch=batch, keyring=keyring)
            | {"state": "pool", "state_at": at}
            for code in chunk
        ]
        adding = insert(Voucher).values(rows).on_conflict_do_nothing()
        added += len(session.scalars(adding.returning(Voucher.voucher_id)).all())
    return Imported(added=added, known=len(wanted) - added)


def make(
    session: Session,
    *,
    item_code: str,
    member_id: int,
    order_ref: str,
    quantity: int,
    keyring: Keyring,
    at: datetime,
) -> None:
    """Make codes for an order, and set them aside until it is certain."""
    session.execute(
        insert(Voucher).values(
            [
                _row(new_code(), item_code=item_code, batch=GENERATED, keyring=keyring)
                | {
                    "state": "reserved",
                    "member_id": member_id,
                    "order_ref": order_ref,
                    "state_at": at,
                }
                for _ in range(quantity)
            ]
        )
    )


def reserve(
    session: Session,
    *,
    item_code: str,
    member_id: int,
    order_ref: str,
    quantity: int,
    at: datetime,
) -> None:
    """Set codes of the pool aside for an order, until it is certain.

    Whoever takes from a pool waits for who did before, so that none is left over
    while somebody is refused: call it late in a transaction. Raises `PoolEmpty`.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"voucher.pool:{item_code}"},
    )
    pool = (
        select(Voucher.voucher_id)
        .where(Voucher.item_code == item_code, Voucher.state == "pool")
        .order_by(Voucher.voucher_id)
        .limit(quantity)
    )
    taken = session.scalars(
        update(Voucher)
        .where(Voucher.voucher_id.in_(pool))
        .values(state="reserved", member_id=member_id, order_ref=order_ref, state_at=at)
        .returning(Voucher.voucher_id)
        .execution_options(synchronize_session=False)
    ).all()
    if len(taken) < quantity:
        raise PoolEmpty(item_code=item_code)


def issue(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    valid_until: date | None,
    at: datetime,
) -> None:
    """Hand the codes that were set aside for an order to the member."""
    session.execute(
        update(Voucher)
        .where(*_of_order(member_id, order_ref), Voucher.state == "reserved")
        .values(state="issued", valid_until=valid_until, state_at=at)
        .execution_options(synchronize_session=False)
    )


def put_back(session: Session, *, member_id: int, order_ref: str, at: datetime) -> None:
    """Let go of the codes set aside for an order, which nobody has seen.

    Those of a pool return to it, those that were made for the order are void.
    """
    reserved = (*_of_order(member_id, order_ref), Voucher.state == "reserved")
    for condition, facts in (
        (
            Voucher.batch != GENERATED,
            {"state": "pool", "member_id": None, "order_ref": None},
        ),
        (Voucher.batch == GENERATED, {"state": "void"}),
    ):
        session.execute(
            update(Voucher)
            .where(*reserved, condition)
            .values(**facts, state_at=at)
            .execution_options(synchronize_session=False)
        )


def void(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    quantity: int,
    on: date,
    at: datetime,
) -> None:
    """Void codes of an order that were not used and are still good.

    Raises `VoucherUsed` if there are not as many; then none is voided.
    """
    unused = session.scalars(
        select(Voucher.voucher_id)
        .where(
            *_of_order(member_id, order_ref),
            Voucher.state == "issued",
            (Voucher.valid_until.is_(None)) | (Voucher.valid_until >= on),
        )
        .order_by(Voucher.voucher_id)
        .with_for_update()
    ).all()
    if len(unused) < quantity:
        raise VoucherUsed(unused=len(unused), wanted=quantity)
    session.execute(
        update(Voucher)
        .where(Voucher.voucher_id.in_(unused[:quantity]))
        .values(state="void", state_at=at)
        .execution_options(synchronize_session=False)
    )


def void_unused(
    session: Session, *, member_id: int, order_ref: str, on: date, at: datetime
) -> list[UUID]:
    """Void the codes of an order that could still be used; return which."""
    return _turn(
        session,
        *_of_order(member_id, order_ref),
        Voucher.state == "issued",
        (Voucher.valid_until.is_(None)) | (Voucher.valid_until >= on),
        state="void",
        at=at,
    )


def make_good(
    session: Session, *, member_id: int, voucher_ids: Collection[UUID], at: datetime
) -> list[UUID]:
    """Let codes that `void_unused` voided be used again; return which."""
    return _turn(
        session,
        Voucher.member_id == member_id,
        Voucher.voucher_id.in_(voucher_ids),
        Voucher.state == "void",
        state="issued",
        at=at,
    )


def _turn(
    session: Session, *which: ColumnElement[bool], state: str, at: datetime
) -> list[UUID]:
    return list(
        session.scalars(
            update(Voucher)
            .where(*which)
            .values(state=state, state_at=at)
            .returning(Voucher.voucher_id)
            .execution_options(synchronize_session=False)
        )
    )


def find(session: Session, *, code: str, keyring: Keyring) -> Voucher:
    """Return the voucher that a code is of, however it was typed.

    Raises `UnknownVoucher`; the face counts what is unknown, against guessing.
    """
    hashes = [keyring.digest(_PURPOSE, reading) for reading in readings(code)]
    found = session.scalars(
        select(Voucher)
        .where(Voucher.code_hash.in_(hashes))
        .execution_options(populate_existing=True)
    ).all()
    by_hash = {voucher.code_hash: voucher for voucher in found}
    for code_hash in hashes:
        if code_hash in by_hash:
            return by_hash[code_hash]
    raise UnknownVoucher


def use(session: Session, *, voucher_id: UUID, on: date, at: datetime) -> Voucher:
    """Use a voucher up, once.

    Raises `UnknownVoucher`, `VoucherExpired`, `VoucherNotIssued`.
    """
    voucher = session.get(
        Voucher, voucher_id, with_for_update=True, populate_existing=True
    )
    if voucher is None:
        raise UnknownVoucher
    if voucher.state != "issued":
        raise VoucherNotIssued(tail=voucher.code_tail, state=voucher.state)
    if voucher.valid_until is not None and voucher.valid_until < on:
        raise VoucherExpired(
            tail=voucher.code_tail, valid_until=voucher.valid_until.isoformat()
        )
    voucher.state, voucher.state_at = "used", at
    session.flush()
    return voucher


def reveal(keyring: Keyring, voucher: Sealed) -> str:
    """Return the code of a voucher in groups of four, for its owner's eyes."""
    return grouped(keyring.unseal(_PURPOSE, voucher.code_sealed))


def _row(
    code: str, *, item_code: str, batch: str, keyring: Keyring
) -> dict[str, object]:
    return {
        "voucher_id": uuid4(),
        "item_code": item_code,
        "code_hash": keyring.digest(_PURPOSE, code),
        "code_sealed": keyring.seal(_PURPOSE, code),
        "code_tail": code[-TAIL:],
        "batch": batch,
    }


def _of_order(member_id: int, order_ref: str) -> tuple[ColumnElement[bool], ...]:
    return Voucher.member_id == member_id, Voucher.order_ref == order_ref


def _chunks(codes: Sequence[str]) -> Iterable[Sequence[str]]:
    return (codes[at : at + _ROWS] for at in range(0, len(codes), _ROWS))
