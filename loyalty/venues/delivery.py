"""Tell members what became of their places: outside of transactions."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.access.queries import language_of, numbers_of
from loyalty.database import Database, retrying
from loyalty.settings import TIME_ZONE
from loyalty.venues.rules import may_cancel_until
from partners.ports import Message, Messenger, Outcome

_AT_ONCE: Final = 500

# News → Chinese, English.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "moved_up": (
        (
            "【积分联盟】您候补的{when}{venue}活动有位置了，已为您订好。"
            "来不了请在{until}前取消。"
        ),
        (
            "Jifen: you have moved up and have a place at {venue} on {when}. If you"
            " cannot come, please cancel by {until}."
        ),
    ),
    "not_reached": (
        "【积分联盟】{when}{venue}活动没有空出位置，为您留出的积分已全部退回。",
        (
            "Jifen: no place became free at {venue} on {when}. All points set"
            " aside for it are back."
        ),
    ),
    "called_off": (
        "【积分联盟】{when}{venue}活动取消了，为您留出的积分已全部退回。",
        (
            "Jifen: the session at {venue} on {when} was called off. All points set"
            " aside for it are back."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class _News:
    member_id: int
    session_id: int
    nth: int
    news: str
    number: str | None  # None: cannot be reached
    words: str


def tell_news(database: Database, messenger: Messenger, *, at: datetime) -> int:
    """Tell members what they do not know yet; return how many were told.

    Who cannot be told now is told later, until the day after the session. A message
    that was sent while we were killed is sent again.
    """
    told = 0
    for news in retrying(database, partial(_due, at=at)):
        if news.number is not None:
            message = Message(to=news.number, words=news.words)
            outcome = messenger.send(message).outcome
            if outcome in (Outcome.DECLINED, Outcome.ABSENT):
                continue
            told += 1
        retrying(database, partial(_forget, news=news))
    return told


def _due(session: Session, *, at: datetime) -> list[_News]:
    rows = session.execute(
        text(
            """
            SELECT p.member_id, p.session_id, p.nth, p.news, p.state, p.asked_at,
                   p.state_at, s.starts_at, s.cancel_hours,
                   coalesce(v.name, s.venue) AS venue
              FROM session_place p JOIN venue_session s USING (session_id)
              LEFT JOIN partner v ON v.partner = s.venue
             WHERE p.news IS NOT NULL
               AND s.starts_at > CAST(:at AS timestamptz) - interval '1 day'
             ORDER BY p.state_at, p.member_id LIMIT :limit
            """
        ),
        {"at": at, "limit": _AT_ONCE},
    )
    due = []
    for row in rows:
        numbers = numbers_of(session, member_id=row.member_id, at=at)
        until = may_cancel_until(
            starts_at=row.starts_at,
            cancel_hours=row.cancel_hours,
            state=row.state,
            asked_at=row.asked_at,
            state_at=row.state_at,
        )
        is_chinese = language_of(session, row.member_id) == "zh"
        words = _WORDS[row.news][0 if is_chinese else 1].format(
            when=_moment(row.starts_at), venue=row.venue, until=_moment(until)
        )
        number = numbers[0] if numbers else None
        due.append(
            _News(row.member_id, row.session_id, row.nth, row.news, number, words)
        )
    return due


def _forget(session: Session, *, news: _News) -> None:
    session.execute(
        text(
            "UPDATE session_place SET news = NULL WHERE member_id = :member"
            " AND session_id = :session AND nth = :nth AND news = :news"
        ),
        {
            "member": news.member_id,
            "session": news.session_id,
            "nth": news.nth,
            "news": news.news,
        },
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"
