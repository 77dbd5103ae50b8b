"""Tiers are reached at once, kept for their period, and lost by a review."""

from dataclasses import astuple
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from loyalty.tiers.operations import end, grant, reinstate
from loyalty.tiers.queries import held_since, history, periods
from tests.loyalty.tiers.conftest import NOON

GOLD, SILVER = 240_000, 120_000


@pytest.mark.parametrize("months", ["calendar", "anniversary", "rolling"])
@pytest.mark.parametrize(
    ("due_fen", "tier"),
    [
        (119_999, None),
        (120_000, "SILVER"),
        (239_999, "SILVER"),
        (240_000, "GOLD"),
        (599_999, "GOLD"),
        (600_000, "DIAMOND"),
    ],
)
def test_a_threshold_is_reached_exactly_and_at_once(house, months, due_fen, tier):
    house.policy(period=months)
    house.bill("2007-06-05", due_fen)

    before = house.tier("2007-06-05")
    house.review("2007-06-05")

    assert before == house.tier("2007-06-05") == tier
    assert house.tier("2007-06-04") is None


def held_on(house, day):
    """Which tiers were held on a day by what is decided now."""
    return [
        period.tier
        for period in periods(house.session, member_id=house.member_id)
        if period.starts_on.isoformat() <= day
        and (period.ends_on is None or day <= period.ends_on.isoformat())
    ]


# What was earned in one period is held to the end of the next. Wang joined on the last
# of March: her years begin there, and the month after on the last of April.
@pytest.mark.parametrize(
    ("policy", "first", "last"),
    [
        (("calendar", 12), "2007-01-01", "2008-12-31"),
        (("calendar", 12), "2007-12-31", "2008-12-31"),
        (("calendar", 3), "2007-12-31", "2008-03-31"),
        (("anniversary", 12), "2007-03-30", "2008-03-30"),
        (("anniversary", 12), "2007-03-31", "2009-03-30"),
        (("anniversary", 1), "2007-04-29", "2007-05-30"),
        (("anniversary", 1), "2007-04-30", "2007-06-29"),
        (("rolling", 12), "2007-06-05", "2008-06-04"),
        (("rolling", 12), "2008-02-29", "2009-02-27"),
    ],
)
@pytest.mark.parametrize("is_reviewed", [True, False])
def test_a_period_ends_on_its_day(house, policy, first, last, is_reviewed):
    period, months = policy
    house.policy(period=period, months=months)
    house.bill(first, GOLD)
    if is_reviewed:
        house.review(first)

    assert house.stands(first).until.isoformat() == last
    assert house.tier(last) == "GOLD"
    after = (date.fromisoformat(last) + timedelta(days=1)).isoformat()
    if is_reviewed:
        assert house.review(last).lowered == 0
        assert house.review(after).lowered == 1
    assert house.tier(after) is None


@pytest.mark.parametrize(
    ("period", "billed_on", "tier"),
    [
        ("calendar", ("2006-12-31", "2007-01-01"), "SILVER"),
        ("calendar", ("2007-01-01", "2007-12-31"), "GOLD"),
        ("anniversary", ("2007-03-30", "2007-03-31"), "SILVER"),
        ("anniversary", ("2006-03-31", "2007-03-30"), "GOLD"),
        ("rolling", ("2006-12-31", "2007-12-31"), "SILVER"),
        ("rolling", ("2007-01-01", "2007-12-31"), "GOLD"),
    ],
)
def test_bills_of_one_period_alone_count_together(house, period, billed_on, tier):
    house.policy(period=period)
    for day in billed_on:
        house.bill(day, SILVER)

    house.review("2007-12-31")

    assert house.tier("2007-12-31") == tier


def test_a_tier_that_is_earned_again_is_renewed(house):
    house.policy()
    house.bill("2006-05-05", GOLD)
    house.bill("2007-05-05", GOLD)

    house.review("2006-05-05")
    house.review("2007-12-31")
    done = house.review("2008-01-01")

    assert (done.renewed, done.lowered) == (1, 0)
    assert house.decisions() == [
        ("begun", "GOLD", "2006-05-05", "2007-12-31"),
        ("renewed", "GOLD", "2008-01-01", "2008-12-31"),
    ]


