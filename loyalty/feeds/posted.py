"""What readers of partners' lines have in common: amounts, and what is kept."""

from collections.abc import Sequence

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.feeds.lines import LineAnswer
from loyalty.feeds.models import CardLineReject
from partners.ports import BadLine


def yuan(fen: int) -> str:
    """Write an amount as feeds do."""
    sign, fen = "-" if fen < 0 else "", abs(fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"


def keep_rejects(
    session: Session,
    batch_id: int,
    refs: Sequence[str],
    answers: Sequence[LineAnswer],
    bad_lines: Sequence[BadLine],
) -> None:
    """Keep what was not booked of a batch, with the reasons."""
    rejects: list[dict[str, str | None]] = [
        {"partner_ref": ref, "reason": answer.reason}
        for ref, answer in zip(refs, answers, strict=True)
        if answer.reason is not None
    ]
    rejects += [
        {"partner_ref": bad.partner_ref, "reason": f"unreadable: {bad.reason}"}
        for bad in bad_lines
    ]
    if rejects:
        session.execute(
            insert(CardLineReject),
            [
                {"batch_id": batch_id, "nth": nth, **reject}
                for nth, reject in enumerate(rejects, start=1)
            ],
        )
