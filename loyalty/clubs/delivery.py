"""Tell members that a membership ends soon: outside of transactions."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.access.queries import language_of, numbers_of
from loyalty.clubs.models import ClubNotice
from loyalty.clubs.queries import Ending, ending
from loyalty.database import Database, retrying
from partners.ports import Message, Messenger, Outcome

_AT_ONCE: Final = 500
_WORDS: Final = (
    "【积分联盟】您的{club}会籍到 {until} 结束。现在可以续会，新一期接着算，一天不少。",
    (
        "Jifen: your membership of the {club} ends on {until}. You can renew it now;"
        " the next term begins where this one ends."
    ),
)


@dataclass(frozen=True, slots=True)
class _Notice:
    about: Ending
    number: str | None  # None: cannot be reached
    words: str


def tell_renewals(
    database: Database, messenger: Messenger, *, on: date, at: datetime
) -> int:
    """Tell members whose memberships may be renewed, once each; how many were told.

    Who cannot be told now is told later. A message that was sent while we were killed
    is sent again.
    """
    told = 0
    while notices := retrying(database, partial(_due, on=on, at=at)):
        sent = 0
        for notice in notices:
            outcome: str | None = None
            if notice.number is not None:
                message = Message(to=notice.number, words=notice.words)
                answer = messenger.send(message).outcome
                if answer in (Outcome.DECLINED, Outcome.ABSENT):
                    continue
                outcome = str(answer)
                told += 1
            retrying(
                database, partial(_note, about=notice.about, outcome=outcome, at=at)
            )
            sent += 1
        if sent == 0:  # nobody can be reached just now
            break
    return told


def _due(session: Session, *, on: date, at: datetime) -> list[_Notice]:
    due = []
    for about in ending(session, on=on, limit=_AT_ONCE):
        numbers = numbers_of(session, member_id=about.member_id, at=at)
        is_chinese = language_of(session, about.member_id) == "zh"
        words = _WORDS[0 if is_chinese else 1].format(
            club=about.title_zh if is_chinese else about.title_en.lower(),
            until=f"{about.ends_on:%Y-%m-%d}",
        )
        due.append(_Notice(about, numbers[0] if numbers else None, words))
    return due


def _note(
    session: Session, *, about: Ending, outcome: str | None, at: datetime
) -> None:
    session.execute(
        insert(ClubNotice)
        .values(
            member_id=about.member_id,
            membership_ref=about.membership_ref,
            kind="renewal",
            at=at,
            outcome=outcome,
        )
        .on_conflict_do_nothing()
    )