def test_a_fall_goes_to_what_is_earned(house):
    house.policy()
    house.bill("2006-05-05", 600_000)
    house.bill("2007-05-05", SILVER)
    house.review("2006-05-05")

    house.review("2008-01-01")

    assert house.tier("2007-12-31") == "DIAMOND"
    assert house.tier("2008-01-01") == "SILVER"


def test_a_soft_landing_takes_one_rung_at_each_review(house):
    house.policy(soft_landing=True)
    house.bill("2006-05-05", 600_000)
    house.review("2006-05-05")

    for day in ("2008-01-01", "2008-12-31", "2009-01-01", "2010-01-01", "2011-01-01"):
        house.review(day)

    assert house.decisions() == [
        ("begun", "DIAMOND", "2006-05-05", "2007-12-31"),
        ("lowered", "GOLD", "2008-01-01", "2008-12-31"),
        ("lowered", "SILVER", "2009-01-01", "2009-12-31"),
        ("lowered", None, "2010-01-01", None),
    ]


def test_a_soft_landing_by_rolling_months_holds_for_a_whole_period(house):
    house.policy(period="rolling", soft_landing=True)
    house.bill("2006-05-05", GOLD)
    for day in ("2006-05-05", "2007-05-05", "2007-05-06", "2008-05-04", "2008-05-05"):
        house.review(day)

    assert house.decisions() == [
        ("begun", "GOLD", "2006-05-05", "2007-05-04"),
        ("lowered", "SILVER", "2007-05-05", "2008-05-04"),
        ("lowered", None, "2008-05-05", None),
    ]


@pytest.mark.parametrize("period", ["calendar", "rolling"])
def test_grace_keeps_a_tier_for_its_days_and_no_longer(house, period):
    house.policy(period=period, grace_days=30)
    house.bill("2006-12-31" if period == "calendar" else "2007-01-01", GOLD)
    house.review("2007-01-01")
    assert house.stands("2007-12-30").until.isoformat() == "2007-12-31"

    assert house.review("2008-01-30").lowered == 0
    assert house.tier("2008-01-30") == "GOLD"
    assert house.review("2008-01-31").lowered == 1
    assert house.tier("2008-01-31") is None


@pytest.mark.parametrize(
    ("billed_on", "renewed"), [("2008-01-30", 1), ("2008-01-31", 0)]
)
def test_what_is_billed_in_the_days_of_grace_can_save_a_tier(house, billed_on, renewed):
    house.policy(grace_days=30)
    house.bill("2006-05-05", GOLD)
    house.bill("2007-05-05", 200_000)
    house.review("2006-05-05")

    house.bill(billed_on, 40_000)
    done = house.review("2008-01-31")

    assert (done.renewed, done.lowered) == (renewed, 1 - renewed)


def test_where_tiers_are_for_ever_no_review_takes_one(house):
    house.policy(never_downgrade=True)
    house.bill("2006-05-05", GOLD)
    house.review("2006-05-05")

    done = house.review("2008-01-01")

    assert (done.renewed, done.lowered) == (1, 0)
    assert house.stands("2008-01-01").until.isoformat() == "2008-12-31"


def test_credit_notes_count_when_the_period_is_over(house):
    house.policy()
    house.bill("2007-05-05", GOLD)
    house.review("2007-05-05")
    house.session.execute(text("UPDATE bill SET due_fen = 0"))

    assert house.tier("2007-12-31") == "GOLD"
    house.review("2009-01-01")
    assert house.tier("2009-01-01") is None


