"""What members are told about leaving, in words that hide nothing (domain.md 4.2)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from loyalty.access.queries import language_of, numbers_of
from loyalty.churn.models import ChurnNotice

# Notice → Chinese, English. Nobody is kept from leaving by any of it.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "warning": (
        (
            "【积分联盟】您的号码已办理预销户。若您名下再无在网号码，"
            "销户后现有的 {points} 积分及联盟优惠将作废。"
            "您随时可以销户或携号转网，积分可在此前使用。"
        ),
        (
            "Jifen: your line is about to be closed. If it is your last one, your"
            " {points} points and the benefits of the alliance end with it. You are"
            " free to go; the points can be used until then."
        ),
    ),
    "leaving": (
        (
            "【积分联盟】您已于 {left_on} 离网。您的 {points} 积分和联盟优惠保留到 "
            "{last_day}，之后作废；在 {until} 前恢复在网可以找回。"
        ),
        (
            "Jifen: you left the network on {left_on}. Your {points} points and the"
            " benefits of the alliance stay until {last_day} and are void afterwards."
            " Come back by {until}, and they are yours again."
        ),
    ),
    "void": (
        (
            "【积分联盟】您已于 {left_on} 离网，"
            "{voided} 积分及未使用的联盟优惠已按规则作废；"
            "已签发的保单和已收到的商品不受影响。"
            "在 {until} 前恢复在网可以找回积分。"
            "明细可登录查看下载。"
        ),
        (
            "Jifen: you left the network on {left_on}. By the rules {voided} points and"
            " unused benefits are void; policies issued and goods received are yours."
            " Come back by {until}, and the points return. Sign in to see all of it."
        ),
    ),
    "return": (
        "【积分联盟】欢迎回来。离网时作废的 {voided} 积分已恢复，有效期不变。",
        (
            "Jifen: welcome back. The {voided} points that were void are yours again,"
            " good for as long as before."
        ),
    ),
    "kept": (
        "【积分联盟】欢迎回来。您的积分和联盟优惠一切照旧。",
        "Jifen: welcome back. Your points and the benefits are as they were.",
    ),
}

_DUE = text(
    """
    SELECT n.member_id, n.ref, n.kind, d.left_on, d.void_on - 1 AS last_day,
           d.reinstate_until AS until,
           (SELECT coalesce(sum(b.available + b.pending), 0) FROM ledger.balance b
             WHERE b.member_id = n.member_id) AS points,
           (SELECT coalesce(sum(t.amount), 0) FROM ledger.transfer t
             WHERE t.member_id = n.member_id AND t.id = d.entry_id) AS voided
      FROM churn_notice n
      LEFT JOIN departure d ON d.member_id = n.member_id AND d.event_ref = n.ref
     WHERE n.told_at IS NULL
     ORDER BY n.made_at, n.member_id LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told now."""

    member_id: int
    ref: str
    kind: str
    number: str | None  # None: cannot be reached
    words: str

    @property
    def key(self) -> tuple[int, str, str]:
        """What names it."""
        return self.member_id, self.ref, self.kind


def due_notices(session: Session, *, at: datetime, limit: int) -> list[Notice]:
    """Return what members do not know yet."""
    due = []
    for row in session.execute(_DUE, {"limit": limit}):
        numbers = numbers_of(session, member_id=row.member_id, at=at)
        is_chinese = language_of(session, row.member_id) == "zh"
        is_whole = row.kind == "return" and not row.voided
        words = _WORDS["kept" if is_whole else row.kind][0 if is_chinese else 1].format(
            points=f"{row.points:,}",
            voided=f"{row.voided:,}",
            left_on=_day(row.left_on),
            last_day=_day(row.last_day),
            until=_day(row.until),
        )
        number = numbers[0] if numbers else None
        due.append(Notice(row.member_id, row.ref, row.kind, number, words))
    return due


def mark_told(session: Session, *, notice: Notice, how: str, at: datetime) -> None:
    """Write down that a member was told, or cannot be reached."""
    session.execute(
        update(ChurnNotice)
        .where(
            ChurnNotice.member_id == notice.member_id,
            ChurnNotice.ref == notice.ref,
            ChurnNotice.kind == notice.kind,
        )
        .values(told_at=at, how=how)
    )


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
