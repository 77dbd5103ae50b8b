"""What two people decide about tiers, and what a person looks at again."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.settings import TIME_ZONE
from loyalty.tiers import operations, policy
from loyalty.tiers.errors import (
    AppealOpen,
    BadTierGrant,
    BadTierPolicy,
    NoOpenAppeal,
    TierPolicyMovedOn,
    TierPolicyTooSoon,
    UnknownTier,
)
from loyalty.tiers.queries import appeals_of, open_appeals, policies, policy_in_force

NOON = datetime(2008, 1, 1, 12, tzinfo=TIME_ZONE)
TODAY = NOON.date()


@pytest.fixture
def people(session):
    """Two of staff: who asks, and who decides."""
    return [
        session.scalar(
            text(
                "INSERT INTO staff (login, name, roles, password_hash, created_at)"
                " VALUES (:login, '', '{product}', '', now()) RETURNING staff_id"
            ),
            {"login": login},
        )
        for login in ("maker", "checker")
    ]


@pytest.fixture
def agree(session, people):
    """Let the second person agree to what the first asked for."""

    def decide(asked, at=NOON):
        return approve(
            session,
            approval_id=asked.approval_id,
            checker=people[1],
            note=None,
            at=at,
        )

    return decide


@pytest.fixture
def ask(house, people):
    """Ask for a policy like the starting one but for what is told."""

    def write(at=NOON, **told):
        newest = policies(house.session)[0]
        wanted = replace(newest, valid_from=TODAY + timedelta(days=1), **told)
        return policy.ask_policy(
            house.session, wanted=wanted, reason="new year", maker=people[0], at=at
        )

    return write


def test_a_policy_holds_once_a_second_person_agrees(house, ask, agree):
    before = policy_in_force(house.session, on=TODAY)
    asked = ask(months=6, never_downgrade=True)
    assert len(policies(house.session)) == 1

    day = policy.apply_policy(house.session, approval=agree(asked), at=NOON)

    assert day == TODAY + timedelta(days=1)
    assert policy_in_force(house.session, on=TODAY) == before
    holding = policy_in_force(house.session, on=day)
    assert before is not None
    assert holding == replace(
        before, version=2, valid_from=day, months=6, never_downgrade=True
    )


def test_what_is_asked_shows_what_it_changes(ask):
    asked = ask(grace_days=10)

    assert asked.before is not None
    assert (asked.before["grace_days"], asked.after["grace_days"]) == (30, 10)
    assert asked.after["needed_GOLD"] == 240_000


def test_a_policy_that_makes_no_sense_is_not_asked_for(ask):
    with pytest.raises(BadTierPolicy) as refused:
        ask(months=0)

    assert refused.value.facts["faults"] == ["months"]


def test_a_policy_does_not_change_days_that_were_lived(house, ask, agree, people):
    newest = policies(house.session)[0]
    with pytest.raises(TierPolicyTooSoon):
        policy.ask_policy(
            house.session,
            wanted=replace(newest, valid_from=TODAY),
            reason="",
            maker=people[0],
            at=NOON,
        )
    asked = ask()
    tomorrow = NOON + timedelta(days=1)
    agreed = agree(asked, tomorrow)

    with pytest.raises(TierPolicyTooSoon):
        policy.apply_policy(house.session, approval=agreed, at=tomorrow)


def test_of_two_policies_asked_for_at_once_one_is_asked_anew(house, ask, agree):
    agreed = agree(ask())
    policy.apply_policy(house.session, approval=agreed, at=NOON)

    with pytest.raises(TierPolicyMovedOn):
        policy.apply_policy(house.session, approval=agreed, at=NOON)


def test_a_tier_is_given_by_two_people(house, agree, people):
    told = {"member_id": house.member_id, "reason": "won", "maker": people[0]}
    until = TODAY + timedelta(days=90)
    asked = operations.ask_grant(
        house.session, tier="GOLD", until=until, at=NOON, **told
    )
    assert house.tier("2008-01-01") is None

    operations.apply_grant(house.session, approval=agree(asked), at=NOON)

    stands = house.stands("2008-01-01")
    assert (stands.tier, stands.source, stands.until) == ("GOLD", "grant", until)
    assert house.tier((until + timedelta(days=1)).isoformat()) is None


@pytest.mark.parametrize(
    ("tier", "until", "error"),
    [
        ("PLATINUM", TODAY, UnknownTier),
        ("GOLD", date(2007, 12, 31), BadTierGrant),
    ],
)
def test_a_gift_that_makes_no_sense_is_not_asked_for(house, people, tier, until, error):
    with pytest.raises(error):
        operations.ask_grant(
            house.session,
            member_id=house.member_id,
            tier=tier,
            until=until,
            reason="won",
            maker=people[0],
            at=NOON,
        )


def test_a_gift_whose_last_day_has_gone_by_is_not_given(house, agree, people):
    asked = operations.ask_grant(
        house.session,
        member_id=house.member_id,
        tier="GOLD",
        until=TODAY,
        reason="won",
        maker=people[0],
        at=NOON,
    )
    later = NOON + timedelta(days=1)

    with pytest.raises(BadTierGrant):
        operations.apply_grant(house.session, approval=agree(asked, later), at=later)


def refuse(house):
    house.session.execute(
        text(
            "INSERT INTO consent (member_id, purpose, given_at, notice_version,"
            " granted, channel)"
            " VALUES (:m, 'automated_decisions', now(), 1, false, 'web')"
        ),
        {"m": house.member_id},
    )


@pytest.mark.parametrize(
    ("outcome", "tier", "kind"),
    [("kept", "GOLD", "renewed"), ("lowered", None, "lowered")],
)
def test_a_person_decides_what_no_machine_may(house, outcome, tier, kind):
    house.policy()
    house.bill("2006-05-05", 240_000)
    house.review("2006-06-01")
    refuse(house)
    house.review("2008-01-01")
    (waiting,) = open_appeals(house.session)
    assert (waiting.origin, waiting.tier) == ("refusal", None)

    operations.answer(
        house.session,
        member_id=house.member_id,
        origin="refusal",
        outcome=outcome,
        note="looked at",
        actor="staff:lin",
        at=NOON + timedelta(hours=1),
    )

    assert house.tier("2008-01-01") == tier
    assert house.decisions()[-1][0] == kind
    assert open_appeals(house.session) == []
    done = house.review("2008-01-02")
    assert (done.lowered, done.left_to_people) == (0, 0)


def answer(house):
    operations.answer(
        house.session,
        member_id=house.member_id,
        origin="member",
        outcome="stands",
        note="no",
        actor="staff:lin",
        at=NOON,
    )


def ask_a_person(house, *, at):
    operations.appeal(
        house.session, member_id=house.member_id, words="I spent more", at=at
    )


def test_a_member_asks_once_and_is_answered_once(house):
    ask_a_person(house, at=NOON)
    with pytest.raises(AppealOpen):
        ask_a_person(house, at=NOON + timedelta(days=1))

    answer(house)

    with pytest.raises(NoOpenAppeal):
        answer(house)
    (answered,) = appeals_of(house.session, member_id=house.member_id)
    assert (answered.words, answered.outcome) == ("I spent more", "stands")