@pytest.mark.parametrize(
    ("late_days", "restored"), [(0, False), (18, False), (19, True), (45, True)]
)
@pytest.mark.parametrize("period", ["calendar", "rolling"])
def test_a_late_posting_gives_back_what_was_lost_within_its_window(
    house, period, late_days, restored
):
    house.policy(period=period, late_days=late_days, soft_landing=True)
    house.bill("2006-12-31" if period == "calendar" else "2007-01-01", GOLD)
    house.review("2007-01-01")
    house.review("2008-01-01")
    assert house.tier("2008-01-19") == "SILVER"
    on = "2008-01-19" if period == "calendar" else "2008-01-20"

    # Of the last day that counted then, and known only now.
    house.bill("2007-12-31" if period == "calendar" else "2008-01-01", 200_000)
    house.bill("2007-12-30", 40_000)
    done = house.review(on)

    assert done.restored == restored
    assert (held_on(house, "2008-01-02") == ["GOLD"]) is restored
    assert astuple(house.review(on)) == (0, 0, 0, 0, 0, 0)


def test_what_is_restored_says_what_it_restores_and_leaves_no_gap(house):
    house.policy(late_days=45)
    house.bill("2006-12-31", GOLD)
    house.review("2007-01-01")
    house.review("2008-01-01")
    house.bill("2007-12-31", GOLD)
    house.review("2008-01-19")

    restored, lowered, begun = history(house.session, member_id=house.member_id)

    assert restored.restores == lowered.decision_id
    assert (lowered.was, lowered.tier, lowered.figure) == ("GOLD", None, 0)
    assert restored.figure == GOLD
    assert [
        (period.tier, period.starts_on.isoformat(), period.ends_on)
        for period in periods(house.session, member_id=house.member_id)
    ] == [
        ("GOLD", "2008-01-01", None),
        ("GOLD", "2007-01-01", lowered.counted_to),
    ]
    since = held_since(house.session, member_id=house.member_id, tier="GOLD")
    assert since == begun.starts_on


def test_a_period_that_was_reviewed_and_closed_counts_no_more(house):
    house.policy(late_days=45)
    house.review("2008-01-01")
    house.bill("2007-12-31", GOLD)

    assert house.tier("2008-02-14") == "GOLD"
    assert house.tier("2008-02-15") is None
    assert house.review("2008-02-15").raised == 0


def test_a_review_is_explained_by_what_it_saw(house):
    house.policy(grace_days=10)
    house.bill("2006-05-05", GOLD)
    house.bill("2007-05-05", 130_000)
    house.review("2006-05-05")
    grant(
        house.session,
        member_id=house.member_id,
        tier="DIAMOND",
        granted_on=NOON.date().replace(year=2007),
        until=NOON.date().replace(year=2009),
        reason="a tournament won",
        actor="staff:lin",
    )

    house.review("2008-01-11")

    decision = history(house.session, member_id=house.member_id)[0]
    assert (decision.kind, decision.was, decision.tier) == ("lowered", "GOLD", "SILVER")
    assert decision.figure == 130_000
    assert (decision.counted_from, decision.counted_to) == (
        date(2007, 1, 1),
        date(2008, 1, 10),
    )
    assert decision.version == 2
    assert (decision.grant_tier, decision.grant_until) == ("DIAMOND", date(2009, 1, 1))


def test_a_grant_that_has_ended_leaves_what_was_earned(house):
    house.policy()
    house.bill("2007-05-05", SILVER)
    house.review("2007-05-05")
    grant(
        house.session,
        member_id=house.member_id,
        tier="DIAMOND",
        granted_on=NOON.date(),
        until=NOON.date().replace(month=6, day=30),
        reason="a tournament won",
        actor="staff:lin",
    )

    for day in ("2008-01-01", "2008-06-30", "2008-07-01"):
        house.review(day)

    assert house.tier("2008-06-30") == "DIAMOND"
    assert house.tier("2008-07-01") == "SILVER"


def test_a_second_review_decides_nothing_more(house):
    house.policy(period="rolling")
    house.bill("2007-05-05", GOLD)

    first = house.review("2007-06-01")
    again = house.review("2007-06-01")

    assert (first.begun, astuple(again)) == (1, (0, 0, 0, 0, 0, 0))


