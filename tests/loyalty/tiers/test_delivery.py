"""Members hear once what became of their tier, and in time what will."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from loyalty.settings import TIME_ZONE
from loyalty.tiers.delivery import tell_members
from loyalty.tiers.operations import grant
from loyalty.tiers.reviewing import review
from partners.ports import Outcome, Receipt
from tests.loyalty.tiers.conftest import House

GOLD = 240_000
MSISDN = "13300000001"


class Telephone:
    """Keeps what was sent; answers as it is told to."""

    def __init__(self):
        self.words = []
        self.outcome = Outcome.CONFIRMED

    def send(self, message):
        assert message.to == MSISDN
        self.words.append(message.words)
        return Receipt(self.outcome)


class Told:
    """A member with a telephone, whose tier is reviewed on days."""

    def __init__(self, database, telephone, member_id):
        self.database, self.telephone = database, telephone
        self.member_id = member_id

    def do(self, statement, **facts):
        with self.database.unit_of_work() as session:
            session.execute(text(statement), facts)

    def bill(self, on, due_fen):
        with self.database.unit_of_work() as session:
            house = House(session, self.member_id)
            house.bill(on, due_fen, ref=f"B-{on}")

    def policy(self, **told):
        with self.database.unit_of_work() as session:
            House(session, self.member_id).policy(**told)

    def review(self, on):
        with self.database.unit_of_work() as session:
            return review(session, on=date.fromisoformat(on), at=self.at(on))

    def tell(self, on, *, hour=10):
        return tell_members(
            self.database,
            self.telephone,
            on=date.fromisoformat(on),
            at=self.at(on, hour=hour),
        )

    @staticmethod
    def at(on, *, hour=3):
        return datetime.fromisoformat(on).replace(hour=hour, tzinfo=TIME_ZONE)


@pytest.fixture
def told(fresh_database):
    with fresh_database.unit_of_work() as session:
        member_id = House.start(session).member_id
    made = Told(fresh_database, Telephone(), member_id)
    facts = {"m": made.member_id, "msisdn": MSISDN}
    made.do(
        "INSERT INTO claim (space, key, member_id, content)"
        " VALUES ('msisdn', :msisdn, :m, gen_random_uuid())",
        **facts,
    )
    made.do(
        "INSERT INTO subscription (member_id, msisdn, activated_on, network, brand,"
        " pay_type, state, state_at, content) VALUES (:m, :msisdn, '2005-03-31',"
        " 'CDMA', 'up', 'postpaid', 'active', '2005-03-31', gen_random_uuid())",
        **facts,
    )
    made.policy(notice_days=30)
    made.review("2006-01-01")
    return made


def test_a_rise_is_told_once(told):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")

    assert (told.tell("2006-05-05"), told.tell("2006-05-06")) == (1, 0)
    assert told.telephone.words == [
        (
            "【积分联盟】恭喜，您已升为金卡，有效期至 2007 年 12 月 31 日。"
            "等级说明可在网上查看。"
        )
    ]


def test_a_first_review_is_no_news(told):
    with told.database.owner_engine.begin() as connection:
        connection.execute(text("DELETE FROM tier_review"))
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")

    assert told.tell("2006-05-05") == 0


@pytest.mark.parametrize(
    ("on", "count"),
    [("2007-11-30", 0), ("2007-12-01", 1), ("2007-12-31", 1), ("2008-01-01", 0)],
)
def test_who_will_lose_a_tier_hears_in_time_what_is_missing(told, on, count):
    told.bill("2006-05-05", GOLD)
    told.bill("2007-05-05", 100_000)
    told.do(
        "INSERT INTO member_access (member_id, language) VALUES (:m, 'en')",
        m=told.member_id,
    )
    told.review("2006-05-05")
    told.tell("2006-05-05")
    told.telephone.words.clear()

    assert (told.tell(on), told.tell(on, hour=11)) == (count, 0)
    assert told.telephone.words == count * [
        (
            "Jifen: your tier Gold ends on 31 December 2007; another ¥1,400.00 on bills"
            " keeps it."
        )
    ]


def test_who_has_earned_it_again_hears_nothing(told):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    told.tell("2006-05-05")
    told.bill("2007-05-05", GOLD)

    assert told.tell("2007-12-20") == 0


def test_by_rolling_months_the_end_is_where_too_little_counts(told):
    told.policy(period="rolling", notice_days=30)
    told.bill("2006-05-05", 140_000)
    told.bill("2006-09-05", 100_000)
    told.review("2006-09-05")
    told.tell("2006-09-05")

    assert told.tell("2007-04-03") == 0
    assert told.tell("2007-04-04") == 1
    assert "¥1,400.00" in told.telephone.words[-1]


def give(told, tier, first, last):
    with told.database.unit_of_work() as session:
        grant(
            session,
            member_id=told.member_id,
            tier=tier,
            granted_on=date.fromisoformat(first),
            until=date.fromisoformat(last),
            reason="won",
            actor="staff:lin",
        )


@pytest.mark.parametrize(("last", "count"), [("2007-12-31", 1), ("2008-01-01", 0)])
def test_a_gift_that_reaches_further_keeps_it_quiet(told, last, count):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    told.tell("2006-05-05")
    give(told, "DIAMOND", "2007-01-01", last)

    assert told.tell("2007-12-20") == count


@pytest.mark.parametrize(("tier", "count"), [("SILVER", 1), ("DIAMOND", 0)])
def test_what_changes_below_a_gift_is_no_news(told, tier, count):
    give(told, tier, "2006-01-01", "2006-12-31")
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")

    assert told.tell("2006-05-05") == count


def test_a_fall_is_told_with_the_way_to_a_person(told):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    told.tell("2006-05-05")
    told.review("2008-01-01")

    assert told.tell("2008-01-01") == 1
    assert "普通会员" in told.telephone.words[-1]
    assert "人工复核" in told.telephone.words[-1]


def test_who_has_left_hears_nothing(told):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    told.do("UPDATE member SET left_on = '2006-05-05'")

    assert told.tell("2006-05-05") == 0


@pytest.mark.parametrize(
    ("outcome", "again"),
    [(Outcome.DECLINED, 1), (Outcome.ABSENT, 1), (Outcome.UNKNOWN, 0)],
)
def test_what_surely_did_not_go_out_is_sent_again(told, outcome, again):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    told.telephone.outcome = outcome
    told.tell("2006-05-05")
    told.telephone.outcome = Outcome.CONFIRMED

    assert told.tell("2006-05-06") == again
    assert len(told.telephone.words) == 1 + again


def test_what_was_taken_and_never_answered_is_not_sent_again(told):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    told.do(
        "INSERT INTO tier_notice (member_id, decision_id, about, taken_at)"
        " SELECT member_id, decision_id, 'change', now() - interval '1 hour'"
        "   FROM tier_decision"
    )

    assert told.tell("2006-05-06") == 0


def test_old_news_is_no_news(told):
    told.bill("2006-05-05", GOLD)
    told.review("2006-05-05")
    later = date(2006, 5, 5) + timedelta(days=8)

    assert told.tell(later.isoformat()) == 0
