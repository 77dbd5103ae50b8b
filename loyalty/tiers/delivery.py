"""Tell members that their tier changed, or that it will be lost and what is missing.

Both are messages of service, as the notice of consents says: whoever wants no offers
still hears when something of theirs runs out. Each is sent once. It is written down
before it is sent, so that one of which nobody knows what became is not sent again; one
that surely did not go out is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.access.queries import language_of, numbers_of
from loyalty.database import Database, retrying
from loyalty.members.claims import fill
from loyalty.tiers.measuring import earned, facts_of
from loyalty.tiers.queries import policy_in_force
from loyalty.tiers.reviewing import KEPT
from loyalty.tiers.rules import Measure, Period, Policy
from partners.ports import Message, Messenger, Outcome

_AT_ONCE: Final = 500
_FRESH_DAYS: Final = 7  # what changed longer ago is no news any more
_NAMES: Final = {
    "SILVER": ("银卡", "Silver"),
    "GOLD": ("金卡", "Gold"),
    "DIAMOND": ("钻石卡", "Diamond"),
}
_NONE: Final = ("普通会员", "member without a tier")
# By what happened, in Chinese and English.
_WORDS: Final = {
    "raised": (
        "【积分联盟】恭喜，您已升为{tier}，有效期至 {until}。等级说明可在网上查看。",
        "Jifen: you have risen to {tier}, until {until}. Our site explains why.",
    ),
    "restored": (
        "【积分联盟】补录的消费已计入，您的{tier}已恢复，有效期至 {until}。",
        (
            "Jifen: what was posted late counts now, and you are {tier} again until"
            " {until}."
        ),
    ),
    "lowered": (
        "【积分联盟】您的等级已调整为{tier}。原因和依据可在网上查看，也可以申请人工复核。",
        (
            "Jifen: you are {tier} from now on. Our site explains why, and you can have"
            " a person look at it."
        ),
    ),
    "will_lose": (
        "【积分联盟】您的{tier}将于 {until} 到期，还差 {missing} 可以续期。",
        "Jifen: your tier {tier} ends on {until}; another {missing} keeps it.",
    ),
}

_NEWEST = """
NOT EXISTS (SELECT FROM tier_decision n
             WHERE n.member_id = d.member_id AND n.decision_id > d.decision_id)
"""
_UNTOLD = """
NOT EXISTS (SELECT FROM tier_notice t
             WHERE t.member_id = d.member_id AND t.decision_id = d.decision_id
               AND t.about = {about}
               AND (t.taken_at >= :at OR t.outcome IS NULL
                    OR t.outcome NOT IN ('declined', 'absent')))
"""
_HERE = "(m.left_on IS NULL OR m.left_on > :on) AND NOT m.deceased"
# What changes below a gift changes nothing for the member as long as it lasts.
_CHANGED = f"""
SELECT d.member_id, d.decision_id, d.kind AS what, d.tier, d.until,
       CAST(0 AS bigint) AS missing
  FROM tier_decision d JOIN member m ON m.member_id = d.member_id
 WHERE d.kind IN ('raised', 'restored', 'lowered')
   AND d.decided_at > CAST(:at AS timestamptz) - make_interval(days => :fresh_days)
   AND {_HERE} AND {_NEWEST} AND {_UNTOLD.format(about="'change'")}
   AND NOT EXISTS (
       SELECT FROM tier_grant g JOIN tier_terms r
           ON r.version = :version AND r.tier = g.tier
        WHERE g.member_id = d.member_id AND :on BETWEEN g.granted_on AND g.until
          AND r.rank > coalesce((SELECT rank FROM tier_terms
                                  WHERE version = :version AND tier = d.tier), 0))
 ORDER BY d.decision_id LIMIT :limit
"""
# Whose period ends soon, and who has not got a gift that reaches further.
_AT_STAKE = f"""
SELECT d.member_id, d.decision_id, d.tier, d.rank, d.until, {{day}} AS day,
       {{day}} AS last
  FROM tier_kept d JOIN member m ON m.member_id = d.member_id
 WHERE d.until BETWEEN :on AND CAST(:on AS date) + :notice_days
   AND {_HERE} AND {_UNTOLD.format(about="'will_lose'")}
   AND NOT EXISTS (
       SELECT FROM tier_grant g JOIN tier_terms r
           ON r.version = :version AND r.tier = g.tier
        WHERE g.member_id = d.member_id AND r.rank >= d.rank AND g.until > d.until
          AND g.granted_on <= :on)