def test_members_are_reviewed_together_and_each_for_themselves(house):
    house.policy()
    hers, his = house.member_id, house.join("M2")
    house.bill("2006-05-05", GOLD, member=hers)
    house.review("2006-06-01")
    house.bill("2007-05-05", SILVER, member=his)
    house.bill("2007-05-05", 600_000, member=hers)

    done = house.review("2008-01-01")

    assert (done.raised, done.lowered) == (2, 0)
    assert (house.tier("2008-01-01", hers), house.tier("2008-01-01", his)) == (
        "DIAMOND",
        "SILVER",
    )


def test_who_refuses_machines_falls_by_a_person_alone(house):
    house.policy()
    house.bill("2006-05-05", GOLD)
    house.review("2006-06-01")
    house.session.execute(
        text(
            "INSERT INTO consent (member_id, purpose, given_at, notice_version,"
            " granted, channel)"
            " VALUES (:m, 'automated_decisions', now(), 1, false, 'web')"
        ),
        {"m": house.member_id},
    )

    first, again = house.review("2008-01-01"), house.review("2008-01-02")

    assert (first.lowered, first.left_to_people) == (0, 1)
    assert again.left_to_people == 0
    assert house.tier("2008-01-02") == "GOLD"


def test_a_leaving_ends_a_tier_and_coming_back_restores_it(house):
    house.policy()
    house.bill("2007-05-05", GOLD)
    house.review("2007-05-05")
    told = {
        "session": house.session,
        "members": f"(SELECT {house.member_id} AS member_id)",
        "actor": "job:churn",
        "at": NOON,
    }

    ended = end(on="DATE '2007-09-01'", reason="left", **told)
    twice = end(on="DATE '2007-09-01'", reason="left", **told)
    house.session.execute(text("UPDATE bill SET due_fen = 0"))
    gone = house.tier("2007-09-01")
    back = reinstate(on="DATE '2007-10-01'", reason="back", **told)
    back_again = reinstate(on="DATE '2007-10-01'", reason="back", **told)

    assert (ended, twice, back, back_again) == (1, 0, 1, 0)
    assert gone is None
    assert house.decisions()[1:] == [
        ("ended", None, "2007-09-01", None),
        ("reinstated", "GOLD", "2007-10-01", "2008-12-31"),
    ]
    assert house.tier("2007-10-01") == "GOLD"


def test_who_has_left_is_not_reviewed_and_a_comeback_starts_anew(house):
    house.policy()
    house.bill("2007-05-05", GOLD)
    house.review("2007-05-05")
    house.leave("2007-09-01")

    assert house.review("2007-10-01").raised == 0
    assert house.tier("2007-10-01") is None
    house.session.execute(text("UPDATE member SET left_on = NULL"))
    house.bill("2007-11-05", SILVER)
    assert house.review("2007-11-05").raised == 1
    assert house.tier("2007-11-05") == "SILVER"


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.dates(date(2006, 1, 1), date(2008, 12, 31)), st.integers(1, 300_000)
        ),
        max_size=12,
    ),
    st.dates(date(2006, 6, 1), date(2009, 6, 30)),
    st.sampled_from(["calendar", "anniversary", "rolling"]),
    st.sampled_from([1, 6, 12]),
)
def test_a_tier_holds_exactly_until_the_day_it_says(house, bills, on, period, months):
    rank = {None: 0, "SILVER": 1, "GOLD": 2, "DIAMOND": 3}
    savepoint = house.session.begin_nested()
    house.policy(period=period, months=months)
    for billed_on, due_fen in bills:
        if billed_on <= on:
            house.bill(billed_on, due_fen)

    now = house.stands(on.isoformat())
    if now.until is not None:
        last = house.tier(now.until.isoformat())
        after = house.tier((now.until + timedelta(days=1)).isoformat())

        assert rank[last] >= rank[now.tier]
        assert rank[after] < rank[now.tier]
    savepoint.rollback()
