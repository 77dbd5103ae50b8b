from dataclasses import replace
from datetime import date

import pytest

from loyalty.tiers.rules import (
    Counted,
    Granted,
    Kept,
    Measure,
    Period,
    Policy,
    Rung,
    faults_of,
    months_later,
    stand,
)

POLICY = Policy(
    version=1,
    valid_from=date(1970, 1, 1),
    measure=Measure.BILL_SPEND,
    period=Period.ROLLING,
    months=12,
    grace_days=30,
    soft_landing=True,
    never_downgrade=False,
    late_days=45,
    notice_days=30,
    rungs=(
        Rung("SILVER", 1, 120_000),
        Rung("GOLD", 2, 240_000),
        Rung("DIAMOND", 3, 600_000),
    ),
)
TIERS = ("SILVER", "GOLD", "DIAMOND")
ON = date(2007, 12, 1)
NEVER = Counted()
GOLD = Counted(240_000, "GOLD", date(2008, 6, 4))


def placed(counted=NEVER, *, kept=None, grants=(), on=ON):
    return stand(POLICY, counted=counted, kept=kept, grants=grants, on=on)


def test_a_member_for_whom_nothing_counts_stands_nowhere():
    nowhere = placed()

    assert (nowhere.tier, nowhere.source, nowhere.until) == (None, None, None)
    assert not nowhere.has_priority
    assert (nowhere.next_tier, nowhere.missing) == ("SILVER", 120_000)


def test_what_is_earned_says_what_is_missing_to_the_next():
    gold = placed(GOLD)

    assert (gold.tier, gold.source, gold.has_priority) == ("GOLD", "earned", True)
    assert (gold.next_tier, gold.missing) == ("DIAMOND", 360_000)


def test_the_highest_rung_misses_nothing():
    top = placed(Counted(700_000, "DIAMOND", date(2008, 6, 4)))

    assert (top.tier, top.next_tier, top.missing) == ("DIAMOND", None, 0)


def test_what_was_decided_is_kept_however_little_counts():
    kept = placed(
        Counted(130_000, "SILVER", date(2008, 2, 1)),
        kept=Kept("GOLD", date(2008, 1, 4)),
    )

    assert (kept.tier, kept.until) == ("GOLD", date(2008, 1, 4))
    assert (kept.next_tier, kept.missing) == ("DIAMOND", 470_000)


def test_past_its_end_a_tier_waits_for_the_review():
    late = placed(kept=Kept("GOLD", date(2007, 11, 1)))

    assert (late.tier, late.until) == ("GOLD", ON)


def test_earning_lifts_above_what_was_decided_at_once():
    assert placed(GOLD, kept=Kept("SILVER", date(2008, 12, 31))).tier == "GOLD"


def test_a_grant_lifts_above_both_and_never_pulls_down():
    silver = Granted("SILVER", date(2008, 6, 30))
    diamond = Granted("DIAMOND", date(2007, 12, 31))

    unmoved = placed(GOLD, grants=[silver])
    lifted = placed(GOLD, grants=[silver, diamond])

    assert (unmoved.tier, unmoved.source) == ("GOLD", "earned")
    assert (lifted.tier, lifted.source) == ("DIAMOND", "grant")
    assert lifted.until == date(2007, 12, 31)


def test_a_grant_ends_with_its_last_day():
    grants = [Granted("GOLD", ON)]

    assert placed(grants=grants).tier == "GOLD"
    assert placed(grants=grants, on=date(2007, 12, 2)).tier is None


def test_of_two_ways_to_a_rung_the_one_that_reaches_further_counts():
    both = placed(GOLD, grants=[Granted("GOLD", date(2008, 12, 31))])

    assert (both.source, both.until) == ("grant", date(2008, 12, 31))


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, set()),
        ({"months": 0}, {"months"}),
        ({"months": 61}, {"months"}),
        ({"grace_days": -1}, {"grace_days"}),
        ({"months": 1, "grace_days": 28}, {"grace_days"}),
        ({"late_days": 367}, {"late_days"}),
        ({"notice_days": -1}, {"notice_days"}),
        ({"rungs": POLICY.rungs[:2]}, {"rungs"}),
        (
            {"rungs": (*POLICY.rungs[:2], Rung("DIAMOND", 3, 240_000))},
            {"needed_DIAMOND"},
        ),
    ],
)
def test_a_policy_makes_sense(change, faults):
    assert faults_of(replace(POLICY, **change), tiers=TIERS) == faults


def test_a_month_later_stays_within_its_month():
    assert months_later(date(2008, 2, 29), 12) == date(2009, 2, 28)
    assert months_later(date(2007, 12, 31), 2) == date(2008, 2, 29)