"""
_LOSING = """
WITH {earned}
SELECT s.member_id, s.decision_id, 'will_lose' AS what, s.tier, s.until,
       r.needed - e.under_way AS missing
  FROM tier_at_stake s JOIN earned e ON e.member_id = s.member_id
  JOIN tier_terms r ON r.version = :version AND r.tier = s.tier
 WHERE e.now_rank < s.rank
 ORDER BY s.decision_id LIMIT :limit
"""
_TAKE = """
INSERT INTO tier_notice (member_id, decision_id, about, taken_at)
SELECT member_id, decision_id, :about, :at FROM tier_news
ON CONFLICT (member_id, decision_id, about)
DO UPDATE SET taken_at = excluded.taken_at, outcome = NULL
"""


@dataclass(frozen=True, slots=True)
class _News:
    """What one member is to be told."""

    member_id: int
    decision_id: int
    about: str
    number: str | None  # None: there is none to send it to
    words: str


def tell_members(
    database: Database, messenger: Messenger, *, on: date, at: datetime
) -> int:
    """Tell members what is new about their tiers; return how many were told."""
    told = 0
    for about in ("change", "will_lose"):
        while batch := retrying(database, partial(_take, about=about, on=on, at=at)):
            for news in batch:
                outcome = _send(messenger, news)
                told += outcome not in ("no_number", "declined", "absent")
                retrying(database, partial(_note, news=news, outcome=outcome))
    return told


def _take(session: Session, *, about: str, on: date, at: datetime) -> Sequence[_News]:
    """Take what is due off everybody else, and return it."""
    policy = policy_in_force(session, on=on)
    if policy is None:
        return ()
    facts = facts_of(session, policy, on=on) | {
        "at": at,
        "about": about,
        "limit": _AT_ONCE,
        "fresh_days": _FRESH_DAYS,
        "notice_days": policy.notice_days,
    }
    if about == "change":
        fill(session, "tier_news", _CHANGED, facts)
    elif policy.never_downgrade:
        return ()
    else:
        fill(session, "tier_kept", KEPT.format(one=""), facts)
        is_rolling = policy.period is Period.ROLLING
        day = "d.until + 1" if is_rolling else "d.until"
        fill(session, "tier_at_stake", _AT_STAKE.format(day=day), facts)
        asked = "SELECT member_id, day, last FROM tier_at_stake"
        tables = earned(policy, asked=asked, with_before=False)
        fill(session, "tier_news", _LOSING.format(earned=tables), facts)
    session.execute(text(_TAKE), facts)
    rows = session.execute(
        text("SELECT member_id, decision_id, what, tier, until, missing FROM tier_news")
    ).all()
    news = []
    for row in rows:
        numbers = numbers_of(session, member_id=row.member_id, at=at)
        is_english = language_of(session, row.member_id) != "zh"
        words = _WORDS[row.what][is_english].format(
            tier=_NAMES.get(row.tier, (row.tier, row.tier))[is_english]
            if row.tier
            else _NONE[is_english],
            until=_day(row.until, is_english=is_english),
            missing=_amount(policy, row.missing, is_english=is_english),
        )
        number = numbers[0] if numbers else None
        news.append(_News(row.member_id, row.decision_id, about, number, words))
    return news


def _send(messenger: Messenger, news: _News) -> str:
    if news.number is None:
        return "no_number"
    message = Message(to=news.number, words=news.words)
    outcome = messenger.send(message).outcome
    known = {Outcome.DECLINED: "declined", Outcome.ABSENT: "absent"}
    return known.get(outcome, "sent")


def _note(session: Session, *, news: _News, outcome: str) -> None:
    session.execute(
        text(
            "UPDATE tier_notice SET outcome = :outcome WHERE member_id = :member"
            " AND decision_id = :decision AND about = :about"
        ),
        {
            "outcome": outcome,
            "member": news.member_id,
            "decision": news.decision_id,
            "about": news.about,
        },
    )


def _day(on: date | None, *, is_english: bool) -> str:
    if on is None:
        return ""
    if is_english:
        return f"{on.day} {on:%B} {on.year}"
    return f"{on.year} 年 {on.month} 月 {on.day} 日"


def _amount(policy: Policy, figure: int, *, is_english: bool) -> str:
    if policy.measure is Measure.BILL_SPEND:
        yuan = f"¥{figure // 100:,}.{figure % 100:02d}"
        return f"{yuan} on bills" if is_english else f"{yuan} 话费"
    return f"{figure:,} points" if is_english else f"{figure:,} 积分"
